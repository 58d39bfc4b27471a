import os
from pathlib import Path

import pytest

from mediaindex.errors import RetryLater, Unusable
from mediaindex.media.ffmpeg import RunLimits
from mediaindex.media.video import probe_video
from tests.clips import make_clip, run_ffmpeg, turn
from tests.media import MEDIA, media_files, needs_media

TONE = "sine=duration=1"


@pytest.mark.parametrize(
    ("suffix", "container", "codec"),
    [
        ("mp4", "mp4", "libx264"),
        ("mov", "mov", "mpeg4"),
        ("mkv", "mkv", "libx265"),
        ("webm", "webm", "libvpx"),
        ("avi", "avi", "mpeg4"),
        ("ts", "mpegts", "mpeg2video"),
        ("mpg", "mpeg", "mpeg2video"),
        ("wmv", "wmv", "wmv2"),
        ("flv", "flv", "flv1"),
        ("ogv", "ogv", "libtheora"),
    ],
)
def test_every_container_tells_its_size_and_length(
    tmp_path: Path, suffix: str, container: str, codec: str
) -> None:
    source = "testsrc2=size=64x48:rate=25:duration=1"
    clip = make_clip(tmp_path / f"a.{suffix}", "-c:v", codec, picture=source)

    facts = probe_video(clip)

    assert (facts.container, facts.width_px, facts.height_px) == (container, 64, 48)
    assert facts.duration_ms is not None
    # MPEG program streams stamp some frames only.
    assert abs(facts.duration_ms - 1000) <= 300
    assert facts.frames_per_s == pytest.approx(25)
    assert facts.audio_codec is None
    assert facts.partial is None


@pytest.mark.parametrize(("degrees", "size"), [(0, (64, 48)), (90, (48, 64)), (180, (64, 48))])
def test_turned_video_has_the_size_of_the_upright_picture(
    tmp_path: Path, degrees: int, size: tuple[int, int]
) -> None:
    facts = probe_video(turn(make_clip(tmp_path / "a.mp4"), degrees))

    assert facts.rotation_deg == degrees
    assert (facts.width_px, facts.height_px) == size


def test_turn_comes_after_the_shape_of_the_pixels(tmp_path: Path) -> None:
    clip = turn(make_clip(tmp_path / "a.mp4", "-vf", "setsar=3/2"), 270)

    facts = probe_video(clip)

    assert (facts.rotation_deg, facts.width_px, facts.height_px) == (270, 48, 96)


def test_shape_of_pixels_that_cannot_be_is_passed_over(tmp_path: Path) -> None:
    facts = probe_video(make_clip(tmp_path / "a.mp4", "-vf", "setsar=1/1000"))

    assert (facts.width_px, facts.height_px) == (64, 48)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_pq_and_hlg_are_hdr(tmp_path: Path, transfer: str) -> None:
    marks = ("-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc")
    facts = probe_video(make_clip(tmp_path / "a.mp4", *marks))

    assert facts.colour.is_hdr
    assert (facts.colour.primaries, facts.colour.transfer) == ("bt2020", transfer)
    assert facts.colour.matrix == "bt2020nc"


def test_plain_colours_are_not_hdr(tmp_path: Path) -> None:
    colour = probe_video(make_clip(tmp_path / "a.mp4", "-colorspace", "bt709")).colour

    assert not colour.is_hdr
    assert (colour.matrix, colour.is_full_range) == ("bt709", False)


def test_interlaced_video_is_told(tmp_path: Path) -> None:
    fields = ("-vf", "tinterlace=interleave_top,fieldorder=tff", "-flags", "+ilme+ildct")
    source = "testsrc2=size=64x48:rate=50:duration=1"

    facts = probe_video(make_clip(tmp_path / "a.mp4", *fields, picture=source))

    assert facts.is_interlaced
    assert not facts.has_variable_rate


def test_variable_rate_is_told(tmp_path: Path) -> None:
    dropped = ("-vf", r"select=not(mod(n\,3))+lt(n\,10)", "-vsync", "vfr")
    source = "testsrc2=size=64x48:rate=25:duration=2"

    facts = probe_video(make_clip(tmp_path / "a.mp4", *dropped, picture=source))

    assert facts.has_variable_rate
    assert facts.frame_count == 23


def test_clip_of_one_frame_has_a_length(tmp_path: Path) -> None:
    facts = probe_video(make_clip(tmp_path / "a.mp4", "-frames:v", "1"))

    assert (facts.frame_count, facts.duration_ms) == (1, 100)


def test_first_moment_is_where_the_container_begins(tmp_path: Path) -> None:
    facts = probe_video(make_clip(tmp_path / "a.ts", "-muxdelay", "0.7"))

    assert facts.start_ms == 1400


def test_sound_is_told(tmp_path: Path) -> None:
    facts = probe_video(make_clip(tmp_path / "a.mp4", sound=TONE))

    assert facts.audio_codec == "aac"


def test_larger_of_two_pictures_is_the_video(tmp_path: Path) -> None:
    small = make_clip(tmp_path / "small.mp4")
    large = make_clip(tmp_path / "large.mp4", "-vf", "scale=128:96")
    both = tmp_path / "both.mkv"
    mapped = ("-map", "0", "-map", "1", "-c", "copy", "-disposition", "0")
    run_ffmpeg("-i", small, "-i", large, *mapped, both)

    facts = probe_video(both)

    assert (facts.stream, facts.width_px) == (1, 128)


def test_length_that_no_header_tells_is_measured(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "whole.webm", "-c:v", "libvpx")
    live = tmp_path / "live.webm"
    run_ffmpeg("-i", clip, "-c", "copy", "-live", "1", live)

    facts = probe_video(live)

    assert facts.duration_ms is not None
    assert abs(facts.duration_ms - 1000) <= 100


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    song = tmp_path / "song.mp4"
    run_ffmpeg("-f", "lavfi", "-i", TONE, song)

    with pytest.raises(Unusable, match="holds sound alone, no moving picture"):
        probe_video(song)


def test_cover_of_a_song_is_no_video(tmp_path: Path) -> None:
    cover = tmp_path / "cover.png"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48", "-frames:v", "1", cover)
    song = tmp_path / "song.mp4"
    covered = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    run_ffmpeg("-f", "lavfi", "-i", TONE, "-i", cover, *covered, song)

    with pytest.raises(Unusable, match="sound and a cover"):
        probe_video(song)


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp4", "libx264"), ("mkv", "libx264"), ("avi", "mpeg4")]
)
def test_cut_off_video_tells_what_it_can(tmp_path: Path, suffix: str, codec: str) -> None:
    clip = make_clip(tmp_path / f"a.{suffix}", "-c:v", codec, "-movflags", "+faststart")
    os.truncate(clip, clip.stat().st_size * 2 // 3)

    facts = probe_video(clip)

    assert facts.partial == "the file is cut off"
    assert (facts.width_px, facts.height_px) == (64, 48)


def test_video_without_its_index_says_that_it_is_cut_off(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4")
    os.truncate(clip, clip.stat().st_size * 2 // 3)

    with pytest.raises(Unusable, match="cut off"):
        probe_video(clip)


def test_rubbish_behind_a_good_beginning_is_unusable(tmp_path: Path) -> None:
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0isommp41" + bytes(range(256)) * 20)

    with pytest.raises(Unusable):
        probe_video(clip)


def test_photo_is_no_video(tmp_path: Path) -> None:
    clip = tmp_path / "a.mp4"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48", "-frames:v", "1", "-f", "mjpeg", clip)

    with pytest.raises(Unusable, match="holds no video"):
        probe_video(clip)


def test_file_that_is_gone_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(RetryLater):
        probe_video(tmp_path / "gone.mp4")


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.mp4")

    with pytest.raises(Unusable, match="no regular file"):
        probe_video(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    "name", ['it\'s a "clip".mp4', "-i.mp4", "two\nlines.mp4", "concat:a|b.mp4", "100%d.mp4"]
)
def test_strange_names_are_names(tmp_path: Path, name: str) -> None:
    clip = make_clip(tmp_path / "plain.mp4").rename(tmp_path / name)

    assert probe_video(clip).width_px == 64


def test_name_that_is_no_text_is_a_name(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    clip = make_clip(tmp_path / "plain.mp4").rename(tmp_path / name)

    assert probe_video(clip).width_px == 64


def test_probe_ends_at_its_limit(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4")

    with pytest.raises(Unusable, match="took longer"):
        probe_video(clip, RunLimits(time_limit_s=0))


@needs_media
@pytest.mark.parametrize("path", media_files("videos"), ids=lambda path: path.name)
def test_real_videos_tell_their_facts(path: Path) -> None:
    if path.suffix == ".gif":
        with pytest.raises(Unusable, match="holds no video"):
            probe_video(path)
        return
    facts = probe_video(path)

    assert facts.audio_codec
    assert facts.duration_ms
    assert facts.width_px >= 320
    assert facts.partial is None


@needs_media
def test_sound_before_the_picture_does_not_hide_it() -> None:
    assert probe_video(MEDIA / "videos" / "friday.mp4").stream == 1
