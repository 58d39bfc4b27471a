"""Animations of every format: which are videos, and which picture is shown when."""

import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from mediaindex.errors import RetryLater, Unusable
from mediaindex.media.animation import animation_frames, format_of
from mediaindex.media.dates import DateRules
from mediaindex.media.photo import Limits, decode_photo
from mediaindex.types import RGB, Frame, VideoFacts
from tests.media import MEDIA, needs_media, read_metadata

FORMATS = ("gif", "webp", "png", "avif")
COLOURS = ("red", "lime", "blue", "white", "black")


def animate(
    path: Path, delays_ms: Sequence[int], size: tuple[int, int] = (40, 30), **options: Any
) -> Path:
    """Write an animation whose frames are the COLOURS in turn."""
    frames = [Image.new("RGB", size, COLOURS[n % 5]) for n in range(len(delays_ms))]
    lossless: dict[str, Any] = {".webp": {"lossless": True}, ".avif": {"quality": 100}}
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        duration=list(delays_ms),
        **lossless.get(path.suffix, {}),
        **options,
    )
    return path


def frames_of(path: Path, fit_px: int = 64, step_ms: int = 0) -> list[Frame]:
    return list(animation_frames(path, fit_px, step_ms, Limits()))


def colour(picture: RGB) -> str:
    mean = picture.reshape(-1, 3).mean(axis=0)
    known = {name: Image.new("RGB", (1, 1), name).getpixel((0, 0)) for name in COLOURS}
    return min(known, key=lambda name: float(np.abs(mean - np.array(known[name])).sum()))


def facts(path: Path) -> VideoFacts:
    video = read_metadata(path, [], DateRules()).video
    assert video is not None
    return video


def kind(path: Path) -> str | None:
    found = format_of(path)
    return None if found is None else found.kind


@pytest.mark.parametrize("suffix", FORMATS)
def test_animation_longer_than_a_second_is_a_video(tmp_path: Path, suffix: str) -> None:
    assert kind(animate(tmp_path / f"a.{suffix}", [400, 400, 400])) == "video"


@pytest.mark.parametrize("suffix", FORMATS)
def test_shorter_animation_is_a_photo(tmp_path: Path, suffix: str) -> None:
    path = animate(tmp_path / f"a.{suffix}", [400, 600])

    assert kind(path) == "photo"
    assert read_metadata(path, [], DateRules()).video is None
    assert colour(decode_photo(path, 64, Limits()).pixels) == "red"


@pytest.mark.parametrize("suffix", FORMATS)
def test_single_picture_is_a_photo(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (40, 30)).save(path)

    assert kind(path) == "photo"


@pytest.mark.parametrize("suffix", FORMATS)
def test_frames_come_with_their_times(tmp_path: Path, suffix: str) -> None:
    path = animate(tmp_path / f"a.{suffix}", [500, 1500, 250, 50])

    found = frames_of(path)

    assert [frame.at_ms for frame in found] == [0, 500, 2000, 2250]
    assert [colour(frame.pixels) for frame in found] == ["red", "lime", "blue", "white"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_facts_are_those_of_a_video(tmp_path: Path, suffix: str) -> None:
    found = read_metadata(animate(tmp_path / f"a.{suffix}", [500, 1500]), [], DateRules())

    assert found.video is not None
    assert (found.duration_ms, found.width_px, found.height_px) == (2000, 40, 30)
    assert (found.video.frame_count, found.video.has_variable_rate) == (2, True)
    assert found.video.partial is None
    assert found.video.audio_codec is None


@pytest.mark.parametrize("delay_ms", [0, 10])
def test_frames_that_ask_for_no_time_get_what_browsers_give(tmp_path: Path, delay_ms: int) -> None:
    path = animate(tmp_path / "a.gif", [delay_ms] * 12)

    assert kind(path) == "video"
    assert [frame.at_ms for frame in frames_of(path)] == [100 * n for n in range(12)]


def test_frames_nearer_than_the_step_are_passed_over(tmp_path: Path) -> None:
    path = animate(tmp_path / "a.gif", [100] * 15)

    found = frames_of(path, step_ms=450)

    assert [frame.at_ms for frame in found] == [0, 500, 1000]
    assert [colour(frame.pixels) for frame in found] == ["red", "red", "red"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_frames_are_reduced_and_never_enlarged(tmp_path: Path, suffix: str) -> None:
    path = animate(tmp_path / f"a.{suffix}", [600, 600])

    assert [frame.pixels.shape for frame in frames_of(path, 20)] == [(15, 20, 3)] * 2
    assert [frame.pixels.shape for frame in frames_of(path, 99)] == [(30, 40, 3)] * 2


def test_what_does_not_change_stays(tmp_path: Path) -> None:
    still = Image.new("RGB", (40, 30), "blue")
    moved = still.copy()
    moved.putpixel((5, 5), (255, 0, 0))
    path = tmp_path / "a.gif"
    still.save(path, save_all=True, append_images=[moved], duration=[600, 600])

    last = frames_of(path)[-1].pixels

    assert tuple(last[5, 5]) == (255, 0, 0)
    assert tuple(last[20, 20]) == (0, 0, 255)


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    empty = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    half = empty.copy()
    half.paste((255, 0, 0, 255), (0, 0, 20, 30))
    empty.save(path, save_all=True, append_images=[half], duration=[600, 600])

    first, second = frames_of(path)

    assert first.pixels.min() == 255
    assert tuple(second.pixels[15, 10]) == (255, 0, 0)


def test_picture_for_programs_without_animation_is_no_frame(tmp_path: Path) -> None:
    path = animate(tmp_path / "a.png", [1, 600, 600], default_image=True)

    found = frames_of(path)

    assert [colour(frame.pixels) for frame in found] == ["lime", "blue"]
    assert [frame.at_ms for frame in found] == [0, 100]  # what Pillow writes of 1 and 600 ms


def test_animation_turned_by_its_camera_is_upright(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    path = animate(tmp_path / "a.webp", [600, 600], exif=turned.tobytes())

    assert frames_of(path)[0].pixels.shape == (40, 30, 3)
    assert (facts(path).width_px, facts(path).height_px) == (30, 40)


def test_gif_that_is_cut_off_gives_what_it_has(tmp_path: Path) -> None:
    path = animate(tmp_path / "a.gif", [400] * 6, size=(200, 200))
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b",") + 12])

    found = frames_of(path)

    assert facts(path).partial == "the file is cut off"
    assert [colour(frame.pixels) for frame in found] == list(COLOURS)


def test_png_that_is_cut_off_gives_what_it_has(tmp_path: Path) -> None:
    path = animate(tmp_path / "a.png", [600] * 3)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"fdAT") + 12])

    assert facts(path).partial == "the file is cut off"
    frames = animation_frames(path, 64, 0, Limits())
    assert [colour(next(frames).pixels), colour(next(frames).pixels)] == ["red", "lime"]


def test_broken_frame_ends_it_with_a_reason(tmp_path: Path) -> None:
    path = animate(tmp_path / "a.png", [600] * 3)
    broken = bytearray(path.read_bytes())
    at = broken.rindex(b"fdAT")
    broken[at + 8 : at + 20] = b"\xff" * 12
    path.write_bytes(broken)

    frames = animation_frames(path, 64, 0, Limits())

    assert [colour(next(frames).pixels), colour(next(frames).pixels)] == ["red", "lime"]
    with pytest.raises(Unusable):
        next(frames)


def test_gif_without_an_end_mark_is_whole(tmp_path: Path) -> None:
    path = animate(tmp_path / "a.gif", [600] * 3)
    path.write_bytes(path.read_bytes().removesuffix(b";"))

    assert facts(path).partial is None
    assert len(frames_of(path)) == 3


def gif_of(frames: int, size: tuple[int, int] = (1, 1)) -> bytes:
    """Assemble a GIF of frames of one pixel."""
    head = b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, 0, 0) + bytes(6)
    control = b"!\xf9\4\0\x0a\0\0\0"
    return head + (control + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2D\1\0") * frames


def test_animation_without_end_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(gif_of(20_001))

    found = facts(path)

    assert (found.frame_count, found.partial) == (20_000, "has more than 20000 frames")


def test_huge_canvas_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(gif_of(20, size=(65_000, 65_000)))

    assert kind(path) == "video"
    with pytest.raises(Unusable, match="more pixels than"):
        frames_of(path)


def test_work_on_all_frames_together_is_limited(tmp_path: Path) -> None:
    path = animate(tmp_path / "a.gif", [600] * 3)

    frames = animation_frames(path, 64, 0, Limits(max_animation_pixels=40 * 30 * 2))

    assert [next(frames).at_ms, next(frames).at_ms] == [0, 600]
    with pytest.raises(Unusable, match="too much to decode"):
        next(frames)


@pytest.mark.parametrize("suffix", FORMATS)
def test_any_cut_of_a_file_ends_in_a_reason(tmp_path: Path, suffix: str) -> None:
    whole = animate(tmp_path / f"whole.{suffix}", [600] * 3).read_bytes()
    path = tmp_path / f"a.{suffix}"
    for length in range(20, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:length])
        kind(path)
        read_metadata(path, [], DateRules())
        with suppress(Unusable):
            frames_of(path)


def test_photo_is_no_animation(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (40, 30)).save(path)

    with pytest.raises(Unusable, match="holds no animation"):
        frames_of(path)


def test_file_that_is_gone_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(RetryLater):
        format_of(tmp_path / "gone.gif")


@needs_media
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("formats/pillow-iss634.gif", "video"),
        ("formats/pillow-iss634.webp", "video"),
        ("formats/pillow-chi.gif", "video"),
        ("formats/pillow-apng-mode_16bit.png", "video"),
        ("formats/pillow-avif-star.avifs", "photo"),  # 0.2 s
        ("videos/newtonscradle.gif", "photo"),  # 0.8 s
        ("formats/pillow-hopper.gif", "photo"),
        ("formats/denali.webp", "photo"),
        ("formats/pillow-frozenpond.mpo", "photo"),
        ("formats/IMG_2682.heic", "photo"),
        ("formats/8bit-sRGB.avif", "photo"),
        ("videos/flower.mp4", "video"),
    ],
)
def test_real_files_are_what_they_look_like(name: str, expected: str) -> None:
    assert kind(MEDIA / name) == expected


@needs_media
@pytest.mark.parametrize("name", ["pillow-iss634.gif", "pillow-iss634.webp"])
def test_real_animation_gives_all_its_frames(name: str) -> None:
    found = frames_of(MEDIA / "formats" / name)

    assert (len(found), found[0].at_ms, found[-1].at_ms) == (42, 0, 2760)
    assert len({frame.pixels.tobytes() for frame in found}) > 30


@needs_media
def test_multi_picture_files_give_their_first(tmp_path: Path) -> None:
    path = MEDIA / "formats" / "pillow-frozenpond.mpo"
    first = tmp_path / "first.png"
    with Image.open(path) as mpo:
        assert getattr(mpo, "n_frames", 1) == 2
        mpo.seek(0)
        mpo.convert("RGB").save(first)

    found, wanted = (decode_photo(each, 64, Limits()).pixels for each in (path, first))

    assert np.abs(found.astype(int) - wanted.astype(int)).mean() < 2


def test_heic_of_several_pictures_gives_its_primary(tmp_path: Path) -> None:
    path = tmp_path / "burst.heic"
    burst = pillow_heif.HeifFile()  # type: ignore[no-untyped-call]
    for name in COLOURS[:3]:
        burst.add_from_pillow(Image.new("RGB", (64, 48), name))
    burst.save(path, primary_index=1)

    assert kind(path) == "photo"
    assert colour(decode_photo(path, 64, Limits()).pixels) == "lime"
