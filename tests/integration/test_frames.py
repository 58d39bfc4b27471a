"""Frames of real videos: each with its own time, upright, and never none."""

from pathlib import Path

import numpy as np
import pytest

from mediaindex.media.frames import read_frames
from mediaindex.media.scenes import FrameRules, KeptFrame
from mediaindex.media.video import probe_video
from mediaindex.types import RGB
from tests.clips import run_ffmpeg, turn
from tests.films import HEVC, X264, film, number_of, numbered

ALL = FrameRules(min_gap_s=0, max_gap_s=1, base_frames=10_000)
"""Every frame that is looked at, where all differ."""

USUAL = FrameRules()


def kept(path: Path, rules: FrameRules = ALL, start_ms: int = 0) -> list[KeptFrame]:
    return list(read_frames(path, probe_video(path), rules, 256, start_ms))


def tile(frames: list[KeptFrame], end_ms: int) -> bool:
    ends = [0, *(frame.end_ms for frame in frames)]
    starts = [*(frame.start_ms for frame in frames), end_ms]
    return ends == starts and all(f.start_ms <= f.at_ms <= f.end_ms for f in frames)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def hundred(folder: Path) -> Path:
    """Four seconds, a keyframe every twelve frames, B-frames; every frame says its number."""
    options = ("-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-sc_threshold", "0")
    return film(folder / "hundred.mp4", map(numbered, range(100)), *options, "-pix_fmt", "yuv420p")


@pytest.fixture(scope="module")
def twenty_s(folder: Path) -> Path:
    """Without sound; every frame says its number."""
    return film(folder / "twenty seconds.mkv", map(numbered, range(500)), *X264, "-g", "12")


VERY_FAST = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
"""With B-frames on which others build."""

KINDS = {
    "keyframes.mp4": (*X264, "-g", "10"),
    "one keyframe.mp4": (*X264, "-g", "1000", "-sc_threshold", "0", "-bf", "2"),
    "open gop.mp4": (*VERY_FAST, "-x264-params", "keyint=25:open-gop=1:scenecut=0"),
    "hevc.mov": (*HEVC, "-tag:v", "hvc1"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "20"),
    "mpeg2.mpg": ("-c:v", "mpeg2video", "-q:v", "2", "-g", "12", "-bf", "2"),
    "offset.ts": (*X264, "-bf", "2", "-g", "12"),
    "motion jpeg.avi": ("-c:v", "mjpeg", "-q:v", "2"),
    "late.mkv": (*X264, "-output_ts_offset", "3"),
}


@pytest.mark.parametrize("name", KINDS)
def test_at_ms_is_the_time_of_the_very_frame(folder: Path, name: str) -> None:
    frames = kept(film(folder / name, map(numbered, range(75)), *KINDS[name]))

    assert len(frames) >= 5
    assert [frame.at_ms for frame in frames] == [40 * number_of(f.pixels) for f in frames]
    assert frames[0].at_ms == 0
    assert tile(frames, frames[-1].end_ms)
    assert frames[-1].at_ms >= 2500
    assert frames[-1].end_ms == pytest.approx(3000, abs=50)
    rest = kept(folder / name, start_ms=frames[2].start_ms)
    assert [(f.at_ms, number_of(f.pixels)) for f in rest] == [
        (f.at_ms, number_of(f.pixels)) for f in frames[2:]
    ]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "mpg", "ogv"])
def test_picture_that_begins_after_the_sound_has_its_time(
    folder: Path, twenty_s: Path, suffix: str
) -> None:
    codec = {"mpg": ("-c:v", "mpeg2video"), "ogv": ("-c:v", "libtheora")}.get(suffix, X264)
    sound = {"mpg": "mp2", "ogv": "libvorbis"}.get(suffix, "aac")
    path = folder / f"late picture.{suffix}"
    heard = ("-f", "lavfi", "-i", "sine=duration=23", "-itsoffset", "3", "-i", twenty_s)
    encoded = ("-g", "12", "-q:v", "4", *codec, "-fps_mode", "passthrough", "-c:a", sound)
    run_ffmpeg(*heard, *encoded, path)
    facts = probe_video(path)

    frames = kept(path)

    from_ms = 3000 if suffix != "mpg" else frames[0].at_ms  # its muxer shifts the picture
    expected = [from_ms + 40 * number_of(f.pixels) for f in frames]
    assert [frame.at_ms for frame in frames] == pytest.approx(expected, abs=30)
    assert abs(frames[0].at_ms - facts.picture_after_ms) <= 30
    assert facts.picture_after_ms == pytest.approx(3000, abs=500)
    assert tile(frames, max(facts.duration_ms or 0, frames[-1].end_ms))
    for done in (3, len(frames) // 2, len(frames) - 4):
        rest = kept(path, start_ms=frames[done].start_ms)
        assert [f.at_ms for f in rest] == [f.at_ms for f in frames[done:]]
        assert [number_of(f.pixels) for f in rest] == [number_of(f.pixels) for f in frames[done:]]


def test_frames_that_stand_differently_long_have_their_times(folder: Path) -> None:
    some = "select='not(between(mod(n,20),3,14))'"
    options = ("-vf", some, "-fps_mode", "passthrough", "-enc_time_base", "1/1000", *X264)
    path = film(folder / "variable.mp4", map(numbered, range(120)), *options, rate=30)

    frames = kept(path)

    shown = [number_of(frame.pixels) for frame in frames]
    assert all(number % 20 < 3 or number % 20 > 14 for number in shown)
    assert [frame.at_ms for frame in frames] == pytest.approx([n * 1000 / 30 for n in shown], abs=1)
    assert len(frames) >= 6


def test_work_goes_on_where_it_was_broken_off(hundred: Path) -> None:
    whole = kept(hundred)
    for done in (1, 3, len(whole) - 1):
        rest = kept(hundred, start_ms=whole[done - 1].end_ms)

        assert [(f.start_ms, f.at_ms, f.end_ms) for f in rest] == [
            (f.start_ms, f.at_ms, f.end_ms) for f in whole[done:]
        ]
        assert [number_of(f.pixels) for f in rest] == [number_of(f.pixels) for f in whole[done:]]


@pytest.mark.parametrize(
    ("options", "exact_ms"),
    [(VERY_FAST, 0), ((*X264, "-sc_threshold", "0"), 280)],
    ids=["a keyframe at each cut", "one keyframe"],
)
def test_spans_begin_at_cuts(folder: Path, options: tuple[str, ...], exact_ms: int) -> None:
    lengths = (50, 80, 33, 60, 45)
    scenes = np.repeat(np.arange(len(lengths)), lengths)
    pictures = (numbered(number, int(scene)) for number, scene in enumerate(scenes))
    path = film(folder / f"cuts {exact_ms}.mp4", pictures, *options)

    frames = kept(path, USUAL)

    cuts_ms = [0, *(40 * np.cumsum(lengths)[:-1]).tolist()]
    late = np.asarray([frame.start_ms for frame in frames]) - cuts_ms
    assert (late >= 0).all()
    assert late.max() <= exact_ms
    assert tile(frames, 40 * len(scenes))


CORNERS: RGB = (
    np.asarray([[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (255, 255, 255)]], dtype=np.uint8)
    .repeat(64, axis=0)
    .repeat(96, axis=1)
)
"""Red and green above, blue and white below; 192 wide, 128 high."""


def corners(picture: RGB) -> list[tuple[bool, ...]]:
    height, width = picture.shape[:2]
    places = [(y, x) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    return [tuple((picture[place] > 127).tolist()) for place in places]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_frames_are_upright(folder: Path, degrees: int) -> None:
    lying = np.rot90(CORNERS, degrees // 90)  # against the clock
    path = film(folder / f"turned {degrees}.mov", [np.ascontiguousarray(lying)] * 5, *X264)
    turn(path, degrees)

    (frame,) = kept(path, USUAL)

    assert frame.pixels.shape == CORNERS.shape
    assert corners(frame.pixels) == corners(CORNERS)


def test_pixels_that_are_not_square_are_made_so(folder: Path) -> None:
    path = film(folder / "wide.mp4", [CORNERS] * 3, *X264, "-vf", "setsar=2/1")

    (frame,) = kept(path, USUAL)

    assert frame.pixels.shape == (85, 256, 3)
    assert corners(frame.pixels) == corners(CORNERS)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (33, 17), (301, 7), (2, 200)])
def test_odd_sizes_are_read(folder: Path, width: int, height: int) -> None:
    picture = np.full((height, width, 3), (200, 30, 30), dtype=np.uint8)
    path = film(folder / f"{width}x{height}.mkv", [picture] * 2, "-c:v", "ffv1")

    (frame,) = kept(path)

    assert max(frame.pixels.shape[:2]) == min(256, max(width, height))
    assert abs(int(frame.pixels[0, 0, 0]) - 200) < 12


def test_stream_that_changes_its_size_is_read_to_its_end(folder: Path) -> None:
    later = ("-output_ts_offset", "1")
    small = film(folder / "small.ts", map(numbered, range(25)), *X264, "-s", "128x144")
    large = film(folder / "large.ts", map(numbered, range(25, 50)), *X264, "-g", "12", *later)
    path = folder / "both.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())

    frames = kept(path)

    assert [frame.at_ms for frame in frames] == [40 * number_of(f.pixels) for f in frames]
    assert frames[-1].at_ms > 1900
