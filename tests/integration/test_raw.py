"""Camera RAW. No camera's own file may be kept here, so a small DNG is made for each case."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mediaindex.errors import Unusable
from mediaindex.media.formats import sniff_file
from mediaindex.media.photo import Limits, Photo, decode_photo

WIDTH, HEIGHT = 640, 480
Entry = tuple[int, int, int, bytes]


def short(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}H", *values)


def long(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def rationals(*values: float) -> bytes:
    return b"".join(struct.pack("<ii", int(value * 10_000), 10_000) for value in values)


def directory(entries: list[Entry], at: int) -> bytes:
    """Return a TIFF directory that will stand at a place of the file, its long values behind it."""
    behind = at + 2 + 12 * len(entries) + 4
    fixed, far = short(len(entries)), b""
    for tag, kind, count, value in sorted(entries):
        inside = value.ljust(4, b"\0") if len(value) <= 4 else long(behind + len(far))
        far += value if len(value) > 4 else b""
        fixed += short(tag, kind) + long(count) + inside
    return fixed + long(0) + far


def sensor() -> bytes:
    """Return what a sensor sees (RGGB, 16 bits): red in the upper left, blue in the lower right."""
    values = np.zeros((HEIGHT, WIDTH), dtype="<u2")
    values[: HEIGHT // 2 : 2, : WIDTH // 2 : 2] = 60_000
    values[HEIGHT // 2 + 1 :: 2, WIDTH // 2 + 1 :: 2] = 60_000
    return values.tobytes()


def jpeg(width: int, height: int, orientation: int | None = None) -> bytes:
    """Return the same view as a JPEG, in purer colours."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[: height // 2, : width // 2] = (250, 20, 20)
    pixels[height // 2 :, width // 2 :] = (20, 20, 250)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", exif=exif)
    return file.getvalue()


def dng(path: Path, orientation: int = 1, preview: bytes | None = None) -> Path:
    """Write a DNG (Adobe's specification 1.4) with or without a JPEG inside."""
    camera = [
        (271, 2, 5, b"Made\0\0"),
        (274, 3, 1, short(orientation)),
        (50706, 1, 4, bytes([1, 4, 0, 0])),
        (50708, 2, 10, b"Made Test\0"),
        (50721, 10, 9, rationals(1, 0, 0, 0, 1, 0, 0, 0, 1)),
        (50728, 5, 3, rationals(1, 1, 1)),
    ]

    def main(at: int) -> list[Entry]:
        return [
            (254, 4, 1, long(0)),
            (256, 4, 1, long(WIDTH)),
            (257, 4, 1, long(HEIGHT)),
            (258, 3, 1, short(16)),
            (259, 3, 1, short(1)),
            (262, 3, 1, short(32803)),
            (273, 4, 1, long(at)),
            (277, 3, 1, short(1)),
            (278, 4, 1, long(HEIGHT)),
            (279, 4, 1, long(len(sensor()))),
            (33421, 3, 2, short(2, 2)),
            (33422, 1, 4, bytes([0, 1, 1, 2])),
            (50717, 4, 1, long(65535)),
        ]

    def small(at: int, sub: int) -> list[Entry]:
        assert preview is not None
        with Image.open(io.BytesIO(preview)) as picture:
            width, height = picture.size
        return [
            (254, 4, 1, long(1)),
            (256, 4, 1, long(width)),
            (257, 4, 1, long(height)),
            (258, 3, 3, short(8, 8, 8)),
            (259, 3, 1, short(7)),
            (262, 3, 1, short(6)),
            (273, 4, 1, long(at)),
            (277, 3, 1, short(3)),
            (278, 4, 1, long(height)),
            (279, 4, 1, long(len(preview))),
            (330, 4, 1, long(sub)),
            *camera,
        ]

    if preview is None:
        start = 8 + len(directory(main(0) + camera, 8))
        body = directory(main(start) + camera, 8)
    else:
        sub = 8 + len(directory(small(0, 0), 8))
        data = sub + len(directory(main(0), sub))
        body = directory(small(data, sub), 8)
        body += directory(main(data + len(preview)), sub) + preview
    path.write_bytes(b"II*\0" + long(8) + body + sensor())
    return path


def corners(photo: Photo) -> str:
    """Return what is seen in the corners, clockwise from the upper left: r, b, or - for black."""
    height, width, _ = photo.pixels.shape
    places = [(1, 1), (1, 7), (7, 7), (7, 1)]
    seen = [photo.pixels[height * y // 8, width * x // 8] for y, x in places]
    return "".join("-" if max(p) < 60 else "r" if p[0] > p[2] else "b" for p in seen)


UPRIGHT = {1: "r-b-", 2: "-r-b", 3: "b-r-", 5: "r-b-", 6: "-r-b", 8: "-b-r"}
"""Orientation -> the corners of the view when it has been turned."""


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["developed", "preview", "preview that says how to turn"])
def test_raw_comes_out_upright_at_its_whole_size(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    said = orientation if "says" in kind else None
    preview = None if kind == "developed" else jpeg(WIDTH, HEIGHT, said)

    photo = decode_photo(dng(tmp_path / "a.dng", orientation, preview), 256, Limits())

    assert corners(photo) == UPRIGHT[orientation]
    size = (HEIGHT, WIDTH) if orientation >= 5 else (WIDTH, HEIGHT)
    assert (photo.width_px, photo.height_px) == size
    assert max(photo.pixels.shape) == 256
    assert photo.format == "raw"


@pytest.mark.parametrize(
    ("preview", "green"),
    [(jpeg(WIDTH, HEIGHT), 20), (jpeg(160, 120), 0), (jpeg(WIDTH, HEIGHT)[:-900], 0)],
    ids=["good", "too small", "broken"],
)
def test_camera_preview_is_taken_where_it_will_do(
    tmp_path: Path, preview: bytes, green: int
) -> None:
    photo = decode_photo(dng(tmp_path / "a.dng", preview=preview), 256, Limits())

    assert corners(photo) == "r-b-"
    assert abs(int(photo.pixels[20, 20, 1]) - green) <= 3  # only the JPEG has green in its red


def test_raw_is_no_plain_tiff(tmp_path: Path) -> None:
    found = sniff_file(dng(tmp_path / "a.tif"))

    assert found is not None
    assert found.name == "raw"


def test_raw_without_preview_that_is_cut_off_says_so(tmp_path: Path) -> None:
    path = dng(tmp_path / "a.dng")
    path.write_bytes(path.read_bytes()[:200_000])

    with pytest.raises(Unusable, match="the file is cut off"):
        decode_photo(path, 256, Limits())


def test_sensor_of_too_many_pixels_is_not_developed(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"photo\.max_megapixels"):
        decode_photo(dng(tmp_path / "a.dng"), 256, Limits(max_pixels=100_000))
