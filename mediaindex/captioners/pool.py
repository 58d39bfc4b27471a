"""Several servers behind one question: work goes to whichever is free and awake."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from mediaindex.captioners import Ask, Captioner, ModelFacts, Reply
from mediaindex.captioners.canary import canary
from mediaindex.captioners.rest import Health
from mediaindex.errors import Faulty, RetryLater, ServerBusy, ServerOff

log = logging.getLogger(__name__)

PATIENCE_S = 60.0
"""So long a question waits while all servers are busy, before its stage is told so."""

LOOK_S = 0.2
"""So often who waits looks at the clock and at `stop`; all else wakes them up."""

State = Literal["new", "opening", "ready", "resting"]


@dataclass(frozen=True)
class Answered:
    """What was answered, and by whom."""

    reply: Reply
    captioner: Captioner
    facts: ModelFacts


@dataclass(frozen=True)
class Standing:
    """How one server stands."""

    server: str
    model: str
    #: `new` (not opened yet), `opening`, `ready`, `resting`.
    state: State
    #: What its last trouble was; "" once it could be opened again.
    reason: str = ""
    #: How long it is left alone yet.
    rest_s: float = 0.0


@dataclass(eq=False)
class _Member:
    captioner: Captioner
    at_once: int
    health: Health
    state: State = "new"
    in_flight: int = 0
    facts: ModelFacts | None = None
    #: Goes up with every rest. What was asked before the last one tells nothing of it now.
    spell: int = 0

    @property
    def is_free(self) -> bool:
        return self.state == "ready" and self.in_flight < self.at_once

    @property
    def reason(self) -> str:
        """The last trouble, with the server's name."""
        reason, server = self.health.reason, self.captioner.server
        return reason if not reason or server in reason else f"{server}: {reason}"


@dataclass(eq=False)
class _Asker:
    """A question that is waiting for a server."""

    give_up_at: float
    #: Who failed at it, and how.
    failed: _Member | None = None
    fault: Faulty | None = None

    def may_ask(self, member: _Member) -> bool:
        """Return whether `member` would do: the second try is for one that did not fail lately."""
        return self.failed is None or (member is not self.failed and not member.health.faults)


class Pool:
    """Asks the members' models. Safe from any thread."""

    def __init__(
        self,
        members: Sequence[tuple[Captioner, int]],
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Contact nobody yet.

        Args:
            members: Each captioner, and how many questions it is asked at the same time.
            clock: Seconds; only goes forward.
            chance: Gives numbers from 0 to 1.
            patience_s: So long a question waits while all servers are busy.
        """
        self._members = [_Member(one, at_once, Health(chance)) for one, at_once in members]
        self._clock, self._patience_s = clock, patience_s
        #: Guards all there is; told of whatever changes.
        self._changed = threading.Condition()
        #: Who came first is served first.
        self._askers: list[_Asker] = []
        self._is_closed = False

    @property
    def slots(self) -> int:
        """How many questions may be on their way at the same time."""
        return sum(member.at_once for member in self._members)

    @property
    def takes_many(self) -> bool:
        """Whether every model that was reached takes several pictures in one request."""
        known = [member.facts for member in self._members if member.facts is not None]
        return bool(known) and all(facts.takes_many for facts in known)

    def standing(self) -> list[Standing]:
        """Return how each server stands."""
        with self._changed:
            now = self._clock()
            return [
                Standing(
                    member.captioner.server,
                    member.captioner.model,
                    member.state,
                    member.health.reason,
                    max(0.0, member.health.rest_until - now) if member.state == "resting" else 0.0,
                )
                for member in self._members
            ]

    def open(self) -> None:
        """Return as soon as one server can answer; the others go on opening meanwhile.

        Those that were off are looked at again at once, those that asked for time have it.

        Raises:
            ServerOff: None can; the text has every reason.
            ServerBusy: None can now, and some only have too much to do; or the pool was closed.
        """
        with self._changed:
            self._wake(those_off=True)
            while self._has("opening") and not self._has("ready") and not self._is_closed:
                self._changed.wait()
            if self._is_closed or not self._has("ready"):
                raise self._trouble()

    def ask(self, ask: Ask, stop: threading.Event) -> Answered:
        """Have some member answer; one that is busy or off leaves the question to the others.

        What one member fails at another tries once, if there is one that is well.

        Args:
            ask: The question.
            stop: Ends the waiting for a free server, when it is set.

        Raises:
            ServerOff: No server can be asked.
            ServerBusy: All were busy for `patience_s`, or `stop` was set, or the pool was closed.
            Faulty: One failed at it, and so did another, or there is no other.
        """
        asker = _Asker(self._clock() + self._patience_s)
        while True:
            member, spell = self._take(asker, stop)
            try:
                return self._answer(member, spell, ask)
            except (ServerOff, ServerBusy):
                continue
            except Faulty as fault:
                if asker.fault is not None and not self._is_closed:
                    raise
                asker.failed, asker.fault = member, fault

    def close(self) -> None:
        """Let go of the servers; whoever waits, and whoever asked, gets a `ServerBusy`."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for member in self._members:
            member.captioner.close()

    def _take(self, asker: _Asker, stop: threading.Event) -> tuple[_Member, int]:
        """Wait for a free member and take a slot of it; returns its spell, too."""
        with self._changed:
            self._askers.append(asker)
            try:
                while True:
                    if self._is_closed or stop.is_set():
                        raise ServerBusy("the run is being ended")
                    self._wake()
                    member = self._choice(asker)
                    if member is not None:
                        member.in_flight += 1
                        return member, member.spell
                    self._check_hope(asker)
                    self._changed.wait(LOOK_S)
            finally:
                self._askers.remove(asker)
                self._changed.notify_all()

    def _choice(self, asker: _Asker) -> _Member | None:
        """Return the quickest that is free and not for those who came before; None if none is."""
        free = [member for member in self._members if member.is_free and asker.may_ask(member)]
        before = self._askers[: self._askers.index(asker)]
        ahead = sum(any(map(other.may_ask, free)) for other in before)
        if ahead >= sum(member.at_once - member.in_flight for member in free):
            return None
        # One that was never asked comes first, so that it is known how quick it is.
        return min(free, key=lambda member: member.health.answer_s or 0.0)

    def _check_hope(self, asker: _Asker) -> None:
        """Raise why there is nothing to wait for; return if there is."""
        if asker.fault is not None:
            able = [member for member in self._members if asker.may_ask(member)]
            if not any(member.state == "ready" for member in able):
                raise asker.fault
        elif not self._has("ready", "opening"):
            all_off = not any(member.health.is_busy for member in self._members)
            if all_off or self._clock() > asker.give_up_at:
                raise self._trouble()

    def _has(self, *states: State) -> bool:
        return any(member.state in states for member in self._members)

    def _wake(self, *, those_off: bool = False) -> None:
        """Have those opened whose rest is over, or that never were; `_changed` is held."""
        now = self._clock()
        for member in self._members:
            is_rested = now >= member.health.rest_until or (those_off and not member.health.is_busy)
            if member.state == "new" or (member.state == "resting" and is_rested):
                # Of its own, and no executor's: a load of minutes must not hold up the exit.
                name = f"open {member.captioner.server}"
                threading.Thread(target=self._open, args=(member,), name=name, daemon=True).start()
                member.state = "opening"

    def _open(self, member: _Member) -> None:
        """Open a member, however long that takes."""
        try:
            facts = member.captioner.open()
            if member.health.faults:
                member.captioner.ask(canary())  # it could load its model all the time
        except Faulty as fault:
            self._rest(member, member.spell, ServerOff(f"it fails at every picture: {fault}"))
        except (ServerOff, ServerBusy) as error:
            self._rest(member, member.spell, error)
        except Exception as error:
            log.exception("%s: undocumented trouble", member.captioner.server)
            self._rest(member, member.spell, ServerOff(repr(error)))
        else:
            with self._changed:
                member.health.opened()
                member.facts, member.state = facts, "ready"
                self._changed.notify_all()

    def _answer(self, member: _Member, spell: int, ask: Ask) -> Answered:
        """Ask a member of which a slot was taken, note how that went, and give the slot back."""
        began = self._clock()
        try:
            reply = member.captioner.ask(ask)
            with self._changed:
                member.health.answered(self._clock() - began)
            facts = member.captioner.facts or member.facts or ModelFacts("")
            return Answered(reply, member.captioner, facts)
        except (ServerOff, ServerBusy) as error:
            self._rest(member, spell, error)
            raise
        except Faulty as fault:
            self._blame(member, spell, fault)
            raise
        except Exception as error:
            log.exception("%s: undocumented trouble", member.captioner.server)
            unknown = Faulty(f"{member.captioner.server}: {error!r}")
            self._blame(member, spell, unknown)
            raise unknown from error
        finally:
            with self._changed:
                member.in_flight -= 1
                self._changed.notify_all()

    def _blame(self, member: _Member, spell: int, fault: Faulty) -> None:
        """Find out whether the pictures are to blame for many faults in a row, or the server.

        Raises:
            ServerOff: The server is: it fails at any picture.
        """
        with self._changed:
            if member.spell != spell or self._is_closed or not member.health.fault():
                return
        try:
            member.captioner.ask(canary())
        except Exception as error:  # whatever it is, it is none of the pictures'
            off = ServerOff(f"it fails at every picture: {fault}")
            self._rest(member, spell, off)
            raise off from error
        with self._changed:
            member.health.cleared()

    def _rest(self, member: _Member, spell: int, error: ServerOff | ServerBusy) -> None:
        """Note trouble, and leave the member alone for a while."""
        with self._changed:
            if member.spell != spell or self._is_closed:
                return
            health, now = member.health, self._clock()
            if isinstance(error, ServerBusy):
                health.busy(str(error), error.after_s, now)
            else:
                health.off(str(error), now)
            member.state, member.spell = "resting", spell + 1
            rest_s = health.rest_until - now
            log.info("%s rests for %.1f s: %s", member.captioner.server, rest_s, health.reason)
            self._changed.notify_all()

    def _trouble(self) -> RetryLater:
        """Return why nobody can answer."""
        if self._is_closed:
            return ServerBusy("the run is being ended")
        reasons = list(dict.fromkeys(member.reason for member in self._members if member.reason))
        said = "; ".join(reasons) or "no server could be asked"
        busy = [one.health.rest_until for one in self._members if one.health.is_busy]
        return ServerBusy(said, max(0.0, min(busy) - self._clock())) if busy else ServerOff(said)
