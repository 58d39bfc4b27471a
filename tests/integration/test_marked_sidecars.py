"""What we wrote into Immich comes back in its sidecars, and is no person's word there."""

from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image

from mediaindex.marked import BEGIN, with_block
from mediaindex.media.dates import DateRules
from mediaindex.media.metadata import read_papers, settle
from tests.conftest import plain

MARKED = with_block("Anna in Lisbon", "A child blows out candles.\nA cake stands on a table.")


def words(tmp_path: Path, *properties: str) -> set[tuple[str, str]]:
    """Return the kinds and texts of a photo whose sidecar has these properties."""
    photo, sidecar = tmp_path / "a.jpg", tmp_path / "a.jpg.xmp"
    Image.fromarray(plain(1, 2, 3)).save(photo)
    sidecar.write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
        ' xmlns:digiKam="http://www.digikam.org/ns/1.0/"'
        ' xmlns:lr="http://ns.adobe.com/lightroom/1.0/">'
        f"{''.join(properties)}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    papers = read_papers(photo, [sidecar])
    found = settle(papers, DateRules(zone="UTC"), lambda _: None, datetime.now(UTC)).words
    return {(one.kind, one.text) for one in found}


def described(tag: str, text: str) -> str:
    item = f'<rdf:li xml:lang="x-default">{escape(text)}</rdf:li>'
    return f"<{tag}><rdf:Alt>{item}</rdf:Alt></{tag}>"


def listed(tag: str, *texts: str) -> str:
    items = "".join(f"<rdf:li>{escape(text)}</rdf:li>" for text in texts)
    return f"<{tag}><rdf:Seq>{items}</rdf:Seq></{tag}>"


def test_around_our_block_a_persons_words_are_read_alone(tmp_path: Path) -> None:
    found = words(
        tmp_path, described("dc:description", MARKED), described("tiff:ImageDescription", MARKED)
    )

    assert found == {("description", "Anna in Lisbon")}


def test_a_block_alone_says_nothing(tmp_path: Path) -> None:
    assert words(tmp_path, described("dc:description", with_block("", "A child."))) == set()


def test_a_block_that_a_program_cut_off_says_nothing(tmp_path: Path) -> None:
    cut = MARKED[: MARKED.index(BEGIN) + 30]

    assert words(tmp_path, described("dc:description", cut)) == {("description", "Anna in Lisbon")}


def test_a_person_who_speaks_of_the_mark_is_read_to_the_end(tmp_path: Path) -> None:
    text = f"Notes on {BEGIN} for grandma in Lisbon"

    assert words(tmp_path, described("dc:description", text)) == {("description", text)}


def test_our_tags_are_no_keywords_in_any_way_of_writing_them(tmp_path: Path) -> None:
    found = words(
        tmp_path,
        listed("digiKam:TagsList", "mediaindex/cake", "travel/Lisbon", "mediaindex"),
        listed("lr:hierarchicalSubject", "mediaindex|cake", "travel|Lisbon"),
        listed("dc:subject", "cake", "Lisbon", "mediaindex/cake"),
    )

    assert found == {("keyword", "travel"), ("keyword", "Lisbon")}


def test_a_persons_keyword_that_is_like_a_tag_of_ours_stays(tmp_path: Path) -> None:
    by_immich = listed("digiKam:TagsList", "mediaindex/cake")
    in_a_tree = listed("lr:hierarchicalSubject", "mediaindex|cake")

    flat = words(tmp_path, by_immich, listed("dc:subject", "cake"))
    told = words(tmp_path, listed("digiKam:TagsList", "mediaindex/cake", "cake"), in_a_tree)

    assert flat == told == {("keyword", "cake")}
