"""What each format makes of a photo or video."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from mediaindex import exporting
from mediaindex.exporting import Mirror, OneFile
from mediaindex.exporting.formats.csv import guarded
from mediaindex.media.xmp import DC, OURS, read_xmp
from mediaindex.store.exports import Exported
from mediaindex.types import PersonWords
from tests.exports import a_moment, an_export, lying, said

PERSON = (
    PersonWords("description", "Oma in the garden", "xmp"),
    PersonWords("keyword", "family", "xmp"),
)
VIDEO = an_export(
    kind="video",
    moments=(a_moment(said("A dog.", "dog"), 0, 1200), a_moment(None, 1200, 4000)),
    summary=said("A dog and then nothing."),
)


def lines(found: Exported) -> list[dict[str, Any]]:
    made = exporting.load("jsonl")
    assert isinstance(made, OneFile)
    return [json.loads(line) for line in b"".join(made.lines(found)).splitlines()]


def rows(found: Exported) -> list[dict[str, str]]:
    made = exporting.load("csv")
    assert isinstance(made, OneFile)
    text = (made.head + b"".join(made.lines(found))).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def sidecar(found: Exported) -> bytes:
    made = exporting.load("xmp")
    assert isinstance(made, Mirror)
    content = made.content(found)
    assert content is not None
    return content


def texts(node: Element, tag: str) -> list[str]:
    return [found.text or "" for found in node.iter(tag)]


def test_formats_are_found_by_their_files() -> None:
    assert exporting.format_names() == ["alt-text", "csv", "jsonl", "xmp"]


@pytest.mark.parametrize("read", [lines, rows])
def test_video_has_a_line_for_its_summary_and_for_each_moment(read: Any) -> None:
    found = read(VIDEO)

    assert [line["type"] for line in found] == ["summary", "moment", "moment"]
    assert [str(line.get("start_ms", "")) for line in found] == ["", "0", "1200"]


def test_json_line_holds_people_and_machine_apart() -> None:
    taken = datetime(2019, 7, 4, 13, 30, tzinfo=UTC)
    photo = an_export(
        moments=(a_moment(said("A cake.", "cake", text="80", setting="garden")),),
        words=PERSON,
        taken_at=taken,
        taken_local=datetime(2019, 7, 4, 9, 0),
        taken_offset_min=-270,
    )

    (line,) = lines(photo)

    assert line["version"] == 1
    assert line["people"][0] == {
        "kind": "description",
        "text": "Oma in the garden",
        "source": "xmp",
    }
    assert line["machine"] == {
        "description": "A cake.",
        "tags": ["cake"],
        "text_in_image": "80",
        "setting": "garden",
        "model": "qwen3-vl:4b",
        "digest": "sha256:abc",
        "prompt_version": "7",
        "made_at": "2026-11-21T12:00:00+00:00",
    }
    assert line["taken_at"] == "2019-07-04T13:30:00+00:00"
    assert (line["taken_local"], line["taken_offset"]) == ("2019-07-04T09:00:00", "-04:30")


def test_json_line_stays_one_line_whatever_is_in_it() -> None:
    hostile = 'a\nb\u2028c\u2029d\x85e\x00f"g'
    photo = an_export(
        moments=(a_moment(said(hostile)),), files=(lying("\udcff \n.jpg"),), words=PERSON
    )
    made = exporting.load("jsonl")
    assert isinstance(made, OneFile)

    written = b"".join(made.lines(photo)).decode()

    assert len(written.splitlines()) == 1
    assert json.loads(written)["machine"]["description"] == hostile
    assert json.loads(written)["paths"] == ["/photos/\ufffd \n.jpg"]


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+49 30", "'+49 30"),
        ("-2 degrees", "'-2 degrees"),
        ("\t=1", "'=1"),
        ("\r=1", "\n'=1"),
        ("  =1", "'=1"),
        ("fine\n=1", "fine\n'=1"),
        ("dog; =1", "dog; '=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("a = b - c", "a = b - c"),
    ],
)
def test_no_cell_of_text_is_a_formula(cell: str, safe: str) -> None:
    assert guarded(cell) == safe


def test_every_text_of_a_row_is_guarded_and_numbers_stay_numbers() -> None:
    evil = "=cmd|' /C calc'!A0"
    photo = an_export(
        moments=(a_moment(said(evil, evil, text=evil, setting=evil)),),
        words=tuple(PersonWords(kind, evil, "xmp") for kind in ("title", "description", "keyword")),
        place=evil,
        camera=evil,
        latitude=-9.1,
        rating=-1,
    )

    (row,) = rows(photo)

    assert [name for name, cell in row.items() if cell.startswith("=")] == []
    assert row["title"] == row["machine_tags"] == row["camera"] == "'" + evil
    assert (row["latitude"], row["rating"]) == ("-9.1", "-1")


def test_csv_is_rfc_4180_and_says_that_it_is_utf_8() -> None:
    photo = an_export(moments=(a_moment(said('He said "é",\nand left')),))
    made = exporting.load("csv")
    assert isinstance(made, OneFile)

    assert made.head.startswith(b'\xef\xbb\xbf"type",')
    assert made.head.endswith(b"\r\n")
    assert b'"He said ""\xc3\xa9"",\nand left"' in b"".join(made.lines(photo))
    assert rows(photo)[0]["machine_description"] == 'He said "é",\nand left'


def as_others(packet: bytes) -> bytes:
    """Return a packet as whoever does not know our namespace reads it."""
    return packet.replace(OURS.encode(), b"urn:x-unknown/")


def test_words_that_a_model_said_do_not_come_back_as_a_person_s() -> None:
    photo = an_export(moments=(a_moment(said("A cake & <candles>.", "cake", "black/white")),))
    packet = sidecar(photo)
    # Another program kept ours and added what its user wrote.
    added = packet.replace(
        b"<rdf:li>cake</rdf:li>", b"<rdf:li>cake</rdf:li><rdf:li>Oma</rdf:li>", 1
    )

    assert read_xmp(packet, "sidecar").words == ()
    assert {words.text for words in read_xmp(added, "sidecar").words} == {"Oma"}
    assert read_xmp(sidecar(VIDEO), "sidecar").words == ()


def test_sidecar_is_read_by_other_programs() -> None:
    photo = an_export(moments=(a_moment(said("A cake & <candles>.", "cake", "black/white")),))

    facts = read_xmp(as_others(sidecar(photo)), "sidecar")

    words = {(words.kind, words.text) for words in facts.words}
    assert ("description", "A cake & <candles>.") in words
    assert {("keyword", "cake"), ("keyword", "black/white")} <= words
    assert facts.dates == ()
    assert facts.rating is None


def test_sidecar_never_stands_in_the_way_of_a_person() -> None:
    photo = an_export(moments=(a_moment(said("A cake.", "cake")),), words=PERSON)

    packet = sidecar(photo)

    assert read_xmp(packet, "sidecar").words == ()
    assert b"Oma" not in packet
    assert b"family" not in packet
    root = fromstring(packet)
    assert texts(root, "{urn:x-mediaindex:export:1.0/}description") == ["A cake."]
    assert root.find(f".//{{{DC}}}description") is None


def test_person_who_wrote_only_keywords_gets_a_description() -> None:
    photo = an_export(moments=(a_moment(said("A cake.", "cake")),), words=PERSON[1:])

    words = read_xmp(as_others(sidecar(photo)), "sidecar").words

    assert [(words.kind, words.text) for words in words] == [("description", "A cake.")]


def test_sidecar_leaves_out_what_xml_cannot_hold() -> None:
    photo = an_export(
        moments=(a_moment(said("A\x00 ca\x0bke\x1b[31m\ufffe.", "t\x08ag", text="a\x01\nb]]>")),)
    )

    root = fromstring(sidecar(photo))

    assert texts(root, "{urn:x-mediaindex:export:1.0/}textInImage") == ["a\nb]]>"]
    assert texts(root, "{urn:x-mediaindex:export:1.0/}description") == ["A cake[31m."]


def test_moments_of_a_video_are_markers() -> None:
    dm = "{http://ns.adobe.com/xmp/1.0/DynamicMedia/}"

    root = fromstring(sidecar(VIDEO))

    assert texts(root, dm + "frameRate") == ["f1000"]
    assert texts(root, dm + "startTime") == ["0"]
    assert texts(root, dm + "duration") == ["1200"]
    assert texts(root, dm + "comment") == ["A dog."]
    assert read_xmp(as_others(sidecar(VIDEO)), "sidecar").words[0].text == "A dog and then nothing."


@pytest.mark.parametrize("name", ["alt-text", "xmp"])
def test_nothing_is_written_of_what_nobody_said_anything(name: str) -> None:
    made = exporting.load(name)
    assert isinstance(made, Mirror)

    assert made.content(an_export(moments=(a_moment(None),))) is None
