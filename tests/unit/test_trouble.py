"""Which errors are the machine's, and in what words they are told; each is a real one."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from mediaindex.cli.trouble import translated
from mediaindex.errors import MediaIndexError, QueryError, RetryLater, StoreError


def full(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE a (b); PRAGMA max_page_count = 2")
        connection.execute("INSERT INTO a VALUES (zeroblob(100000))")


def locked(path: Path) -> None:
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(path, timeout=0)) as other:
        one.execute("BEGIN EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")


def read_only(path: Path) -> None:
    sqlite3.connect(path).close()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.execute("CREATE TABLE a (b)")


def rubbish(path: Path) -> None:
    path.write_bytes(b"rubbish" * 1000)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE a (b)")


def under_a_file(path: Path) -> None:
    path.write_text("")
    (path / "state").mkdir(parents=True)


def bad_words(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT ?", ["caf\udce9"])


def wrapped(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}/a.db")
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    finally:
        engine.dispose()


def wrong_statement(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT nothing FROM nowhere")


def broken_constraint(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE a (b UNIQUE)")
        connection.execute("INSERT INTO a VALUES (1), (1)")


def division(path: Path) -> None:
    _ = 1 / len(path.name[:0])


def error_of(make: Callable[[Path], None], path: Path) -> Exception:
    with pytest.raises(Exception, match=r".") as caught:
        make(path)
    return caught.value


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (full, StoreError, "the database cannot be used: database or disk is full"),
        (locked, RetryLater, "another program keeps the database locked"),
        (
            read_only,
            StoreError,
            "the database cannot be used: attempt to write a readonly database",
        ),
        (rubbish, StoreError, "the database cannot be used: file is not a database"),
        (wrapped, StoreError, "the database cannot be used: unable to open database file"),
        (bad_words, QueryError, "caf\N{REPLACEMENT CHARACTER} is not valid UTF-8"),
    ],
)
def test_trouble_of_the_machine_is_told_in_a_line(
    tmp_path: Path, make: Callable[[Path], None], kind: type[MediaIndexError], said: str
) -> None:
    found = translated(error_of(make, tmp_path / "x"), ["mediaindex", "search", "caf\udce9"])

    assert type(found) is kind
    assert str(found) == said


def test_trouble_of_the_disk_names_the_file(tmp_path: Path) -> None:
    found = translated(error_of(under_a_file, tmp_path / "x"), [])

    assert str(found) == f"Not a directory: {tmp_path / 'x' / 'state'}"


@pytest.mark.parametrize("make", [wrong_statement, broken_constraint, division, bad_words])
def test_bug_keeps_its_traceback(tmp_path: Path, make: Callable[[Path], None]) -> None:
    assert translated(error_of(make, tmp_path / "x"), ["mediaindex", "search", "dog"]) is None
