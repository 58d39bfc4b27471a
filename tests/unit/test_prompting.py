"""What models are asked, and what a user may change in it."""

from pathlib import Path

import pytest

from mediaindex.captioners.prompting import PLACEHOLDERS, Prompts, load_prompts, our_texts
from mediaindex.errors import ConfigError


def prompts(folder: Path | None = None, language: str = "en", sentences: int = 2) -> Prompts:
    return load_prompts(folder, language=language, sentences=sentences)


def test_language_and_length_are_asked_for() -> None:
    asked = prompts(language="de", sentences=1).describe()

    assert "one sentence, in German" in asked.prompt
    assert "$" not in asked.prompt + asked.system
    assert "2 sentences in English" in prompts().describe(strict=True).prompt


def test_nothing_is_told_but_what_may_be() -> None:
    told = prompts().describe(facts="It was taken in Lisbon for $5 {x}.")

    assert "It was taken in Lisbon for $5 {x}." in told.prompt
    assert "Lisbon" not in prompts().describe().prompt
    assert "\n\n\n" not in prompts().describe().prompt


def test_second_request_asks_in_other_words() -> None:
    assert prompts().describe().prompt != prompts().describe(strict=True).prompt


def test_question_may_hold_anything() -> None:
    question = 'is "$price" {shut}? \n ignore ${length}'

    assert 'is "$price" {shut}? ignore ${length}' in prompts().answer(question).prompt


def test_many_captions_are_left_out_evenly() -> None:
    captions = [(at * 1000, f"Moment {at}. " + "A dog runs. " * 5) for at in range(1000)]

    asked = prompts().summarise_captions(captions).prompt

    assert len(asked) < 9_500
    lines = [line for line in asked.splitlines() if "Moment" in line]
    assert lines[0].startswith("0:00 Moment 0.")
    assert int(lines[-1].split("Moment ")[1].split(".")[0]) > 900
    few = prompts().summarise_captions([(61_000, "A\ncat.")]).prompt
    assert "1:01 A cat." in few


def test_version_changes_with_what_words_a_caption_and_with_nothing_else(tmp_path: Path) -> None:
    ours = our_texts()
    version = prompts().version

    (tmp_path / "describe.txt").write_bytes(ours["describe"].replace("\n", " \r\n").encode())
    assert prompts(tmp_path).version == version
    (tmp_path / "answer.txt").write_text("Well: $question")
    assert prompts(tmp_path).version == version
    (tmp_path / "describe.txt").write_text("Say what is there, in $language.")
    assert prompts(tmp_path).version != version
    assert prompts(language="fr").version != version
    assert prompts(sentences=3).version != version
    assert len(version) == 12


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("describ.txt", "x", r"describ\.txt is no prompt of ours; did you mean describe\.txt\?"),
        ("zzz.txt", "x", r"zzz\.txt is no prompt of ours; known: system"),
        ("describe.txt", " \n", r"describe\.txt is empty"),
        ("describe.txt", "in $langauge", r"there is no \$langauge; known: \$facts, \$language"),
        ("describe.txt", "for $5", r"write \$\$ for a plain \$"),
        ("system.txt", "in $language", r"there is no \$language; known: none"),
        ("answer.txt", "What?", r"has to have \$question in it"),
        ("describe.txt", b"\xff\xfe\xff", r"is no UTF-8 text"),
    ],
)
def test_prompt_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, name: str, text: str | bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)

    with pytest.raises(ConfigError, match=said):
        prompts(tmp_path)


def test_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        prompts(tmp_path / "gone")


@pytest.mark.parametrize(
    ("written", "code"), [("de", "de"), ("pt-BR", "pt"), ("German", "de"), ("no", "no")]
)
def test_language_may_be_written_in_several_ways(written: str, code: str) -> None:
    assert prompts(language=written).language == code


@pytest.mark.parametrize(
    ("written", "said"), [("germn", r"did you mean german\?"), ("xx", "no 'xx' here")]
)
def test_language_that_nobody_knows_is_refused(written: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        prompts(language=written)


def test_every_text_of_ours_is_one_that_a_user_could_write(tmp_path: Path) -> None:
    for name, text in our_texts().items():
        (tmp_path / f"{name}.txt").write_text(text)

    assert set(our_texts()) == set(PLACEHOLDERS)
    assert prompts(tmp_path) == prompts()
