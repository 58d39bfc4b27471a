from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from mediaindex.errors import Faulty, ServerBusy, ServerOff
from mediaindex.immich import reading
from mediaindex.immich.deciding import confirm, show
from mediaindex.store import immich
from mediaindex.store.captions import save_caption
from mediaindex.store.database import Database
from mediaindex.store.jobs import mark_done
from mediaindex.store.tables import DocumentRow, ResultRow
from mediaindex.types import Caption
from tests.beside import Home
from tests.conftest import NOW, ORIGIN
from tests.servers.faults import Fault
from tests.servers.immich import Immich

VERSIONS = ("2.3.0", "3.1.0", "3.2.0")
"""What is listed, and how, differs between them."""


@pytest.fixture(params=["3.1.0"])
def server(request: pytest.FixtureRequest) -> Iterator[Immich]:
    with Immich(request.param) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, database: Database, server: Immich) -> Home:
    return Home(tmp_path, database, server)


@pytest.mark.parametrize("server", VERSIONS, indirect=True)
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


def test_photo_that_several_steps_change_counts_once(home: Home) -> None:
    home.fill("a.jpg", "b.jpg")
    a = home.add("a.jpg", description="Boat", tags={"sea"})
    home.add("b.jpg")
    home.server.add_album("Summer", [a], owner="anna")

    assert home.read().changed == 1


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
    assert {statement.split(" SET ")[0] for statement in said} <= {"UPDATE immich_account"}
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


@pytest.mark.parametrize("server", VERSIONS, indirect=True)
def test_tag_that_went_is_taken_back(home: Home) -> None:
    home.fill("a.jpg")
    a = home.add("a.jpg", tags={"sea", "boat"})
    home.read()
    home.server.assets[a].tags.discard("sea")

    home.read(full=True)

    assert home.words("a.jpg") == {("keyword", "boat")}


@pytest.mark.parametrize("server", VERSIONS, indirect=True)
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


@pytest.mark.parametrize("server", VERSIONS, indirect=True)
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


@pytest.mark.parametrize("server", VERSIONS, indirect=True)
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


@pytest.mark.parametrize("server", VERSIONS, indirect=True)
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


@pytest.mark.parametrize("server", VERSIONS, indirect=True)
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


@pytest.mark.parametrize("server", VERSIONS, indirect=True)
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


@pytest.mark.parametrize("server", VERSIONS, indirect=True)
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
