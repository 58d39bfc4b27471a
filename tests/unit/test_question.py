"""Which words of a question are searched for."""

import pytest

from mediaindex.search.question import wanted, without_operators


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("is the garage door closed?", "garage door closed"),
        ("Is the trash can full?", "trash can full"),
        ("Can you see the dog?", "dog"),
        ("what colour is the car", "car"),
        ("What kind of dog is it?", "dog"),
        ("how many people are at the table?", "people at table"),
        ("What's the cat doing right now?", "cat"),
        ("who is on the right?", "on right"),
        ("When did it snow in May 2019?", "snow in May 2019"),
        ("isn\u2019t the gate open?", "gate open"),
        ('is there a sign that says "no entry"?', 'sign that says "no entry"'),
        ("is the gate open -dog 2:gate", "gate open -dog 2:gate"),
        ("Ist das Tor zu?", "Ist das Tor zu"),
        ("ist garagentor zu", "ist garagentor zu"),
        ("ガレージのドアは閉まっていますか?", "ガレージのドアは閉まっていますか"),
        ("what is it?", ""),
        ("???", ""),
        ("", ""),
    ],
)
def test_what_asks_is_left_out_and_what_is_seen_stays(question: str, words: str) -> None:
    assert wanted(question).words == words


def test_operators_are_for_the_search_and_not_for_the_model() -> None:
    question = 'is the door closed in:"Camera 1" after:2024?'

    found = wanted(question)

    assert (found.words, found.operators) == ("door closed", 'in:"Camera 1" after:2024')
    assert found.text == 'door closed in:"Camera 1" after:2024'
    assert without_operators(question) == "is the door closed"
