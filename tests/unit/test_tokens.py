from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mediaindex.embedders.clip.manifest import CleanRule, TextRules
from mediaindex.embedders.clip.tokens import Tokens, clean, write_clip_tokenizer

CONTEXT = 77

Length = Callable[[str], int]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    path = tmp_path_factory.mktemp("clip") / "tokenizer.json"
    write_clip_tokenizer(path)
    return Tokens(path, TextRules(CONTEXT, "lower"))


@pytest.fixture(scope="module")
def length(tmp_path_factory: pytest.TempPathFactory) -> Length:
    """Return how many tokens a text takes, its marks included, were there no limit."""
    path = tmp_path_factory.mktemp("clip") / "tokenizer.json"
    write_clip_tokenizer(path)
    unlimited = Tokens(path, TextRules(10_000, "lower"))
    return lambda text: int(np.count_nonzero(unlimited.encode([text])))


def test_rows_start_and_end_with_their_marks(tokens: Tokens) -> None:
    rows = tokens.encode(["a photo of a cat", ""])

    assert rows.shape == (2, CONTEXT)
    assert rows[0, :7].tolist() == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert rows[1, :3].tolist() == [49406, 49407, 0]


def test_long_text_is_cut_and_keeps_its_end_mark(tokens: Tokens) -> None:
    row = tokens.encode(["word " * 300])[0]

    assert row[-1] == 49407
    assert np.count_nonzero(row) == CONTEXT


def test_short_text_is_one_piece(tokens: Tokens) -> None:
    assert tokens.split("A dog. On a beach.") == ["A dog. On a beach."]


def test_pieces_end_at_sentences(tokens: Tokens, length: Length) -> None:
    sentences = [f"The {n}th dog runs over the wide beach in the evening sun." for n in range(20)]

    pieces = tokens.split(" ".join(sentences))

    assert len(pieces) > 1
    assert all(piece.endswith(".") for piece in pieces)
    assert all(length(piece) <= CONTEXT for piece in pieces)


def test_sentence_that_is_too_long_is_split_at_words(tokens: Tokens, length: Length) -> None:
    words = [f"wor{n}d" for n in range(200)]

    pieces = tokens.split(" ".join(words))

    assert " ".join(pieces).split(" ") == words
    assert all(length(piece) <= CONTEXT for piece in pieces)


@pytest.mark.parametrize("text", ["東京の写真" * 80, "x9" * 300, "😀" * 200])
def test_text_without_blanks_is_split_and_none_of_it_lost(
    tokens: Tokens, length: Length, text: str
) -> None:
    pieces = tokens.split(text)

    assert "".join(pieces).replace(" ", "") == text
    assert all(length(piece) <= CONTEXT for piece in pieces)


def test_chinese_sentences_end_without_a_blank(tokens: Tokens) -> None:
    pieces = tokens.split("一只狗在海滩上奔跑太阳正在落山。" * 8)

    assert len(pieces) > 1
    assert all(piece.endswith("。") for piece in pieces)


def test_room_for_the_prompt_is_kept(tokens: Tokens, length: Length) -> None:
    prompt = "a very long winded way to say that this is a photograph of {}"

    pieces = tokens.split("word " * 200, prompt)

    assert " ".join(pieces).split() == ["word"] * 200
    assert all(length(prompt.replace("{}", piece)) <= CONTEXT for piece in pieces)


@pytest.mark.parametrize(
    ("rule", "cleaned"),
    [
        ("lower", "don't &stop_it!"),
        ("whitespace", "Don't &Stop_It!"),
        ("canonicalize", "dont stop it"),
    ],
)
def test_text_is_cleaned_as_the_model_was_trained(rule: CleanRule, cleaned: str) -> None:
    assert clean("  Don\u2019t \n &amp;amp;Stop_It!", rule) == cleaned


def test_table_is_written_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_clip_tokenizer(tmp_path / name)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
