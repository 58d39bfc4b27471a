import errno
import hashlib
import os
from io import BufferedReader
from pathlib import Path

import numpy as np
import pytest

from mediaindex.errors import RetryLater, Unusable
from mediaindex.media.hashing import WHOLE_BYTES, content_hash
from mediaindex.media.previews import LEFTOVER_PREFIX, PreviewMissing, PreviewStore
from mediaindex.media.sheet import Cell, write_sheet_html, write_sheet_jpg
from tests.conftest import plain

SHA = "ab" + "0" * 62


@pytest.fixture
def previews(tmp_path: Path) -> PreviewStore:
    return PreviewStore(tmp_path / "previews")


def test_preview_comes_back_as_it_was(previews: PreviewStore) -> None:
    size_bytes = previews.write(SHA, 1200, plain(200, 10, 10))

    assert previews.path(SHA, 1200).stat().st_size == size_bytes
    assert np.abs(previews.read(SHA, 1200).astype(int) - plain(200, 10, 10)).max() < 4


@pytest.mark.parametrize("content", [None, b"", b"\xff\xd8\xff rubbish"])
def test_preview_that_is_gone_or_damaged_is_missing(
    previews: PreviewStore, content: bytes | None
) -> None:
    previews.write(SHA, 0, plain(1, 2, 3))
    previews.path(SHA, 0).unlink()
    if content is not None:
        previews.path(SHA, 0).write_bytes(content)

    with pytest.raises(PreviewMissing):
        previews.read(SHA, 0)


def test_all_previews_of_an_asset_go_and_no_others(previews: PreviewStore) -> None:
    other = "ab" + "1" * 62
    for sha256, at_ms in ((SHA, 0), (SHA, 500), (other, 0)):
        previews.write(sha256, at_ms, plain(1, 2, 3))

    previews.remove(SHA)

    assert [path.name for path in previews.folder.rglob("*.jpg")] == [f"{other}-0.jpg"]


def test_previews_of_moments_that_are_no_more_go(previews: PreviewStore) -> None:
    other = "ab" + "1" * 62
    for sha256, at_ms in ((SHA, 0), (SHA, 500), (other, 0)):
        previews.write(sha256, at_ms, plain(1, 2, 3))

    previews.keep_only(SHA, [500])

    left = sorted(path.name for path in previews.folder.rglob("*.jpg"))
    assert left == [f"{SHA}-500.jpg", f"{other}-0.jpg"]


def test_leftovers_of_a_killed_run_are_swept_away(previews: PreviewStore) -> None:
    previews.write(SHA, 0, plain(1, 2, 3))
    (previews.folder / "ab" / f"{LEFTOVER_PREFIX}x").write_bytes(b"half")

    previews.sweep_leftovers()

    assert [path.name for path in (previews.folder / "ab").iterdir()] == [f"{SHA}-0.jpg"]


def test_disk_that_is_full_keeps_no_half_of_a_preview(
    previews: PreviewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)

    with pytest.raises(RetryLater, match="No space left"):
        previews.write(SHA, 0, plain(1, 2, 3))
    assert list((previews.folder / "ab").iterdir()) == []


def test_cache_that_cannot_be_written_is_no_photos_fault(previews: PreviewStore) -> None:
    previews.folder.write_text("a file where the folder belongs")

    with pytest.raises(RetryLater, match="Not a directory"):
        previews.write(SHA, 0, plain(1, 2, 3))


def test_hash_is_that_of_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    found = content_hash(tmp_path / "a")

    # FIPS 180-2, appendix B.1
    assert found.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert found.size_bytes == 3


def test_large_files_are_told_apart_by_size_ends_and_samples(tmp_path: Path) -> None:
    def made(name: str, size: int, at: int) -> str:
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)  # a hole: takes no room on the disk
            file.seek(at)
            file.write(b"x")
        return content_hash(tmp_path / name).sha256

    size = WHOLE_BYTES + 12_345
    hashes = {made("a", size, 0), made("b", size, size - 1), made("c", size + 1, 0)}

    assert len(hashes) == 3
    assert made("d", size, 0) in hashes


def test_file_that_grows_while_it_is_read_is_read_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")

    def digest_while_another_writes(file: BufferedReader, name: str) -> "hashlib._Hash":
        found = file_digest(file, name)
        with path.open("ab") as writer:
            writer.write(b"def")
        return found

    file_digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", digest_while_another_writes)

    with pytest.raises(RetryLater, match="still being written"):
        content_hash(path)


def test_pipe_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(Unusable, match="no regular file"):
        content_hash(tmp_path / "pipe")


def test_file_that_is_gone_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(RetryLater):
        content_hash(tmp_path / "gone")


CELLS = [
    Cell(plain(200, 10, 10), ("a <b>.jpg", "2019-07-04", "looks like it"), Path("/p/a <b>.jpg")),
    Cell(None, ("a name that is much longer than a cell of the sheet is wide.jpg",), Path("/p/b")),
]


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_sheet_as_a_picture(tmp_path: Path, count: int) -> None:
    from PIL import Image

    write_sheet_jpg(tmp_path / "a.jpg", (CELLS * 4)[:count])

    with Image.open(tmp_path / "a.jpg") as sheet:
        assert sheet.width >= 300
        red = np.asarray(sheet)[166, 166]
    assert count == 0 or (red[0] > 180 and red[1] < 40)


@pytest.mark.parametrize("name", ["Straße à Noël.jpg", "Лето.jpg"])
def test_name_in_any_alphabet_is_written_where_a_font_has_it(name: str) -> None:
    from PIL import ImageFont

    from mediaindex.media.fonts import font_for

    try:
        ImageFont.truetype("DejaVuSans.ttf", 15)
    except OSError:
        pytest.skip("no font of the system knows more than English")
    font = font_for(name, 15)

    missing = bytes(font.getmask("\uffff"))
    assert missing not in [bytes(font.getmask(character)) for character in name]


def test_sheet_as_a_page_is_whole_and_escaped(tmp_path: Path) -> None:
    write_sheet_html(tmp_path / "a.html", CELLS, "dogs & <cats>")

    page = (tmp_path / "a.html").read_text()
    assert "dogs &amp; &lt;cats&gt;" in page
    assert "a &lt;b&gt;.jpg" in page
    assert 'href="file:///p/a%20%3Cb%3E.jpg"' in page
    assert page.count("data:image/jpeg;base64,") == 1
    assert "http" not in page
