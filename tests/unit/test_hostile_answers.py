"""What a model says when it fails, or means harm: judged all the same, and in a bounded time.

No clock is looked at: what is matched is bounded before it is matched, and that is what is tested;
what it costs, `benchmarks/guard.py --hostile` prints.
"""

import json
from collections.abc import Callable
from typing import Any

import json_repair
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaindex.captioners import answer, guard, instruction, refusal, sentences
from mediaindex.captioners.answer import DEEPEST, MOST_QUOTES, read
from mediaindex.captioners.cleaning import (
    squeezed,
    storable,
    without_markdown,
    without_markup,
    without_thoughts,
)
from mediaindex.captioners.echo import is_echo, is_placeholder
from mediaindex.captioners.guard import (
    LONGEST_ANSWER,
    LONGEST_JUDGED,
    MOST_SENTENCES,
    Rejected,
    judge,
    judge_text,
)
from mediaindex.captioners.nothing import is_credit
from mediaindex.captioners.refusal import kind_of
from mediaindex.captioners.regions import is_boxes
from mediaindex.captioners.repetition import before_loop, loop_at
from mediaindex.captioners.sentences import LONGEST_HEAD, head, join
from mediaindex.cli.output import printable
from mediaindex.types import Caption

PROMPT = "Describe this picture in 2 sentences. Answer in JSON with description and tags."
SAID = "A dog runs along a beach."

UNITS = st.sampled_from(
    [
        *("[", "![", "{", "{{} ", "a{", '["a{', "(", "[1,2,3,4]", '{"a":', "/*", "/**/", "{}"),
        *(
            '"',
            '"a"b"',
            'a" ',
            "'",
            "“a ",
            "„a «b ",
            '{"description": ',
            "\\u0000",
            "\\ud83d",
            "\\",
        ),
        *("**", "**a ~~b __c ", "_", "`", "```\n", "# ", "\n- ", "=\n", "\n", " ", "\\n"),
        *("<", '<img alt="', "<b ", "<think>", "<box>", "<object>", "<abc>", "[THINK]", "&quot;"),
        *(
            "a<box>1</box>&b",
            "[name] - ",
            "\0",
            "\ud800",
            "\u202e",
            "😀",
            "👨\u200d👩",
            "犬。",
            "很好",
            "1",
        ),
        *(
            "A b. ",
            "A. ",
            "a. ",
            "..x",
            "a ",
            "a, b ",
            "USER: a ",
            "yes, no, ",
            "www.a.com ",
            "A: ",
        ),
        *("it is against ", "describe in a ", "i cannot describe ", "I'm sorry. ", "kann ich "),
    ]
)
HEADS = st.sampled_from(
    ["", "A dog runs. ", '{"description": "', '{"description": ["', "It is against ", "Tags: "]
)
HOSTILE = st.builds(
    lambda head, units, tail, size: (head + "".join(units) * size)[:size] + tail,
    HEADS,
    st.lists(UNITS, min_size=1, max_size=3),
    st.sampled_from(["", "x", '"}', "!"]),
    st.sampled_from([40, 700, 5_900, 20_000]),
)


def kept(text: str) -> Caption:
    caption = judge(text, "stop", language="en", prompt=PROMPT)
    assert isinstance(caption, Caption), caption
    return caption


@settings(max_examples=60, deadline=None)
@given(HOSTILE, st.sampled_from(["stop", "length"]))
def test_an_answer_that_repeats_what_is_hard_to_read_is_judged_and_storable(
    text: str, done_reason: str
) -> None:
    caption = judge(text, done_reason, language="en", prompt=PROMPT)

    assert isinstance(judge_text(text, done_reason), str | Rejected)
    if isinstance(caption, Caption):
        for part in (caption.description, *caption.tags, caption.text_in_image, caption.setting):
            assert storable(part).strip() == part.strip()


@pytest.mark.parametrize("depth", [DEEPEST + 10, 350, 900, 5000])
@pytest.mark.parametrize(
    ("first", "opens", "closes"),
    [
        ('{"description": ', "[", "]}"),
        ('{"tags": ', "[", "]}"),
        ("", '{"description": ', "}"),
        ("", '{"a": ', "}"),
    ],
)
@pytest.mark.parametrize("is_closed", [True, False])
def test_an_answer_nested_too_deep_is_broken_json(
    depth: int, first: str, opens: str, closes: str, is_closed: bool
) -> None:
    text = first + opens * depth + '"A dog."'
    text += closes[0] * depth + closes[1:] if is_closed else ""

    verdict = judge(text, "stop", language="en", prompt=PROMPT)

    assert isinstance(verdict, Rejected)
    assert verdict.reason == ("broken_json" if len(text) <= LONGEST_JUDGED else "cut_off")
    assert isinstance(judge_text(text, "stop"), str | Rejected)


def test_brackets_that_an_answer_may_have_are_read() -> None:
    value: Any = SAID
    for _ in range(DEEPEST - 2):
        value = [value]

    assert kept(json.dumps({"description": value})).description == SAID


def test_what_json_spells_out_is_cleaned_in_every_field() -> None:
    bad = r"\ud800\u0000\u001b\u202e\u009b"
    caption = kept(
        f'{{"description": "A {bad}dog runs.", "tags": ["{bad}dog"], '
        f'"text_in_image": "{bad}ME{bad}NU\\n\\tSoup", "setting": "a {bad}beach"}}'
    )

    assert caption == Caption("A dog runs.", ("dog",), "MENU\n\tSoup", "a beach")


def test_two_halves_of_a_character_are_that_character() -> None:
    assert storable("a \ud83d\ude00 b \ud83d c \ude00") == "a 😀 b  c "
    broken = r'{"description": "A dog \ud83d\ude00 runs.", "tags": ["dog",}'
    assert kept(broken).description == "A dog 😀 runs."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("a\x1bb\u202ec", "a\\x1bb\\u202ec"),
        ("Öl 😀", "Öl 😀"),
    ],
)
def test_a_lone_surrogate_can_be_printed(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable("\udcff\udfff") == "\ufffd\ufffd"


def test_a_long_answer_is_cut_as_by_a_length() -> None:
    text = f"{SAID} " + "".join(f"Man {i} walks by the sea. " for i in range(2000))
    text = text[:LONGEST_ANSWER]
    first = judge(text[:LONGEST_JUDGED], "length", language="en", prompt=PROMPT)

    assert judge(text, "stop", language="en", prompt=PROMPT) == first
    assert judge("x" + "[" * 50_000, "stop", language="en", prompt=PROMPT) == judge(
        "x" + "[" * (LONGEST_JUDGED - 1), "length", language="en", prompt=PROMPT
    )


def test_an_answer_behind_a_long_thought_is_whole() -> None:
    thought = "I look at the dog. " * 800

    assert kept(f"<think>{thought}</think>{SAID}").description == SAID
    assert without_thoughts("A dog. [THINK]x[/THINK]It runs.") == "A dog. It runs."
    assert without_thoughts("A <think>x</THINK>dog. <think>on") == "A dog. "
    assert without_thoughts("<think>x<thought>y</think>A dog.") == "A dog."


@pytest.mark.parametrize("text", ["[" * 20_000, "a " * 10_000, "<think>" * 3000, '"a' * 9000])
def test_nothing_longer_than_the_bound_is_taken_apart(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = []

    def noted(plain: str) -> answer.Answer:
        lengths.append(len(plain))
        return read(plain)

    monkeypatch.setattr(guard, "read", noted)
    judge(text, "stop", language="en", prompt=PROMPT)
    judge_text(text, "stop")

    assert all(length <= LONGEST_JUDGED for length in lengths)


def test_few_sentences_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []

    def noted(sentence: str) -> refusal.Kind:
        told.append(sentence)
        return kind_of(sentence)

    monkeypatch.setattr(guard, "kind_of", noted)
    judge("".join(f"A {i}. B. " for i in range(2000)), "stop", language="en", prompt=PROMPT)

    assert 0 < len(told) <= 3 * MOST_SENTENCES


@pytest.mark.parametrize(
    ("module", "ask"), [(refusal, kind_of), (instruction, lambda text: is_echo(text, PROMPT))]
)
def test_the_kind_of_a_sentence_is_told_by_its_beginning(
    module: Any, ask: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []

    def noted(text: str) -> str:
        shown.append(head(text))
        return shown[-1]

    monkeypatch.setattr(module, "head", noted)
    ask("It is against " + "a " * 5000)

    assert shown
    assert all(len(text) <= LONGEST_HEAD + 2 for text in shown)


def test_a_sentence_cut_for_its_kind_does_not_seem_to_end() -> None:
    long = "Here is the description " + "of it " * 200

    assert head(SAID) == SAID
    assert kind_of("Here is the description of it.") == "chatter"
    assert kind_of(long) == ""
    assert sentences.head(long).startswith(long[:LONGEST_HEAD])


@pytest.mark.parametrize(
    "inside", ['"a"b" ' * 900, "[a " * 900, "a{ " * 900, "( " * 900, '", "' * 900, "“x” " * 900]
)
def test_broken_json_is_mended_only_within_bounds(
    inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    mend = json_repair.loads

    def noted(text: str, **options: Any) -> object:
        shown.append(text)
        return mend(text, **options)

    monkeypatch.setattr(json_repair, "loads", noted)
    judge('{"description": ["A dog.", "' + inside, "stop", language="en", prompt=PROMPT)

    for text in shown:
        assert len(text) <= LONGEST_JUDGED
        assert sum(text.count(quote) for quote in '"“”') <= MOST_QUOTES
        assert all(text.count(bracket) <= DEEPEST for bracket in "[{(")


def test_what_backtracked_without_an_end_comes_to_one() -> None:
    assert not is_credit("1" * 60 + "x")
    assert is_credit("© 2019 Getty Images | 123")
    assert not is_placeholder("[name] - " * 40 + "x")
    assert is_placeholder("[subject] - [action]")
    assert not is_boxes("a<box>1</box>&b" * 40 + " two three four five")
    assert is_boxes("a<box>1</box>&b<box>1</box>")
    assert read("{" + "/**/" * 50 + "x").tags == ()


def test_white_space_is_bounded_and_paragraphs_stay() -> None:
    assert squeezed("a" + " " * 500 + "b\n\nc" + "\n" * 500 + "d") == "a b\n\nc\n\nd"
    assert squeezed("a\n    b") == "a\n    b"


def test_markdown_and_markup_of_a_usual_length_still_go() -> None:
    said = "A dog runs. " * 30

    assert without_markdown(f"**{said.strip()}**") == said.strip()
    assert without_markup('<img src="a.png" alt="A dog\'s house.">') == "A dog's house."
    assert without_markup("<img alt='A dog.' src=x>") == "A dog."


def test_a_loop_is_cut_off_wherever_it_begins() -> None:
    good = [f"A {noun} stands by the sea." for noun in ("dog", "cat", "man", "boy")]
    for count in range(2, 5):
        assert before_loop(join([*good[:count], *(["It rains on."] * 40)])) == join(good[:count])
    assert loop_at("one two three") is None
    assert loop_at("so " + "far away " * 9) == 1
    assert loop_at("1 2 " * 5) is None
    assert loop_at("1 2 " * 15) == 0
