"""What is locked in Immich is shown by nothing but Immich's showing it again, or a person."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from mediaindex.immich.deciding import disconnect, show
from mediaindex.store.database import Database
from mediaindex.store.tables import AssetRow, FileRow
from tests.beside import Home
from tests.servers.immich import Immich


@pytest.fixture
def server() -> Iterator[Immich]:
    with Immich("3.1.0") as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, database: Database, server: Immich) -> Home:
    return Home(tmp_path, database, server)


def upload(home: Home, path: str, content: str) -> str:
    """Upload to Immich what lies in our library with this content; returns its uuid."""
    told = content.encode()
    return home.server.add(path, owner="anna", library=False, content=told, size_bytes=len(told))


def test_locked_photo_that_is_saved_again_is_never_shown(home: Home) -> None:
    home.fill("a.jpg", "b.jpg")
    a = home.add("a.jpg")
    home.add("b.jpg")
    home.read()
    home.server.lock(a)
    home.read(full=True)
    home.put("a.jpg", b"turned by a quarter")
    home.sweep()
    saved = home.withheld("a.jpg")
    home.read()
    read = home.withheld("a.jpg")
    home.server.set_visibility(a, "timeline")

    home.read()

    assert (saved, read, home.withheld("a.jpg")) == ("locked", "locked", None)
    assert home.withheld("b.jpg") is None


def test_photo_that_is_locked_for_what_its_file_held_is_freed_by_immich(home: Home) -> None:
    home.fill("a.jpg", "shown.jpg")
    a = home.add("a.jpg")
    home.add("shown.jpg")
    home.read()
    home.server.lock(a)
    home.read(full=True)
    home.server.set_visibility(a, "timeline")
    home.put("a.jpg", b"shown.jpg")
    home.sweep()
    meanwhile = home.withheld("shown.jpg")

    home.read()

    assert (meanwhile, home.withheld("shown.jpg")) == ("locked", None)


def test_photo_that_takes_the_place_of_a_locked_upload_is_freed_by_immich(home: Home) -> None:
    home.fill("a.jpg", "shown.jpg")
    a = upload(home, "/data/x.jpg", "a.jpg")
    home.add("shown.jpg")
    home.read()
    home.server.lock(a)
    home.read(full=True)
    home.put("a.jpg", b"shown.jpg")
    home.sweep()
    meanwhile = home.withheld("shown.jpg")

    home.read()

    assert (meanwhile, home.withheld("shown.jpg")) == ("locked", None)


@pytest.mark.parametrize("visibility", ["archive", "hidden"])
def test_what_is_put_away_stays_so_when_it_is_saved_again(home: Home, visibility: str) -> None:
    home.fill("a.jpg")
    home.add("a.jpg", visibility=visibility)
    home.read()
    before = home.withheld("a.jpg")
    home.put("a.jpg", b"turned by a quarter")

    home.sweep()

    assert before is not None
    assert home.withheld("a.jpg") == before


@pytest.mark.parametrize("is_upload", [True, False])
def test_locked_photo_that_was_forgotten_and_comes_back_is_locked(
    home: Home, is_upload: bool
) -> None:
    home.fill("2019/a.jpg", "b.jpg")
    a = upload(home, "/data/x.jpg", "2019/a.jpg") if is_upload else home.add("2019/a.jpg")
    home.add("b.jpg")
    home.read()
    home.server.lock(a)
    home.read(full=True)
    _forget(home, "2019/a.jpg")
    home.put("2019/a.jpg", b"2019/a.jpg")
    home.sweep()
    back = home.withheld("2019/a.jpg")

    home.read()

    assert (back, home.withheld("2019/a.jpg")) == ("locked", "locked")


def test_file_that_comes_where_a_locked_one_lay_is_locked(home: Home) -> None:
    home.fill("2019/é.jpg", "b.jpg")
    a = home.add("2019/é.jpg")
    home.add("b.jpg")
    home.read()
    home.server.lock(a)
    home.read(full=True)
    _forget(home, "2019/é.jpg")
    home.put("2019/é.jpg", b"turned by a quarter")
    home.put("c.jpg", b"another")

    home.sweep()

    assert (home.withheld("2019/é.jpg"), home.withheld("c.jpg")) == ("locked", None)


@pytest.mark.parametrize("how", ["show", "disconnect"])
def test_person_frees_what_stayed_locked(home: Home, how: str) -> None:
    home.fill("a.jpg")
    a = home.add("a.jpg")
    home.read()
    home.server.lock(a)
    home.read(full=True)
    home.put("a.jpg", b"turned by a quarter")
    home.sweep()

    if how == "show":
        assert show(home.database, home.asset("a.jpg").id)
    else:
        disconnect(home.database, home.account_id)
    freed = home.withheld("a.jpg")
    if how == "show":
        home.read(full=True)

    assert (freed, home.withheld("a.jpg")) == (None, None)


def _forget(home: Home, name: str) -> None:
    """Take a file away for so long that nothing is known of it any more."""
    asset_id = home.asset(name).id
    (home.root / name).unlink()
    home.sweep()
    with home.database.write() as session:
        session.execute(delete(FileRow).where(FileRow.asset_id == asset_id))
        session.execute(delete(AssetRow).where(AssetRow.id == asset_id))
        assert session.scalars(select(AssetRow).filter_by(id=asset_id)).all() == []


def test_twins_that_only_a_mac_tells_apart_are_two_photos(home: Home) -> None:
    composed, decomposed = (unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD"))
    folder = {name: name.removesuffix(".jpg") for name in (composed, decomposed)}
    below = {name: f"{folder[name]}/x.jpg" for name in folder}
    home.fill(composed, decomposed, *below.values())
    locked = [home.add(name) for name in (decomposed, below[composed])]
    for name in (composed, below[decomposed]):
        home.add(name)
    home.read()
    for uuid in locked:
        home.server.lock(uuid)

    home.read(full=True)

    assert (home.withheld(composed), home.withheld(decomposed)) == (None, "locked")
    assert home.withheld(below[composed]) == "locked"
    assert home.withheld(below[decomposed]) is None


def test_video_of_a_locked_live_photo_is_locked_with_it(home: Home) -> None:
    home.fill("x.jpg", "clip.jpg", "b.jpg")
    video = home.add("clip.jpg", visibility="hidden")
    photo = home.add("x.jpg", live_video_id=video)
    home.add("b.jpg")
    home.read()
    before = home.withheld("clip.jpg")
    home.server.lock(photo)
    home.read(full=True)
    locked = home.withheld("clip.jpg")
    home.server.set_visibility(photo, "timeline")

    home.read()

    assert (before, locked, home.withheld("clip.jpg")) == ("hidden", "locked", "hidden")
