"""After a revert there stands what stood there before, and nothing that a person wrote is lost."""

import threading
from typing import Any

import pytest

from mediaindex.clients.immich import ImmichClient
from mediaindex.errors import AlreadyRunning, BrokenOff, ConfigError
from mediaindex.immich.reverting import IS_LOCKED, NOT_HIS, NOT_TAKEN, How
from mediaindex.immich.writing import EDITED
from mediaindex.marked import with_block
from mediaindex.pipeline.publish import Publish
from mediaindex.pipeline.stage import Blocked
from mediaindex.publishing import TagsDeleted, reverts
from mediaindex.store import immich_written
from mediaindex.store.lock import immich_lock, worker_lock, writing_lock
from tests.publishing import Beside
from tests.publishing import beside as beside
from tests.servers.faults import Fault

TEXTS = ("", "Anna", "  Anna \n", "a\r\nb\r\n", "see [mediaindex] there", "[/mediaindex]")

WORDS = "A dog runs along a beach."


def forget_all(beside: Beside) -> None:
    """Lose all that is known of what was written, as with an older backup."""
    with beside.database.write() as session:
        for written in immich_written.all_written(session, 1):
            immich_written.forget(session, written.account_id, written.uuid)


def left(beside: Beside, **how: Any) -> dict[str, str | None]:
    return {one.reverted.uuid: one.reverted.done.left for one in beside.revert(**how)}


def test_over_a_mix_all_is_as_it_was(beside: Beside) -> None:
    texts = {beside.add(text, tags=["travel", "mediaindex/dog"]): text for text in TEXTS}
    untouched = beside.add("nobody described it", said=None)
    beside.run()
    assert all(beside.server.assets[uuid].description != text for uuid, text in texts.items())

    found = left(beside)

    assets = beside.server.assets
    assert {uuid: assets[uuid].description for uuid in texts} == texts
    # A tag of ours that was there before us stays, too.
    assert all(assets[uuid].tags == {"travel", "mediaindex/dog"} for uuid in texts)
    assert all(assets[uuid].record == {} for uuid in texts)
    assert assets[untouched].description == "nobody described it"
    assert found == dict.fromkeys(texts)
    assert all(beside.written(uuid) is None for uuid in texts)
    values = {tag.value for tag in beside.server.tags.values()}
    assert "mediaindex/beach" not in values
    assert "mediaindex/dog" in values


def test_after_immich_trimmed_it_still_puts_back_exactly(beside: Beside) -> None:
    uuid = beside.add("  Anna \n")
    beside.run()
    beside.server.reextract()

    beside.revert()

    assert beside.server.assets[uuid].description == "  Anna \n"


def test_words_around_stay_and_edited_ones_are_left_and_named(beside: Beside) -> None:
    around, edited, gone, locked = (beside.add(name) for name in ("A", "B", "C", "D"))
    beside.run()
    assets = beside.server.assets
    assets[around].description = "A and me\n\n" + assets[around].description + " too"
    kept = assets[edited].description = assets[edited].description.replace("dog", "wolf")
    beside.server.purge(gone)
    beside.server.lock(locked)

    found = left(beside)

    assert found == {around: None, edited: EDITED, gone: None, locked: IS_LOCKED}
    assert assets[around].description == "A and me\n\nA too"
    assert assets[edited].description == kept
    assert (assets[edited].tags, assets[edited].record) == (set(), {})
    assert beside.written(edited) is not None
    assert beside.written(gone) is None
    assert beside.written(locked) is not None


def test_nothing_is_put_back_over_what_a_person_wrote_instead(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    beside.server.assets[uuid].description = "Only Ben"

    assert left(beside) == {uuid: None}

    asset = beside.server.assets[uuid]
    assert (asset.description, asset.tags, asset.record) == ("Only Ben", set(), {})


def test_what_is_in_the_trash_is_put_back_too(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    beside.server.trash(uuid)

    beside.revert()

    assert beside.server.assets[uuid].description == "Anna"


def test_what_is_anothers_now_is_left(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    beside.server.add_user("ben")
    beside.server.add_partner("ben", "anna")
    beside.server.assets[uuid].owner = "ben"

    assert left(beside) == {uuid: NOT_HIS}


def test_it_goes_on_where_it_was_broken_off(beside: Beside) -> None:
    uuids = [beside.add("Anna") for _ in range(3)]
    beside.run()
    beside.server.fail_next(1, Fault.refuse(500).of(f"PUT /api/assets/{uuids[1]}"))
    assert "boom" in (left(beside)[uuids[1]] or "")
    assert [beside.written(uuid) is None for uuid in uuids] == [True, False, True]

    assert left(beside) == {uuids[1]: None}

    assert {beside.server.assets[uuid].description for uuid in uuids} == {"Anna"}


def test_nothing_is_forgotten_that_immich_still_has(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()

    class Deaf(ImmichClient):
        def describe(self, asset_id: str, description: str) -> None:
            """Be told, and do nothing."""

    beside.make = Deaf
    assert left(beside) == {uuid: NOT_TAKEN}
    assert beside.written(uuid) is not None

    beside.make = ImmichClient
    assert left(beside) == {uuid: None}


def test_a_dry_run_sends_nothing_and_forgets_nothing(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    before = len(beside.sent())

    assert left(beside, dry_run=True) == {uuid: None}
    assert left(beside, dry_run=True, everything=True) == {uuid: None}

    assert beside.sent()[before:] == []
    assert beside.written(uuid) is not None


def test_it_waits_for_writing_to_be_off_and_for_nobody_else(beside: Beside) -> None:
    beside.add("Anna")
    beside.run()
    with pytest.raises(ConfigError, match="it would come back"):
        list(reverts(beside.config, opener=beside.opener))
    beside.write = ()
    for lock in (immich_lock, writing_lock):
        with lock(beside.config.state_dir), pytest.raises(AlreadyRunning):
            list(reverts(beside.config, opener=beside.opener))
    with worker_lock(beside.config.state_dir):  # a daemon that does not write
        assert len(list(reverts(beside.config, opener=beside.opener))) == 2


def test_nothing_is_written_while_it_is_taken_out(beside: Beside) -> None:
    beside.add("Anna")
    with writing_lock(beside.config.state_dir), pytest.raises(Blocked, match="takes out"):
        beside.run()
    assert beside.sent() == []

    assert beside.run() == 1


def test_nothing_is_taken_out_while_a_stage_writes(beside: Beside) -> None:
    beside.add("Anna")
    stage = Publish(beside.config, beside.database, threading.Event(), opener=beside.opener)
    stage.ready()
    stage.ready()  # as after trouble
    beside.write = ()
    with pytest.raises(AlreadyRunning):
        list(reverts(beside.config, opener=beside.opener))
    stage.close()

    assert len(list(reverts(beside.config, opener=beside.opener))) == 1  # that no tag was deleted
    with pytest.raises(BrokenOff):
        stage.ready()


def test_switched_on_again_it_writes_again(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    beside.revert()
    beside.write = ("description",)

    assert beside.run() == 1

    assert beside.server.assets[uuid].description == with_block("Anna", WORDS)


def test_what_the_database_lost_is_found_by_its_marks(beside: Beside) -> None:
    uuid, other = beside.add("Anna"), beside.add("")
    trashed = beside.add("Ben")
    plain = beside.add("nothing of ours", said=None, tags=["travel"])
    beside.server.add_user("ben")
    beside.server.add_partner("ben", "anna")
    partners = beside.server.add("/b.jpg", owner="ben", description=with_block("Ben", "A cat."))
    beside.run()
    beside.server.trash(trashed)
    forget_all(beside)

    assert left(beside) == {}
    assert left(beside, everything=True) == dict.fromkeys((uuid, other, trashed))

    assets = beside.server.assets
    assert [assets[one].description for one in (uuid, other, trashed)] == ["Anna", "", "Ben"]
    assert all(not assets[one].tags and not assets[one].record for one in (uuid, other, trashed))
    assert assets[plain].tags == {"travel"}
    assert assets[partners].description == with_block("Ben", "A cat.")
    assert not any(tag.value.startswith("mediaindex") for tag in beside.server.tags.values())


def test_of_several_blocks_none_is_left(beside: Beside) -> None:
    uuid = beside.add(with_block(with_block("Anna", "A dog."), "A cat."), said=None)

    beside.revert(everything=True)

    assert beside.server.assets[uuid].description == "Anna"


def test_tags_stay_where_the_key_may_not_delete_them(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    permissions = ("user.read", "asset.read", "asset.update", "tag.read", "tag.asset")
    beside.server.users["anna"].keys[beside.keys[1]] = permissions
    beside.write = ()

    found = list(reverts(beside.config, opener=beside.opener))

    assert isinstance(found[-1], TagsDeleted)
    assert found[-1].number == 0
    assert beside.server.assets[uuid].tags == set()
    assert any(tag.value == "mediaindex/dog" for tag in beside.server.tags.values())


def test_it_can_be_interrupted(beside: Beside) -> None:
    uuids = [beside.add("Anna") for _ in range(3)]
    beside.run()
    stop = threading.Event()
    beside.write = ()

    for _ in reverts(beside.config, opener=beside.opener, how=How(is_over=stop.is_set)):
        stop.set()

    assert [beside.written(uuid) is None for uuid in uuids] == [True, False, False]
