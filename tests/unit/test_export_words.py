"""Which words become the alt text, and how much of them."""

import pytest

from mediaindex.exporting.words import ALT_TEXT, alt_text, plainly, shortened, tags
from mediaindex.types import PersonWords
from tests.exports import a_moment, an_export, said


@pytest.mark.parametrize(
    ("told", "read_out"),
    [
        ("The image shows a dog on a beach.", "A dog on a beach."),
        ("A close-up photo of a red flower.", "A red flower."),
        ("In this photo, two kids run.", "Two kids run."),
        ("This black and white photograph depicts a man.", "A man."),
        ("A picture frame of gold.", "A picture frame of gold."),
        ("A photographer holds a camera.", "A photographer holds a camera."),
        ("Photographs hang on a wall.", "Photographs hang on a wall."),
    ],
)
def test_alt_text_does_not_say_that_it_is_of_a_picture(told: str, read_out: str) -> None:
    assert plainly(told) == read_out


def test_long_text_ends_with_a_sentence_that_fits() -> None:
    sentence = "A dog runs along the beach. "

    short = shortened((sentence * 20).strip())

    assert len(short) <= ALT_TEXT
    assert short == (sentence * 8).strip()
    assert shortened("海辺の犬。" * 80) == "海辺の犬。" * 50


def test_abbreviation_ends_no_sentence() -> None:
    told = "A woman waves a flag of the U.S. Navy in front of Dr. Lee and J. Smith, " + "far " * 60

    short = shortened(told.strip())

    assert short.startswith(
        "A woman waves a flag of the U.S. Navy in front of Dr. Lee and J. Smith"
    )
    assert short.endswith("far…")
    assert shortened(f"A girl runs. {told}").startswith("A girl runs.")
    assert shortened(f"A girl runs. {told}{told}") == "A girl runs."


@pytest.mark.parametrize("text", ["word " * 80, "x" * 400, "3.5 m" * 60])
def test_sentence_that_is_too_long_ends_where_it_can(text: str) -> None:
    short = shortened(text)

    assert len(short) <= ALT_TEXT
    assert short.endswith("…")


def test_person_is_heard_before_a_machine() -> None:
    machine = a_moment(said("A cake."))
    title = PersonWords("title", "Oma's 80th", "xmp")
    told = PersonWords("description", "All of us in the garden.", "xmp")

    assert alt_text(an_export(moments=(machine,))) == "A cake."
    assert alt_text(an_export(moments=(machine,), words=(title,))) == "Oma's 80th"
    both = an_export(moments=(machine,), words=(title, told))
    assert alt_text(both) == "Oma's 80th. All of us in the garden."
    keyword = PersonWords("keyword", "family", "xmp")
    assert alt_text(an_export(moments=(machine,), words=(keyword,))) == "A cake."


def test_video_has_its_summary_or_else_its_first_moment() -> None:
    moments = (a_moment(None), a_moment(said("First.")), a_moment(said("Second.")))

    assert alt_text(an_export(moments=moments)) == "First."
    assert alt_text(an_export(moments=moments, summary=said("All of it."))) == "All of it."
    assert alt_text(an_export(moments=(a_moment(None),))) is None


def test_tag_stands_once_however_it_is_written() -> None:
    moments = (a_moment(said("x", "Dog", "sea ")), a_moment(said("x", "dog", "sky")))

    assert tags(an_export(moments=moments)) == ["Dog", "sea", "sky"]
