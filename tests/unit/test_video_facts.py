"""What is made of ffprobe's words, those that no file at hand calls forth among them."""

from typing import Any

import pytest

from mediaindex.errors import Unusable
from mediaindex.media.video import facts_of
from mediaindex.types import VideoFacts

PICTURE = {"codec_type": "video", "codec_name": "hevc", "width": 1920, "height": 1080}
SOUND = {"codec_type": "audio", "codec_name": "aac"}


def facts(*streams: Any, **whole: Any) -> VideoFacts:
    numbered = [{"index": number, **stream} for number, stream in enumerate(streams)]
    return facts_of({"streams": numbered, "format": whole}, "mp4")


def test_dolby_vision_without_a_plain_picture_is_hdr() -> None:
    sides = [{"side_data_type": "DOVI configuration record", "dv_profile": 5}]

    colour = facts({**PICTURE, "side_data_list": sides}).colour

    assert (colour.dolby_vision_profile, colour.is_hdr) == (5, True)


def test_dolby_vision_upon_a_plain_picture_is_as_bright_as_that() -> None:
    sides = [{"side_data_type": "DOVI configuration record", "dv_profile": 8}]

    colour = facts({**PICTURE, "side_data_list": sides, "color_transfer": "bt709"}).colour

    assert (colour.dolby_vision_profile, colour.is_hdr) == (8, False)


@pytest.mark.parametrize(("turn", "clockwise"), [(-90, 90), (90, 270), (180, 180), (-180, 180)])
def test_turns_are_counted_clockwise(turn: int, clockwise: int) -> None:
    sides = [{"side_data_type": "Display Matrix", "rotation": turn}]

    found = facts({**PICTURE, "side_data_list": sides})

    assert found.rotation_deg == clockwise
    assert found.width_px == (1920 if clockwise == 180 else 1080)


@pytest.mark.parametrize(
    "duration", ["N/A", "-5", "0.000000", "inf", "nan", "9223372036854.775807", None, {}]
)
def test_length_that_cannot_be_is_not_known(duration: object) -> None:
    assert facts(PICTURE, duration=duration).duration_ms is None


def test_length_of_the_pictures_stands_in_for_that_of_the_file() -> None:
    assert facts({**PICTURE, "duration": "2.5"}, duration="N/A").duration_ms == 2500


@pytest.mark.parametrize(
    ("average", "step", "rate", "is_variable"),
    [
        ("30000/1001", "30000/1001", 29.97, False),
        ("14985/500", "30/1", 29.97, False),
        ("27/1", "30/1", 27.0, True),
        ("0/0", "25/1", 25.0, False),
        ("0/0", "90000/1", None, False),
        ("0/0", "0/0", None, False),
    ],
)
def test_rate_is_the_average(
    average: str, step: str, rate: float | None, is_variable: bool
) -> None:
    found = facts({**PICTURE, "avg_frame_rate": average, "r_frame_rate": step})

    assert found.frames_per_s == (None if rate is None else pytest.approx(rate, abs=0.001))
    assert found.has_variable_rate == is_variable


@pytest.mark.parametrize("mark", ["attached_pic", "timed_thumbnails", "still_image"])
def test_stills_beside_the_video_are_not_it(mark: str) -> None:
    still = {**PICTURE, "width": 4000, "height": 3000, "disposition": {mark: 1}}

    assert facts(SOUND, still, PICTURE).stream == 2


def test_default_picture_beats_a_larger_one() -> None:
    large = {**PICTURE, "width": 4000, "height": 3000}

    assert facts(large, {**PICTURE, "disposition": {"default": 1}}).stream == 1


@pytest.mark.parametrize(
    ("streams", "reason"),
    [
        ([], "no moving picture"),
        ([SOUND], "sound alone"),
        ([{"codec_type": "data"}], "no moving picture"),
        ([{**PICTURE, "width": 0, "height": 0}, SOUND], "no frame can be found"),
    ],
)
def test_what_is_no_video_says_why(streams: list[Any], reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        facts(*streams)


@pytest.mark.parametrize("said", [{}, {"streams": None}, {"streams": [3, None]}, {"format": []}])
def test_words_of_another_form_are_no_video(said: dict[str, Any]) -> None:
    with pytest.raises(Unusable):
        facts_of(said, "mp4")


def test_tags_of_the_file_come_before_those_of_the_stream() -> None:
    stream = {**PICTURE, "tags": {"TITLE": "of the stream", "handler_name": "GoPro AVC"}}

    found = facts(stream, tags={"title": "of the file", "odd": 5})

    assert found.tags == {"title": "of the file", "handler_name": "GoPro AVC"}


@pytest.mark.parametrize(
    ("container", "writer", "duration_ms"),
    [
        ("matroska,webm", "Lavf59.27.100", 20_000),
        ("matroska,webm", "libebml v1.4.4 + libmatroska v1.7.1", 27_000),
        ("mov,mp4,m4a,3gp,3g2,mj2", "Lavf59.27.100", 27_000),
    ],
)
def test_duration_is_counted_from_the_first_moment(
    container: str, writer: str, duration_ms: int
) -> None:
    times = {"start_time": "7.000000", "duration": "27.000000", "tags": {"ENCODER": writer}}

    assert facts(PICTURE, format_name=container, **times).duration_ms == duration_ms
