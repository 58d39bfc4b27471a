"""What videos say of themselves, in the words of each phone and camera."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mediaindex.media.dates import DateRules
from mediaindex.media.metadata import read_papers, settle
from mediaindex.types import Metadata, Position
from tests.clips import make_clip
from tests.media import MEDIA, needs_media, read_metadata

RULES = DateRules(zone="Europe/Berlin")
PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="{title}"
  xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="{rating}"/></rdf:RDF></x:xmpmeta>"""


def tagged(path: Path, **tags: str) -> Path:
    """Make a clip with these tags; "__" stands for a dot of a name."""
    written = [
        word
        for name, text in tags.items()
        for word in ("-metadata", f"{name.replace('__', '.')}={text}")
    ]
    flags = ("-movflags", "use_metadata_tags") if path.suffix == ".mov" else ()
    return make_clip(path, "-frames:v", "1", *flags, *written)


def read(path: Path, *sidecars: Path) -> Metadata:
    return read_metadata(path, sidecars, RULES)


def words(found: Metadata) -> set[tuple[str, str]]:
    return {(word.kind, word.text) for word in found.words}


def test_iphone_tells_clock_zone_place_and_make(tmp_path: Path) -> None:
    clip = tagged(
        tmp_path / "IMG_0001.mov",
        creation_time="2021-07-04T13:30:12Z",
        com__apple__quicktime__creationdate="2021-07-04T08:30:12-0500",
        com__apple__quicktime__location__ISO6709="+38.7223-009.1393+045.200/",
        com__apple__quicktime__make="Apple",
        com__apple__quicktime__model="iPhone 12",
    )

    found = read(clip)

    assert found.taken is not None
    assert found.taken.utc == datetime(2021, 7, 4, 13, 30, 12, tzinfo=UTC)
    assert found.taken.local == datetime(2021, 7, 4, 8, 30, 12)
    assert (found.taken.offset_min, found.taken.source) == (-300, "exif")
    assert found.position == Position(38.7223, -9.1393, 45.2)
    assert (found.camera_make, found.camera_model) == ("Apple", "iPhone 12")


def test_zone_of_the_place_beats_the_zone_as_written(tmp_path: Path) -> None:
    clip = tagged(
        tmp_path / "a.mov",
        com__apple__quicktime__creationdate="2021-07-04T15:30:12+0200",
        com__apple__quicktime__location__ISO6709="+38.7223-009.1393/",
    )

    taken = settle(read_papers(clip, []), RULES, lambda _: "Europe/Lisbon", datetime.now(UTC)).taken

    assert taken is not None
    assert (taken.local, taken.offset_min) == (datetime(2021, 7, 4, 14, 30, 12), 60)


def test_android_tells_utc_inside_and_the_wall_clock_in_the_name(tmp_path: Path) -> None:
    clip = tagged(
        tmp_path / "VID_20210704_083012.mp4",
        creation_time="2021-07-04T13:30:12Z",
        location="+38.7223-009.1393/",
    )

    found = read(clip)

    assert found.taken is not None
    assert found.taken.utc == datetime(2021, 7, 4, 13, 30, 12, tzinfo=UTC)
    assert (found.taken.local, found.taken.offset_min) == (datetime(2021, 7, 4, 8, 30, 12), -300)
    assert found.position == Position(38.7223, -9.1393)


def test_clock_in_utc_alone_is_shown_at_home(tmp_path: Path) -> None:
    taken = read(tagged(tmp_path / "a.mp4", creation_time="2021-07-04T13:30:12Z")).taken

    assert taken is not None
    assert (taken.local, taken.offset_min) == (datetime(2021, 7, 4, 15, 30, 12), None)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "avi", "wmv"])
def test_words_and_size_are_read_from_every_container(tmp_path: Path, suffix: str) -> None:
    found = read(tagged(tmp_path / f"a.{suffix}", title="Anna's birthday"))

    assert words(found) == {("title", "Anna's birthday")}
    assert (found.width_px, found.height_px) == (64, 48)
    assert found.video is not None
    assert found.duration_ms == found.video.duration_ms


def test_video_without_a_clock_is_dated_by_its_name(tmp_path: Path) -> None:
    taken = read(tagged(tmp_path / "VID-20210704-WA0001.mp4")).taken

    assert taken is not None
    assert (taken.local.date().isoformat(), taken.source) == ("2021-07-04", "name")


def test_sidecars_of_videos_are_read(tmp_path: Path) -> None:
    clip = tagged(tmp_path / "a.mp4", title="As shot")
    takeout = tmp_path / "a.mp4.json"
    takeout.write_text('{"description": "In the garden", "photoTakenTime": {"timestamp": "1"}}')
    beside = tmp_path / "a.xmp"
    beside.write_text(PACKET.format(title="By hand", rating=5))

    found = read(clip, takeout, beside)

    assert words(found) >= {("title", "By hand"), ("description", "In the garden")}
    assert found.rating == 5


def test_xmp_inside_a_video_is_read(tmp_path: Path) -> None:
    clip = tagged(tmp_path / "a.mp4")
    packet = PACKET.format(title="By a program", rating=3).encode()
    box = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + packet
    with clip.open("ab") as file:
        file.write((8 + len(box)).to_bytes(4, "big") + b"uuid" + box)

    found = read(clip)

    assert words(found) == {("title", "By a program")}
    assert found.rating == 3
    assert found.video is not None
    assert "xmp" not in found.video.tags


def test_broken_video_still_has_a_date_and_its_sidecars(tmp_path: Path) -> None:
    clip = tmp_path / "VID_20210704_083012.mp4"
    clip.write_bytes(b"\0\0\0\x18ftypisom" + bytes(1000))
    beside = tmp_path / "a.xmp"
    beside.write_text(PACKET.format(title="By hand", rating=5))

    found = read(clip, beside)

    assert found.taken is not None
    assert found.taken.source == "name"
    assert words(found) == {("title", "By hand")}
    assert found.video is None


@needs_media
def test_real_video_tells_when_it_was_taken() -> None:
    found = read(MEDIA / "videos" / "realshort.mp4")

    assert found.taken is not None
    assert found.taken.utc == datetime(2014, 11, 5, 13, 51, 33, tzinfo=UTC)
    assert (found.duration_ms, found.width_px, found.height_px) == (1199, 320, 240)
