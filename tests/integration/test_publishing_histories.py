"""Whatever happens between us, Immich and a person, all of ours comes out and all of theirs stays.

Many histories, each drawn by a seed of its own: kills at any request, Immich's failures, what it
throws away, a person's edits, new captions; and at the end all is taken out.
"""

import random
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import delete

from mediaindex.clients.immich import ImmichClient
from mediaindex.errors import MediaIndexError
from mediaindex.immich.publishing import KEY
from mediaindex.immich.writing import EDITED
from mediaindex.marked import BEGIN, END, alike
from mediaindex.store.immich_tables import ImmichAssetRow, ImmichWrittenRow
from mediaindex.types import Caption
from tests.conftest import NOW
from tests.publishing import ALL, Beside
from tests.publishing import beside as beside
from tests.servers.faults import Fault

#: What a person wrote is known again by its P and a number, wherever it stands.
BEFORE = (
    "",
    "P0",
    "P0\r\nP00 line",
    "  P0 lead",
    "P0 trail \n",
    "P0 🏖️👩‍👩‍👧",
    f"P0 {BEGIN} quoted",
    f"P0 {BEGIN}\nhello\n{END} P00",
    f"P0 {END} x",
    "\n\nP0\n\n",
    "P0" * 2000,
    "P0\u00a0",
    "P0\r\n\r\n",
)
SAID = (
    Caption(f"A dog {BEGIN} runs.", ("dog", "a/b|c", "Ünï#x"), "", "x"),
    Caption(f"Cat\nsleeps  twice {END}", ("cat", "dog"), "", "x"),
    Caption('🐈 & <b>"q"</b>', ("emoji🐈", ",", " "), "", ""),
)
EDITS: tuple[Callable[[str, str], str], ...] = (
    lambda text, own: f"{own} {text}",
    lambda text, own: f"{text} {own}",
    lambda text, own: f"{text}\n\n{own}",
    lambda text, own: own,
    lambda text, own: text.replace("A dog", f"{own} dog").replace("sleeps", own),
    lambda text, own: f"{text}\n{BEGIN}\n{own}\n{END}",
)
FAILING = ("PUT /api/assets", "PUT /api/tags", "/metadata", "GET /api/assets", "DELETE /api/tags")
SEEDS, HISTORIES = 6, 10


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Fate:
    """Makes clients that die with a request of some number, before or after it arrived."""

    left: int | None = None
    after: bool = False

    def make(self, *how: Any) -> ImmichClient:
        """Make a client that dies when this says so."""
        fate = self

        class Mortal(ImmichClient):
            def _send(self, *more: Any, **options: Any) -> Any:
                if fate.left is not None:
                    fate.left -= 1
                    if fate.left < 0 and not fate.after:
                        raise Killed
                answer = super()._send(*more, **options)
                if fate.left is not None and fate.left < 0:
                    raise Killed
                return answer

        return Mortal(*how)


@dataclass
class History:
    """One photo, and what happens to it."""

    beside: Beside
    fate: Fate
    chance: random.Random
    before: str = ""
    tags: tuple[str, ...] = ()
    is_touched: bool = False
    is_wiped: bool = False
    _edits: int = 100
    log: list[object] = field(default_factory=list)

    def begin(self) -> None:
        """Add the photo."""
        self.before = self.chance.choice(BEFORE)
        self.tags = self.chance.choice([(), ("mediaindex/dog",), ("fam",)])
        beside = self.beside
        beside.now, beside.write = NOW, ALL
        self.uuid = beside.add(self.before, self.chance.choice(SAID), tags=self.tags)
        self.asset, self.asset_id = beside.server.assets[self.uuid], beside.asset_of(self.uuid)

    def go_on(self) -> None:
        """Have one more thing happen."""
        step = self.chance.choices(
            (self.written, self.said, self.edited, self.wiped, self.beside.later), (9, 3, 4, 2, 2)
        )[0]
        step()
        self.log.append((step.__name__, self.asset.description[-120:]))

    def written(self) -> None:
        """Write, or begin to."""
        self.fate.left = self.chance.choice([None, None, 0, 1, 2, 3, 4, 5, 6, 7])
        self.fate.after = self.chance.random() < 0.5
        if self.chance.random() < 0.3:
            fault = Fault.refuse(500).of(self.chance.choice(FAILING))
            self.beside.server.fail_next(self.chance.randint(1, 2), fault)
        self.keeps(self.beside.run)
        self.beside.server.faults.clear()

    def said(self) -> None:
        """Have a model say something else."""
        self.beside.say(self.asset_id, self.chance.choice(SAID))

    def edited(self) -> None:
        """Have a person write."""
        self._edits += 1
        edit = self.chance.choice(EDITS)
        self.asset.description = edit(self.asset.description, f"P{self._edits}")
        self.is_touched = True

    def wiped(self) -> None:
        """Have Immich read the file again, which has nothing of ours."""
        if self.is_touched:
            return  # that would throw away a person's words, too
        self.beside.server.read_only = True
        self.beside.server.reextract(self.uuid)
        self.beside.server.read_only = False
        self.is_wiped = True
        self.beside.later()

    def keeps(self, step: Callable[[], object]) -> None:
        """Have one of our steps happen, to its end or not; all that is a person's stays."""
        before, tags = owned(self.asset.description), set(self.asset.tags)
        with suppress(Killed, MediaIndexError):
            step()
        self.fate.left = None
        assert before <= owned(self.asset.description), self.log
        assert tags.isdisjoint({"fam"}) or "fam" in self.asset.tags, self.log

    def end(self) -> None:
        """Take all out, at the first or the second try, and look what is there then."""
        self.fate.left = self.chance.choice([None, 1, 2, 3, 4, 5])
        self.keeps(self.beside.revert)
        before = owned(self.asset.description)
        taken = next(iter(self.beside.revert()), None)
        assert before <= owned(self.asset.description), self.log
        assert KEY not in self.asset.record, self.log
        assert set(self.tags) - self.asset.tags == set(), self.log
        ours = {tag for tag in self.asset.tags if tag.startswith("mediaindex")} - set(self.tags)
        assert ours == set(), self.log
        if taken is not None and taken.reverted.done.left is not None:
            assert (self.is_touched, taken.reverted.done.left) == (True, EDITED), self.log
        elif not self.is_touched:
            exact = alike if self.is_wiped else str.__eq__
            assert exact(self.asset.description, self.before), self.log


def owned(text: str) -> set[str]:
    """Return what of a text is known to be a person's."""
    return set(re.findall(r"P\d+", text))


def forget(beside: Beside, uuid: str) -> None:
    with beside.database.write() as session:
        session.execute(delete(ImmichWrittenRow))
        session.execute(delete(ImmichAssetRow))
    del beside.server.assets[uuid]
    beside.server.tags.clear()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_all_of_ours_comes_out_and_all_of_theirs_stays(beside: Beside, seed: int) -> None:
    fate = Fate()
    beside.make = fate.make
    for number in range(HISTORIES):
        history = History(beside, fate, random.Random(f"{seed} {number}"))
        history.begin()
        for _ in range(history.chance.randint(2, 7)):
            history.go_on()
        history.end()
        forget(beside, history.uuid)
