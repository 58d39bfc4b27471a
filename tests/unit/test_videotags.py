from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mediaindex.media.dates import Stamp
from mediaindex.media.exif import ExifFacts
from mediaindex.media.videotags import read_tags
from mediaindex.types import Position, VideoFacts

AT = "2021-07-04T13:30:12.000000Z"


def read(
    tags: Mapping[str, str], name: str = "MOVIE.mp4", minutes: int = 1, container: str = "mp4"
) -> ExifFacts:
    video = VideoFacts(
        container=container,
        stream=0,
        video_codec="h264",
        width_px=64,
        height_px=48,
        rotation_deg=0,
        duration_ms=minutes * 60_000,
        tags=tags,
    )
    return read_tags(video, name)


def facts(**tags: str) -> ExifFacts:
    """Read tags; "__" stands for a dot of a name."""
    return read({tag.replace("__", "."): text for tag, text in tags.items()})


def wall(text: str, offset_min: int | None = None) -> Stamp:
    at = datetime.fromisoformat(text)
    zone = None if offset_min is None else timezone(timedelta(minutes=offset_min))
    return Stamp(at.replace(tzinfo=zone))


UTC_STAMP = Stamp(datetime(2021, 7, 4, 13, 30, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("name", "stamp"),
    [
        ("VID_20210704_083012.mp4", wall("2021-07-04T08:30:12", -300)),
        ("20210704_190010.mp4", wall("2021-07-04T19:00:10", 330)),
        # The same in both: a wall clock that is called UTC.
        ("VID_20210704_133012.mp4", wall("2021-07-04T13:30:12")),
        # Pixel phones name by UTC.
        ("PXL_20210704_133010123.mp4", UTC_STAMP),
        # Names that fit no zone, or tell a day only, say nothing of the clock inside.
        ("VID_20190101_000000.mp4", UTC_STAMP),
        ("VID-20210704-WA0001.mp4", UTC_STAMP),
        ("MOVIE.mp4", UTC_STAMP),
    ],
)
def test_name_tells_the_zone_of_a_clock_in_utc(name: str, stamp: Stamp) -> None:
    assert read({"creation_time": AT}, name).dates == (stamp,)


def test_clock_written_at_the_end_is_that_of_the_beginning() -> None:
    found = read({"creation_time": AT}, "VID_20210704_144012.mp4", minutes=50)

    assert found.dates == (wall("2021-07-04T14:40:12", 120),)


def test_samsung_tells_its_offset() -> None:
    found = facts(creation_time=AT, com__samsung__android__utc_offset="+0200")

    assert found.dates == (wall("2021-07-04T15:30:12", 120),)


@pytest.mark.parametrize(
    "tags",
    [
        {"handler_name": "\tGoPro AVC"},
        {"compatible_brands": "mp42avc1CAEP"},
        {"major_brand": "niko"},
        {"make": "NIKON CORPORATION"},
    ],
)
def test_cameras_call_their_wall_clock_utc(tags: dict[str, str]) -> None:
    assert read({"creation_time": AT, **tags}).dates == (wall("2021-07-04T13:30:12"),)


@pytest.mark.parametrize(
    "never_set", ["1904-01-01T00:00:00.000000Z", "1970-01-01T00:00:01Z", "1980-01-01T08:00:00Z"]
)
def test_clock_that_was_never_set_tells_nothing(never_set: str) -> None:
    found = facts(creation_time=never_set, com__apple__quicktime__creationdate=never_set)

    assert found.dates == ()


def test_apples_clock_comes_first() -> None:
    found = facts(
        creation_time=AT,
        date="2022",
        com__apple__quicktime__creationdate="2021-07-04T15:30:12+0200",
    )

    assert found.dates[0] == wall("2021-07-04T15:30:12", 120)
    assert [stamp.at.year for stamp in found.dates] == [2021, 2021, 2022]


def test_date_with_its_zone_outranks_the_container() -> None:
    found = facts(creation_time=AT, date="2021-07-04T15:30:12+0200")

    assert found.dates == (wall("2021-07-04T15:30:12", 120), UTC_STAMP)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("+38.7223-009.1393+045.200/", Position(38.7223, -9.1393, 45.2)),
        ("+52.5000+013.4000/", Position(52.5, 13.4)),
        ("+27.5916+086.5640+8850CRSWGS_84/", Position(27.5916, 86.5640, 8850.0)),
        ("-33-070/", Position(-33.0, -70.0)),
        ("+4030.6-07401.2/", Position(40.51, -74.02)),
        ("+403036.0-0740112.0/", Position(40.51, -74.02)),
    ],
)
def test_place_is_told_as_iso_6709(text: str, position: Position) -> None:
    found = facts(location=text).position

    assert found is not None
    assert (found.latitude, found.longitude) == pytest.approx(
        (position.latitude, position.longitude)
    )
    assert found.altitude_m == position.altitude_m


@pytest.mark.parametrize("text", ["+00.0000+000.0000/", "+91.0+000.1/", "52.5,13.4", "Lisbon", ""])
def test_place_that_cannot_be_is_left_out(text: str) -> None:
    assert facts(location=text).position is None


def test_words_of_a_person_are_kept_and_those_of_programs_not() -> None:
    found = facts(
        title="Anna's birthday",
        comment="Created with HandBrake 1.5",
        description="https://example.org/watch?v=1",
        synopsis="The cake\ncomes in",
        keywords="cake, party;  ",
        encoder="Lavf59",
    )

    assert [(word.kind, word.text, word.source) for word in found.words] == [
        ("title", "Anna's birthday", "tags"),
        ("description", "The cake comes in", "tags"),
        ("keyword", "cake", "tags"),
        ("keyword", "party", "tags"),
    ]


@pytest.mark.parametrize(
    ("container", "tags", "rating"),
    [
        ("mov", {"com.apple.quicktime.rating.user": "4.0"}, 4),
        ("mkv", {"rating": "3.4"}, 3),
        # Here it says whether the film is fit for children.
        ("mp4", {"rating": "2"}, None),
        ("wmv", {"wm/shareduserrating": "75"}, 4),
        ("wmv", {"wm/shareduserrating": "99"}, 5),
        ("mkv", {"rating": "PG-13"}, None),
        ("mkv", {"rating": "٣"}, None),
    ],
)
def test_rating_is_a_persons(container: str, tags: dict[str, str], rating: int | None) -> None:
    assert read(tags, container=container).rating == rating


def test_android_names_its_maker() -> None:
    found = facts(com__android__manufacturer="Google", com__android__model="Pixel 6")

    assert (found.make, found.model) == ("Google", "Pixel 6")


def test_tags_of_blanks_are_none() -> None:
    found = facts(title="   ", make="\0", comment=" ")

    assert (found.words, found.make) == ((), None)
