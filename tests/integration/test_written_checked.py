"""What Immich made of our words some time later is noticed, and there is an end to writing anew."""

from datetime import timedelta

import pytest

from mediaindex.immich.checking import ENOUGH, MOST_WIPED, Checked, check_written
from mediaindex.immich.publishing import KEY
from mediaindex.immich.writing import EDITED, TAKEN_OUT, WIPED
from mediaindex.marked import with_block
from mediaindex.pipeline.stage import Blocked
from mediaindex.publishing import left_alone
from mediaindex.store import immich_written
from mediaindex.store.captions import captions_of_asset
from mediaindex.store.immich_wiped import publish_if_wiped
from tests.publishing import DOG, Beside
from tests.publishing import beside as beside

WORDS = "A dog runs along a beach."


def check(beside: Beside, limit: int = 100) -> Checked:
    beside.later()
    return check_written(
        beside.config, beside.database, beside.client(), beside.account(), beside.now, limit
    )


def test_what_stands_there_is_looked_at_once(beside: Beside) -> None:
    uuids = [beside.add("Anna"), beside.add()]
    beside.run()
    beside.server.reextract()

    assert check(beside).standing == len(uuids)

    assert check(beside) == Checked()


def test_it_is_not_looked_at_too_early(beside: Beside) -> None:
    beside.add()
    beside.run()
    beside.now += timedelta(minutes=1)

    found = check_written(
        beside.config, beside.database, beside.client(), beside.account(), beside.now
    )

    assert found == Checked()


def test_what_immich_trimmed_is_no_change(beside: Beside) -> None:
    beside.add("  Anna  ")
    beside.run()
    beside.server.reextract()

    assert check(beside).standing == 1


def test_words_thrown_away_are_written_again_twice_and_then_left(beside: Beside) -> None:
    uuid = beside.add(" Anna ", tags=["travel"])
    beside.server.read_only = True
    described = 0
    for _ in range(MOST_WIPED + 3):
        beside.run()
        described = sum(one == f"PUT /api/assets/{uuid}" for one in beside.sent())
        beside.server.reextract()
        check(beside)

    asset = beside.server.assets[uuid]
    written = beside.written(uuid)
    assert described == 1 + MOST_WIPED
    assert (asset.description, asset.tags) == ("Anna", {"travel"})
    assert written is not None
    assert (written.trouble, written.before) == (WIPED, " Anna ")
    assert left_alone(beside.config) == {WIPED: 1}
    assert asset.record[KEY]["caption"] == WORDS  # which no file undoes
    with beside.database.read() as session:
        said = captions_of_asset(session, beside.asset_of(uuid))
    assert [one.caption for one in said.values()] == [DOG]  # ours is the truth


def test_tags_thrown_away_are_noticed_without_a_description(beside: Beside) -> None:
    uuid = beside.add()
    beside.write = ("tags",)
    beside.server.read_only = True
    beside.run()
    beside.server.reextract()

    assert check(beside).wiped == 1

    beside.run()
    assert "mediaindex/dog" in beside.server.assets[uuid].tags


def test_when_it_may_write_again_a_person_says_so(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.server.read_only = True
    for _ in range(MOST_WIPED + 1):
        beside.run()
        beside.server.reextract()
        check(beside)
    beside.server.read_only = False
    assert beside.run() == 0

    with beside.database.write() as session:
        assert immich_written.try_again(session) == 1
    beside.run()
    beside.server.reextract()

    assert check(beside).standing == 1
    assert beside.server.assets[uuid].description == with_block("Anna", WORDS)


def test_a_library_that_keeps_nothing_is_given_up_with_one_message(beside: Beside) -> None:
    uploads = [beside.add(library=False) for _ in range(2)]
    many = [beside.add("Anna") for _ in range(ENOUGH + 5)]
    beside.server.read_only = True
    beside.run()
    beside.server.reextract()
    for uuid in uploads:  # these Immich keeps beside its own files
        asset = beside.server.assets[uuid]
        asset.description = with_block("", WORDS)
        asset.tags = {"mediaindex/dog", "mediaindex/beach"}

    found = check(beside)

    assert found.libraries == (beside.server.library_id,)
    before = len(beside.sent())
    more, kept = beside.add("Anna"), beside.add("Ben", library=False)
    assert beside.run() == 1
    assert beside.server.assets[more].description == "Anna"
    assert beside.server.assets[kept].description == with_block("Ben", WORDS)
    assert all(uuid not in line for line in beside.sent()[before:] for uuid in many)
    with beside.database.read() as session:
        assert immich_written.libraries_in_vain(session) == (beside.server.library_id,)


def test_the_stage_itself_looks_while_it_works(beside: Beside) -> None:
    for _ in range(ENOUGH):
        beside.add("Anna")
    beside.server.read_only = True
    beside.run()
    beside.server.reextract()
    beside.later()
    beside.add("Ben")

    with pytest.raises(Blocked, match=r"in 1 of its libraries nothing .* let it write"):
        beside.run()

    assert beside.run() == 0


def test_one_that_stands_is_enough_not_to_give_up(beside: Beside) -> None:
    for _ in range(ENOUGH):
        uuid = beside.add("Anna")
    beside.server.read_only = True
    beside.run()
    kept = beside.server.assets[uuid].description
    beside.server.reextract()
    beside.server.assets[uuid].description = kept

    found = check(beside)

    assert (found.standing, found.wiped, found.libraries) == (1, ENOUGH - 1, ())


def test_who_reads_immich_has_a_wiped_one_looked_at_again(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    check(beside)
    asset = beside.server.assets[uuid]
    asset.description, asset.tags = "Anna", set()  # weeks later

    with beside.database.write() as session:
        assert publish_if_wiped(session, 1, [uuid]) == 1
    beside.later()
    beside.run()

    written = beside.written(uuid)
    assert asset.description == with_block("Anna", WORDS)
    assert written is not None
    assert written.wiped == 1


def test_what_a_person_did_is_noticed_and_respected(beside: Beside) -> None:
    edited, taken_out = beside.add("Anna"), beside.add("Ben")
    beside.run()
    assets = beside.server.assets
    assets[edited].description = assets[edited].description.replace("A dog", "Rex")
    assets[taken_out].description = "Ben in Lisbon"

    assert check(beside).changed == 2

    troubles = [
        written.trouble for uuid in (edited, taken_out) if (written := beside.written(uuid))
    ]
    assert troubles == [EDITED, TAKEN_OUT]


def test_what_is_gone_by_then_is_not_looked_at_again(beside: Beside) -> None:
    uuid = beside.add()
    beside.run()
    beside.server.lock(uuid)

    check(beside)

    assert check(beside) == Checked()


def test_nothing_is_looked_at_when_writing_is_off(beside: Beside) -> None:
    beside.add()
    beside.run()
    beside.write = ()
    before = len(beside.server.requests)

    assert check(beside) == Checked()

    assert len(beside.server.requests) == before
