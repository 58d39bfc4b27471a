"""Several servers behind one question, with captioners that do what the test says."""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from mediaindex.captioners import Ask, Captioner, ModelFacts, OnPull, Reply
from mediaindex.captioners.pool import BUSY_S, MOST_FAULTS, OFF_S, PATIENCE_S, Answered, Pool
from mediaindex.errors import Faulty, RetryLater, ServerBusy, ServerOff

ASK = Ask("What is it?")
LIMIT_S = 20


class Server:
    """A captioner that answers, unless the test says otherwise."""

    def __init__(self, name: str, at_once: int = 1, *, many: bool = True) -> None:
        self.server, self.model, self.at_once = name, "m", at_once
        self.is_off: Exception | None = None
        self.troubles: list[Exception] = []
        self.asked = self.opened = self.in_flight = self.most_in_flight = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self.may_open = threading.Event()
        self.may_open.set()
        self.is_closed = False
        self._many = many
        self._lock = threading.Lock()

    def open(self) -> ModelFacts:
        assert self.may_open.wait(LIMIT_S)
        self.opened += 1
        if self.is_off is not None:
            raise self.is_off
        return ModelFacts(self.model, digest=self.server, takes_many=self._many)

    def ask(self, ask: Ask) -> Reply:
        with self._lock:
            self.asked += 1
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            assert self.go_on.wait(LIMIT_S)
            if self.troubles:
                raise self.troubles.pop(0)
            if self.is_off is not None:
                raise self.is_off
            return Reply(f"A cat, says {self.server}.", "stop", 1)
        finally:
            with self._lock:
                self.in_flight -= 1

    def models(self) -> Sequence[ModelFacts]:
        return ()

    def pull(self, on_pull: OnPull) -> None: ...

    def close(self) -> None:
        self.is_closed = True


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pooled(clock: Clock) -> Iterator[Callable[..., Pool]]:
    made: list[Pool] = []

    def build(*servers: Server) -> Pool:
        members: list[tuple[Captioner, int]] = [(server, server.at_once) for server in servers]
        made.append(Pool(members, clock))
        return made[-1]

    yield build
    for pool in made:
        pool.close()


def ask(pool: Pool) -> Answered:
    return pool.ask(ASK, threading.Event())


def test_answer_says_who_gave_it(pooled: Callable[..., Pool]) -> None:
    pool = pooled(Server("a"))
    pool.open()

    answered = ask(pool)

    assert answered.reply.text == "A cat, says a."
    assert (answered.captioner.server, answered.facts.digest) == ("a", "a")


def test_no_server_is_asked_more_at_once_than_it_may(pooled: Callable[..., Pool]) -> None:
    one, two = Server("one", 1), Server("two", 3)
    pool = pooled(one, two)
    pool.open()
    one.go_on.clear()
    two.go_on.clear()

    with ThreadPoolExecutor(12) as threads:
        calls = [threads.submit(ask, pool) for _ in range(40)]
        while one.in_flight + two.in_flight < pool.slots:
            threading.Event().wait(0.005)
        one.go_on.set()
        two.go_on.set()
        assert all(call.result(LIMIT_S).reply for call in calls)

    assert (one.most_in_flight, two.most_in_flight) == (1, 3)
    assert one.asked + two.asked == 40


def test_question_that_one_server_holds_up_does_not_hold_up_the_others(
    pooled: Callable[..., Pool],
) -> None:
    slow, quick = Server("slow"), Server("quick")
    pool = pooled(slow, quick)
    pool.open()
    while len([one for one in pool.standing() if one.state == "ready"]) < 2:
        threading.Event().wait(0.005)
    slow.go_on.clear()

    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(ask, pool) for _ in range(20)]
        while quick.asked < 19:
            threading.Event().wait(0.005)
        slow.go_on.set()
        assert all(call.result(LIMIT_S).reply for call in calls)

    assert (slow.asked, quick.asked) == (1, 19)


def test_server_that_loads_its_model_for_long_holds_up_nobody(pooled: Callable[..., Pool]) -> None:
    loading, ready = Server("loading"), Server("ready")
    loading.may_open.clear()
    pool = pooled(loading, ready)

    pool.open()

    assert ask(pool).captioner.server == "ready"
    assert [one.state for one in pool.standing()] == ["opening", "ready"]
    loading.may_open.set()


def test_server_that_is_off_leaves_its_questions_to_the_others_and_comes_back(
    pooled: Callable[..., Pool], clock: Clock
) -> None:
    sleepy, other = Server("sleepy"), Server("other")
    pool = pooled(sleepy, other)
    pool.open()
    while sleepy.opened + other.opened < 2:
        threading.Event().wait(0.005)
    sleepy.is_off = ServerOff("it sleeps")

    assert {ask(pool).captioner.server for _ in range(6)} == {"other"}
    opened = sleepy.opened
    sleepy.is_off = None
    clock.now += OFF_S + 1
    while sleepy.opened == opened or pool.standing()[0].state != "ready":
        ask(pool)
    other.is_off = ServerOff("now this one sleeps")
    assert {ask(pool).captioner.server for _ in range(3)} == {"sleepy"}


def test_when_all_are_off_the_reasons_are_told_at_once(pooled: Callable[..., Pool]) -> None:
    first, second = Server("first"), Server("second")
    first.is_off, second.is_off = ServerOff("no Ollama at first"), ServerOff("no model at second")
    pool = pooled(first, second)

    with pytest.raises(ServerOff, match="no Ollama at first; no model at second"):
        pool.open()
    with pytest.raises(ServerOff):
        ask(pool)


def test_busy_server_is_given_time_and_then_the_stage_is_told(
    pooled: Callable[..., Pool], clock: Clock
) -> None:
    server = Server("busy")
    pool = pooled(server)
    pool.open()
    server.troubles = [ServerBusy("too many requests", after_s=30.0)]

    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(ask, pool)
        while pool.standing()[0].state != "resting":
            threading.Event().wait(0.005)
        clock.now += 31
        assert call.result(LIMIT_S).reply.text
    server.troubles = [ServerBusy("too many requests", after_s=3600.0)]
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(ask, pool)
        while pool.standing()[0].state != "resting":
            threading.Event().wait(0.005)
        clock.now += PATIENCE_S + 1
        with pytest.raises(ServerBusy, match="too many requests"):
            call.result(LIMIT_S)


def test_rests_grow_and_an_answer_ends_that(pooled: Callable[..., Pool], clock: Clock) -> None:
    server = Server("busy")
    pool = pooled(server)
    pool.open()
    (member,) = pool._members
    rests = []
    for _ in range(8):
        pool._rest(member, ServerBusy("busy"))
        rests.append(member.rest_until - clock.now)
        member.state = "ready"

    assert rests == [BUSY_S * 2**n for n in range(6)] + [60.0, 60.0]
    assert ask(pool).reply
    pool._rest(member, ServerBusy("busy"))
    assert member.rest_until - clock.now == BUSY_S


def test_fault_is_the_picture_s_until_they_follow_each_other(
    pooled: Callable[..., Pool],
) -> None:
    server = Server("faulty")
    pool = pooled(server)
    pool.open()
    server.troubles = [Faulty("half an answer")] * (MOST_FAULTS - 1)
    for _ in range(MOST_FAULTS - 1):
        with pytest.raises(Faulty):
            ask(pool)
    assert ask(pool).reply
    server.troubles = [Faulty("half an answer")] * MOST_FAULTS
    for _ in range(MOST_FAULTS):
        with pytest.raises(Faulty):
            ask(pool)

    with pytest.raises(ServerOff, match=r"half an answer \(3 times in a row\)"):
        ask(pool)


def test_trouble_that_nobody_documented_is_a_fault_and_gives_the_slot_back(
    pooled: Callable[..., Pool],
) -> None:
    server = Server("odd")
    pool = pooled(server)
    pool.open()
    server.troubles = [ValueError("a bug")]

    with pytest.raises(Faulty, match="a bug"):
        ask(pool)
    assert ask(pool).reply


def test_stop_ends_the_waiting(pooled: Callable[..., Pool]) -> None:
    server = Server("slow")
    pool = pooled(server)
    pool.open()
    server.go_on.clear()
    stop = threading.Event()

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(pool.ask, ASK, stop)
        while not server.in_flight:
            threading.Event().wait(0.005)
        waiting = threads.submit(pool.ask, ASK, stop)
        stop.set()
        with pytest.raises(RetryLater):
            waiting.result(LIMIT_S)
        server.go_on.set()
        assert first.result(LIMIT_S).reply


def test_several_pictures_are_shown_only_if_every_model_takes_them(
    pooled: Callable[..., Pool],
) -> None:
    both, one = pooled(Server("a"), Server("b")), pooled(Server("a"), Server("b", many=False))
    assert not both.takes_many
    for pool in (both, one):
        pool.open()
        while {standing.state for standing in pool.standing()} != {"ready"}:
            threading.Event().wait(0.005)

    assert both.takes_many
    assert not one.takes_many


@pytest.mark.parametrize("seed", range(5))
def test_whatever_goes_wrong_every_question_ends_and_no_slot_is_lost(
    pooled: Callable[..., Pool], clock: Clock, seed: int
) -> None:
    chance = random.Random(seed)
    servers = [Server(str(number), number + 1) for number in range(3)]
    pool = pooled(*servers)
    pool.open()
    for server in servers:
        kinds = [Faulty("f"), ServerBusy("b"), ServerOff("o"), ValueError("v")]
        server.troubles = [chance.choice(kinds) for _ in range(15)]

    def run() -> str:
        try:
            return ask(pool).reply.text
        except (Faulty, RetryLater) as error:
            clock.now += 400
            return type(error).__name__

    with ThreadPoolExecutor(9) as threads:
        calls = [threads.submit(run) for _ in range(200)]
        while not all(call.done() for call in calls):
            clock.now += 1
            threading.Event().wait(0.002)

    assert all(call.result() for call in calls)
    assert [member.in_flight for member in pool._members] == [0, 0, 0]
    assert all(server.most_in_flight <= server.at_once for server in servers)


def test_close_lets_go_of_the_servers(pooled: Callable[..., Pool]) -> None:
    server = Server("a")
    pool = pooled(server)
    pool.open()

    pool.close()

    assert server.is_closed
    with pytest.raises(RetryLater):
        ask(pool)
