"""Several servers behind one question: work goes to whichever is free and awake."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from mediaindex.captioners import Ask, Captioner, ModelFacts, Reply
from mediaindex.errors import Faulty, RetryLater, ServerBusy, ServerOff

log = logging.getLogger(__name__)

MOST_FAULTS = 3
"""So many faults in a row, and it is the server that is to blame and not the pictures."""

BUSY_S, MOST_BUSY_S = 1.0, 60.0
OFF_S, MOST_OFF_S = 5.0, 300.0
"""How long a server is left alone at first, and at most; twice as long every time."""

PATIENCE_S = 60.0
"""So long a question waits while all servers are busy, before its stage is told so."""

USUAL_S = 1.0
"""How long an answer takes, before anybody knows."""


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
    state: str
    #: Why it rests; "" if it does not.
    reason: str = ""


@dataclass
class _Member:
    captioner: Captioner
    at_once: int
    state: str = "new"
    in_flight: int = 0
    facts: ModelFacts | None = None
    #: Why it rests; what kind of error says what it is to the stage.
    trouble: RetryLater | None = None
    rest_until: float = 0.0
    #: How long the next rest is, by kind.
    busy_s: float = BUSY_S
    off_s: float = OFF_S
    faults: int = 0
    answer_s: float = USUAL_S

    @property
    def is_free(self) -> bool:
        return self.state == "ready" and self.in_flight < self.at_once


@dataclass
class Pool:
    """Asks the members' models. Safe from any thread."""

    members: Sequence[tuple[Captioner, int]]
    clock: Callable[[], float] = time.monotonic
    _members: list[_Member] = field(init=False)
    _changed: threading.Condition = field(init=False, default_factory=threading.Condition)
    _openers: ThreadPoolExecutor = field(init=False)
    _is_closed: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._members = [_Member(captioner, at_once) for captioner, at_once in self.members]
        self._openers = ThreadPoolExecutor(len(self._members), "open")

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
            return [
                Standing(
                    member.captioner.server,
                    member.captioner.model,
                    member.state,
                    str(member.trouble) if member.trouble else "",
                )
                for member in self._members
            ]

    def open(self) -> None:
        """Return as soon as one server can answer; the others go on opening meanwhile.

        Raises:
            ServerOff: None can; the text has every reason.
            ServerBusy: None can now, and some only have too much to do.
        """
        calls = {self._open(member) for member in self._members if member.state != "ready"}
        while calls and not any(member.state == "ready" for member in self._members):
            _, calls = wait(calls, return_when=FIRST_COMPLETED)
        if not any(member.state == "ready" for member in self._members):
            raise self._trouble()

    def ask(self, ask: Ask, stop: threading.Event) -> Answered:
        """Have some member answer; one that is busy or off leaves the question to the others.

        Args:
            ask: The question.
            stop: Ends the waiting for a free server, when it is set.

        Raises:
            ServerOff: No server can be asked.
            ServerBusy: All were busy for a minute, or `stop` was set.
            Faulty: One failed at it.
        """
        give_up_at = self.clock() + PATIENCE_S
        while True:
            member = self._take(stop, give_up_at)
            began = self.clock()
            try:
                reply = member.captioner.ask(ask)
            except (ServerOff, ServerBusy) as error:
                self._rest(member, error)
            except Faulty as error:
                self._count_fault(member, error)
                raise
            except Exception as error:
                log.exception("%s: undocumented trouble", member.captioner.server)
                fault = Faulty(f"{member.captioner.server}: {error!r}")
                self._count_fault(member, fault)
                raise fault from error
            else:
                self._praise(member, self.clock() - began)
                return Answered(reply, member.captioner, member.facts or ModelFacts(""))
            finally:
                with self._changed:
                    member.in_flight -= 1
                    self._changed.notify_all()

    def close(self) -> None:
        """Let go of the servers; questions that are on their way end with an error."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for member in self._members:
            member.captioner.close()
        self._openers.shutdown(wait=False, cancel_futures=True)

    def _take(self, stop: threading.Event, give_up_at: float) -> _Member:
        """Wait for a free member and take a slot of it; the quickest of several."""
        with self._changed:
            while not self._is_closed and not stop.is_set():
                self._wake()
                free = [member for member in self._members if member.is_free]
                if free:
                    member = min(free, key=lambda one: one.answer_s)
                    member.in_flight += 1
                    return member
                at_work = any(member.state in ("ready", "opening") for member in self._members)
                all_off = all(isinstance(one.trouble, ServerOff) for one in self._members)
                if not at_work and (all_off or self.clock() > give_up_at):
                    raise self._trouble()
                # Whoever gives a slot back says so; `stop` and the end of a rest say nothing.
                self._changed.wait(0.1)
        raise ServerBusy("the run is being ended")

    def _wake(self) -> None:
        """Have those looked at again whose rest is over."""
        now = self.clock()
        for member in self._members:
            if member.state == "new" or (member.state == "resting" and now >= member.rest_until):
                self._open(member)

    def _open(self, member: _Member) -> "Future[None]":
        with self._changed:
            member.state = "opening"
            return self._openers.submit(self._opened, member)

    def _opened(self, member: _Member) -> None:
        try:
            facts = member.captioner.open()
        except (ServerOff, ServerBusy) as error:
            self._rest(member, error)
        except Exception as error:
            log.exception("%s: undocumented trouble", member.captioner.server)
            self._rest(member, ServerOff(f"{member.captioner.server}: {error!r}"))
        else:
            with self._changed:
                member.facts, member.state, member.trouble = facts, "ready", None
                self._changed.notify_all()

    def _rest(self, member: _Member, trouble: ServerOff | ServerBusy) -> None:
        """Leave a server alone for a while, longer every time until it answers again."""
        with self._changed:
            if member.state != "resting":
                if isinstance(trouble, ServerBusy):
                    rest_s = trouble.after_s or member.busy_s
                    member.busy_s = min(2 * member.busy_s, MOST_BUSY_S)
                else:
                    rest_s = member.off_s
                    member.off_s = min(2 * member.off_s, MOST_OFF_S)
                member.rest_until = self.clock() + rest_s
                log.info("%s rests for %.0f s: %s", member.captioner.server, rest_s, trouble)
            member.state, member.trouble, member.faults = "resting", trouble, 0
            self._changed.notify_all()

    def _count_fault(self, member: _Member, fault: Faulty) -> None:
        with self._changed:
            member.faults += 1
            if member.faults >= MOST_FAULTS:
                self._rest(member, ServerOff(f"{fault} ({MOST_FAULTS} times in a row)"))

    def _praise(self, member: _Member, took_s: float) -> None:
        with self._changed:
            member.faults, member.busy_s, member.off_s = 0, BUSY_S, OFF_S
            member.answer_s = 0.8 * member.answer_s + 0.2 * took_s

    def _trouble(self) -> RetryLater:
        """Return why nobody can answer."""
        with self._changed:
            reasons = list(dict.fromkeys(str(one.trouble) for one in self._members if one.trouble))
            busy = any(isinstance(one.trouble, ServerBusy) for one in self._members)
        said = "; ".join(reasons) or "no server could be asked"
        return ServerBusy(said) if busy else ServerOff(said)
