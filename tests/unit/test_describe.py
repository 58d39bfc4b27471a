"""Asking, judging, and asking once more."""

import threading
from collections.abc import Iterator, Sequence

import pytest

from mediaindex.captioners import Ask, ModelFacts, OnPull, Reply
from mediaindex.captioners.describe import Describer
from mediaindex.captioners.pool import Pool
from mediaindex.captioners.prompting import load_prompts
from mediaindex.errors import Faulty
from mediaindex.types import Caption

GOOD = (
    '{"description": "Two dogs run along a beach.", "tags": ["dog"], '
    '"text_in_image": "", "setting": "beach"}'
)
REFUSAL = "I'm sorry, but I can't help with that."


class Scripted:
    """A captioner that answers what it was told to."""

    server, model = "http://here", "m:latest"
    facts: ModelFacts | None = None

    def __init__(self, *answers: str | Exception, digest: str = "abc") -> None:
        self.answers, self.asked, self.digest = list(answers), list[Ask](), digest

    def open(self) -> ModelFacts:
        return ModelFacts(self.model, self.digest, takes_many=True)

    def ask(self, ask: Ask) -> Reply:
        self.asked.append(ask)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer, "stop", 1000, 40, 33.0)

    def models(self) -> Sequence[ModelFacts]:
        return ()

    def pull(self, on_pull: OnPull) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def pools() -> Iterator[list[Pool]]:
    made: list[Pool] = []
    yield made
    for pool in made:
        pool.close()


def describer(captioner: Scripted, pools: list[Pool]) -> Describer:
    pools.append(Pool([(captioner, 1)]))
    pools[-1].open()
    prompts = load_prompts(None, language="en", sentences=2)
    return Describer(pools[-1], prompts, model="m", temperature=0.2, seed=5)


def test_caption_says_how_it_came_about(pools: list[Pool]) -> None:
    captioner = Scripted(GOOD)
    asking = describer(captioner, pools)

    found = asking.describe(b"jpeg", "", threading.Event())

    assert found.found == Caption("Two dogs run along a beach.", ("dog",), "", "beach")
    origin = found.origin
    assert (origin.model, origin.digest, origin.server) == ("m:latest", "abc", "http://here")
    assert (origin.duration_ms, origin.tokens, origin.tokens_per_s) == (1000, 40, 33.0)
    assert asking.version == f"m {origin.prompt_version}"
    assert captioner.asked[0].pictures == (b"jpeg",)


def test_bad_answer_is_asked_for_once_more_in_another_way(pools: list[Pool]) -> None:
    captioner = Scripted(REFUSAL, GOOD)

    found = describer(captioner, pools).describe(b"jpeg", "", threading.Event())

    assert isinstance(found.found, Caption)
    assert found.origin.duration_ms == 2000
    first, second = captioner.asked
    assert (first.seed, second.seed) == (5, 6)
    assert second.temperature > first.temperature
    assert second.prompt != first.prompt


def test_two_bad_answers_leave_the_reason_and_no_words(pools: list[Pool]) -> None:
    captioner = Scripted(REFUSAL, "")

    found = describer(captioner, pools).describe(b"jpeg", "", threading.Event())

    assert isinstance(found.found, str)
    assert found.found.startswith("empty")
    assert captioner.answers == []


def test_facts_are_told_only_if_there_are_any(pools: list[Pool]) -> None:
    captioner = Scripted(GOOD, GOOD)
    asking = describer(captioner, pools)

    asking.describe(b"jpeg", "", threading.Event())
    asking.describe(b"jpeg", "It was taken in Lisbon.", threading.Event())

    assert ["Lisbon" in ask.prompt for ask in captioner.asked] == [False, True]


def test_video_is_summed_up_from_frames_or_else_from_words(pools: list[Pool]) -> None:
    captioner = Scripted(GOOD, Faulty("too many pictures"), GOOD, GOOD)
    asking = describer(captioner, pools)
    captions = [(0, "A dog sits."), (4000, "A dog runs.")]
    stop = threading.Event()

    by_frames = asking.summarise([b"1", b"2"], captions, 9.0, stop)
    by_words_at_last = asking.summarise([b"1", b"2"], captions, 9.0, stop)
    by_words = asking.summarise([], captions, 9.0, stop)

    shown = [len(ask.pictures) for ask in captioner.asked]
    assert shown == [2, 2, 0, 0]
    assert ["A dog runs." in ask.prompt for ask in captioner.asked] == [False, False, True, True]
    for found in (by_frames, by_words_at_last, by_words):
        assert isinstance(found.found, Caption)


def test_video_of_which_nothing_good_is_said_by_frames_is_summed_up_from_words(
    pools: list[Pool],
) -> None:
    captioner = Scripted(REFUSAL, REFUSAL, GOOD)
    stop = threading.Event()

    found = describer(captioner, pools).summarise([b"1", b"2"], [(0, "A dog.")], 9.0, stop)

    assert isinstance(found.found, Caption)
    assert [len(ask.pictures) for ask in captioner.asked] == [2, 2, 0]
    assert found.origin.duration_ms == 3000


def test_long_refusal_is_told_in_a_line(pools: list[Pool]) -> None:
    refusal = "I'm sorry, but I can't help with that, " + "as I have said before, " * 20 + "no."

    found = describer(Scripted(refusal, refusal), pools).describe(b"", "", threading.Event())

    assert isinstance(found.found, str)
    assert found.found.startswith("refusal: I'm sorry, but I can't help")
    assert len(found.found) <= len("refusal: ") + 120


def test_fault_that_words_cannot_help_is_told(pools: list[Pool]) -> None:
    with pytest.raises(Faulty):
        describer(Scripted(Faulty("broke off")), pools).describe(b"", "", threading.Event())


def test_question_of_a_person_is_passed_on_as_it_is(pools: list[Pool]) -> None:
    captioner = Scripted('{"can_tell": true, "answer": "Yes."}')

    answered = describer(captioner, pools).answer("Is it shut?", b"jpeg", threading.Event())

    assert answered.reply.text == '{"can_tell": true, "answer": "Yes."}'
    assert "Is it shut?" in captioner.asked[0].prompt
