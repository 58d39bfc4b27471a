"""Our words in Immich that a person made theirs: they are found as what else a person wrote is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mediaindex.marked import with_block
from mediaindex.store.database import Database
from mediaindex.store.immich_written import Written, forget, keep
from tests.beside import Home
from tests.conftest import NOW
from tests.servers.immich import Immich

OURS = "A red boat lies on a beach."


@pytest.fixture
def server() -> Iterator[Immich]:
    with Immich("3.1.0") as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, database: Database, server: Immich) -> Home:
    made = Home(tmp_path, database, server)
    made.fill("a.jpg")
    return made


def stands(home: Home, uuid: str, words: str, *, of_us: str | None = OURS) -> set[str]:
    """Let this stand in the block, and return what counts as a person's description."""
    home.server.assets[uuid].description = with_block("Anna", words)
    with home.database.write() as session:
        forget(session, home.account_id, uuid)
        if of_us is not None:
            asset_id = home.asset("a.jpg").id
            told = with_block("Anna", of_us)
            keep(session, Written(home.account_id, uuid, asset_id, "Anna", NOW, told, digest="d"))
    home.read(full=True)
    return {text for kind, text in home.words("a.jpg") if kind == "description"}


def test_words_changed_inside_our_block_are_a_persons(home: Home) -> None:
    uuid = home.add("a.jpg")

    assert stands(home, uuid, OURS) == {"Anna"}
    assert stands(home, uuid, "My boat, the Laura") == {"Anna", "My boat, the Laura"}
    assert stands(home, uuid, "My boat, the Laura", of_us=None) == {"Anna", "My boat, the Laura"}
    assert stands(home, uuid, OURS) == {"Anna"}


def test_block_that_this_database_did_not_write_is_a_models(home: Home) -> None:
    uuid = home.add("a.jpg")

    assert stands(home, uuid, "A dog.", of_us=None) == {"Anna"}


def test_block_that_is_on_its_way_is_ours(home: Home) -> None:
    uuid = home.add("a.jpg", description=with_block("", "A dog."))
    before, on_its_way = with_block("", OURS), with_block("", "A dog.")
    with home.database.write() as session:
        keep(
            session,
            Written(home.account_id, uuid, None, "", NOW, before, pending=on_its_way, digest=""),
        )

    home.read(full=True)

    assert home.words("a.jpg") == set()


def test_words_that_a_partner_shares_are_those_of_its_owner(home: Home) -> None:
    ben = home.connect("ben")
    uuid = home.add("a.jpg", description=with_block("", OURS))
    home.server.add_partner("anna", "ben")
    with home.database.write() as session:
        keep(
            session,
            Written(home.account_id, uuid, None, "", NOW, with_block("", "A dog."), digest="d"),
        )

    home.read(account_id=ben)

    assert home.words("a.jpg") == {("description", OURS)}
