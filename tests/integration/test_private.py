"""What we keep is for its owner alone: it tells where and when every photo was taken."""

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mediaindex.indexing import check_folders
from mediaindex.store.database import open_database
from mediaindex.store.lock import worker_lock
from mediaindex.store.tables import LibraryRow
from tests.caring import config_in
from tests.conftest import NOW


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Let everybody read what is made, as most machines do."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir()}


def test_folders_that_we_make_are_private_and_others_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir(mode=0o750)

    with worker_lock(tmp_path / "made"), worker_lock(tmp_path / "given"):
        pass
    (tmp_path / "home").mkdir()
    check_folders(config_in(tmp_path / "home"))

    assert modes(tmp_path) == {"given": "0o750", "made": "0o700", "home": "0o755"}
    assert modes(tmp_path / "home") == {
        "config.yaml": "0o644",
        "state": "0o700",
        "cache": "0o700",
    }


def test_database_is_private_with_all_that_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "mediaindex.db"
    with closing(open_database(path)) as database, database.write() as session:
        session.add(LibraryRow(name="a", root="/a", added_at=NOW))
        session.flush()

        assert set(modes(path.parent).values()) == {"0o600"}
        assert set(modes(path.parent)) == {path.name, f"{path.name}-wal", f"{path.name}-shm"}
    assert modes(tmp_path) == {"state": "0o700"}


def test_what_an_older_version_made_for_all_to_read_becomes_private(
    tmp_path: Path, migrated: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    path = state / "mediaindex.db"
    path.write_bytes(migrated.read_bytes())
    (state / "mediaindex.db.replaced-20261121T120000Z").write_text("an older one")
    (state / "notes.txt").write_text("not ours")

    open_database(path).close()

    assert modes(state) == {
        "mediaindex.db": "0o600",
        "mediaindex.db.replaced-20261121T120000Z": "0o600",
        "notes.txt": "0o644",
    }
    assert modes(tmp_path) == {"state": "0o755"}
