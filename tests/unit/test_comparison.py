"""The page that lays models side by side."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from mediaindex.errors import ConfigError
from mediaindex.media.comparison import (
    COMPARISON,
    Heading,
    Model,
    Row,
    Words,
    comparison_html,
    write_comparison,
)
from mediaindex.media.sheet import MARK_WITHIN_BYTES, write_sheet_html

MODELS = [Model("a<b>", ("mean: 1 s",)), Model("b", ("mean: 2 s",))]
ROW = Row(
    b"jpeg",
    "<i>.jpg",
    Path("/photos/a b.jpg"),
    (
        Words("A <script>alert(1)</script> {rows}.", ("cat", "mat"), "NO\nENTRY", "hall", "1.0 s"),
        Words(why_not="refusal: no"),
    ),
)
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Checks that each element is closed in its turn, and keeps the words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_page_is_whole_needs_nothing_else_and_says_just_what_was_said() -> None:
    page = Page(comparison_html(Heading("A & B", ("<today>",)), MODELS, [ROW, ROW]))

    assert page.open == ["html"]  # which may stay open
    assert "script" not in page.tags
    assert {"A & B", "<today>", "a<b>", "NO", "ENTRY", "cat, mat", "refusal: no", "<i>.jpg"} <= {
        *page.words
    }
    assert "A <script>alert(1)</script> {rows}." in page.words
    assert {link.split(",")[0] for link in page.links} == {
        "file:///photos/a%20b.jpg",
        "data:image/jpeg;base64",
    }
    assert page.tags.count("section") == 3


def test_page_takes_the_place_of_its_like_and_of_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "models.html"

    write_comparison(target, Heading("long title " * 100), MODELS, [ROW])
    write_comparison(target, Heading("again"), MODELS, [ROW])

    assert COMPARISON.mark in target.read_bytes()[:MARK_WITHIN_BYTES]
    target.write_text("a letter")
    with pytest.raises(ConfigError, match="is no comparison of models"):
        write_comparison(target, Heading("again"), MODELS, [ROW])
    assert target.read_text() == "a letter"
    assert [path.name for path in tmp_path.iterdir()] == ["models.html"]


def test_contact_sheet_and_comparison_do_not_take_each_others_place(tmp_path: Path) -> None:
    comparison, sheet = tmp_path / "models.html", tmp_path / "sheet.html"
    write_comparison(comparison, Heading("models"), MODELS, [ROW])
    write_sheet_html(sheet, [], "dogs")

    with pytest.raises(ConfigError, match="is no contact sheet"):
        write_sheet_html(comparison, [], "dogs")
    with pytest.raises(ConfigError, match="is no comparison of models"):
        write_comparison(sheet, Heading("models"), MODELS, [ROW])
