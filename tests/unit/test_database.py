import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event, select, text
from sqlalchemy.orm import Session

from mediaindex.errors import StoreError
from mediaindex.store.assets import save_metadata
from mediaindex.store.captions import save_caption
from mediaindex.store.copying import copy_database
from mediaindex.store.database import SCHEMA, Database, open_database
from mediaindex.store.filters import Filter
from mediaindex.store.fulltext import any_word, match
from mediaindex.store.tables import AssetRow, Base, FileRow, FolderRow, LibraryRow
from mediaindex.types import Caption, Metadata
from tests.conftest import NOW, ORIGIN

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mediaindex.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Database]:
    database = open_database(path)
    yield database
    database.close()


def test_migrations_end_where_the_tables_are(opened: Database, path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        ours = set(Base.metadata.tables)
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: kind != "table" or name in ours},
        )
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_newest_migration_is_the_one_that_opening_expects() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == SCHEMA


def test_opening_again_changes_nothing(opened: Database, path: Path) -> None:
    opened.close()

    open_database(path).close()

    assert [file.name for file in path.parent.iterdir()] == ["mediaindex.db"]


def test_newer_database_is_refused_and_left_alone(opened: Database, path: Path) -> None:
    opened.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()

    with pytest.raises(StoreError, match="newer mediaindex"):
        open_database(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database at all, only words" * 100, b"SQLite format 3\0"])
def test_file_that_is_no_database_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(StoreError, match="cannot be read as a database"):
        open_database(path)


def test_database_of_another_program_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE theirs (id)")

    with pytest.raises(StoreError, match="not one of mediaindex"):
        open_database(path)


def test_file_in_which_nothing_was_stored_is_new(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert path.stat().st_size > 0

    open_database(path).close()


def test_migration_that_is_killed_before_any_statement_is_made_again(tmp_path: Path) -> None:
    # What lies on the disk then is what `kill -9` leaves.
    left: dict[tuple[bytes, ...], Path] = {}

    def copy(*_: object) -> None:
        files = sorted((tmp_path / "first").iterdir())
        to = tmp_path / str(len(left))
        if left.setdefault(tuple(file.read_bytes() for file in files), to) == to:
            shutil.copytree(tmp_path / "first", to)

    event.listen(Engine, "before_cursor_execute", copy)
    try:
        open_database(tmp_path / "first" / "mediaindex.db").close()
    finally:
        event.remove(Engine, "before_cursor_execute", copy)

    assert left
    for folder in left.values():
        open_database(folder / "mediaindex.db").close()
        assert [file.name for file in folder.iterdir()] == ["mediaindex.db"]


def test_full_text_of_an_older_database_is_kept(path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        add_asset = "INSERT INTO asset (id, sha256, kind, format, size_bytes, added_at)"
        connection.exec_driver_sql(f"{add_asset} VALUES (1, 'a', 'photo', 'jpeg', 1, '2026-01-01')")
        add_document = "INSERT INTO document (asset_id, person, names, place, facts, machine)"
        connection.exec_driver_sql(f"{add_document} VALUES (1, 'my boats', 'a', '', 'Canon', '')")
    engine.dispose()

    database = open_database(path)

    with database.write() as session:
        moment = "INSERT INTO moment (id, asset_id, start_ms, end_ms, at_ms) VALUES (1, 1, 0, 0, 0)"
        session.execute(text(moment))
        assert found(session, "boat") == [1]
        save_metadata(session, 1, Metadata(), None)
        save_caption(session, 1, 1, "1", Caption("A ship.", (), "HMS Anna"), ORIGIN, NOW)
        assert (found(session, "boat"), found(session, "ship anna")) == ([], [1])
        session.execute(text("DELETE FROM asset"))
        assert found(session, "ship canon") == []
        session.execute(text("INSERT INTO fulltext (fulltext) VALUES ('integrity-check')"))
    database.close()


def found(session: Session, words: str) -> list[int]:
    return [hit.asset_id for hit in match(session, any_word(words) or "", Filter(), 10)]


def test_what_fails_half_way_leaves_nothing(opened: Database) -> None:
    def fail_half_way() -> None:
        with opened.write() as session:
            session.add(LibraryRow(name="a", root="/a", added_at=NOW))
            session.flush()
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()

    with opened.read() as session:
        assert session.scalars(select(LibraryRow)).all() == []


def test_reader_sees_one_state_while_another_writes(opened: Database) -> None:
    with opened.read() as reader:
        assert reader.scalars(select(LibraryRow)).all() == []
        with opened.write() as writer:
            writer.add(LibraryRow(name="a", root="/a", added_at=NOW))

        assert reader.scalars(select(LibraryRow)).all() == []


def test_first_reader_does_not_wait_for_a_writer(opened: Database, path: Path) -> None:
    with opened.write() as session:
        session.connection()  # holds the write lock
        other = open_database(path)
        with other.read() as beside:
            assert beside.scalars(select(LibraryRow)).all() == []
        other.close()


def test_name_that_is_not_utf8_comes_back_as_it_was(opened: Database) -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    with opened.write() as session:
        session.add(LibraryRow(id=1, name="a", root="/a", added_at=NOW))
        session.flush()
        session.add(FolderRow(id=1, library_id=1, path="", seen_sweep=0))
        session.flush()
        row = {"folder_id": 1, "size_bytes": 1, "mtime_ns": 1, "role": "media", "found_at": NOW}
        session.add(FileRow(name=name, **row))

    with opened.read() as session:
        assert session.scalars(select(FileRow.name)).all() == [name]
        assert session.scalar(select(FileRow.id).where(FileRow.name == name)) is not None


def test_times_are_utc_and_never_without_a_zone(opened: Database) -> None:
    with opened.write() as session:
        session.add(LibraryRow(name="a", root="/a", added_at=NOW))
    with opened.read() as session:
        assert session.scalars(select(LibraryRow.added_at)).one() == NOW
    with opened.write() as session, session.begin_nested() as nested:
        session.add(LibraryRow(name="b", root="/b", added_at=datetime(2026, 1, 1)))
        with pytest.raises(Exception, match="has no time zone"):
            session.flush()
        nested.rollback()


def test_backup_of_a_database_in_use_is_complete(opened: Database, path: Path) -> None:
    with opened.write() as session:
        session.add(LibraryRow(name="a", root="/a", added_at=NOW))
    target = path.with_name("copy.db")

    copy_database(path, target)

    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("SELECT name FROM library").fetchall() == [("a",)]


def test_asset_takes_what_belongs_to_it_along(opened: Database) -> None:
    with opened.write() as session:
        asset = AssetRow(sha256="a", kind="photo", format="jpeg", size_bytes=1, added_at=NOW)
        session.add(asset)
        session.flush()
        session.execute(text(f"INSERT INTO moment VALUES (1, {asset.id}, 0, 0, 0)"))
        session.execute(text("INSERT INTO space VALUES (1, 'm', 'picture', 1)"))
        session.execute(text("INSERT INTO embedding VALUES (7, 1, 1, 0, x'0000')"))
        session.execute(text("DELETE FROM index_change"))
        session.delete(asset)
        session.flush()

        assert session.execute(text("SELECT count(*) FROM embedding")).scalar() == 0
        changes = session.execute(text("SELECT space_id, key FROM index_change")).all()
        assert [tuple(change) for change in changes] == [(1, 7)]
