"""Which previews go from a cache that is too full."""

import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from mediaindex import parts
from mediaindex.care.cache import hold_size, to_forget
from mediaindex.media.previews import Kept, PreviewStore
from mediaindex.store import jobs
from mediaindex.store.database import Database
from mediaindex.store.needed import Stock
from tests.caring import config_in
from tests.conftest import NOW, insert_asset

SIDE_PX = 400


def kept(sha256: str, at_ms: int = 0, size: int = 10, used_at: float = 1.0) -> Kept:
    return Kept(Path(f"{sha256}-{at_ms}.jpg"), sha256, size, used_at)


def going(*previews: Kept, excess: int, needed: str = "", known: str = "abc") -> list[str]:
    stock = Stock(frozenset(known), frozenset(needed))
    return [preview.path.stem for preview in to_forget(previews, stock, excess, now_s=100.0)]


def test_least_lately_used_goes_first_and_no_more_than_must() -> None:
    previews = [kept("a", used_at=3), kept("b", used_at=1), kept("c", used_at=2)]

    assert going(*previews, excess=11) == ["b-0", "c-0"]
    assert going(*previews, excess=0) == []


def test_what_a_stage_needs_stays_whatever_the_limit() -> None:
    assert going(kept("a"), kept("b"), excess=100, needed="a") == ["b-0"]


def test_previews_of_nothing_go_first() -> None:
    assert going(kept("a", used_at=1), kept("x", used_at=9), excess=5) == ["x-0"]


def test_video_goes_as_a_whole_and_counts_from_its_last_use() -> None:
    film = [kept("a", at_ms, used_at=at_ms) for at_ms in (1, 2, 50)]

    assert going(*film, kept("b", used_at=20), excess=5) == ["b-0"]
    assert len(going(*film, excess=5)) == 3


def test_preview_from_the_future_is_no_newer_than_others() -> None:
    assert going(kept("a", used_at=1e12), kept("b", used_at=2), excess=5) == ["a-0"]


@pytest.fixture
def store(tmp_path: Path) -> PreviewStore:
    return parts.previews(config_in(tmp_path))


def stored(database: Database, store: PreviewStore, name: str, *, done: bool = True) -> Path:
    """Add a photo with a preview, which the encoder has looked at or not."""
    sha256 = name * 64
    with database.write() as session:
        asset_id = insert_asset(session, f"{name}.jpg", sha256=sha256)
        if done:
            jobs.mark_done(session, asset_id, "embed", "1", NOW, redo=())
    pixels = np.frombuffer(os.urandom(SIDE_PX * SIDE_PX * 3), np.uint8)
    pixels = pixels.reshape(SIDE_PX, SIDE_PX, 3)
    store.write(sha256, 0, pixels)
    return store.path(sha256, 0)


def test_cache_is_brought_below_its_limit(
    database: Database, store: PreviewStore, tmp_path: Path
) -> None:
    paths = [stored(database, store, name, done=name != "a") for name in "abcdefghijklmnop"]
    for age, path in enumerate(paths):
        at = (NOW - timedelta(days=30 - age)).timestamp()
        os.utime(path, (at, at))
    each = paths[0].stat().st_size
    config = config_in(tmp_path, {"MEDIAINDEX__CACHE__PREVIEWS_MB": "1"})
    assert each * 16 > 1_000_000

    report = hold_size(config, database, NOW)

    left = sum(path.stat().st_size for path in paths if path.exists())
    assert left <= 900_000
    assert (report.size_bytes - report.freed_bytes, report.trouble) == (left, None)
    assert paths[0].exists(), "it is not looked at yet"
    assert [path.exists() for path in paths[1:]] == sorted(path.exists() for path in paths[1:])
    assert hold_size(config, database, NOW).removed == 0


def test_what_cannot_go_is_told(database: Database, store: PreviewStore, tmp_path: Path) -> None:
    for name in "abcdefghijklmnop":
        stored(database, store, name, done=False)
    config = config_in(tmp_path, {"MEDIAINDEX__CACHE__PREVIEWS_MB": "1"})

    report = hold_size(config, database, NOW)

    assert report.removed == 0
    assert "still to be looked at" in (report.trouble or "")


def test_no_limit_keeps_all(database: Database, store: PreviewStore, tmp_path: Path) -> None:
    path = stored(database, store, "a")

    assert hold_size(config_in(tmp_path), database, NOW).removed == 0
    assert path.exists()


def test_preview_that_is_read_counts_as_used_today(database: Database, store: PreviewStore) -> None:
    path = stored(database, store, "a")
    os.utime(path, (1.0, 1.0))

    store.read("a" * 64, 0)
    (kept_now,) = store.kept()
    store.read("a" * 64, 0)

    assert kept_now.used_at > 1.0
    assert next(store.kept()).used_at == kept_now.used_at
