"""Pictures full of text among real files, and the larger previews that they get."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mediaindex.errors import MediaIndexError
from mediaindex.media.ffmpeg import RunLimits
from mediaindex.media.photo import Limits, decode_photo
from mediaindex.media.previews import PreviewStore
from mediaindex.media.scenes import FrameRules
from mediaindex.media.textual import is_full_of_text
from mediaindex.pipeline.child import Children
from mediaindex.pipeline.errands import Film, Ways, decode_to_preview
from mediaindex.pipeline.frames import Clip, Frames
from mediaindex.store.files import Lying
from tests.drawn import page
from tests.films import film
from tests.media import MEDIA, media_files, needs_media

TEXT = {
    "page.png",
    "pillow-balloon.jpf",
    "pillow-total-pages-zero.tif",
}
"""What is text among the real files; `text.png` is two lines, and too little."""


@needs_media
def test_of_the_real_files_only_the_documents_are_text() -> None:
    found = set()
    for path in media_files("photos", "formats", "metadata", "broken"):
        try:
            photo = decode_photo(path, 768, Limits())
        except MediaIndexError:
            continue
        if is_full_of_text(photo.pixels):
            found.add(path.name)

    assert MEDIA.is_dir()
    assert found == TEXT


WAYS = Ways(FrameRules(), RunLimits(60, 20), Limits())


def sunset() -> Image.Image:
    """Return a picture with nothing to read in it."""
    picture = Image.new("RGB", (1280, 960), (230, 120, 40))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 500, 1280, 960), fill=(20, 40, 90))
    pen.ellipse((500, 200, 800, 500), fill=(250, 240, 180))
    return picture


@pytest.fixture
def previews(tmp_path: Path) -> PreviewStore:
    return PreviewStore(tmp_path / "previews", px=400)


def look(previews: PreviewStore, path: Path, name: str) -> Film:
    stage = Frames(Children(1, 0), 1, previews, WAYS, threading.Event())
    (found,) = stage.work([Clip((Lying(path),), "5a", name)])
    stage.close()
    assert isinstance(found, Film), found
    return found


@pytest.mark.parametrize(("px", "text_px"), [(224, 448), (768, 1536), (1024, 1600), (2000, 2000)])
def test_text_keeps_twice_as_much_within_reason(px: int, text_px: int) -> None:
    assert PreviewStore(Path(), px).text_px == text_px


def test_photo_of_a_page_keeps_more(tmp_path: Path, previews: PreviewStore) -> None:
    page(1200, 1600, 48).save(tmp_path / "page.jpg")
    Image.new("RGB", (1200, 1600), "navy").save(tmp_path / "sea.jpg")

    size = decode_to_preview(tmp_path / "page.jpg", "5a", previews, Limits())
    decode_to_preview(tmp_path / "sea.jpg", "5b", previews, Limits())

    assert previews.read("5a", 0).shape == (800, 600, 3)
    assert (size.width_px, size.height_px) == (1200, 1600)
    assert previews.read("5b", 0).shape == (400, 300, 3)


def test_small_picture_of_a_page_is_not_enlarged(tmp_path: Path, previews: PreviewStore) -> None:
    page(390, 390, 14).save(tmp_path / "page.png")

    decode_to_preview(tmp_path / "page.png", "5a", previews, Limits())

    assert previews.read("5a", 0).shape == (390, 390, 3)


def test_recording_of_a_screen_keeps_more_where_there_is_text(
    tmp_path: Path, previews: PreviewStore
) -> None:
    scenes = [sunset(), page(1280, 960, 44), sunset()]
    pictures = [np.asarray(scene) for scene in scenes for _ in range(50)]
    path = film(tmp_path / "a.mp4", pictures)

    found = look(previews, path, "mp4")

    sizes = [previews.read("5a", at_ms).shape[1] for _, _, at_ms in found.spans]
    spans = [(start_ms, end_ms) for start_ms, end_ms, _ in found.spans]
    assert sizes == [400, 800, 400]
    assert spans == [(0, 2000), (2000, 4000), (4000, 6000)]
    assert found.partial is None


def test_animation_of_a_screen_keeps_more(tmp_path: Path, previews: PreviewStore) -> None:
    scenes = [page(1280, 960, 44), sunset(), page(1280, 960, 44)]
    scenes[0].save(tmp_path / "a.gif", save_all=True, append_images=scenes[1:], duration=2000)

    found = look(previews, tmp_path / "a.gif", "gif")

    sizes = [previews.read("5a", at_ms).shape[1] for _, _, at_ms in found.spans]
    assert sizes == [800, 400, 800]
