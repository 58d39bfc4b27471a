"""What is not listed any more: locked, deleted, not found by Immich, or not shared any more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mediaindex.immich.deciding import confirm, show
from mediaindex.store.database import Database
from tests.beside import THEIRS, Home
from tests.conftest import NOW
from tests.servers.immich import Immich

READ = ("asset.read", "asset.view", "album.read", "tag.read", "user.read")


@pytest.fixture
def server() -> Iterator[Immich]:
    with Immich("3.1.0") as server:
        yield server


@pytest.fixture(params=["may check", "reads only"])
def permissions(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return ("all",) if request.param == "may check" else READ


@pytest.fixture
def home(tmp_path: Path, database: Database, server: Immich, permissions: tuple[str, ...]) -> Home:
    return Home(tmp_path, database, server, permissions)


@pytest.fixture
def checking(tmp_path: Path, database: Database, server: Immich) -> Home:
    return Home(tmp_path, database, server)


def upload(home: Home, path: str, content: str) -> str:
    """Upload to Immich what lies in our library with this content; returns its uuid."""
    told = content.encode()
    return home.server.add(path, owner="anna", library=False, content=told, size_bytes=len(told))


def move(home: Home, name: str, to: str) -> None:
    (home.root / to).parent.mkdir(parents=True, exist_ok=True)
    (home.root / name).rename(home.root / to)
    home.sweep()


def test_locked_upload_that_moves_stays_locked(home: Home) -> None:
    home.fill("up/x.jpg", "b.jpg")
    x = upload(home, f"{THEIRS}/up/x.jpg", "up/x.jpg")
    home.add("b.jpg")
    home.read()
    home.server.lock(x)
    move(home, "up/x.jpg", "2019/x.jpg")
    home.server.assets[x].path = f"{THEIRS}/2019/x.jpg"

    for _ in range(2):
        home.read(full=True)
        assert home.withheld("2019/x.jpg") == "locked"


def test_locked_file_of_a_library_that_moves_stays_locked(home: Home) -> None:
    home.fill("x.jpg", "b.jpg")
    x = home.add("x.jpg")
    home.add("b.jpg")
    home.read()
    home.server.lock(x)
    move(home, "x.jpg", "2019/x.jpg")

    for _ in range(2):
        home.read(full=True)
        assert home.withheld("2019/x.jpg") == "locked"
    home.server.set_visibility(x, "timeline")
    home.read()
    assert home.withheld("2019/x.jpg") is None


def test_file_that_moved_and_is_shown_there_is_not_locked(home: Home) -> None:
    home.fill("x.jpg", "b.jpg")
    x = home.add("x.jpg")
    home.add("b.jpg")
    home.read()
    move(home, "x.jpg", "2019/x.jpg")
    home.server.purge(x)
    home.add("2019/x.jpg")

    home.read(full=True)

    assert home.withheld("2019/x.jpg") is None


def test_person_who_said_that_they_are_locked_is_believed(home: Home) -> None:
    names = [f"{number}.jpg" for number in range(25)]
    home.fill(*names)
    uuids = {name: home.add(name) for name in names}
    home.read()
    there = dict(home.server.assets)
    home.server.assets.clear()
    home.read(full=True)
    confirm(home.database, home.account_id, NOW, deleted=False)

    home.read(full=True)
    night = {home.withheld(name) for name in names}
    home.server.assets[uuids["1.jpg"]] = there[uuids["1.jpg"]]
    home.server.touch(uuids["1.jpg"])
    home.read(full=True)
    shown = home.withheld("1.jpg")
    show(home.database, home.asset("2.jpg").id)
    home.read(full=True)

    assert night == {"locked"}
    assert shown is None
    assert [home.withheld(name) for name in ("2.jpg", "3.jpg")] == [None, "locked"]


def test_upload_that_was_locked_before_we_came_is_known_below_our_folders(checking: Home) -> None:
    home = checking
    home.fill("up/a.jpg", "up/b.jpg", "up/c.jpg")
    a = upload(home, "/data/x.jpg", "up/a.jpg")
    upload(home, "/data/y.jpg", "up/b.jpg")
    home.server.lock(a)

    home.read()

    assert [home.withheld(f"up/{name}.jpg") for name in "abc"] == ["locked", None, None]
    home.server.set_visibility(a, "timeline")
    home.read()
    assert home.withheld("up/a.jpg") is None


def test_no_file_elsewhere_is_read_for_what_was_locked(checking: Home) -> None:
    checking.connect("anna", theirs=f"{THEIRS}/nothing")
    account = checking.account()
    checking.fill("a.jpg")
    with checking.database.write() as session:
        session.merge(account).path_map = f'[["{THEIRS}", "{checking.root}/other"]]'

    checking.read()

    assert checking.asset("a.jpg").sha1 is None


def test_disk_that_immich_lost_hides_nothing(home: Home) -> None:
    names = [f"{number}.jpg" for number in range(25)]
    home.fill(*names, "thrown.jpg", "thrown before.jpg")
    uuids = [home.add(name) for name in names]
    home.server.trash(home.add("thrown before.jpg"))
    thrown = home.add("thrown.jpg")
    home.read()
    home.server.trash(thrown)
    home.read()
    for asset in home.server.assets.values():
        asset.is_offline = asset.is_trashed = True
        home.server.touch(asset.id)
    seen = []
    for full in (False, True):
        home.read(full=full)
        seen.append({home.withheld(name) for name in names})
    for uuid in uuids:
        home.server.purge(uuid)  # as Immich empties its trash

    done = home.read(full=True)

    assert seen == [{None}, {None}]
    assert {home.withheld(name) for name in names} == {None}
    assert (done.vanished, done.held_back) == (0, 0)
    assert {home.withheld(name) for name in ("thrown.jpg", "thrown before.jpg")} == {"trashed"}


def test_photo_that_is_thrown_away_once_it_was_found_again_is_trashed(home: Home) -> None:
    home.fill("a.jpg")
    a = home.server.assets[home.add("a.jpg", is_offline=True, is_trashed=True)]
    home.read()
    lost = home.withheld("a.jpg")
    a.is_offline = False
    home.server.touch(a.id)

    home.read()

    assert (lost, home.withheld("a.jpg")) == (None, "trashed")


@pytest.mark.parametrize("count", [1, 25])
def test_partner_who_shares_no_more_has_nothing_locked(
    home: Home, permissions: tuple[str, ...], count: int
) -> None:
    names = [f"{number}.jpg" for number in range(count)]
    home.fill(*names, "a.jpg")
    home.add("a.jpg")
    bob = home.connect("bob", permissions)
    for name in names:
        home.add(name, owner="bob")
    home.server.add_partner("bob", "anna")
    home.read()
    home.read(account_id=bob)
    del home.server.partners["bob", "anna"]

    done = home.read(full=True)

    assert (done.vanished, done.held_back) == (0, 0)
    assert {home.withheld(name) for name in names} == {None}


def test_owner_decides_of_what_a_partner_sees_too(home: Home, permissions: tuple[str, ...]) -> None:
    home.fill("p.jpg")
    bob = home.connect("bob", permissions)
    photo = home.add("p.jpg", owner="bob")
    home.add("q.jpg", owner="bob")
    home.server.add_partner("bob", "anna")
    home.read()
    home.read(account_id=bob)
    home.server.set_visibility(photo, "archive")
    home.read(account_id=bob)
    archived = home.withheld("p.jpg")
    home.server.lock(photo)

    home.read(account_id=bob, full=True)
    home.read(full=True)

    assert (archived, home.withheld("p.jpg")) == ("archived", "locked")


def test_uploads_that_are_not_ours_are_not_asked_for_one_by_one(home: Home) -> None:
    home.fill("a.jpg")
    home.add("a.jpg")
    uuids = [upload(home, f"/data/{number}.jpg", f"their {number}") for number in range(60)]
    home.read()
    for uuid in uuids:
        home.server.purge(uuid)

    done = home.read(full=True)

    assert done.requests < 20
    assert done.held_back == 0
    assert home.withheld("a.jpg") is None
