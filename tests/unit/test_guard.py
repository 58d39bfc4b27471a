from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaindex.captioners.answer import read
from mediaindex.captioners.cleaning import (
    first_turn,
    without_filler,
    without_markdown,
    without_thoughts,
    without_tokens,
)
from mediaindex.captioners.echo import is_echo, is_placeholder
from mediaindex.captioners.fields import clean_setting, clean_tags, clean_text_in_image
from mediaindex.captioners.guard import LONGEST_DESCRIPTION, Rejected, judge, judge_text
from mediaindex.captioners.instruction import is_instruction, names_no_thing
from mediaindex.captioners.language import is_in
from mediaindex.captioners.refusal import kind_of
from mediaindex.captioners.regions import is_boxes
from mediaindex.captioners.repetition import before_loop, loops
from mediaindex.captioners.sentences import sentences
from mediaindex.types import Caption

PROMPT = (
    "You describe pictures for a family's archive. Describe this picture in 2 sentences. "
    "Answer in JSON with description, tags, text_in_image, setting."
)
DATA = Path(__file__).parents[1] / "data"
ANSWERS = [
    answer
    for table in sorted(DATA.glob("answers*.yaml"))
    for answer in yaml.safe_load(table.read_text(encoding="utf-8"))
]
KEPT = [answer["text"] for answer in ANSWERS if answer["verdict"] == "keep"]


def judged(text: str, done_reason: str = "stop", language: str = "en") -> Caption | Rejected:
    return judge(text, done_reason, language=language, prompt=PROMPT)


def kept(text: str, done_reason: str = "stop", language: str = "en") -> Caption:
    caption = judged(text, done_reason, language)
    assert isinstance(caption, Caption), caption
    return caption


@pytest.mark.parametrize("answer", ANSWERS, ids=[answer["name"] for answer in ANSWERS])
def test_every_answer_of_the_table_is_judged_as_it_says(answer: dict[str, Any]) -> None:
    caption = judged(answer["text"], answer["done_reason"], answer["language"])

    if answer["verdict"] == "reject":
        assert isinstance(caption, Rejected), caption
        return
    assert isinstance(caption, Caption), caption
    held = "\n".join(
        (caption.description, *caption.tags, caption.text_in_image, caption.setting)
    ).lower()
    assert [word for word in answer.get("must_contain", []) if word.lower() not in held] == []
    assert [
        word for word in answer.get("must_not_contain", []) if word in caption.description
    ] == []


PIECES = st.sampled_from(
    [
        *KEPT[:40],
        *('{"description": "', '"}', '", "tags": ["', "```json\n", "```", "<think>", "</think>"),
        *(
            "**",
            "* ",
            "\n",
            "- ",
            "# ",
            "USER: ",
            "ASSISTANT: ",
            "Tags: ",
            "Text: ",
            "Description: ",
        ),
        *(
            "I'm sorry. ",
            "Sure! ",
            "The image shows ",
            "A cat. ",
            "a dog ",
            "a dog a dog a dog ",
            "'",
        ),
        *(
            "“",
            "”",
            "「",
            "。",
            "画像には、",
            "图片显示",
            ": ",
            "[1, 2, 3, 4]",
            "<loc_3>",
            "\ud800",
            "\0",
        ),
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=8).map("".join))


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.sampled_from(["stop", "length", ""]), st.sampled_from(["en", "de", "ja", "", "x"]))
def test_any_text_gives_a_caption_or_a_reason_and_never_an_empty_one(
    text: str, done_reason: str, language: str
) -> None:
    caption = judge(text, done_reason, language=language, prompt=PROMPT)

    if isinstance(caption, Caption):
        assert caption.description.strip()
        assert len(caption.description) <= LONGEST_DESCRIPTION
        caption.description.encode()
        caption.text_in_image.encode()
        assert len(caption.tags) == len(set(caption.tags)) <= 20
    else:
        assert caption.reason
        assert len(caption.detail) <= 120
    judge_text(text, done_reason, language=language, prompt=PROMPT)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_judging_a_caption_again_changes_nothing(text: str) -> None:
    caption = judged(text)

    if isinstance(caption, Caption):
        assert kept(caption.description).description == caption.description
        assert clean_tags(caption.tags) == caption.tags
        assert clean_setting(caption.setting) == caption.setting


@pytest.mark.parametrize(
    "text",
    [
        '{"description": "A dog.", "tags": ["x"]}',
        "{'description': 'A dog.', 'tags': 'x',}",
        '{description: "A dog.", tags: ["x"]}',
        '"description": "A dog.", "tags": ["x"]',
        'Here you go: {"Description": "A dog.", "TAGS": ["x"]} Bye!',
        '{"result": [{"caption": "A dog.", "keywords": "x"}]}',
        "Description: A dog.\nTags: x",
    ],
)
def test_an_object_is_read_however_it_is_written(text: str) -> None:
    answer = read(text)

    assert (answer.description, answer.tags) == ("A dog.", ("x",))


def test_prose_with_brackets_is_no_json() -> None:
    assert kept("A sign [EXIT] hangs over a door {half open}.").description == (
        "A sign [EXIT] hangs over a door {half open}."
    )


def test_text_in_the_picture_is_kept_to_the_letter() -> None:
    text = "MENÜ\n\nSuppe   4,50\nSorry, no cards!\n*fresh*"

    assert clean_text_in_image(text) == text


@pytest.mark.parametrize(
    "text", ["None", "N/A", "No text visible.", "kein Text sichtbar", "无", "なし", "нет", "[]"]
)
def test_words_that_say_there_is_no_text_are_no_text(text: str) -> None:
    assert clean_text_in_image(text) == ""


@pytest.mark.parametrize("text", ["No parking", "No entry", "Keine Werbung", "Nothing Hill", "NO!"])
def test_a_sign_that_says_no_is_text(text: str) -> None:
    assert clean_text_in_image(text) == text or text == "NO!"


def test_tags_are_few_short_small_and_each_once() -> None:
    raw = [
        "#Dog",
        "dog",
        " Golden_Retriever ",
        "a whole sentence that is no tag",
        "none",
        *"abcdefgh",
    ]

    assert clean_tags([*raw, *(f"t{i}" for i in range(30))])[:3] == ("dog", "golden retriever", "a")
    assert len(clean_tags(f"t{i}" for i in range(30))) == 20
    assert clean_tags(["Straße", "straße", "Alte Scheune"], "de") == ("Straße", "Alte Scheune")
    assert clean_tags(["Dog", "dog", "Beach"], "en") == ("dog", "beach")


def test_a_thought_is_taken_off_and_one_without_an_end_leaves_nothing() -> None:
    assert without_thoughts("<think>x</think>A dog.").strip() == "A dog."
    assert without_thoughts("x</think>A dog.").strip() == "A dog."
    assert without_thoughts("<think>A dog.") == ""


def test_tokens_and_what_cannot_be_stored_go() -> None:
    assert without_tokens("A <ref>dog</ref><box>(1,2),(3,4)</box>.</s>\ud800\0") == "A dog."


def test_markdown_goes_and_plain_stars_stay() -> None:
    assert (
        without_markdown("# Title\n**A** *dog* ~~x~~ 3 * 4 [link](http://x)")
        == "A dog x 3 * 4 link"
    )


def test_the_first_turn_of_a_chat_is_the_answer() -> None:
    assert first_turn("A dog. USER: And? ASSISTANT: No.") == "A dog."
    assert first_turn("USER: What?\nASSISTANT: A dog.\nUSER: And?") == "A dog."


@pytest.mark.parametrize(
    ("sentence", "rest"),
    [
        ("The image shows a dog.", "A dog."),
        ("In this picture, we can see a dog.", "A dog."),
        ("The photo captures a dog.", "A dog."),
        ("Das Foto zeigt einen Hund.", "Einen Hund."),
        ("L'image montre un chien.", "Un chien."),
        ("The image.", "The image."),
        ("The picture frame shows a crack.", "The picture frame shows a crack."),
    ],
)
def test_filler_goes(sentence: str, rest: str) -> None:
    assert without_filler(sentence) == rest


@pytest.mark.parametrize(
    "sentence",
    [
        "A sign says we cannot enter.",
        "Sorry, we are closed is written on the door.",
        "A boy is sorry for his sister.",
        "The image was not taken in daylight.",
        "There is a photo in a frame on the wall.",
        "No people are visible.",
        "It looks like a rainy day.",
        "Can of beans on a shelf.",
        "Als Hexe verkleidet steht ein Kind im Garten.",
        "Please do not touch is written on a plate.",
        "This is a Christmas card with a handwritten caption.",
    ],
)
def test_a_sentence_about_the_picture_is_no_refusal(sentence: str) -> None:
    assert kind_of(sentence) == ""


def test_loops_are_found_and_what_repeats_in_quotes_is_none() -> None:
    assert loops("a dog and " * 6)
    assert loops("很好" * 20)
    assert not loops('A banner says "Go Go Go Go Go Go Go Go" in red.')
    assert not loops("A very, very, very tall tower.")
    assert before_loop("One dog. Two cats. " + "A man. " * 9) == "One dog. Two cats."
    assert before_loop("A man. " * 9) is None


@pytest.mark.parametrize(
    ("text", "language", "holds"),
    [
        ("A cat.", "en", True),
        ("Pizza Margherita", "en", True),
        ("A selfie at the Brandenburger Tor in Berlin.", "en", True),
        ("Ein Selfie mit einem iPhone im Central Park.", "de-AT", True),
        ("A dog runs along the wide beach.", "de", False),
        ("Ein Hund läuft am Strand entlang.", "en", False),
        ("Кот спит на диване.", "en", False),
        ("猫がソファで寝ている。", "zh", False),
        ("anything at all goes here", "", True),
        ("anything at all goes here", "tlh", True),
    ],
)
def test_only_what_is_surely_of_another_language_is_foreign(
    text: str, language: str, holds: bool
) -> None:
    assert is_in(text, language) is holds


def test_an_echo_is_told_from_a_caption_that_shares_words() -> None:
    assert is_echo("Describe this picture in 2 sentences.", PROMPT)
    assert is_echo("You describe pictures for a family's archive.", PROMPT)
    assert not is_echo("A picture of a family hangs above the archive.", PROMPT)
    assert is_placeholder("<description>")
    assert not is_placeholder("A string of lights.")


def test_an_imperative_is_an_instruction_only_with_a_word_of_the_trade() -> None:
    assert is_instruction("Mention the main subject first.")
    assert is_instruction("Nenne das Hauptmotiv des Fotos.")
    assert not is_instruction("Do not enter sign beside a road.")
    assert not is_instruction("Focus on a bee, the meadow blurred.")


def test_a_picture_named_without_a_thing_in_it_says_nothing() -> None:
    assert names_no_thing("A photo.")
    assert not names_no_thing("A photo album")


def test_labels_with_boxes_are_a_list_and_words_about_boxes_a_sentence() -> None:
    box = "<loc_1><loc_2><loc_3><loc_4>"
    assert is_boxes(f"cat{box}sofa{box}")
    assert not is_boxes(f"A cat{box} on a sofa{box}")


def test_sentences_end_neither_in_quotes_nor_at_abbreviations() -> None:
    assert sentences('Dr. Brown waves. A sign says "Stop. Now." and glows.') == [
        "Dr. Brown waves.",
        'A sign says "Stop. Now." and glows.',
    ]
    assert sentences("猫がいる。犬もいる。") == ["猫がいる。", "犬もいる。"]


def test_an_answer_to_a_question_may_be_one_word() -> None:
    assert judge_text("No.", "stop") == "No."
    assert judge_text("3", "stop") == "3"
    assert judge_text("Sure! The dog is brown.", "stop") == "The dog is brown."
    refused = judge_text("I'm sorry, I can't tell.", "stop")
    assert isinstance(refused, Rejected)
    assert refused.reason == "refusal"
