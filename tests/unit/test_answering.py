"""What counts as an answer, and which pictures are the newest."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mediaindex.answering import Evidence, Found, Verdict, newest_first, read_reply
from mediaindex.search.hits import Hit
from mediaindex.types import Shown

SHOWN = Shown(
    *(1, 1, "0" * 64, "photo", 0, 0, 0, ("/a.jpg",), None, None, None, None, None, None),
    *(None, None, None, None, ()),
)


def hit(year: int | None, *, weak: bool = False) -> Hit:
    taken = None if year is None else datetime(year, 1, 1, tzinfo=UTC)
    return Hit(replace(SHOWN, taken_at=taken), 1.0, (), weak)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ('{"can_tell": true, "answer": "It is closed."}', Verdict(True, "It is closed.")),
        ('{"can_tell": true, "answer": "Yes"}', Verdict(True, "Yes")),
        ('```json\n{"can_tell": true, "answer": "No."}\n```', Verdict(True, "No.")),
        ('Here: {"answer": "It is open.", "can_tell": "yes"} ok', Verdict(True, "It is open.")),
        ('{"can_tell": true, "answer": 3}', Verdict(True, "3")),
        ('{"can_tell": true, "answer": true}', Verdict(True, "Yes.")),
        ('{"answer": "There are two dogs."}', Verdict(True, "There are two dogs.")),
        ("The door is closed.", Verdict(True, "The door is closed.")),
        ("No.", Verdict(True, "No.")),
        ("<think>Hm {</think>The door is open.", Verdict(True, "The door is open.")),
        (
            '{"can_tell": false, "answer": "The door is not in the picture."}',
            Verdict(False, "The door is not in the picture."),
        ),
        ('{"can_tell": "false", "answer": ""}', Verdict(False, "")),
        ('{"can_tell": true, "answer": ""}', Verdict(False, "")),
        ('{"can_tell": true, "answer": null}', Verdict(False, "")),
        ('{"can_tell": true, "answer": ["a"]}', Verdict(False, "")),
        ('{"can_tell": true, "ans', Verdict(False, "")),
        ("[]", Verdict(False, "")),
        ("   ", Verdict(False, "")),
        ("", Verdict(False, "")),
        ("{" * 5000, Verdict(False, "")),
        ("[" * 100_000, Verdict(False, "")),
        ('{"a":' * 50_000, Verdict(False, "")),
        ("I'm sorry, but I can't help with that.", Verdict(False, "")),
    ],
)
def test_an_answer_is_taken_in_any_form_and_no_other_text_for_one(
    text: str, verdict: Verdict
) -> None:
    assert read_reply(text, "stop") == verdict


@pytest.mark.parametrize(
    "said",
    [
        "I cannot tell from this picture.",
        "It is not possible to see the door.",
        "The image does not show a garage.",
        "Unknown.",
        "Unclear from the angle.",
    ],
)
def test_who_says_that_it_cannot_be_told_cannot_tell(said: str) -> None:
    assert not read_reply(said, "stop").can_tell
    assert not read_reply(f'{{"can_tell": true, "answer": "{said}"}}', "stop").can_tell


def test_newest_are_the_good_ones_and_those_without_a_date_come_last() -> None:
    old, new, undated, weak = hit(2019), hit(2024), hit(None), hit(2026, weak=True)

    assert newest_first([old, undated, weak, new], 3) == [new, old, undated]
    assert newest_first([old, undated, weak, new], 1) == [new]
    assert newest_first([weak], 3) == [weak]
    assert newest_first([], 3) == []


def test_first_that_can_tell_gives_the_answer() -> None:
    blind = Evidence(hit(2024), Verdict(can_tell=False, said=""))
    failed = Evidence(hit(2023), None, trouble="it took too long")
    seen = Evidence(hit(2022), Verdict(can_tell=True, said="It is open."))
    other = Evidence(hit(2021), Verdict(can_tell=True, said="It is closed."))

    assert Found("x", (blind, failed, seen, other), (), "m").best is seen
    assert Found("x", (blind, failed), (), "m").why_not == "none of the 2 pictures tells"
    assert Found("x", (blind,), (), "m").why_not == "the picture does not tell"
    assert Found("x", (failed,), (), "m").why_not == "it took too long"
    assert Found("x", (), (), "m").why_not == "no picture was found for 'x'"
