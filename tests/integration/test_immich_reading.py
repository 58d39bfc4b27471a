import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from mediaindex.errors import AlreadyRunning, BrokenOff, ConfigError, Faulty, ServerBusy, ServerOff
from mediaindex.immich import reading
from mediaindex.immich.account import PathPair
from mediaindex.immich.deciding import confirm, disconnect, show
from mediaindex.immich.reading import read, read_all
from mediaindex.store import immich
from mediaindex.store.assets import save_metadata, words_of
from mediaindex.store.captions import save_caption
from mediaindex.store.database import Database
from mediaindex.store.jobs import mark_done
from mediaindex.store.lock import immich_lock
from mediaindex.store.tables import DocumentRow, ResultRow
from mediaindex.types import Caption, Metadata, PersonWords
from tests.beside import THEIRS, Home
from tests.conftest import NOW, ORIGIN
from tests.servers.faults import Fault
from tests.servers.immich import Immich

VERSIONS = ("2.3.0", "3.1.0", "3.2.0")


@pytest.fixture(params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Immich]:
    with Immich(request.param) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, database: Database, server: Immich) -> Home:
    return Home(tmp_path, database, server)


def test_first_reading_brings_all_that_it_knows(home: Home) -> None:
    home.fill("2019/beach.jpg", "b.jpg", "c.jpg")
    beach = home.add(
        "2019/beach.jpg",
        description="On the beach",
        people=("Anna", ""),
        hidden_people=("Zoe",),
        tags={"travel/lisbon"},
        is_favourite=True,
        city="Lisbon",
        state="Lisboa",
        country="Portugal",
    )
    home.add("b.jpg")
    home.add("elsewhere.jpg")
    home.server.add_album("Summer", [beach], owner="anna")

    done = home.read()

    assert (done.is_full, done.met, done.matched, done.vanished) == (True, 3, 2, 0)
    assert home.words("2019/beach.jpg") == {
        ("description", "On the beach"),
        ("person", "Anna"),
        ("keyword", "travel/lisbon"),
        ("album", "Summer"),
        ("place", "Lisbon"),
        ("place", "Lisboa"),
        ("place", "Portugal"),
    }
    assert home.asset("2019/beach.jpg").is_favourite
    assert not home.asset("b.jpg").is_favourite
    assert home.words("c.jpg") == set()


def test_second_reading_tells_only_what_changed(home: Home) -> None:
    home.fill("a.jpg", "b.jpg")
    a, b = home.add("a.jpg"), home.add("b.jpg")
    home.server.assets[a].updated_at = home.server.assets[b].updated_at.replace(year=2025)
    home.read()
    home.server.assets[b].is_favourite = True
    home.server.touch(b)

    done = home.read()

    assert (done.is_full, done.met, done.matched, done.changed) == (False, 1, 1, 1)
    assert home.asset("b.jpg").is_favourite


def test_unchanged_night_writes_nothing_but_that_it_was_read(home: Home) -> None:
    home.fill("a.jpg", "b.jpg")
    a = home.add("a.jpg", description="Boat", people=("Anna",), tags={"sea"}, city="Lisbon")
    home.add("b.jpg", visibility="archive", is_favourite=True)
    home.server.add_album("Summer", [a], owner="anna")
    home.read()
    home.read()  # asks for the text in them, once
    with home.database.write() as session:
        mark_done(session, home.asset("a.jpg").id, "embed_text", "1", NOW, redo=())

    with home.writes() as said:
        done = home.read(full=True)

    assert (done.met, done.changed) == (2, 0)
    assert {statement.split(" SET ")[0] for statement in said} == {"UPDATE immich_account"}
    with home.database.read() as session:
        assert session.scalars(select(ResultRow.stage)).all() == ["embed_text"]


def test_what_date_tells_nothing_of_comes_at_night(home: Home) -> None:
    home.fill("a.jpg")
    a = home.add("a.jpg", people=("Ana",))
    home.read()
    with home.database.write() as session:
        mark_done(session, home.asset("a.jpg").id, "embed_text", "1", NOW, redo=())
    home.server.assets[a].people = ("Anna",)
    home.server.assets[a].tags = {"sea"}

    home.read(full=True)

    assert home.words("a.jpg") == {("person", "Anna"), ("keyword", "sea")}
    with home.database.read() as session:
        assert session.scalars(select(ResultRow.stage)).all() == []
        assert session.scalars(select(DocumentRow.person)).one() == "Anna\nsea"


def test_tag_that_went_is_taken_back(home: Home) -> None:
    home.fill("a.jpg")
    a = home.add("a.jpg", tags={"sea", "boat"})
    home.read()
    home.server.assets[a].tags.discard("sea")

    home.read(full=True)

    assert home.words("a.jpg") == {("keyword", "boat")}


def test_our_own_words_are_no_persons(home: Home) -> None:
    home.fill("a.jpg")
    told = "Boat\n\n[mediaindex]\nA red boat.\n[/mediaindex]"
    home.add("a.jpg", description=told, tags={"mediaindex/boat", "sea"})

    home.read()

    assert home.words("a.jpg") == {("description", "Boat"), ("keyword", "sea")}
    assert '"has_block":true' in home.rows()[0].facts
    assert '"our_tags":["mediaindex"]' in home.rows()[0].facts


def test_albums_are_read_when_they_change(home: Home) -> None:
    home.fill("a.jpg", "b.jpg")
    a, b = home.add("a.jpg"), home.add("b.jpg")
    summer = home.server.add_album("Summer", [a], owner="anna")
    home.read()
    home.server.put_into(summer, b)
    home.read()
    both = home.words("a.jpg") | home.words("b.jpg")

    del home.server.albums[summer]
    home.read()

    assert both == {("album", "Summer")}
    assert home.words("a.jpg") == home.words("b.jpg") == set()


def test_album_that_is_renamed_is_renamed(home: Home) -> None:
    home.fill("a.jpg")
    summer = home.server.add_album("Sumer", [home.add("a.jpg")], owner="anna")
    home.read()
    home.server.albums[summer].name = "Summer"

    home.read()

    assert home.words("a.jpg") == {("album", "Summer")}


@pytest.mark.parametrize(
    ("visibility", "reason"),
    [("archive", "archived"), ("hidden", "hidden"), ("timeline", None)],
)
def test_visibility_is_kept_and_given_back(home: Home, visibility: str, reason: str | None) -> None:
    home.fill("a.jpg")
    a = home.add("a.jpg")
    home.read()
    home.server.set_visibility(a, visibility)  # type: ignore[arg-type] # of `Visibility`
    home.read()
    meanwhile = home.withheld("a.jpg")
    home.server.set_visibility(a, "timeline")

    home.read()

    assert (meanwhile, home.withheld("a.jpg")) == (reason, None)


def test_trash_is_withheld_and_stays_so_when_it_is_emptied(home: Home) -> None:
    home.fill("a.jpg")
    a = home.add("a.jpg")
    home.read()
    home.server.trash(a)
    home.read()
    in_trash = home.withheld("a.jpg")
    home.server.purge(a)

    home.read(full=True)

    assert (in_trash, home.withheld("a.jpg")) == ("trashed", "trashed")


@pytest.mark.parametrize("permissions", [("all",), ("asset.read", "user.read")])
def test_locked_photo_is_withheld_until_it_is_unlocked(
    tmp_path: Path, database: Database, server: Immich, permissions: tuple[str, ...]
) -> None:
    home = Home(tmp_path, database, server, permissions)
    home.fill("a.jpg", "b.jpg")
    a = home.add("a.jpg", people=("Anna",))
    home.add("b.jpg")
    home.read()
    server.lock(a)
    done = home.read(full=True)
    locked = home.withheld("a.jpg")
    with database.read() as session:
        (gone,) = immich.vanished(session)
        links = immich.links(session, [home.asset(name).id for name in ("a.jpg", "b.jpg")])
    server.set_visibility(a, "timeline")

    home.read()

    assert (done.vanished, done.held_back, locked) == (1, 0, "locked")
    assert gone.paths == (str(home.root / "a.jpg"),)
    assert list(links) == [home.asset("b.jpg").id]
    assert home.withheld("a.jpg") is None
    assert home.withheld("b.jpg") is None
    assert home.words("a.jpg") == {("person", "Anna")}


def test_locked_before_we_came_is_known_where_the_key_may_check(home: Home) -> None:
    home.fill("a.jpg", "b.jpg", "c.jpg")
    home.server.lock(home.add("a.jpg"))
    home.add("b.jpg")

    home.read()

    assert [home.withheld(name) for name in ("a.jpg", "b.jpg", "c.jpg")] == ["locked", None, None]


def test_deleted_photo_is_told_from_a_locked_one_where_the_key_may_check(home: Home) -> None:
    home.fill("a.jpg")
    a = home.add("a.jpg", people=("Anna",))
    home.read()
    home.server.purge(a)

    home.read(full=True)

    assert (home.withheld("a.jpg"), home.words("a.jpg"), home.rows()) == (None, set(), [])


def test_deleted_photo_is_withheld_until_a_person_shows_it(
    tmp_path: Path, database: Database, server: Immich
) -> None:
    home = Home(tmp_path, database, server, ("asset.read", "user.read"))
    home.fill("a.jpg")
    a = home.add("a.jpg")
    home.read()
    server.purge(a)
    home.read(full=True)
    withheld = home.withheld("a.jpg")

    assert show(database, home.asset("a.jpg").id)
    home.read(full=True)

    assert (withheld, home.withheld("a.jpg")) == ("locked", None)


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


@pytest.mark.parametrize("deleted", [True, False])
@pytest.mark.parametrize("permissions", [("all",), ("asset.read", "user.read")])
def test_library_that_was_removed_waits_for_a_person(
    tmp_path: Path,
    database: Database,
    server: Immich,
    permissions: tuple[str, ...],
    deleted: bool,
) -> None:
    home = Home(tmp_path, database, server, permissions)
    names = [f"{number}.jpg" for number in range(25)]
    home.fill(*names)
    uuids = [home.add(name, people=("Anna",)) for name in names]
    home.read()
    for uuid in uuids[1:]:
        server.purge(uuid)

    done = [home.read(full=True), home.read(full=True)]
    shown = {home.withheld(name) for name in names}
    confirmed = confirm(database, home.account_id, NOW, deleted=deleted)

    assert [one.held_back for one in done] == [24, 24]
    assert [one.vanished for one in done] == [0, 0]
    assert shown == {None}
    assert confirmed == 24
    assert home.account().held_back == 0
    assert {home.withheld(name) for name in names[1:]} == {None if deleted else "locked"}
    assert home.words("3.jpg") == (set() if deleted else {("person", "Anna")})


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


def test_file_that_moved_keeps_what_is_known(home: Home) -> None:
    home.fill("a.jpg")
    a = home.add("a.jpg", people=("Anna",), visibility="archive")
    home.read()
    (home.root / "2019").mkdir()
    (home.root / "a.jpg").rename(home.root / "2019" / "a.jpg")
    home.sweep()
    home.read(full=True)
    moved = (home.words("2019/a.jpg"), home.withheld("2019/a.jpg"))
    home.server.purge(a)
    home.add("2019/a.jpg", people=("Anna B",))

    home.read(full=True)

    assert moved == ({("person", "Anna")}, "archived")
    assert home.words("2019/a.jpg") == {("person", "Anna B")}
    assert home.withheld("2019/a.jpg") is None


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


def test_upload_is_known_by_its_content(home: Home) -> None:
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


def test_trouble_in_the_middle_counts_nothing_as_gone(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 2)
    names = [f"{number}.jpg" for number in range(6)]
    home.fill(*names)
    for name in names:
        home.add(name)
    home.read()
    before = home.account().read_until
    home.server.fail_next(9, Fault.refuse(500).of('"page": 2'))
    home.server.fail_next(9, Fault.refuse(500).of("POST /api/search/metadata"))

    with pytest.raises((Faulty, ServerOff, ServerBusy)):
        home.read(full=True)

    assert {home.withheld(name) for name in names} == {None}
    assert home.account().read_until == before


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


def test_text_that_immich_read_stands_beside_a_models(home: Home) -> None:
    home.fill("a.jpg")
    a = home.add("a.jpg")
    home.server.text_in[a] = ["HMS ANNA"]
    home.read()
    asset_id = home.asset("a.jpg").id
    with home.database.write() as session:
        said = Caption("A ship.", (), "LISBOA")
        save_caption(session, asset_id, None, "1", said, ORIGIN, NOW)

    home.read()
    with home.database.write() as session:
        save_caption(session, asset_id, None, "2", said, ORIGIN, NOW)
    with home.database.read() as session:
        seen = session.scalars(select(DocumentRow.seen)).one()
    before = len(home.server.requests)
    home.read()

    assert seen == "LISBOA\nHMS ANNA"
    assert not [one for one in home.server.requests[before:] if one.path.endswith("/ocr")]


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
    assert PathPair(THEIRS, str(home.root)) in reading.account_of(home.account()).paths
