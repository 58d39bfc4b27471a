"""Real photos of every format, upright and in sRGB; and hostile ones, which cost themselves."""

import io
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mediaindex.errors import RetryLater, Unusable
from mediaindex.media.formats import sniff_file
from mediaindex.media.photo import Limits, decode_photo
from mediaindex.types import RGB
from tests.media import MEDIA, media_files, needs_media

NO_PHOTOS = {".xmp", ".ico", ".psd", ".pgm", ".tga"}

GOOD = [p for p in media_files("photos", "formats", "metadata") if p.suffix not in NO_PHOTOS]

EXIF_ORIENTATION = 0x0112


def decoded(path: Path, fit_px: int = 256) -> RGB:
    return decode_photo(path, fit_px, Limits()).pixels


def alike(one: RGB, other: RGB) -> float:
    """Return the mean difference of two pictures, 0 to 255, brought to one size."""
    size = (64, 64)
    small = [np.asarray(Image.fromarray(p).resize(size), dtype=np.float32) for p in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())


@needs_media
@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_every_good_photo_decodes(path: Path) -> None:
    photo = decode_photo(path, 128, Limits())

    height, width, channels = photo.pixels.shape
    assert photo.pixels.dtype == np.uint8
    assert channels == 3
    assert max(width, height) == min(128, max(photo.width_px, photo.height_px))
    # Upright and not distorted: the sides are as those of the whole picture, to a pixel.
    assert width / height == pytest.approx(photo.width_px / photo.height_px, rel=0.15, abs=0.1)


@needs_media
@pytest.mark.parametrize("path", media_files("broken"), ids=lambda path: path.name)
def test_hostile_file_decodes_or_is_unusable_with_a_reason(path: Path) -> None:
    try:
        said = f"{decode_photo(path, 128, Limits(max_pixels=50_000_000)).pixels.size} bytes"
    except Unusable as error:
        said = str(error)

    assert len(said) > 5


@needs_media
@pytest.mark.parametrize("shape", ["landscape", "portrait"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_all_orientations_come_out_upright(shape: str, orientation: int) -> None:
    folder, prefix = MEDIA / "metadata", "exif-samples__jpg__orientation"

    upright = decoded(folder / f"{prefix}__{shape}_1.jpg")
    turned = decoded(folder / f"{prefix}__{shape}_{orientation}.jpg")

    assert turned.shape == upright.shape
    assert alike(turned, upright) < 12


@pytest.mark.parametrize("suffix", ["webp", "png", "avif", "jpg", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once_in_every_format(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    upright = np.zeros((120, 200, 3), dtype=np.uint8)
    upright[:60, :100] = (250, 20, 20)  # red in the upper left
    upright[60:, 100:] = (20, 20, 250)  # blue in the lower right
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(as_stored(upright, orientation)).save(path, exif=exif)

    found = decode_photo(path, 400, Limits())

    assert (found.width_px, found.height_px) == (200, 120)
    assert alike(found.pixels, upright) < 6


def as_stored(upright: RGB, orientation: int) -> RGB:
    """Return the pixels that a camera held so would have written (CIPA DC-008)."""
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]
    return np.ascontiguousarray(stored)


@needs_media
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("formats/IMG_2682.heic", (4032, 3024)),
        ("formats/motionphoto-samsung.heic", (3000, 4000)),
        ("metadata/exif-samples__heic__IMG_5195.HEIC", (2566, 3313)),
        ("formats/pillow-avif-rot3mir1.avif", (640, 427)),
    ],
)
def test_turning_that_is_part_of_the_container_is_done_once(
    name: str, size: tuple[int, int]
) -> None:
    photo = decode_photo(MEDIA / name, 200, Limits())

    assert (photo.width_px, photo.height_px) == size


@needs_media
def test_profile_is_converted_to_srgb() -> None:
    tagged = MEDIA / "metadata" / "pillow-xmp_test.jpg"  # Adobe RGB
    with Image.open(tagged) as picture:
        as_it_is = np.asarray(picture.convert("RGB"))

    assert 1 < alike(decoded(tagged), as_it_is) < 30


@needs_media
def test_cmyk_is_shown_as_it_prints() -> None:
    pixels = decoded(MEDIA / "formats" / "pillow-pil_sample_cmyk.jpg")

    red, green, blue = pixels[0, 0].tolist()  # the word "RED", in red on black
    assert red > 200
    assert max(green, blue) < 60
    assert pixels[90, 50].max() < 20


@pytest.mark.parametrize(
    ("value", "depth", "seen"),
    [(65535, np.uint16, 255), (32768, np.uint16, 128), (0, np.uint16, 0)],
)
def test_sixteen_bits_are_scaled_and_not_cut(
    tmp_path: Path, value: int, depth: type[np.uint16], seen: int
) -> None:
    pixels = np.full((40, 40), value, dtype=depth)
    pixels[0, 0] = 65535
    Image.fromarray(pixels).save(tmp_path / "a.tif")

    assert abs(int(decoded(tmp_path / "a.tif")[20, 20, 0]) - seen) <= 1


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(tmp_path / "a.png")

    assert decoded(tmp_path / "a.png")[20, 20].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_colour_that_stands_for_transparent_is_white(tmp_path: Path, mode: str) -> None:
    key: int | tuple[int, ...] = 9 if mode == "L" else (9, 9, 9)
    Image.new(mode, (40, 40), key).save(tmp_path / "a.png", transparency=key)

    assert decoded(tmp_path / "a.png")[20, 20].tolist() == [255, 255, 255]


def test_night_in_sixteen_bits_stays_dark(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 40), 514, dtype=np.uint16)).save(tmp_path / "a.png")

    assert decoded(tmp_path / "a.png")[20, 20].tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("transfer", "value", "seen"),
    [
        (13, 0.58, 0.58),  # sRGB itself
        (16, 0.58, 0.957),  # PQ and HLG: white paper, 203 nits; leaves room for what is brighter
        (18, 0.75, 0.957),
        (16, 0.38, 0.394),  # a grey card, 26 nits
        (18, 0.38, 0.394),
    ],
)
def test_high_dynamic_range_is_brought_to_what_a_screen_shows(
    tmp_path: Path, transfer: int, value: float, seen: float
) -> None:
    """The values of white and grey are those of ITU-R BT.2408, table 1."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (round(value * 255),) * 3).save(file, "AVIF", quality=100)
    coded = file.getvalue()
    at = coded.index(b"colrnclx") + 10
    (tmp_path / "a.avif").write_bytes(coded[:at] + transfer.to_bytes(2) + coded[at + 2 :])

    assert decoded(tmp_path / "a.avif")[32, 32, 0] / 255 == pytest.approx(seen, abs=0.015)


@needs_media
@pytest.mark.parametrize("orientation", [1, 3, 5, 6])
def test_jpeg_kept_as_jpeg_xl_looks_the_same(tmp_path: Path, orientation: int) -> None:
    import pylibjxl

    name = f"exif-samples__jpg__orientation__landscape_{orientation}.jpg"
    source = MEDIA / "metadata" / name
    (tmp_path / "a.jxl").write_bytes(pylibjxl.jpeg_to_jxl(source.read_bytes()))

    assert alike(decoded(tmp_path / "a.jxl"), decoded(source)) < 3


def test_picture_is_never_enlarged(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")

    assert decoded(tmp_path / "a.png", fit_px=768).shape == (30, 40, 3)


def test_too_many_pixels_are_refused_before_decoding(tmp_path: Path) -> None:
    Image.new("1", (4000, 4000)).save(tmp_path / "a.png")

    with pytest.raises(Unusable, match=r"pixels.* than photo\.max_megapixels allows"):
        decode_photo(tmp_path / "a.png", 128, Limits(max_pixels=10_000_000))


@needs_media
@pytest.mark.parametrize("share", [0.01, 0.3, 0.95])
@pytest.mark.parametrize(
    "name",
    [
        "photos/tanners_ridge.jpg",
        "photos/chelsea.png",
        "formats/denali.webp",
        "formats/pillow-hopper.bmp",
        "formats/pillow-balloon.jpf",
        "formats/pillow-avif-rot3mir1.avif",
        "metadata/exif-samples__tiff__Rudless.tiff",
        "metadata/exif-samples__heic__IMG_5195.HEIC",
    ],
)
def test_file_that_is_cut_off_says_so(tmp_path: Path, name: str, share: float) -> None:
    whole = (MEDIA / name).read_bytes()
    (tmp_path / "a").write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(Unusable, match="cut off"):
        decoded(tmp_path / "a")


@needs_media
@pytest.mark.parametrize("name", ["formats/denali.webp", "formats/8bit-sRGB.avif"])
def test_what_is_appended_to_a_picture_does_no_harm(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_bytes((MEDIA / name).read_bytes() + b"\xff\xff\xff\xffrest of a phone")

    assert decoded(tmp_path / "a").size > 0


@pytest.mark.parametrize(("content", "said"), [(b"", "empty"), (b"words" * 99, "holds no photo")])
def test_file_without_a_picture_says_so(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)

    with pytest.raises(Unusable, match=said):
        decoded(tmp_path / "a.jpg")


def test_disk_that_fails_is_not_the_fault_of_the_file() -> None:
    failing = Path("/proc/self/mem")  # a regular file whose first page answers EIO
    if not failing.exists():
        pytest.skip("only Linux has a file that fails to be read")

    with pytest.raises(RetryLater, match="Input/output error"):
        decoded(failing)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "door"))
        for path in (tmp_path, tmp_path / "door", Path("/dev/null")):
            with pytest.raises(Unusable, match="no regular file"):
                decoded(path)


def test_file_that_is_gone_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(RetryLater, match="No such file"):
        decoded(tmp_path / "gone.jpg")


@needs_media
def test_name_says_nothing_of_the_kind(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes((MEDIA / "photos" / "astronaut.png").read_bytes())

    kind = sniff_file(path)

    assert kind is not None
    assert kind.name == "png"
    assert decoded(path).shape == (256, 256, 3)


@needs_media
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("formats/IMG_2682.heic", "heic"),
        ("formats/8bit-sRGB.avif", "avif"),
        ("formats/8bit-sRGB.jxl", "jxl"),
        ("formats/pillow-balloon.jpf", "jp2"),
        ("formats/pillow-frozenpond.mpo", "jpeg"),
        ("metadata/exif-samples__tiff__Arbitro.tiff", "tiff"),
        ("videos/cockatoo.mp4", "mp4"),
        ("videos/flower.webm", "webm"),
        ("videos/newtonscradle.gif", "gif"),
        ("speech/jfk.flac", None),
        ("SOURCES.md", None),
        ("formats/pillow-hopper.psd", None),
    ],
)
def test_kind_is_told_from_the_bytes(name: str, kind: str | None) -> None:
    found = sniff_file(MEDIA / name)

    assert (found and found.name) == kind
