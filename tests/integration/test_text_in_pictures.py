"""Pictures full of text among real files, and the larger previews that they get."""

from mediaindex.errors import MediaIndexError
from mediaindex.media.photo import Limits, decode_photo
from mediaindex.media.textual import is_full_of_text
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
