"""Who is asked, who waits and who is left alone: threads that wait for the test, and its clock."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaindex.captioners import Ask, Captioner, ModelFacts, Reply
from mediaindex.captioners.canary import canary
from mediaindex.captioners.pool import PATIENCE_S, Answered, Pool
from mediaindex.captioners.rest import OFF_S
from mediaindex.errors import Faulty, MediaIndexError, RetryLater, ServerBusy, ServerOff
from tests.captioning import CAT, FACTS, LIMIT_S, Clock, Held, Made, until

ASK = Ask("What is it?")


class Bench:
    """A pool with its clock, and threads that ask it."""

    def __init__(self) -> None:
        self.clock, self.stop = Clock(), threading.Event()
        self.threads = ThreadPoolExecutor(16)
        self.pools: list[Pool] = []

    def pool(self, *members: Captioner | tuple[Captioner, int], opened: bool = True) -> Pool:
        pairs = [one if isinstance(one, tuple) else (one, 1) for one in members]
        pool = Pool(pairs, self.clock, chance=lambda: 0.5)
        self.pools.append(pool)
        if opened:
            pool.open()
            until(lambda: all(state == "ready" for state in states(pool)))
        return pool

    def ask(self, pool: Pool, ask: Ask = ASK) -> "Future[Answered]":
        return self.threads.submit(pool.ask, ask, self.stop)


def states(pool: Pool) -> list[str]:
    return [standing.state for standing in pool.standing()]


def answered_by(call: "Future[Answered]") -> str:
    return call.result(LIMIT_S).captioner.server


def trouble(call: "Future[Answered]") -> BaseException | None:
    return call.exception(LIMIT_S)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.stop.set()
    for pool in made.pools:
        pool.close()
    made.threads.shutdown()


def test_slots_are_the_sum_and_facts_are_those_of_the_opening(bench: Bench) -> None:
    pool = bench.pool((Made("a"), 2), (Made("b"), 3))

    assert pool.slots == 5
    assert bench.ask(pool).result(LIMIT_S).facts == FACTS


def test_quickest_of_those_that_are_free_is_asked(bench: Bench) -> None:
    slow, quick = Held("slow"), Held("quick")
    pool = bench.pool((slow, 2), (quick, 2))
    for server, took_s in ((slow, 9.0), (quick, 2.0)):  # nobody has been asked: each has its turn
        call = bench.ask(pool)
        held = server.asked.next()
        bench.clock.now += took_s
        held.set_result(CAT)
        assert answered_by(call) == server.server

    calls = [bench.ask(pool) for _ in range(2)]
    held_quick = [quick.asked.next() for _ in range(2)]
    calls.append(bench.ask(pool))

    slow.asked.next().set_result(CAT)
    for held in held_quick:
        held.set_result(CAT)
    assert [answered_by(call) for call in calls] == ["quick", "quick", "slow"]


def test_who_came_first_is_served_first(bench: Bench) -> None:
    server = Held("a")
    pool = bench.pool(server)
    first = bench.ask(pool)
    held = server.asked.next()
    calls = []
    for number in range(5):
        calls.append(bench.ask(pool, Ask(str(number))))
        until(lambda: len(pool._askers) == len(calls))

    for _ in range(5):
        held.set_result(CAT)
        held = server.asked.next()
    held.set_result(CAT)

    assert answered_by(first) == "a"
    assert [ask.prompt for ask in server.asks[1:]] == ["0", "1", "2", "3", "4"]


def test_no_server_is_asked_more_at_once_than_it_may(bench: Bench) -> None:
    one, three = Held("one"), Held("three")
    pool = bench.pool((one, 1), (three, 3))

    calls = [bench.ask(pool) for _ in range(12)]
    for _ in range(3):
        held = [one.asked.next(), *(three.asked.next() for _ in range(3))]
        assert (one.asked.number, three.asked.number) == (0, 0)
        for call in held:
            call.set_result(CAT)

    assert sorted(answered_by(call) for call in calls) == ["one"] * 3 + ["three"] * 9
    assert (one.most_in_flight, three.most_in_flight) == (1, 3)


def test_one_that_is_held_up_holds_up_nobody(bench: Bench) -> None:
    slow, quick = Held("slow"), Made("quick")
    pool = bench.pool(slow, quick)
    held_up = bench.ask(pool)
    held = slow.asked.next()

    assert [answered_by(bench.ask(pool)) for _ in range(20)] == ["quick"] * 20
    assert not held_up.done()
    held.set_result(CAT)
    assert answered_by(held_up) == "slow"


@pytest.mark.parametrize(("other", "takes_many"), [(True, True), (False, False)])
def test_several_pictures_are_taken_if_every_model_takes_them(
    bench: Bench, other: bool, takes_many: bool
) -> None:
    servers = [
        Made(str(many), opening=partial(ModelFacts, "m", takes_many=many)) for many in (True, other)
    ]
    pool = bench.pool(*servers, opened=False)
    assert not pool.takes_many

    pool.open()
    until(lambda: states(pool) == ["ready", "ready"])

    assert pool.takes_many == takes_many


def test_first_that_opens_is_enough_and_the_others_join_when_they_do(bench: Bench) -> None:
    loading, ready = Held("loading", opens=False), Held("ready")
    pool = bench.pool((loading, 1), (ready, 1), opened=False)

    pool.open()
    first, second = bench.ask(pool), bench.ask(pool)
    held = ready.asked.next()
    assert states(pool) == ["opening", "ready"]
    loading.opened.next().set_result(FACTS)
    loading.asked.next().set_result(CAT)
    held.set_result(CAT)

    assert {answered_by(first), answered_by(second)} == {"ready", "loading"}


def test_opening_again_does_not_open_twice_what_is_opening(bench: Bench) -> None:
    server = Held("a", opens=False)
    pool = bench.pool(server, opened=False)

    opens = [bench.threads.submit(pool.open) for _ in range(3)]
    loading = server.opened.next()
    call = bench.ask(pool)
    until(lambda: bool(pool._askers))
    loading.set_result(FACTS)
    server.asked.next().set_result(CAT)

    assert [one.result(LIMIT_S) for one in opens] == [None] * 3
    assert answered_by(call) == "a"
    assert server.opened.number == 0


def test_none_that_opens_is_told_with_every_reason(bench: Bench) -> None:
    first, second = Held("one", opens=False), Held("two", opens=False)
    pool = bench.pool(first, second, opened=False)

    opening = bench.threads.submit(pool.open)
    first.opened.next().set_exception(ServerOff("one is off; start it"))
    second.opened.next().set_exception(ValueError("a bug"))

    with pytest.raises(ServerOff, match=r"one is off; start it; two: ValueError\('a bug'\)"):
        opening.result(LIMIT_S)


def test_one_that_has_too_much_to_do_makes_opening_worth_another_try(bench: Bench) -> None:
    first, second = Held("one", opens=False), Held("two", opens=False)
    pool = bench.pool(first, second, opened=False)
    opening = bench.threads.submit(pool.open)
    first.opened.next().set_exception(ServerOff("one is off"))
    second.opened.next().set_exception(ServerBusy("full", after_s=40))

    busy = opening.exception(LIMIT_S)
    assert isinstance(busy, ServerBusy)
    assert (str(busy), busy.after_s) == ("one is off; two: full", 40)

    # Asked again, those that were off are looked at at once, and who wants time has it.
    opening = bench.threads.submit(pool.open)
    first.opened.next().set_result(FACTS)
    assert opening.result(LIMIT_S) is None
    assert states(pool) == ["ready", "resting"]
    assert pool.standing()[1].rest_s == 40


def test_question_of_one_that_dies_goes_elsewhere_and_it_comes_back(bench: Bench) -> None:
    dying, other = Held("dying"), Held("other")
    pool = bench.pool(dying, other)
    call = bench.ask(pool)
    dying.opening = dying.opened.wait

    dying.asked.next().set_exception(ServerOff("it went to sleep"))
    other.asked.next().set_result(CAT)

    assert answered_by(call) == "other"
    assert (states(pool), pool.standing()[0].reason) == (["resting", "ready"], "it went to sleep")
    bench.clock.now += OFF_S
    call = bench.ask(pool)
    other.asked.next().set_result(CAT)
    loading = dying.opened.next()
    assert answered_by(call) == "other"  # while the model is loaded, its work is done elsewhere
    loading.set_result(FACTS)
    until(lambda: states(pool) == ["ready", "ready"])
    assert pool.standing()[0].reason == ""


def test_when_the_last_one_dies_its_questions_end_at_once(bench: Bench) -> None:
    servers = [Held("a"), Held("b")]
    pool = bench.pool(*servers)
    calls = [bench.ask(pool) for _ in range(6)]

    for server in servers:
        server.asked.next().set_exception(ServerOff("off"))

    assert [str(trouble(call)) for call in calls] == ["a: off; b: off"] * 6
    assert {type(trouble(call)) for call in calls} == {ServerOff}


def test_busy_one_leaves_its_question_to_the_other_and_has_its_time(bench: Bench) -> None:
    busy, other = Held("busy"), Held("other")
    pool = bench.pool(busy, other)
    call = bench.ask(pool)

    busy.asked.next().set_exception(ServerBusy("full", after_s=20))
    other.asked.next().set_result(CAT)

    assert answered_by(call) == "other"
    bench.clock.now += 19
    call = bench.ask(pool)
    other.asked.next().set_result(CAT)
    assert answered_by(call) == "other"
    assert states(pool) == ["resting", "ready"]
    bench.clock.now += 1
    call = bench.ask(pool)
    other.asked.next().set_result(CAT)
    until(lambda: states(pool) == ["ready", "ready"])


def test_when_all_are_busy_questions_wait_and_then_go_on(bench: Bench) -> None:
    server = Held("a")
    pool = bench.pool(server)
    call = bench.ask(pool)

    server.asked.next().set_exception(ServerBusy("full"))
    until(lambda: states(pool) == ["resting"])
    bench.clock.now += 1
    server.asked.next().set_exception(ServerBusy("full"))
    until(lambda: pool.standing()[0].rest_s == 2)
    bench.clock.now += 2
    server.asked.next().set_result(CAT)

    assert answered_by(call) == "a"


def test_patience_ends_and_the_text_has_the_reasons(bench: Bench) -> None:
    busy, off = Held("busy"), Held("off")
    pool = bench.pool(busy, off)
    call = bench.ask(pool)
    busy.asked.next().set_exception(ServerBusy("full", after_s=100))
    off.opening = off.opened.wait
    off.asked.next().set_exception(ServerOff("off is asleep"))
    until(lambda: states(pool) == ["resting", "resting"])

    bench.clock.now += PATIENCE_S + 1
    off.opened.next().set_exception(ServerOff("off is asleep"))

    found = trouble(call)
    assert isinstance(found, ServerBusy)
    assert str(found) == "busy: full; off is asleep"
    assert found.after_s == pytest.approx(100 - PATIENCE_S - 1)


def test_late_news_of_a_server_that_was_opened_since_is_no_news(bench: Bench) -> None:
    server = Held("a")
    pool = bench.pool((server, 2))
    early, late = bench.ask(pool), bench.ask(pool)
    first, second = server.asked.next(), server.asked.next()
    first.set_exception(ServerBusy("full", after_s=5))
    until(lambda: states(pool) == ["resting"])
    bench.clock.now += 5
    again = server.asked.next()  # it was opened, and the first question is asked again

    second.set_exception(ServerOff("the connection broke when it restarted"))
    third = server.asked.next()

    assert states(pool) == ["ready"]
    again.set_result(CAT)
    third.set_result(CAT)
    assert (answered_by(early), answered_by(late)) == ("a", "a")


def test_what_one_fails_at_another_tries(bench: Bench) -> None:
    failing, other = Held("failing"), Held("other")
    pool = bench.pool(failing, other)
    call = bench.ask(pool)

    failing.asked.next().set_exception(Faulty("half an answer"))
    other.asked.next().set_result(CAT)

    assert answered_by(call) == "other"


def test_what_two_fail_at_is_told(bench: Bench) -> None:
    servers = [Held("a"), Held("b"), Held("c")]
    pool = bench.pool(*servers)
    call = bench.ask(pool)

    servers[0].asked.next().set_exception(Faulty("half an answer"))
    servers[1].asked.next().set_exception(Faulty("nonsense"))

    assert str(trouble(call)) == "nonsense"
    assert servers[2].asked.number == 0


def test_second_try_waits_for_a_slot_but_not_for_one_that_rests(bench: Bench) -> None:
    failing, other = Held("failing"), Held("other")
    pool = bench.pool(failing, other)
    first, second = bench.ask(pool), bench.ask(pool)
    held = other.asked.next()
    failing.asked.next().set_exception(Faulty("half an answer"))
    until(lambda: len(pool._askers) == 1)
    assert not any(call.done() for call in (first, second))

    held.set_exception(ServerOff("off"))

    failing.asked.next().set_result(CAT)  # the question of the one that went off
    found = [call.exception(LIMIT_S) for call in (first, second)]
    assert sorted(str(one) for one in found) == ["None", "half an answer"]


def test_server_that_fails_at_every_picture_is_put_to_rest(bench: Bench) -> None:
    def nonsense(_: Ask) -> Reply:
        raise Faulty("nonsense")

    made = Made("made", answer=nonsense)
    pool = bench.pool(made)

    assert [type(trouble(bench.ask(pool))) for _ in range(3)] == [Faulty, Faulty, ServerOff]
    assert made.asks[-1] == canary()
    assert str(trouble(bench.ask(pool))) == "made: it fails at every picture: nonsense"
    assert states(pool) == ["resting"]


def test_server_that_failed_at_every_picture_gets_work_only_once_it_sees_again(
    bench: Bench,
) -> None:
    broken = [True]

    def maybe(_: Ask) -> Reply:
        if broken:
            raise Faulty("nonsense")
        return CAT

    made = Made("made", answer=maybe)
    pool = bench.pool(made)
    for _ in range(3):
        trouble(bench.ask(pool))
    asked = len(made.asks)

    with pytest.raises(ServerOff, match="it fails at every picture"):
        pool.open()
    assert made.asks[asked:] == [canary()]
    broken.clear()
    pool.open()
    assert bench.ask(pool).result(LIMIT_S).reply == CAT


def test_pictures_that_nobody_can_look_at_are_to_blame_themselves(bench: Bench) -> None:
    def poisoned(ask: Ask) -> Reply:
        if ask != canary():
            raise Faulty("nonsense")
        return CAT

    made = Made("made", answer=poisoned)
    pool = bench.pool(made)

    assert {type(trouble(bench.ask(pool))) for _ in range(9)} == {Faulty}
    assert made.asks.count(canary()) == 3
    assert states(pool) == ["ready"]


def test_trouble_that_nobody_documented_counts_as_a_fault(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(_: Ask) -> Reply:
        raise KeyError("message")

    pool = bench.pool(Made("a", answer=bug))

    assert str(trouble(bench.ask(pool))) == "a: KeyError('message')"
    assert "Traceback" in caplog.text
    assert [member.in_flight for member in pool._members] == [0]


@pytest.mark.parametrize("opens", [True, False])
def test_stop_ends_whatever_is_waited_for(bench: Bench, opens: bool) -> None:
    server = Held("a", opens=opens)
    pool = bench.pool(server, opened=opens)
    calls = [bench.ask(pool) for _ in range(3)]
    held = server.asked.next() if opens else server.opened.next()

    bench.stop.set()

    waiting = [call for call in calls if opens is False or call is not calls[0]]
    assert [str(trouble(call)) for call in waiting] == ["the run is being ended"] * len(waiting)
    held.set_exception(ServerOff("off"))


def test_closing_ends_opening_and_waiting_and_what_is_on_its_way(bench: Bench) -> None:
    asked, loading = Held("asked"), Held("loading", opens=False)
    pool = bench.pool(asked)
    on_its_way, waiting = bench.ask(pool), bench.ask(pool)
    held = asked.asked.next()
    other = bench.pool(loading, opened=False)
    opening = bench.threads.submit(other.open)
    load = loading.opened.next()

    pool.close()
    other.close()

    held.set_exception(Faulty("the connection was closed"))
    for call in (on_its_way, waiting, opening):
        found = call.exception(LIMIT_S)
        assert isinstance(found, ServerBusy)
        assert str(found) == "the run is being ended"
    assert asked.is_closed
    load.set_exception(ServerOff("the connection was closed"))


def test_pool_of_nobody_says_so() -> None:
    with pytest.raises(ServerOff, match="no server"):
        Pool([]).ask(ASK, threading.Event())


TROUBLES: list[Callable[[], Exception]] = [
    lambda: Faulty("half an answer"),
    lambda: ServerBusy("full"),
    lambda: ServerBusy("full", after_s=3),
    lambda: ServerOff("asleep"),
    lambda: ValueError("a bug"),
]


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.floats(0, 0.9), st.integers(1, 4), st.booleans())
def test_whatever_goes_wrong_every_question_ends_and_no_slot_is_lost(
    seed: int, share: float, number: int, stops: bool
) -> None:
    chance, clock, stop = random.Random(seed), Clock(), threading.Event()

    def perhaps() -> None:
        if chance.random() < share:
            raise chance.choice(TROUBLES)()

    def answer(_: Ask) -> Reply:
        perhaps()
        return CAT

    def opening() -> ModelFacts:
        perhaps()
        return FACTS

    servers = [Made(str(one), answer=answer, opening=opening) for one in range(number)]
    slots = [chance.randint(1, 3) for _ in servers]
    pool = Pool(list(zip(servers, slots, strict=True)), clock, chance.random)

    def ask() -> str:
        try:
            return pool.ask(ASK, stop).reply.text
        except MediaIndexError as error:
            return type(error).__name__

    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(ask) for _ in range(40)]
        while not all(call.done() for call in calls):
            clock.now += chance.random() * 10
            threading.Event().wait(0.001)
            if stops and sum(call.done() for call in calls) > 20:
                stop.set()

    assert {call.result() for call in calls} <= {"A cat.", "Faulty", "ServerBusy", "ServerOff"}
    assert [member.in_flight for member in pool._members] == [0] * number
    assert pool._askers == []
    most = [server.most_in_flight for server in servers]
    assert all(seen <= allowed for seen, allowed in zip(most, slots, strict=True))
    pool.close()
    with pytest.raises(RetryLater):
        pool.ask(ASK, threading.Event())
