"""How many photos have words of ours in Immich: by what was read there, not by what was sent."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mediaindex.cli.immich_status import lines_of
from mediaindex.immich.standing import standing
from mediaindex.marked import with_block
from mediaindex.store.database import Database
from mediaindex.store.immich_written import Written, keep
from tests.beside import Home
from tests.conftest import NOW
from tests.servers.immich import Immich

NAMES = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")
TOLD = with_block("", "A dog.")


@pytest.fixture
def server() -> Iterator[Immich]:
    with Immich("3.1.0") as server:
        yield server


def test_words_that_a_reading_did_not_see_are_told_as_lost(
    tmp_path: Path, database: Database, server: Immich
) -> None:
    home = Home(tmp_path, database, server)
    home.fill(*NAMES)
    block, gone, only_record, later = (
        home.add(name, description=TOLD if name == "a.jpg" else "") for name in NAMES
    )
    before = NOW - timedelta(hours=1)
    rows = (
        Written(home.account_id, block, None, "", before, TOLD, digest="d"),
        Written(home.account_id, gone, None, "", before, TOLD, tags=("mediaindex/dog",)),
        Written(home.account_id, only_record, None, "", before, record="{}", digest="d"),
        Written(home.account_id, later, None, "", NOW + timedelta(hours=1), TOLD, digest="d"),
    )
    with database.write() as session:
        for row in rows:
            keep(session, row)

    home.read(full=True)

    (account,) = standing(database)["accounts"]
    assert (account["written"], account["lost"]) == (4, 1)
    lines = list(lines_of(account, NOW))
    assert "  3 photos with words of ours in Immich" in lines
    assert "  1 photo has lost our words; it is looked at again" in lines
