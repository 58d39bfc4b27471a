import os
import signal
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from mediaindex.errors import AlreadyRunning, BrokenOff, ConfigError
from mediaindex.immich import reading
from mediaindex.immich.account import PathPair
from mediaindex.immich.accounts import account_of
from mediaindex.immich.deciding import disconnect
from mediaindex.immich.reading import read, read_all
from mediaindex.store import immich
from mediaindex.store.assets import save_metadata, words_of
from mediaindex.store.database import Database
from mediaindex.store.immich_tables import ImmichWrittenRow
from mediaindex.store.jobs import mark_done
from mediaindex.store.lock import immich_lock
from mediaindex.store.tables import DocumentRow, ResultRow
from mediaindex.types import Metadata, PersonWords
from tests.beside import THEIRS, Home
from tests.conftest import NOW
from tests.servers.immich import Immich


@pytest.fixture
def server() -> Iterator[Immich]:
    with Immich("3.1.0") as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, database: Database, server: Immich) -> Home:
    return Home(tmp_path, database, server)


def test_our_own_words_are_no_persons(home: Home) -> None:
    home.fill("a.jpg")
    told = "Boat\n\n[mediaindex]\nA red boat.\n[/mediaindex]"
    home.add("a.jpg", description=told, tags={"mediaindex/boat", "sea"})

    home.read()

    assert home.words("a.jpg") == {("description", "Boat"), ("keyword", "sea")}
    assert '"has_block":true' in home.rows()[0].facts
    assert '"our_tags":["mediaindex"]' in home.rows()[0].facts


def test_album_that_is_renamed_is_renamed(home: Home) -> None:
    home.fill("a.jpg")
    summer = home.server.add_album("Sumer", [home.add("a.jpg")], owner="anna")
    home.read()
    home.server.albums[summer].name = "Summer"

    home.read()

    assert home.words("a.jpg") == {("album", "Summer")}


@pytest.mark.parametrize("library_id", ["same", "another"])
def test_photo_that_was_taken_in_again_is_not_locked(
    tmp_path: Path, database: Database, server: Immich, library_id: str
) -> None:
    home = Home(tmp_path, database, server, ("asset.read", "user.read"))
    home.fill("a.jpg")
    a = home.add("a.jpg", library_id="same")
    home.read()
    server.purge(a)
    home.add("a.jpg", library_id=library_id)

    home.read(full=True)

    assert (home.withheld("a.jpg"), len(home.rows())) == (None, 1)


def test_one_photo_of_two_people_is_shown_if_one_shows_it(home: Home) -> None:
    home.fill("a.jpg", "b.jpg")
    bob = home.connect("bob")
    home.add("a.jpg", visibility="archive", description="Hers")
    his = home.add("a.jpg", owner="bob", description="His")
    home.read()
    alone = home.withheld("a.jpg")
    home.read(account_id=bob)
    both = home.withheld("a.jpg")
    home.server.lock(his)
    home.read(account_id=bob, full=True)

    assert (alone, both, home.withheld("a.jpg")) == ("archived", None, "locked")
    assert home.words("a.jpg") == {("description", "Hers"), ("description", "His")}


def test_disconnected_account_takes_its_facts_with_it(home: Home) -> None:
    home.fill("a.jpg", "b.jpg")
    bob = home.connect("bob")
    home.add("a.jpg", description="Hers", is_favourite=True)
    home.add("a.jpg", owner="bob", description="His", visibility="archive")
    lock = home.add("b.jpg", owner="bob")
    for account in (home.account_id, bob):
        home.read(account_id=account)
    home.server.lock(lock)
    home.read(account_id=bob, full=True)

    disconnect(home.database, home.account_id)
    first = (home.words("a.jpg"), home.asset("a.jpg").is_favourite, home.withheld("a.jpg"))
    disconnect(home.database, bob)

    assert first == ({("description", "His")}, False, "archived")
    assert (home.words("a.jpg"), home.withheld("a.jpg"), home.withheld("b.jpg")) == (
        set(),
        None,
        None,
    )
    assert home.rows() == []


def test_names_that_a_mac_wrote_match(home: Home) -> None:
    decomposed = unicodedata.normalize("NFD", "Été à Zürich/naïf.jpg")
    home.fill(decomposed, "2020/naïf.jpg")
    home.add(unicodedata.normalize("NFC", decomposed), description="here")
    home.add(unicodedata.normalize("NFD", "2020/naïf.jpg"), description="there")

    assert home.read().matched == 2
    assert home.words(decomposed) == {("description", "here")}
    assert home.words("2020/naïf.jpg") == {("description", "there")}


def test_file_that_changed_is_another_photo(home: Home) -> None:
    home.fill("a.jpg", "copy/a.jpg")
    home.put("copy/a.jpg", b"a.jpg")
    home.sweep()
    home.add("a.jpg", people=("Anna",), visibility="archive")
    home.read()
    home.put("a.jpg", b"other bytes")
    home.sweep()

    home.read()

    assert (home.words("a.jpg"), home.withheld("a.jpg")) == ({("person", "Anna")}, "archived")
    assert (home.words("copy/a.jpg"), home.withheld("copy/a.jpg")) == (set(), None)


def test_locked_photo_stays_locked_when_its_file_changes(home: Home) -> None:
    home.fill("a.jpg", "copy/a.jpg")
    home.put("copy/a.jpg", b"a.jpg")
    home.sweep()
    a = home.add("a.jpg")
    home.read()
    home.server.lock(a)
    home.read(full=True)
    home.put("a.jpg", b"other bytes")
    home.sweep()

    home.read()

    assert (home.withheld("a.jpg"), home.withheld("copy/a.jpg")) == ("locked", "locked")


def test_file_that_comes_later_matches_then(home: Home) -> None:
    home.add("late.jpg", description="Late", visibility="archive")
    assert home.read().matched == 0
    home.fill("late.jpg")

    assert home.read().matched == 1
    assert (home.words("late.jpg"), home.withheld("late.jpg")) == (
        {("description", "Late")},
        "archived",
    )


def test_upload_is_known_by_its_content(tmp_path: Path, database: Database, server: Immich) -> None:
    # A key that may check has all of ours read that Immich shows at no path.
    home = Home(tmp_path, database, server, ("asset.read", "user.read"))
    home.fill("a.jpg", "bb.jpg", "c.jpg")
    path = "/usr/src/app/upload/library/anna/x.jpg"
    home.server.add(
        path, owner="anna", content=b"a.jpg", library=False, size_bytes=5, description="Mine"
    )

    done = home.read()

    assert (done.met, done.matched) == (1, 1)
    assert home.words("a.jpg") == {("description", "Mine")}
    assert [row.matched_by for row in home.rows()] == ["checksum"]
    # What is of another size was never read.
    hashed = [home.asset(name).sha1 is not None for name in ("a.jpg", "bb.jpg", "c.jpg")]
    assert hashed == [True, False, True]


def test_reading_that_is_ended_begins_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE", 2)
    names = [f"{number}.jpg" for number in range(5)]
    home.fill(*names)
    for name in names:
        home.add(name, description=name)
    stop = threading.Event()

    def on_progress(done: int, matched: int) -> None:
        stop.set()

    with pytest.raises(BrokenOff):
        read(
            home.config,
            home.database,
            home.account_id,
            NOW,
            full=True,
            stop=stop,
            on_progress=on_progress,
        )
    told = sum(bool(home.words(name)) for name in names)
    done = home.read()

    assert 0 < told < 5
    assert home.account().full_no == 2
    assert (done.is_full, done.matched, done.changed) == (True, 5, 5 - told)
    assert {home.withheld(name) for name in names} == {None}


ROOT = Path(__file__).resolve().parents[2]

KILLED = """
import os, signal, sys, threading
from pathlib import Path
from mediaindex.config import load_config
from mediaindex.immich import reading
from mediaindex.store.database import open_database
from tests.conftest import NOW

def on_progress(done, matched):
    os.kill(os.getpid(), signal.SIGKILL)

reading.PAGE = 2
config = load_config(None, os.environ)
reading.read(
    config, open_database(config.database_path), int(sys.argv[1]), NOW,
    full=True, stop=threading.Event(), on_progress=on_progress,
)
"""


def test_reading_that_is_killed_begins_again(home: Home) -> None:
    names = [f"{number}.jpg" for number in range(5)]
    home.fill(*names)
    for name in names:
        home.add(name, description=name)
    state_dir = str(home.config.state_dir)
    command = [sys.executable, "-c", KILLED, str(home.account_id)]
    environ = {**os.environ, "MEDIAINDEX_STATE_DIR": state_dir, "PYTHONPATH": str(ROOT)}

    killed = subprocess.run(command, env=environ, cwd=ROOT, timeout=60, check=False)
    told = sum(bool(home.words(name)) for name in names)
    done = home.read()

    assert killed.returncode == -signal.SIGKILL
    assert told == 2
    assert (done.is_full, done.matched, done.changed, done.vanished) == (True, 5, 3, 0)


def test_another_persons_key_reads_nothing(home: Home) -> None:
    home.fill("a.jpg")
    home.add("a.jpg", owner="anna")
    key_file = Path(home.account().key_file)
    key_file.write_text(home.server.add_user("bob"))

    with pytest.raises(ConfigError, match="bob's"):
        home.read()


def test_trouble_with_one_account_leaves_the_others(home: Home) -> None:
    home.fill("a.jpg")
    bob = home.connect("bob")
    home.add("a.jpg", owner="bob", description="His")
    Path(home.account().key_file).unlink()
    stop = threading.Event()

    done = read_all(home.config, home.database, lambda: NOW, full=False, stop=stop)

    assert [one.name for one in done] == ["bob"]
    assert "there is no" in (home.account().trouble or "")
    assert home.account(bob).trouble is None
    assert home.words("a.jpg") == {("description", "His")}


def test_one_reading_at_a_time(home: Home) -> None:
    with immich_lock(home.config.state_dir), pytest.raises(AlreadyRunning):
        home.read()


def test_links_lead_to_the_one_on_the_timeline(home: Home) -> None:
    home.fill("a.jpg")
    home.add("a.jpg", visibility="archive")
    bob = home.connect("bob")
    his = home.add("a.jpg", owner="bob")
    home.read()
    home.read(account_id=bob)

    with home.database.read() as session:
        links = immich.links(session, [home.asset("a.jpg").id])
        counts = immich.counts(session, home.account_id)

    assert list(links.values()) == [f"http://photos.home/photos/{his}"]
    assert (counts.assets, counts.by_path, counts.unmatched, counts.withheld) == (1, 1, 0, {})


def test_folder_that_was_paired_wrongly_is_let_go(home: Home) -> None:
    home.fill("a.jpg")
    home.server.add("/mnt/other/a.jpg", owner="anna", visibility="archive", description="Other")
    home.connect("anna", theirs="/mnt/other")
    home.read()
    wrongly = (home.words("a.jpg"), home.withheld("a.jpg"))
    home.connect("anna")

    done = home.read()

    assert wrongly == ({("description", "Other")}, "archived")
    assert (done.is_full, done.matched) == (True, 0)
    assert (home.words("a.jpg"), home.withheld("a.jpg")) == (set(), None)


def test_what_file_and_immich_say_alike_counts_once(home: Home) -> None:
    home.fill("a.jpg")
    home.add("a.jpg", description="my Boat", tags={"travel/lisbon"}, people=("Anna",))
    home.read()
    asset_id = home.asset("a.jpg").id
    words = [("description", "My boat"), ("keyword", "travel"), ("keyword", "lisbon")]
    said = Metadata(words=tuple(PersonWords(kind, text, "sidecar") for kind, text in words))  # type: ignore[arg-type] # of `WordsKind`
    with home.database.write() as session:
        save_metadata(session, asset_id, said, None)

    with home.database.read() as session:
        assert words_of(session, asset_id) == ["My boat", "travel, lisbon, Anna"]
        assert session.scalars(select(DocumentRow.person)).one() == "My boat\ntravel\nlisbon\nAnna"
    assert ("description", "my Boat") in home.words("a.jpg")


def test_pairs_of_folders_hold_for_what_lies_below_them(home: Home) -> None:
    assert PathPair(THEIRS, str(home.root)) in account_of(home.account()).paths


@pytest.mark.parametrize("permissions", [("all",), ("asset.read", "user.read")])
def test_what_pages_pass_over_is_asked_for_and_not_taken_for_locked(
    tmp_path: Path, database: Database, server: Immich, permissions: tuple[str, ...]
) -> None:
    home = Home(tmp_path, database, server, permissions)
    names = [f"{number}.jpg" for number in range(25)]
    home.fill(*names)
    uuids = [home.add(name) for name in names]
    home.read()
    for some in (uuids[:2], uuids[2:]):
        for uuid in some:
            server.assets[uuid].has_exif = False  # such are on no page that tells of their files

        done = home.read(full=True)

        assert (done.vanished, done.held_back) == (0, 0)
        assert {home.withheld(name) for name in names} == {None}


@pytest.mark.parametrize("ours", ["block", "tag"])
def test_words_of_ours_that_were_wiped_are_looked_at_again(home: Home, ours: str) -> None:
    home.fill("a.jpg", "b.jpg")
    told = "Boat\n\n[mediaindex]\nA red boat.\n[/mediaindex]"
    uuids = {}
    for name in ("a.jpg", "b.jpg"):
        uuids[name] = home.add(name, description=told, tags={"mediaindex/boat"})
    home.read()
    for name, uuid in uuids.items():
        _write(home, name, uuid, told)
    asset = home.server.assets[uuids["a.jpg"]]
    if ours == "block":
        asset.description = "Boat"
    else:
        asset.tags.clear()
    home.server.touch(asset.id)

    home.read(full=True)

    with home.database.read() as session:
        assert session.scalars(select(ResultRow.asset_id)).all() == [home.asset("b.jpg").id]


def _write(home: Home, name: str, uuid: str, told: str) -> None:
    """Note that these words of ours were written, and that the stage is done."""
    asset_id = home.asset(name).id
    with home.database.write() as session:
        session.add(
            ImmichWrittenRow(
                account_id=home.account_id,
                uuid=uuid,
                asset_id=asset_id,
                before="Boat",
                description=told,
                tags='["mediaindex/boat"]',
                digest="1",
                written_at=NOW,
            )
        )
        mark_done(session, asset_id, "publish", "1", NOW, redo=())
