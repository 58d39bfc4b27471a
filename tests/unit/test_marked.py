"""Our block comes out again and leaves each letter of a person's where it was."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mediaindex.marked import (
    BEGIN,
    END,
    GAP,
    alike,
    block,
    in_blocks,
    is_ours,
    of_person,
    with_block,
    without_block,
)

PIECES = (BEGIN, END, GAP, "\n", "\r\n", "\r", " ", "\t", "\ufeff", "\u2028", "Anna", "[", "]", "/")

TEXTS = st.one_of(st.text(), st.lists(st.sampled_from(PIECES) | st.text(max_size=3)).map("".join))

WORDS = TEXTS.filter(lambda words: words.strip() != "")


@given(TEXTS, TEXTS)
@example("", "A dog.")
@example("Anna  \n\n", "A dog.")
@example("\r\n\r\n", "A dog.")
@example(f"see {BEGIN}", "A dog.")
@example(f"see {BEGIN}\nwords\n{END}", f"{END} and {BEGIN}")
@example(f"{END} {BEGIN} {END} {END} {BEGIN}", END)
def test_what_a_person_wrote_comes_back_byte_for_byte(text: str, words: str) -> None:
    assert without_block(with_block(text, words)) == text


@given(TEXTS, TEXTS)
def test_a_block_holds_what_was_put_into_it(text: str, words: str) -> None:
    put = words.replace(BEGIN, "(mediaindex)").replace(END, "(/mediaindex)")

    assert alike(block(with_block(text, words)) or "", put)


@given(TEXTS, WORDS)
def test_what_immich_trimmed_still_comes_apart(text: str, words: str) -> None:
    kept = with_block(text, words).strip()

    assert alike(without_block(kept), text)
    assert alike(kept, with_block(text, words))


@given(st.text(), WORDS)
def test_line_breaks_that_xml_made_one_kind_still_come_apart(text: str, words: str) -> None:
    kept = with_block(text, words).replace("\r\n", "\n").replace("\r", "\n")

    assert alike(without_block(kept), text)


@given(TEXTS, WORDS, WORDS)
def test_a_second_block_leaves_the_first_as_it_was(text: str, words: str, more: str) -> None:
    first = with_block(text, words)

    assert without_block(with_block(first, more)) == first


def test_with_other_line_breaks_around_it_the_gap_goes_too() -> None:
    text = with_block("Anna\non the beach", "A dog.\nA ball.").replace("\n", "\r\n")

    assert without_block(text) == "Anna\r\non the beach"


def test_words_behind_the_block_stay() -> None:
    marked = with_block("Anna", "A dog.")

    assert without_block(marked + "\nand Ben") == "Anna\nand Ben"
    assert without_block(marked + "and Ben") == f"Anna{GAP}and Ben"


def test_without_both_marks_there_is_no_block() -> None:
    for text in ("", "Anna", BEGIN, END, f"{END} {BEGIN}", f"Anna {BEGIN} dog"):
        assert block(text) is None
        assert without_block(text) == text


@given(st.text().filter(lambda text: BEGIN not in text), WORDS, WORDS)
def test_of_several_blocks_none_is_a_persons(text: str, words: str, more: str) -> None:
    assert alike(of_person(with_block(with_block(text, words), more)), text)
    assert of_person(" ".join(with_block(text, words).split())) == " ".join(text.split())


@pytest.mark.parametrize("kept", [3, 5, 14])
def test_of_a_block_that_was_cut_off_nothing_is_a_persons(kept: int) -> None:
    whole = with_block("Anna", "A dog on a beach.")
    cut = whole[: whole.index(BEGIN) + len(BEGIN) + kept]

    assert of_person(cut) == of_person(cut.replace("\n", "\r\n")) == "Anna"
    assert of_person(cut.removeprefix("Anna").strip()) == ""


def test_words_of_every_block_are_told_apart_from_a_persons() -> None:
    text = with_block(with_block("Anna", "A dog."), "A cat.\nA ball.")

    assert in_blocks(text) == ("A dog.", "A cat.\nA ball.")
    assert in_blocks(text[:-8]) == ("A dog.", "A cat.\nA ball.")
    assert in_blocks("Anna") == in_blocks(with_block("Anna", "")) == ()


def test_a_person_may_name_the_marks_inside_a_word() -> None:
    text = f"x{BEGIN}x is not where a block begins"

    assert of_person(text) == text


@pytest.mark.parametrize("before", ["", "Anna\n", "Anna\r\n"])
def test_a_person_may_speak_of_a_mark_in_the_middle_of_a_line(before: str) -> None:
    text = f"{before}Notes on {BEGIN} for grandma's birthday\nin Lisbon"

    assert of_person(text) == text


def test_texts_are_alike_whatever_stands_at_their_ends() -> None:
    assert alike("\ufeff Anna\r\nBen \u00a0\n", "Anna\nBen")
    assert not alike("Anna Ben", "Anna  Ben")


@pytest.mark.parametrize(
    ("tag", "ours"),
    [
        ("mediaindex/beach", True),
        ("mediaindex|beach", True),
        ("mediaindex", True),
        (" mediaindex/x", True),
        ("mediaindexed", False),
        ("travel/mediaindex", False),
        ("beach", False),
        ("", False),
    ],
)
def test_our_tags_stand_below_one(tag: str, ours: bool) -> None:
    assert is_ours(tag) is ours
