"""Of copies, each may have words beside it: all are words of the one picture."""

import shutil
import threading
from datetime import date
from pathlib import Path

import pytest

from mediaindex.asking import ask
from mediaindex.indexing import run_once
from mediaindex.search.asked import Asked
from tests.daemons import Home, paint

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>
<rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF>
</x:xmpmeta>"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    paint(made.library / "one" / "a.jpg")
    index(made)
    return made


def index(home: Home) -> None:
    assert run_once(home.config, [home.library], stop=threading.Event()).failures == 0


def found(home: Home, words: str) -> list[tuple[str, ...]]:
    """Return the places of each hit that says the words."""
    answer = ask(home.config, Asked(words=f'"{words}"'), date(2026, 11, 21))
    return [hit.shown.paths for hit in answer.hits]


def test_words_beside_a_copy_that_came_later_are_found(home: Home) -> None:
    one, two = home.library / "one" / "a.jpg", home.library / "two" / "b.jpg"
    two.parent.mkdir()
    shutil.copy(one, two)
    two.with_name("b.jpg.xmp").write_text(XMP.format("zebraword"))

    index(home)

    assert found(home, "zebraword") == [(str(one), str(two))]


def test_words_beside_a_file_that_takes_a_known_content_are_found(home: Home) -> None:
    one, two = home.library / "one" / "a.jpg", home.library / "two" / "b.jpg"
    paint(two, 0, 0, 200)
    index(home)
    shutil.copy(one, two)
    two.with_name("b.jpg.xmp").write_text(XMP.format("zebraword"))

    index(home)

    assert found(home, "zebraword") == [(str(one), str(two))]
