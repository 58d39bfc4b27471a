"""A person writes in the very moment in which we do, and Immich fails when half of it is there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mediaindex.clients.immich import ImmichClient
from mediaindex.marked import with_block
from mediaindex.pipeline.stage import Blocked
from mediaindex.types import Caption
from tests.publishing import ALL, Beside
from tests.publishing import beside as beside
from tests.servers.faults import Fault

WORDS = "A dog runs along a beach."

CAT = Caption("A cat sleeps.", ("cat",))


def meanwhile(what: str, then: Callable[[], None]) -> type[ImmichClient]:
    """Return a client during whose first request of this kind something happens."""
    left: Iterator[Callable[[], None]] = iter([then])

    class Slow(ImmichClient):
        def _send(self, method: str, path: str, *more: Any, **options: Any) -> Any:
            answer = super()._send(method, path, *more, **options)
            if what in f"{method} {path}":
                next(left, lambda: None)()
            return answer

    return Slow


@pytest.mark.parametrize("what", ["PUT /tags", "PUT /assets/{}/metadata"])
def test_what_a_person_writes_while_we_put_tags_on_stays(beside: Beside, what: str) -> None:
    uuid = beside.add("Anna")
    asset = beside.server.assets[uuid]

    def edit() -> None:
        asset.description = asset.description.replace("Anna", "Anna and Ben, July 1962")

    beside.make = meanwhile(what.format(uuid), edit)
    beside.run()
    assert asset.description == with_block("Anna and Ben, July 1962", WORDS)

    beside.say(beside.asset_of(uuid), CAT, "2")
    beside.run()
    assert asset.description == with_block("Anna and Ben, July 1962", "A cat sleeps.")
    beside.revert()
    assert asset.description == "Anna and Ben, July 1962"


def test_a_persons_whole_new_text_is_not_taken_for_ours(beside: Beside) -> None:
    uuid = beside.add("Anna")
    asset = beside.server.assets[uuid]
    beside.write = ("description",)
    beside.run()

    def replace() -> None:
        asset.description = "All mine now"

    beside.make, beside.write = meanwhile("PUT /tags", replace), ALL
    beside.run()

    beside.revert()
    assert (asset.description, asset.tags) == ("All mine now", set())


def failed(beside: Beside, times: int, what: str) -> None:
    beside.server.fail_next(times, Fault.refuse(500).of(what))
    for _ in range(times):
        with pytest.raises(Blocked, match="boom"):
            beside.run()


@pytest.mark.parametrize("what", ["PUT /api/tags", "PUT /api/assets/{}/metadata"])
def test_what_was_written_is_known_however_often_the_rest_fails(beside: Beside, what: str) -> None:
    uuid = beside.add("Anna")
    asset = beside.server.assets[uuid]
    failed(beside, 3, what.format(uuid))
    assert asset.description == with_block("Anna", WORDS)

    beside.revert()

    assert (asset.description, asset.tags, asset.record) == ("Anna", set(), {})
    assert beside.written(uuid) is None


def test_new_words_are_ours_though_the_rest_failed_twice(beside: Beside) -> None:
    uuid = beside.add("Anna")
    asset = beside.server.assets[uuid]
    beside.run()
    beside.say(beside.asset_of(uuid), CAT)
    failed(beside, 2, "PUT /api/tags")

    beside.run()

    written = beside.written(uuid)
    assert written is not None
    assert written.trouble is None
    beside.revert()
    assert (asset.description, asset.tags) == ("Anna", set())


def test_words_that_arrived_are_ours_though_newer_ones_did_not(beside: Beside) -> None:
    uuid = beside.add("Anna")
    asset = beside.server.assets[uuid]
    failed(beside, 1, "PUT /api/tags")
    beside.say(beside.asset_of(uuid), CAT)
    failed(beside, 2, "PUT /api/assets")
    assert asset.description == with_block("Anna", WORDS)

    beside.run()

    assert asset.description == with_block("Anna", "A cat sleeps.")
    beside.revert()
    assert asset.description == "Anna"


def test_switching_descriptions_off_forgets_none_that_is_on_its_way(beside: Beside) -> None:
    uuid = beside.add("Anna")
    failed(beside, 1, "PUT /api/tags")
    beside.write = ("tags",)

    beside.run()

    beside.revert()
    assert beside.server.assets[uuid].description == "Anna"
