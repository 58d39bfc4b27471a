"""Motion photos: one photo, whose clip is known and is no stranger's."""

from pathlib import Path

import pytest
from PIL import Image

from mediaindex.media.dates import DateRules
from mediaindex.media.ffmpeg import url_of
from mediaindex.media.formats import sniff_file
from mediaindex.media.photo import Limits, decode_photo
from mediaindex.types import MotionClip
from tests.clips import make_clip, run_ffmpeg
from tests.media import MEDIA, needs_media, read_metadata

CAMERA = "http://ns.google.com/photos/1.0/camera/"
CONTAINER = "http://ns.google.com/photos/1.0/container/"

OLD = f"""<rdf:Description xmlns:G="{CAMERA}"
  G:MicroVideo="1" G:MicroVideoOffset="{{length}}"/>"""
NEW = f"""<rdf:Description xmlns:G="{CAMERA}" G:MotionPhoto="1"
  xmlns:C="{CONTAINER}" xmlns:I="{CONTAINER}item/"><C:Directory><rdf:Seq>
  <rdf:li rdf:parseType="Resource"><C:Item I:Semantic="Primary" I:Length="0"/></rdf:li>
  <rdf:li rdf:parseType="Resource"><C:Item I:Semantic="MotionPhoto" I:Mime="video/mp4"
    I:Length="{{length}}" I:Padding="0"/></rdf:li>
</rdf:Seq></C:Directory></rdf:Description>"""
PACKET = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{said}</rdf:RDF></x:xmpmeta>"""


def motion_photo(path: Path, said: str) -> MotionClip:
    """Write a JPEG with a clip behind it; returns where the clip lies."""
    clip = make_clip(path.with_suffix(".mp4")).read_bytes()
    packet = PACKET.format(said=said.format(length=len(clip)))
    Image.new("RGB", (64, 48), "red").save(path, "JPEG", xmp=packet.encode())
    at = path.stat().st_size
    with path.open("ab") as file:
        file.write(clip)
    return MotionClip(at, len(clip))


@pytest.mark.parametrize("said", [OLD, NEW], ids=["MicroVideo", "MotionPhoto"])
def test_clip_of_a_motion_photo_is_known(tmp_path: Path, said: str) -> None:
    photo = tmp_path / "a.MP.jpg"
    clip = motion_photo(photo, said)

    found = read_metadata(photo, [], DateRules())

    assert found.motion == clip
    assert (found.width_px, found.height_px, found.duration_ms) == (64, 48, None)


def test_motion_photo_is_a_photo(tmp_path: Path) -> None:
    path = tmp_path / "a.MP.jpg"
    motion_photo(path, NEW)

    kind, photo = sniff_file(path), decode_photo(path, 64, Limits())

    assert kind is not None
    assert kind.kind == "photo"
    assert (photo.width_px, photo.height_px) == (64, 48)


def test_photo_that_lost_its_clip_is_a_plain_photo(tmp_path: Path) -> None:
    path = tmp_path / "a.MP.jpg"
    clip = motion_photo(path, NEW)
    path.write_bytes(path.read_bytes()[: clip.offset_bytes])

    assert read_metadata(path, [], DateRules()).motion is None


@needs_media
def test_clip_of_a_real_motion_photo_plays(tmp_path: Path) -> None:
    path = MEDIA / "formats" / "motionphoto-samsung.heic"

    found = read_metadata(path, [], DateRules())

    assert found.motion == MotionClip(452_284, 3_226_469)
    part = range(found.motion.offset_bytes, found.motion.offset_bytes + found.motion.length_bytes)
    frame = tmp_path / "frame.png"
    run_ffmpeg("-i", url_of(path, part), "-frames:v", "1", "-vf", "scale=64:-2", frame)
    assert frame.stat().st_size > 0


@needs_media
@pytest.mark.parametrize("name", ["IMG_2682.heic", "pillow-flower.jpg", "pillow-frozenpond.mpo"])
def test_photos_without_a_clip_have_none(name: str) -> None:
    assert read_metadata(MEDIA / "formats" / name, [], DateRules()).motion is None
