"""One photo after the other is told to Immich, and a person's words stay where they were."""

import itertools
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mediaindex.clients.immich import ImmichClient
from mediaindex.immich.publishing import KEY
from mediaindex.immich.writing import EDITED, NOT_OURS, TAKEN_OUT
from mediaindex.marked import BEGIN, END, block, with_block, without_block
from mediaindex.pipeline.stage import Blocked
from mediaindex.store import immich_written
from mediaindex.store.database import Database
from mediaindex.types import Caption
from tests.publishing import DOG, Beside
from tests.publishing import beside as beside
from tests.servers.faults import Fault
from tests.servers.immich import Immich

WORDS = "A dog runs along a beach."

TAGS = {"mediaindex/dog", "mediaindex/beach"}

CAT = Caption("A cat sleeps.", ("cat",))


@pytest.fixture(params=["1.137.0", "2.7.4", "3.1.0", "3.2.0"])
def each_version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_words_tags_and_record_arrive(beside: Beside) -> None:
    uuid = beside.add("Anna on the beach")

    done = beside.run()

    asset = beside.server.assets[uuid]
    assert done == 1
    assert asset.description == f"Anna on the beach\n\n{BEGIN}\n{WORDS}\n{END}"
    assert asset.tags == TAGS
    record = asset.record[KEY]
    assert record["caption"] == WORDS
    assert record["text_in_image"] == "NO DOGS"
    assert (record["model"], record["digest"], record["prompt_version"]) == (
        "vlm:4b",
        "sha256:1",
        "1",
    )


def test_every_version_takes_what_it_can(
    tmp_path: Path, database: Database, each_version: str
) -> None:
    with Immich(each_version) as server:
        beside = Beside(tmp_path, database, server)
        beside.connect()
        uuid = beside.add("Anna")

        beside.run()

        asset = server.assets[uuid]
        assert (without_block(asset.description), block(asset.description)) == ("Anna", WORDS)
        assert asset.tags == TAGS
        assert (KEY in asset.record) == (server.numbers >= (2, 5))
        beside.revert()
        assert (asset.description, asset.tags, asset.record) == ("Anna", set(), {})


@pytest.mark.parametrize("text", ["", "Anna", "  Anna \n\n", "a\r\nb", f"{BEGIN} is a mark", END])
def test_a_persons_words_stay_byte_for_byte(beside: Beside, text: str) -> None:
    uuid = beside.add(text)

    beside.run()

    assert without_block(beside.server.assets[uuid].description) == text


def test_only_what_is_wanted_is_written(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.write = ("tags",)

    beside.run()

    asset = beside.server.assets[uuid]
    assert (asset.description, asset.tags, asset.record) == ("Anna", TAGS, {})


def test_a_second_run_sends_nothing(beside: Beside) -> None:
    uuid = beside.add()
    beside.run()
    before = len(beside.server.requests)

    with beside.database.write() as session:
        immich_written.publish_again(session, [beside.asset_of(uuid)])
    assert beside.run() == 1

    assert [one.path for one in beside.server.requests[before:]] == [
        "/api/server/version",
        "/api/api-keys/me",
        "/api/users/me",
    ]


def test_a_new_caption_takes_the_place_of_the_old_one(beside: Beside) -> None:
    uuid = beside.add("Anna", tags=["travel"])
    beside.run()

    beside.say(beside.asset_of(uuid), CAT, "2")
    beside.run()

    asset = beside.server.assets[uuid]
    assert asset.description == with_block("Anna", "A cat sleeps.")
    assert asset.tags == {"travel", "mediaindex/cat"}
    assert asset.record[KEY]["caption"] == "A cat sleeps."


def test_words_that_a_person_puts_around_ours_stay(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    asset = beside.server.assets[uuid]
    asset.description = f"Anna and Ben\n\n{BEGIN}\n{WORDS}\n{END}\nin Lisbon"

    beside.say(beside.asset_of(uuid), CAT, "2")
    beside.run()

    assert asset.description == with_block("Anna and Ben\nin Lisbon", "A cat sleeps.")
    beside.revert()
    assert asset.description == "Anna and Ben\nin Lisbon"


def test_a_block_that_a_person_edited_is_left_alone(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    asset = beside.server.assets[uuid]
    edited = asset.description = asset.description.replace("A dog", "Rex")

    for version, said in (("2", CAT), ("3", DOG), ("4", CAT)):
        beside.say(beside.asset_of(uuid), said, version)
        beside.run()

    assert asset.description == edited
    written = beside.written(uuid)
    assert written is not None
    assert written.trouble == EDITED
    assert asset.tags == {"mediaindex/cat"}


def test_a_block_whose_mark_a_person_broke_is_left_alone(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    asset = beside.server.assets[uuid]
    broken = asset.description = asset.description.removesuffix(END) + "and Rex"

    beside.say(beside.asset_of(uuid), CAT, "2")
    beside.run()

    assert asset.description == broken


def test_words_that_a_person_took_out_do_not_come_back(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    asset = beside.server.assets[uuid]
    asset.description = "Only Anna!"

    beside.say(beside.asset_of(uuid), CAT, "2")
    beside.run()

    assert asset.description == "Only Anna!"
    written = beside.written(uuid)
    assert written is not None
    assert written.trouble == TAKEN_OUT


def test_a_tag_that_a_person_took_off_does_not_come_back(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    asset = beside.server.assets[uuid]
    asset.tags.remove("mediaindex/beach")

    beside.say(beside.asset_of(uuid), Caption("A dog on a beach.", ("dog", "beach", "sea")), "2")
    beside.run()

    assert asset.tags == {"mediaindex/dog", "mediaindex/sea"}


def test_a_block_of_nobody_knows_which_hand_is_left_alone(beside: Beside) -> None:
    copied = with_block("Anna", "A dog, and what somebody made of it.")
    uuid = beside.add(copied)

    beside.run()

    assert beside.server.assets[uuid].description == copied
    written = beside.written(uuid)
    assert written is not None
    assert written.trouble == NOT_OURS


def test_a_block_that_says_the_same_is_ours_though_the_database_is_older(beside: Beside) -> None:
    uuid = beside.add(with_block("Anna", WORDS))

    beside.run()
    beside.say(beside.asset_of(uuid), CAT, "2")
    beside.run()

    assert beside.server.assets[uuid].description == with_block("Anna", "A cat sleeps.")


def test_before_is_stored_before_anything_is_sent(beside: Beside) -> None:
    uuid = beside.add("Anna")
    known: list[object] = []

    class Watched(ImmichClient):
        def _send(self, method: str, *more: Any, **options: Any) -> Any:
            if method != "GET":
                known.append(beside.written(uuid))
            return super()._send(method, *more, **options)

    beside.make = Watched
    beside.run()

    assert len(known) == 5  # a description, the tags made, two of them put on, a record
    for written in known:
        assert written is not None
        assert written.before == "Anna"  # type: ignore[attr-defined]
        assert set(written.tags) == TAGS  # type: ignore[attr-defined]


class Killed(BaseException):
    """The process ends here."""


def dying(number: int, *, after: bool) -> type[ImmichClient]:
    """Return a client that dies with its request of this number, before or after it arrived."""

    class Dying(ImmichClient):
        def _send(self, *more: Any, **options: Any) -> Any:
            if self.requests + 1 == number and not after:
                raise Killed
            try:
                return super()._send(*more, **options)
            finally:
                if self.requests == number:
                    raise Killed

    return Dying


REQUESTS = 10
"""Of one photo: version, permissions, whose key it is, two looks, and the five above."""

FIRST_WRITE = 6


@pytest.mark.parametrize(
    ("number", "after"),
    [
        (1, False),
        *itertools.product(range(FIRST_WRITE, REQUESTS), [False, True]),
        (REQUESTS, False),
    ],
)
def test_a_kill_between_two_requests_loses_nothing(
    beside: Beside, number: int, after: bool
) -> None:
    uuid = beside.add(" Anna\r\n", tags=["travel"])
    asset = beside.server.assets[uuid]
    beside.make = dying(number, after=after)
    with pytest.raises(Killed):
        beside.run()

    beside.make = ImmichClient
    beside.run()

    assert asset.description == with_block(" Anna\r\n", WORDS)
    assert asset.description.count(BEGIN) == 1
    assert asset.tags == TAGS | {"travel"}
    assert asset.record[KEY]["caption"] == WORDS
    beside.revert()
    assert asset.description == " Anna\r\n"
    assert asset.tags == {"travel"}
    assert asset.record == {}


@pytest.mark.parametrize("number", range(FIRST_WRITE, REQUESTS + 1))
def test_a_kill_while_words_are_replaced_loses_nothing(beside: Beside, number: int) -> None:
    uuid = beside.add("Anna")
    asset = beside.server.assets[uuid]
    beside.run()
    beside.say(beside.asset_of(uuid), CAT, "2")
    beside.make = dying(number, after=True)
    with suppress(Killed):
        beside.run()
    beside.make = ImmichClient
    beside.run()

    assert asset.description == with_block("Anna", "A cat sleeps.")
    assert asset.tags == {"mediaindex/cat"}
    beside.revert()
    assert (asset.description, asset.tags, asset.record) == ("Anna", set(), {})


def test_what_a_person_writes_after_a_kill_stays(beside: Beside) -> None:
    uuid = beside.add("Anna")
    asset = beside.server.assets[uuid]
    beside.make = dying(FIRST_WRITE, after=False)  # what is to be sent is stored, and not sent
    with pytest.raises(Killed):
        beside.run()
    asset.description = "Anna and Ben"
    beside.make = ImmichClient
    beside.run()

    assert asset.description == with_block("Anna and Ben", WORDS)
    beside.revert()
    assert asset.description == "Anna and Ben"


def test_partial_failure_resumes_with_what_is_missing(beside: Beside) -> None:
    uuid = beside.add("Anna")
    asset = beside.server.assets[uuid]
    beside.server.fail_next(1, Fault.refuse(500).of("PUT /api/tags"))
    with pytest.raises(Blocked, match="boom"):
        beside.run()
    assert asset.description == with_block("Anna", WORDS)
    assert asset.tags == set()
    before = len(beside.sent())

    beside.run()

    assert asset.tags == TAGS
    assert asset.record
    assert f"PUT /api/assets/{uuid}" not in beside.sent()[before:]
