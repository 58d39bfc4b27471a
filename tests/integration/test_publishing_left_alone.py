"""What is somebody else's stays so, what was left alone can be written again, and checks go on."""

import threading

import pytest

from mediaindex.immich.checking import MOST_FAILED, check_written
from mediaindex.immich.publishing import KEY
from mediaindex.immich.writing import EDITED, OTHERS_RECORD, TAKEN_OUT
from mediaindex.marked import with_block
from mediaindex.pipeline.publish import Publish
from mediaindex.publishing import left_alone
from mediaindex.store import immich_written
from mediaindex.types import Caption
from tests.publishing import Beside
from tests.publishing import beside as beside
from tests.servers.faults import Fault

WORDS = "A dog runs along a beach."

TAGS = {"mediaindex/dog", "mediaindex/beach"}

CAT = Caption("A cat sleeps.", ("cat",))


def again(beside: Beside) -> None:
    with beside.database.write() as session:
        immich_written.try_again(session)
    beside.run()


def test_tags_are_adopted_with_the_words_that_the_database_knows_nothing_of(
    beside: Beside,
) -> None:
    tags = (*TAGS, "travel")
    uuid = beside.add(with_block("Anna", WORDS), tags=tags)
    asset = beside.server.assets[uuid]
    beside.run()
    assert asset.tags == set(tags)

    beside.revert()

    assert (asset.description, asset.tags) == ("Anna", {"travel"})


def test_adopted_tags_that_are_said_no_more_go(beside: Beside) -> None:
    uuid = beside.add(with_block("Anna", WORDS), tags=tuple(TAGS))
    beside.run()

    beside.say(beside.asset_of(uuid), CAT, "2")
    beside.run()

    assert beside.server.assets[uuid].tags == {"mediaindex/cat"}


def test_a_tag_of_a_person_in_our_tree_is_not_ours_without_a_block(beside: Beside) -> None:
    uuid = beside.add("Anna", tags=("mediaindex/dog",))
    beside.run()

    beside.revert()

    assert beside.server.assets[uuid].tags == {"mediaindex/dog"}


def test_a_record_of_another_program_stays(beside: Beside) -> None:
    uuid = beside.add("Anna")
    asset = beside.server.assets[uuid]
    asset.record[KEY] = {"x": 1}

    beside.run()
    beside.say(beside.asset_of(uuid), CAT, "2")
    beside.run()

    assert asset.record == {KEY: {"x": 1}}
    assert asset.description == with_block("Anna", "A cat sleeps.")
    assert asset.tags == {"mediaindex/cat"}
    assert left_alone(beside.config) == {OTHERS_RECORD: 1}
    beside.revert()
    assert (asset.description, asset.record) == ("Anna", {KEY: {"x": 1}})


def test_when_the_other_record_is_gone_ours_is_written_again(beside: Beside) -> None:
    uuid = beside.add("Anna")
    asset = beside.server.assets[uuid]
    asset.record[KEY] = {"x": 1}
    beside.run()
    del asset.record[KEY]

    again(beside)

    assert asset.record[KEY]["caption"] == WORDS
    assert left_alone(beside.config) == {}


def test_a_record_of_ours_that_is_not_known_is_ours(beside: Beside) -> None:
    first = beside.add("Anna")
    beside.run()
    uuid = beside.add("Ben", CAT)
    beside.server.assets[uuid].record = dict(beside.server.assets[first].record)

    beside.run()

    assert beside.server.assets[uuid].record[KEY]["caption"] == "A cat sleeps."


def test_words_that_were_taken_out_are_written_again_behind_what_stands_there(
    beside: Beside,
) -> None:
    uuid = beside.add("Anna")
    asset = beside.server.assets[uuid]
    beside.run()
    asset.description = "Only Anna!"
    beside.say(beside.asset_of(uuid), CAT, "2")
    beside.run()
    assert left_alone(beside.config) == {TAKEN_OUT: 1}

    again(beside)

    assert asset.description == with_block("Only Anna!", "A cat sleeps.")
    assert left_alone(beside.config) == {}
    beside.revert()
    assert asset.description == "Only Anna!"


def test_words_that_were_changed_stay_a_persons_whoever_says_again(beside: Beside) -> None:
    uuid = beside.add("Anna")
    asset = beside.server.assets[uuid]
    beside.run()
    edited = asset.description = asset.description.replace("A dog", "Rex")
    beside.say(beside.asset_of(uuid), CAT, "2")
    beside.run()

    again(beside)

    assert asset.description == edited
    assert left_alone(beside.config) == {EDITED: 1}


def unseen(beside: Beside, *uuids: str) -> None:
    """Have Immich fail whenever one of these is asked for."""
    beside.server.faults += [
        Fault.refuse(500).of(f"GET /api/assets/{uuid}") for uuid in uuids for _ in range(50)
    ]


def test_a_look_that_always_fails_is_not_the_photo_in_hands_fault(
    beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediaindex.pipeline.publish.CHECK_EVERY_S", 0.0)
    old = [beside.add("Anna") for _ in range(4)]
    beside.run()
    beside.later()
    new = [beside.add("Ben") for _ in range(4)]
    unseen(beside, old[0])
    stop = threading.Event()
    stage = Publish(beside.config, beside.database, stop, opener=beside.opener, clock=beside.clock)
    stage.ready()
    for uuid in new:
        with beside.database.read() as session:
            loaded = stage.load(session, beside.asset_of(uuid))
        assert stage.work([loaded]) == [1]
    stop.set()
    stage.close()

    looked_at = [
        written.checked_at is not None for uuid in old if (written := beside.written(uuid))
    ]
    assert looked_at == [False, True, True, True]


def test_those_that_cannot_be_seen_keep_no_other_from_being_looked_at(beside: Beside) -> None:
    bad = [beside.add() for _ in range(MOST_FAILED + 1)]
    good = beside.add()
    beside.run()
    unseen(beside, *bad)
    standing = 0
    for _ in range(2):
        beside.later()
        standing += check_written(
            beside.config,
            beside.database,
            beside.client(),
            beside.account(),
            beside.now,
            len(bad),
        ).standing

    written = beside.written(good)
    assert standing == 1
    assert written is not None
    assert written.checked_at == beside.now
    beside.server.faults.clear()
    beside.later()
    found = check_written(
        beside.config, beside.database, beside.client(), beside.account(), beside.now
    )
    assert found.standing == len(bad)
