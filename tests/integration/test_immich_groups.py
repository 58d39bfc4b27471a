"""Albums and tags of an account, when a reading of them ends early or Immich shows nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mediaindex.immich import groups
from mediaindex.immich.deciding import confirm
from mediaindex.store.database import Database
from tests.beside import Home
from tests.conftest import NOW
from tests.servers.immich import Immich


@pytest.fixture
def server() -> Iterator[Immich]:
    with Immich("3.1.0") as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, database: Database, server: Immich) -> Home:
    return Home(tmp_path, database, server)


class Killed(BaseException):
    """The process ends."""


def test_album_whose_renaming_was_ended_early_is_told_in_the_next_reading(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.fill("a.jpg")
    album = home.server.add_album("Al", [home.add("a.jpg")], owner="anna")
    home.read()
    home.server.albums[album].name = "Summer"
    home.server.albums[album].updated_at = home.server.now()

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(groups.Groups, "_retell", kill)
        with pytest.raises(Killed):
            home.read()
    before = home.words("a.jpg")
    home.read()

    assert before == {("album", "Al")}
    assert home.words("a.jpg") == {("album", "Summer")}
    with home.writes() as said:
        home.read()
    assert {statement.split(" SET ")[0] for statement in said} <= {"UPDATE immich_account"}


def test_what_is_held_back_keeps_its_albums_and_tags_until_it_was_decided(home: Home) -> None:
    names = [f"{number}.jpg" for number in range(30)]
    home.fill(*names)
    uuids = [home.add(name, tags={"sea"}) for name in names]
    summer = home.server.add_album("Summer", uuids, owner="anna")
    home.server.add_album("Winter", uuids[:1], owner="anna")
    home.read()
    said = {("album", "Summer"), ("keyword", "sea")}
    for uuid in uuids[1:]:
        home.server.purge(uuid)
    home.server.albums[summer].asset_ids = home.server.albums[summer].asset_ids[:1]
    home.server.albums[summer].updated_at = home.server.now()

    done = home.read(full=True)
    home.read()
    kept = home.words("3.jpg"), home.words("0.jpg")
    confirm(home.database, home.account_id, NOW, deleted=True)
    home.read(full=True)

    assert done.held_back == 29
    assert kept == (said, said | {("album", "Winter")})
    assert home.words("3.jpg") == set()


@pytest.mark.parametrize("full", [False, True])
def test_server_with_an_empty_database_takes_no_album_and_no_tag_away(
    home: Home, *, full: bool
) -> None:
    names = [f"{number}.jpg" for number in range(30)]
    home.fill(*names)
    uuids = [home.add(name, tags={"sea"}) for name in names]
    home.server.add_album("Summer", uuids, owner="anna")
    home.read()
    home.server.assets.clear()
    home.server.albums.clear()
    home.server.tags.clear()

    home.read(full=full)

    assert home.words("3.jpg") == {("album", "Summer"), ("keyword", "sea")}
