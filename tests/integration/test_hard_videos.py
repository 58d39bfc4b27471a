"""Videos as they come: HDR, interlaced, cut off, broken, black or oddly named."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mediaindex.errors import RetryLater, Unusable
from mediaindex.media.frames import read_frames
from mediaindex.media.scenes import FrameRules, KeptFrame
from mediaindex.media.video import probe_video
from mediaindex.types import RGB, VideoFacts
from tests.clips import run_ffmpeg
from tests.films import HEIGHT, HEVC, WIDTH, X264, film, number_of, numbered, remade
from tests.media import media_files, needs_media

USUAL = FrameRules()
BLACK = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
UNKNOWN = VideoFacts("mp4", 0, "h264", WIDTH, HEIGHT, 0, None)


def kept(path: Path, facts: VideoFacts | None = None) -> list[KeptFrame]:
    return list(read_frames(path, facts or probe_video(path), USUAL, 256))


def tile(frames: Sequence[KeptFrame], end_ms: int | None) -> bool:
    ends = [0, *(frame.end_ms for frame in frames)]
    starts = [*(frame.start_ms for frame in frames), end_ms or ends[-1]]
    return ends == starts and all(f.start_ms <= f.at_ms <= f.end_ms for f in frames)


def grey(code: int) -> RGB:
    return np.full((HEIGHT, WIDTH, 3), code, dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def long(folder: Path) -> Path:
    """Twenty scenes of one second each, what describes them before them."""
    scenes = (numbered(number, number // 10) for number in range(200))
    return film(folder / "long.mp4", scenes, *X264, "-g", "10", "-movflags", "faststart", rate=10)


@pytest.mark.parametrize(
    ("transfer", "white", "codec"),
    [("smpte2084", 148, HEVC), ("arib-std-b67", 191, HEVC), ("bt709", 255, X264)],
)
def test_diffuse_white_is_shown_nearly_white(
    folder: Path, transfer: str, white: int, codec: tuple[str, ...]
) -> None:
    # Next to it a part that is black, lest the picture be taken for blank.
    picture = grey(white)
    picture[:, WIDTH // 2 :] = 0
    primaries, matrix = ("bt709",) * 2 if transfer == "bt709" else ("bt2020", "bt2020nc")
    said = ("-color_primaries", primaries, "-color_trc", transfer, "-colorspace", matrix)
    converted = ("-vf", f"scale=out_color_matrix={matrix.removesuffix('nc')}", *said)
    deep = ("-pix_fmt", "yuv420p10le") if codec is HEVC else ()
    path = film(folder / f"{transfer}.mp4", [picture] * 3, *codec, *deep, *converted)

    (frame,) = kept(path)

    assert frame.pixels[:, : WIDTH // 2 - 8].mean() > 205
    assert frame.pixels[:, WIDTH // 2 + 8 :].mean() < 5


def test_interlaced_video_is_shown_without_combs(folder: Path) -> None:
    def bar(number: int) -> RGB:
        picture = grey(30)
        picture[:, number * 4 : number * 4 + 60] = 220
        return picture

    fields = ("-vf", "tinterlace=interleave_top", "-flags", "+ilme+ildct", "-q:v", "2")
    path = film(folder / "fields.mpg", map(bar, range(40)), "-c:v", "mpeg2video", *fields, rate=50)
    facts = probe_video(path)
    assert facts.is_interlaced

    frames = kept(path, facts)

    lines = np.asarray(frames[0].pixels, dtype=int)[8:-8]
    assert np.abs(lines[1:] - lines[:-1]).mean() < 1


@pytest.mark.parametrize("codec", [X264, HEVC], ids=["h264", "hevc"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_shortest_clip_gives_a_frame(folder: Path, codec: tuple[str, ...], count: int) -> None:
    path = film(folder / f"{count}.mp4", map(numbered, range(7, 7 + count)), *codec)

    frames = kept(path)

    assert number_of(frames[0].pixels) == 7
    assert (frames[0].at_ms, frames[0].start_ms) == (0, 0)


def test_clip_whose_only_keyframe_is_broken_gives_what_there_is(folder: Path) -> None:
    whole = film(folder / "whole.mp4", map(numbered, range(50)), *X264, "-g", "1000")
    held = bytearray(whole.read_bytes())
    start = held.index(b"mdat") + 800  # behind the encoder's own words
    held[start : start + 6000] = os.urandom(6000)
    path = folder / "no keyframe.mp4"
    path.write_bytes(held)
    video = read_frames(path, probe_video(path), USUAL, 256)

    frames = list(video)

    assert frames
    assert video.partial == "parts of it are damaged"


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
def test_video_that_is_cut_off_gives_what_it_has(folder: Path, long: Path, suffix: str) -> None:
    flags = ("-movflags", "faststart") if suffix == "mp4" else ()
    whole = remade(long, folder / f"whole.{suffix}", *flags)
    path = folder / f"half.{suffix}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    facts = probe_video(path)
    video = read_frames(path, facts, USUAL, 256)

    frames = list(video)

    assert 7 <= len(frames) <= 12
    assert tile(frames, facts.duration_ms)
    if suffix != "ts":  # which has no end of its own
        assert video.partial == "the file is cut off"


def test_hole_in_the_middle_costs_what_lay_there(folder: Path, long: Path) -> None:
    held = bytearray(long.read_bytes())
    middle = len(held) // 2
    held[middle : middle + len(held) // 20] = bytes(len(held) // 20)
    path = folder / "hole.mp4"
    path.write_bytes(held)
    video = read_frames(path, probe_video(path), USUAL, 256)

    frames = list(video)

    assert len(frames) >= 17
    assert tile(frames, 20_000)
    assert video.partial == "parts of it are damaged"


def half_an_ffmpeg(folder: Path, complaint: str) -> str:
    """Return a search path on which ffmpeg gives eight seconds, complains, and ends well."""
    program = folder / "ffmpeg"
    real = shutil.which("ffmpeg")
    program.write_text(f'#!/bin/sh\n{real} -t 8 "$@"\n{complaint}\n')
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_what_a_decoder_leaves_out_without_a_word_is_told(
    tmp_path: Path, long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", half_an_ffmpeg(tmp_path, ""))
    video = read_frames(long, probe_video(long), USUAL, 256)

    assert len(list(video)) == 8
    assert video.partial == "nothing can be decoded after 0:07"


def test_video_whose_disk_fails_midway_is_read_later(
    tmp_path: Path, long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaint = "echo 'Invalid data in it' >&2; echo 'film.mp4: Input/output error' >&2"
    facts = probe_video(long)
    monkeypatch.setenv("PATH", half_an_ffmpeg(tmp_path, complaint))
    frames = read_frames(long, facts, USUAL, 256)
    video = iter(frames)

    assert [next(video).at_ms for _ in range(6)] == list(range(0, 6000, 1000))
    with pytest.raises(RetryLater, match="Input/output error"):
        next(video)
    assert frames.partial is None


def test_sound_that_outlasts_the_picture_is_nothing_missed(folder: Path, long: Path) -> None:
    path = folder / "long sound.mkv"
    sound = ("-f", "lavfi", "-i", "sine=duration=40", "-map", "0", "-map", "1")
    run_ffmpeg("-i", long, *sound, "-c:v", "copy", "-c:a", "aac", path)
    video = read_frames(path, probe_video(path), USUAL, 256)

    assert list(video)[-1].end_ms == pytest.approx(40_000, abs=100)
    assert video.partial is None


def test_files_put_together_are_read_to_their_end(folder: Path, long: Path) -> None:
    once = remade(long, folder / "once.ts").read_bytes()
    path = folder / "twice.ts"
    path.write_bytes(once + once)

    frames = kept(path)

    assert frames[-1].at_ms > 30_000
    assert tile(frames, None)
    assert all(frame.start_ms < frame.end_ms for frame in frames)


def test_whole_video_is_not_called_partial(long: Path) -> None:
    video = read_frames(long, probe_video(long), USUAL, 256)

    assert len(list(video)) == 20
    assert video.partial is None


def test_video_without_its_table_is_unusable_and_says_why(folder: Path, long: Path) -> None:
    path = folder / "no moov.mp4"
    path.write_bytes(long.read_bytes().replace(b"moov", b"voom"))

    with pytest.raises(Unusable, match="moov atom not found"):
        kept(path, UNKNOWN)


def test_black_lead_gives_way_to_the_first_picture(folder: Path) -> None:
    pictures = [*[BLACK] * 15, *(numbered(number, 3) for number in range(40))]
    path = film(folder / "black lead.mp4", pictures, *X264)

    (frame,) = kept(path)

    assert 600 <= frame.at_ms <= 900
    assert (frame.start_ms, frame.end_ms) == (0, 2200)


def test_video_that_is_black_throughout_gives_one_frame(folder: Path) -> None:
    path = film(folder / "black.mp4", [BLACK] * 50, *X264, "-g", "10")

    (frame,) = kept(path)

    assert (frame.start_ms, frame.at_ms, frame.end_ms) == (0, 0, 2000)


@pytest.mark.parametrize(
    "name",
    [
        "-dash.mp4",
        "a b'c\"d.mp4",
        "line\nbreak.mp4",
        "http:host.mp4",
        "50%d.mp4",
        "[0:v],;=\\.mp4",
        b"\xff\xfe.mp4",
        "frame:0 pts:7 pts_time:7.mp4",
    ],
)
def test_any_name_is_read(folder: Path, long: Path, name: str | bytes) -> None:
    path = folder / os.fsdecode(name)
    path.write_bytes(long.read_bytes())

    assert len(kept(path)) == 20


def test_clip_inside_another_file_is_read_in_its_place(folder: Path, long: Path) -> None:
    path = folder / "motion.jpg"
    path.write_bytes(b"\xff\xd8" + bytes(5000) + long.read_bytes() + b"more")
    part = range(5002, 5002 + long.stat().st_size)

    frames = list(read_frames(path, probe_video(long), USUAL, 256, part=part))

    assert [number_of(frame.pixels) for frame in frames] == list(range(0, 200, 10))


def readers_of(path: Path) -> list[str]:
    """Return the processes that have a file's name in their command line."""
    running = Path("/proc").glob("[0-9]*/cmdline")
    return [process.parent.name for process in running if os.fsencode(path) in said(process)]


def said(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # it has ended
        return b""


def test_hardware_that_is_not_there_is_not_missed(long: Path) -> None:
    frames = list(read_frames(long, probe_video(long), USUAL, 256, hwaccel="auto"))

    assert len(frames) == 20


def test_hardware_of_a_wrong_name_is_told_of_once(
    long: Path, caplog: pytest.LogCaptureFixture
) -> None:
    facts = probe_video(long)

    counts = [len(list(read_frames(long, facts, USUAL, 256, hwaccel="vapi"))) for _ in range(2)]

    assert counts == [20, 20]
    told = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert told == ["hwaccel vapi decodes nothing here; the processor does it"]


def test_leaving_early_ends_the_decoder(long: Path) -> None:
    seen = 0
    for _ in read_frames(long, probe_video(long), USUAL, 256):
        seen = len(readers_of(long))
        break

    assert seen == 1
    assert readers_of(long) == []


def test_file_that_is_gone_is_read_later(folder: Path) -> None:
    with pytest.raises(RetryLater, match="No such file"):
        kept(folder / "gone.mp4", UNKNOWN)


@needs_media
@pytest.mark.parametrize(
    "path", [p for p in media_files("videos") if p.suffix != ".gif"], ids=lambda path: path.name
)
def test_real_video_gives_frames_that_tile_it(path: Path) -> None:
    facts = probe_video(path)
    frames = kept(path, facts)

    height, width = frames[0].pixels.shape[:2]
    assert abs(width / height - facts.width_px / facts.height_px) < 0.02
    assert frames[0].at_ms < 1000
    assert tile(frames, facts.duration_ms)
