"""An Immich that moved is the same account, and not a second one that writes over the first."""

from pathlib import Path

from mediaindex.immich.account import Account
from mediaindex.immich.accounts import accounts
from mediaindex.immich.connecting import meet, save
from mediaindex.immich.moving import former
from mediaindex.store.immich_accounts import save_account
from mediaindex.store.immich_tables import ImmichAccountRow
from tests.conftest import NOW
from tests.publishing import Beside
from tests.publishing import beside as beside
from tests.servers.immich import Immich


def elsewhere(beside: Beside) -> str:
    """Return another address of the same server."""
    return beside.server.url.replace("127.0.0.1", "localhost")


def connect(beside: Beside, url: str, web_url: str | None = None) -> Account | None:
    """Connect anna's archive at this address; returns what it was before."""
    met = meet(beside.config, url, beside.home / "anna.key", web_url)
    moved = former(beside.config, beside.database, met)
    save(beside.database, met, (), NOW, keep_web=web_url is None, moved=moved)
    return moved


def known(beside: Beside) -> list[tuple[str, str]]:
    with beside.database.read() as session:
        return [(one.url, one.web_url) for one in accounts(session)]


def twin_of(server: Immich) -> Immich:
    """Return a server with the same archive, as a machine that it moved to."""
    twin = Immich(server.version)
    twin.users, twin.assets, twin.tags = server.users, server.assets, server.tags
    return twin


def test_two_addresses_of_one_immich_are_one_account(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    before = beside.server.url

    moved = connect(beside, elsewhere(beside))

    assert moved is not None
    assert (moved.id, moved.url) == (1, before)
    assert known(beside) == [(elsewhere(beside), elsewhere(beside))]
    assert beside.asset_of(uuid)
    beside.revert()
    assert beside.server.assets[uuid].description == "Anna"
    assert connect(beside, elsewhere(beside)) is None


def test_of_an_account_that_was_never_read_the_photos_are_asked_for(beside: Beside) -> None:
    beside.server.add("/a.jpg", owner="anna")

    assert connect(beside, elsewhere(beside)) is not None

    assert len(known(beside)) == 1


def test_an_address_of_its_own_for_browsers_stays(beside: Beside) -> None:
    beside.add("Anna")
    connect(beside, beside.server.url, "https://photos.home")

    connect(beside, elsewhere(beside))

    assert known(beside) == [(elsewhere(beside), "https://photos.home")]


def test_where_nothing_answers_at_the_old_address_it_moved(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    beside.server.stop()
    with twin_of(beside.server) as twin:
        twin.assets.pop(uuid)
        twin.add("/b.jpg", owner="anna")

        assert connect(beside, twin.url) is not None

        assert known(beside) == [(twin.url, twin.url)]
    assert beside.written(uuid) is not None


def test_a_second_immich_with_other_photos_is_a_second_account(beside: Beside) -> None:
    beside.add("Anna")
    with Immich("3.1.0") as other:
        other.users = beside.server.users
        other.add("/b.jpg", owner="anna")

        assert connect(beside, other.url) is None

        assert [url for url, _ in known(beside)] == [beside.server.url, other.url]


def test_another_person_at_another_address_is_another_account(beside: Beside) -> None:
    beside.add("Anna")
    with beside.database.write() as session:
        row = ImmichAccountRow(
            url=elsewhere(beside),
            web_url=elsewhere(beside),
            user_id="ben",
            user_name="ben",
            key_file=str(Path("/none")),
            version="3.1.0",
            path_map="[]",
            connected_at=NOW,
        )
        save_account(session, row)

    assert connect(beside, beside.server.url) is None

    assert len(known(beside)) == 2
