"""Whatever stands in its way on one photo or account, the others are taken out, and it is named."""

from typing import Any

import pytest
from sqlalchemy import delete

from mediaindex.immich.reaching import Hindrance
from mediaindex.immich.reverting import IS_LOCKED, NOT_SEEN, How
from mediaindex.immich.writing import EDITED
from mediaindex.publishing import reverts, sketches, unknown_versions
from mediaindex.store import immich_written
from mediaindex.store.immich_tables import ImmichWrittenRow
from mediaindex.types import Caption
from tests.publishing import Beside
from tests.publishing import beside as beside
from tests.servers.faults import Fault

CAT = Caption("A cat sleeps.", ("cat",), "", "sofa")

READS = ("user.read", "asset.read", "asset.update", "tag.read")


def left(beside: Beside, **how: Any) -> dict[str, str | None]:
    return {one.reverted.uuid: one.reverted.done.left for one in beside.revert(**how)}


def may(beside: Beside, *permissions: str) -> None:
    """Let anna's key do only this."""
    beside.server.users["anna"].keys[beside.keys[1]] = permissions


def words_in(beside: Beside, uuid: str) -> tuple[str, set[str], dict[str, Any]]:
    asset = beside.server.assets[uuid]
    return asset.description, asset.tags, asset.record


def test_one_that_always_fails_is_named_and_the_others_go_on(beside: Beside) -> None:
    uuids = [beside.add("Anna") for _ in range(3)]
    beside.run()
    beside.server.fail_next(50, Fault.refuse(500).of(f"GET /api/assets/{uuids[0]}"))

    found = left(beside)

    assert "boom" in (found.pop(uuids[0]) or "")
    assert found == dict.fromkeys(uuids[1:])
    assert all(words_in(beside, uuid) == ("Anna", set(), {}) for uuid in uuids[1:])
    assert beside.written(uuids[0]) is not None


def test_what_the_key_may_not_is_left_and_the_rest_is_taken_out(beside: Beside) -> None:
    uuids = [beside.add("Anna") for _ in range(2)]
    beside.run()
    may(beside, *READS)

    found = left(beside)

    assert all("tag.asset" in (why or "") for why in found.values())
    assert sorted(found) == sorted(uuids)
    for uuid in uuids:
        assert words_in(beside, uuid)[0::2] == ("Anna", {})
    may(beside, "all")
    assert left(beside) == dict.fromkeys(uuids)
    assert all(words_in(beside, uuid) == ("Anna", set(), {}) for uuid in uuids)


def test_where_immich_is_busy_it_waits_as_it_is_asked(beside: Beside) -> None:
    uuids = [beside.add("Anna") for _ in range(2)]
    beside.run()
    beside.server.fail_next(1, Fault.too_many(1).of("DELETE /api/tags"))
    beside.server.fail_next(1, Fault.too_many(1).of("/api/search/metadata"))

    assert left(beside, everything=True) == dict.fromkeys(uuids)


def test_an_account_that_is_off_is_named_and_the_others_are_taken_out(beside: Beside) -> None:
    uuid, ben = beside.add("Anna"), beside.connect("ben")
    theirs = beside.add("Ben", account_id=ben, owner="ben")
    beside.run()
    beside.server.users["anna"].keys.clear()
    beside.write = ()

    found = list(reverts(beside.config, opener=beside.opener))

    [hindrance] = [one for one in found if isinstance(one, Hindrance)]
    assert hindrance.account.user_name == "anna"
    assert "refuses our key" in hindrance.reason
    assert beside.server.assets[theirs].description == "Ben"
    assert beside.written(theirs) is None
    assert beside.written(uuid) is not None


def test_a_dry_run_names_an_account_that_is_off_and_shows_the_others(beside: Beside) -> None:
    beside.add("Anna")
    theirs = beside.add("Ben", account_id=beside.connect("ben"), owner="ben")
    beside.server.users["anna"].keys.clear()

    first, *others = sketches(beside.config, opener=beside.opener)

    assert isinstance(first, Hindrance)
    assert [one.target.uuid for one in others if not isinstance(one, Hindrance)] == [theirs]


def test_a_dry_run_names_what_cannot_be_asked_for(beside: Beside) -> None:
    bad, good = beside.add("Anna"), beside.add("Ben")
    beside.server.fail_next(50, Fault.refuse(500).of(f"GET /api/assets/{bad}"))

    found = list(sketches(beside.config, opener=beside.opener))

    told = {one.target.uuid: one.trouble for one in found if not isinstance(one, Hindrance)}
    assert told.pop(good) is None
    assert "boom" in (told.pop(bad) or "")


def test_a_dry_run_tells_that_an_unknown_version_is_not_written_to(beside: Beside) -> None:
    beside.add("Anna")
    beside.server.version = "4.0.0"

    [found] = sketches(beside.config, opener=beside.opener)

    assert isinstance(found, Hindrance)
    assert "Immich 4.0.0 is newer than what is known here" in found.reason


def test_after_a_lost_database_the_tags_go_too(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    with beside.database.write() as session:
        session.execute(delete(ImmichWrittenRow))
        immich_written.publish_again(session, [beside.asset_of(uuid)])
    beside.run()  # takes its own block for its own, and the tags for a person's

    assert set(left(beside, everything=True).values()) == {None}

    assert words_in(beside, uuid) == ("Anna", set(), {})


def older_backup(beside: Beside) -> str:
    """Return a photo of which the database knows an older caption than the one in Immich."""
    uuid = beside.add("Anna")
    beside.run()
    older = beside.written(uuid)
    assert older is not None
    beside.say(beside.asset_of(uuid), CAT)
    beside.run()
    with beside.database.write() as session:
        immich_written.keep(session, older)
    return uuid


def test_after_an_older_backup_the_block_is_named_and_the_tags_go(beside: Beside) -> None:
    uuid = older_backup(beside)
    there = beside.server.assets[uuid].description

    found = beside.revert(everything=True)

    assert {one.reverted.done.left for one in found} == {EDITED, None}
    assert words_in(beside, uuid) == (there, set(), {})
    assert EDITED in left(beside, everything=True).values()


@pytest.mark.parametrize("everything", [True, False])
def test_what_somebody_changed_of_ours_goes_if_that_is_said(
    beside: Beside, everything: bool
) -> None:
    uuid, around = beside.add(" Anna\n"), beside.add("Ben")
    beside.run()
    assets = beside.server.assets
    for one in (uuid, around):
        assets[one].description = assets[one].description.replace("dog", "wolf")
    assets[around].description += "\nmine"

    assert set(left(beside, everything=everything, edited=True).values()) == {None}

    assert words_in(beside, uuid) == (" Anna\n", set(), {})
    assert words_in(beside, around)[0] == "Ben\nmine"
    assert beside.written(uuid) is None


def test_a_tag_of_our_tree_that_we_did_not_make_stays(beside: Beside) -> None:
    beside.add("Anna")
    mine = beside.add("Ben", said=None, tags=["mediaindex/todo"])
    beside.run()
    beside.server.lock(mine)

    beside.revert()

    values = {tag.value for tag in beside.server.tags.values()}
    assert values == {"mediaindex", "mediaindex/todo"}
    beside.revert(everything=True)
    assert not beside.server.tags


def test_a_tag_of_ours_stays_while_a_locked_photo_has_it(beside: Beside) -> None:
    uuids = [beside.add("Anna"), beside.add("Ben")]
    beside.run()
    beside.server.lock(uuids[1])

    assert left(beside) == {uuids[0]: None, uuids[1]: IS_LOCKED}

    assert "mediaindex/dog" in {tag.value for tag in beside.server.tags.values()}
    beside.server.set_visibility(uuids[1], "timeline")
    assert left(beside) == {uuids[1]: None}
    assert not beside.server.tags


def test_what_was_deleted_there_is_forgotten_if_immich_tells_so(beside: Beside) -> None:
    locked, gone = beside.add("Anna"), beside.add("Ben")
    beside.run()
    beside.server.lock(locked)
    beside.server.purge(gone)

    assert left(beside, dry_run=True) == {locked: IS_LOCKED, gone: None}
    assert beside.written(gone) is not None
    assert left(beside) == {locked: IS_LOCKED, gone: None}

    assert beside.written(gone) is None
    assert left(beside, forget_gone=True) == {locked: IS_LOCKED}


def test_what_is_not_shown_is_named_until_somebody_says_that_it_is_gone(beside: Beside) -> None:
    gone = beside.add("Ben")
    beside.run()
    beside.server.purge(gone)
    may(beside, *READS, "tag.asset")

    assert left(beside) == {gone: NOT_SEEN}
    assert beside.written(gone) is not None
    [told] = beside.revert(forget_gone=True)

    assert (told.reverted.done.left, told.reverted.is_deleted) == (None, True)
    assert beside.written(gone) is None


def test_nothing_is_done_when_it_is_over(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    beside.write = ()

    assert list(reverts(beside.config, (), How(is_over=lambda: True), opener=beside.opener)) == []

    assert beside.written(uuid) is not None


def test_nothing_is_taken_out_of_an_unknown_version_unless_that_is_said(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    before = len(beside.sent())
    beside.server.version = "4.0.0"
    beside.write = ()

    [found] = reverts(beside.config, opener=beside.opener)

    assert isinstance(found, Hindrance)
    assert "--unknown-version" in found.reason
    assert beside.sent()[before:] == []
    assert left(beside, dry_run=True) == {uuid: None}
    [newer] = unknown_versions(beside.config, beside.opener)
    assert str(newer.version) == "4.0.0"
    assert list(reverts(beside.config, unknown_version=True, opener=beside.opener)) != []
    assert beside.written(uuid) is None
