"""What models are asked, and what a user may change of it."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaindex.captioners.languages import LANGUAGES, language_name
from mediaindex.captioners.prompting import (
    ANSWER_SCHEMA,
    CAPTIONS_BYTES,
    ENTRY_SCHEMA,
    PLACEHOLDERS,
    Prompts,
    load_prompts,
    shortened,
    timed,
    write_prompts,
)
from mediaindex.errors import ConfigError

OURS = load_prompts(None, language="en", sentences=2)


def loaded(folder: Path | None, language: str = "en", sentences: int = 2) -> Prompts:
    return load_prompts(folder, language=language, sentences=sentences)


def test_a_picture_is_asked_about_in_the_language_and_length_that_are_set() -> None:
    asked = loaded(None, "de", 3).describe()

    assert "three sentences" in asked.prompt
    assert "description, tags and setting in German" in asked.prompt
    assert "Never translate text_in_image" in asked.prompt
    assert "one sentence." in loaded(None, "de", 1).describe().prompt
    assert asked.schema == ENTRY_SCHEMA


@pytest.mark.parametrize("strict", [False, True])
def test_every_request_names_the_keys_it_wants_and_fills_everything_in(strict: bool) -> None:
    requests = [
        OURS.describe(strict=strict),
        OURS.summarise(pictures=8, duration_s=75, strict=strict),
        OURS.summarise([timed(65_000, "A dog runs.")], strict=strict),
        OURS.answer("How many dogs?"),
    ]

    for request in requests:
        assert "$" not in request.prompt + request.system
        assert all(key in request.prompt for key in request.schema["required"])
        assert "\n\n\n" not in request.prompt
        assert len((request.system + request.prompt).encode()) < 3500  # a thousand tokens


def test_second_try_is_shorter() -> None:
    assert len(OURS.describe(strict=True).prompt) < len(OURS.describe().prompt) * 0.7


def test_schema_is_the_least_that_says_it() -> None:
    def keys(schema: object) -> set[str]:
        if not isinstance(schema, dict):
            return set()
        inner = schema.get("properties", {}).values()
        return set(schema) | keys(schema.get("items")) | {k for one in inner for k in keys(one)}

    for schema in (ENTRY_SCHEMA, ANSWER_SCHEMA):
        assert keys(schema) <= {"type", "properties", "required", "items"}
        assert list(schema["properties"]) == schema["required"]
        json.dumps(schema)


def test_nothing_is_told_of_a_picture_unless_it_is_given() -> None:
    assert "elsewhere" not in OURS.describe().prompt
    assert "12 May 2019, Lisbon" in OURS.describe(facts="12 May 2019,\nLisbon").prompt


def test_video_is_asked_about_by_frames_or_by_captions() -> None:
    frames = OURS.summarise(["0:01 A dog."], pictures=8, duration_s=75).prompt
    captions = OURS.summarise(["0:01 A dog.", "0:09 A cat."], pictures=1, duration_s=300).prompt

    assert "These eight pictures are frames of one video of 75 seconds, in" in frames
    assert "A dog" not in frames
    assert "one video of 5 minutes, each after its time:\n\n0:01 A dog.\n0:09 A cat.\n" in captions


def test_one_frame_alone_is_described_and_nothing_cannot_be() -> None:
    assert OURS.summarise(pictures=1) == OURS.describe()
    with pytest.raises(ValueError, match="captions"):
        OURS.summarise()


@given(st.text())
def test_question_stays_a_question_whatever_is_in_it(question: str) -> None:
    asked = OURS.answer(question).prompt

    (line,) = [line for line in asked.split("\n") if line.startswith("Question: ")]
    assert isinstance(json.loads(line.removeprefix("Question: ")), str)


@pytest.mark.parametrize("words", ['a "b" {c} $language ${d} %s \\', "\udcff", "$" * 5])
def test_odd_words_are_passed_on_and_not_filled_in(words: str) -> None:
    plain = words.encode("utf-8", "replace").decode()

    assert json.dumps(plain, ensure_ascii=False) in OURS.answer(words).prompt
    assert plain in OURS.describe(facts=words).prompt
    assert plain in OURS.summarise([words]).prompt


def test_many_long_captions_are_shortened_evenly() -> None:
    captions = [timed(n * 1000, f"number{n} " + "word " * 60) for n in range(100)]

    short = shortened(captions)

    assert sum(len(line.encode()) + 1 for line in short) <= CAPTIONS_BYTES
    assert [f"number{n}" in line for n, line in enumerate(short)] == [True] * 100
    assert max(map(len, short)) - min(map(len, short)) < 10
    assert all(line.endswith("word...") for line in short)


def test_short_captions_are_left_alone_beside_a_long_one() -> None:
    short = shortened(["0:00 A dog.", "0:05 " + "word " * 9000, "0:10 A cat."])

    assert (short[0], short[2]) == ("0:00 A dog.", "0:10 A cat.")
    assert len(short[1]) > CAPTIONS_BYTES * 0.95


def test_first_and_last_of_very_many_captions_are_kept() -> None:
    short = shortened([timed(n * 1000, "Ein Hund läuft über die Wiese " * 5) for n in range(5000)])

    assert short[0].startswith("0:00 Ein Hund")
    assert short[-1].startswith("1:23:19 Ein Hund")
    assert sum(len(line.encode()) + 1 for line in short) <= CAPTIONS_BYTES


@given(st.lists(st.text(max_size=300), max_size=200))
def test_captions_always_fit(captions: list[str]) -> None:
    assert sum(len(line.encode()) + 1 for line in shortened(captions)) <= CAPTIONS_BYTES


def test_file_of_a_user_takes_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "describe.txt").write_text("Only nouns, in $language, for $$5.")
    for other in (".hidden", "describe.txt~"):
        (tmp_path / other).write_text("")
    (tmp_path / "@eaDir").mkdir()

    mine = loaded(tmp_path)

    assert mine.describe().prompt == "Only nouns, in English, for $5."
    assert mine.describe(strict=True) == OURS.describe(strict=True)


def test_prompts_that_were_written_and_left_alone_change_nothing(tmp_path: Path) -> None:
    write_prompts(tmp_path / "mine" / "prompts")

    assert loaded(tmp_path / "mine" / "prompts") == OURS


def test_version_does_not_depend_on_line_ends_and_white_space(tmp_path: Path) -> None:
    for path in write_prompts(tmp_path):
        text = path.read_text().replace("\n", "  \r\n")
        path.write_bytes(b"\xef\xbb\xbf\r\n" + text.encode() + b"\r\n\r\n")

    assert loaded(tmp_path).version == OURS.version
    assert loaded(tmp_path).summary_version == OURS.summary_version


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_change_makes_new_what_it_concerns_and_nothing_else(tmp_path: Path, name: str) -> None:
    (changed,) = [path for path in write_prompts(tmp_path) if path.stem == name]
    changed.write_text(changed.read_text() + "And be brief.\n")

    mine = loaded(tmp_path)

    of_pictures = name in ("system", "facts", "describe", "describe-strict")
    assert (mine.version != OURS.version) == of_pictures
    assert (mine.summary_version != OURS.summary_version) == (
        name == "system" or name.startswith("video-")
    )


def test_version_depends_on_language_and_length() -> None:
    versions = {loaded(None, *other).version for other in (("de", 2), ("en", 3), ("en", 2))}

    assert len(versions) == 3
    assert all(len(version) == 12 for version in versions)
    assert int(OURS.version, 16) >= 0


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("descirbe.txt", "x", "descirbe.txt is no prompt of ours; did you mean describe.txt?"),
        ("zzz.md", "x", "is no prompt of ours; there are: system.txt, "),
        ("describe.txt", " \r\n", "is empty; remove it to have ours"),
        (
            "describe.txt",
            "In $langauge",
            r"has \$langauge, .* may have: \$facts, \$language, \$sen",
        ),
        ("system.txt", "$facts", r"has \$facts, .* may have: none"),
        ("describe.txt", "for $ 5", r"a \$ without a name after it; write \$\$"),
        ("answer.txt", "What is this?", r"lacks \$question"),
        ("video-captions.txt", "Sum it up", r"lacks \$captions"),
        ("describe.txt", b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_what_is_wrong_with_a_prompt_is_said(
    tmp_path: Path, name: str, content: str | bytes, complaint: str
) -> None:
    raw = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(raw)

    with pytest.raises(ConfigError, match=complaint):
        loaded(tmp_path)


def test_folder_that_is_not_there_is_named_and_a_pipe_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone cannot be read: No such file"):
        loaded(tmp_path / "gone")
    os.mkfifo(tmp_path / "describe.txt")
    with pytest.raises(ConfigError, match="is no file"):
        loaded(tmp_path)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("de", "German"),
        ("DE", "German"),
        ("de-AT", "German"),
        ("pt_BR", "Brazilian Portuguese"),
        ("pt-AO", "Portuguese"),
        ("zh-Hant", "Traditional Chinese"),
        (" ja ", "Japanese"),
    ],
)
def test_language_is_known_by_its_code(code: str, name: str) -> None:
    assert language_name(code) == name


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("german", r"did you mean de \(German\)\?"),
        ("jp", r"did you mean ja \(Japanese\)"),
        ("xx", r"'xx' is no language .*codes are such as de"),
        ("", "codes are such as"),
    ],
)
def test_language_that_is_not_known_is_said(code: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        language_name(code)


def test_languages_are_many() -> None:
    assert len(LANGUAGES) >= 60
