"""What every captioner must do. A new file in mediaindex/captioners/ is picked up by itself."""

import json
import pkgutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import pytest

from mediaindex import captioners
from mediaindex.captioners import Ask, Captioner
from mediaindex.errors import Faulty, ServerBusy, ServerOff
from tests.contracts.captioner_cases import CASES, LOOK, Build, Case, chats, jpeg
from tests.servers.answers import Answer, ChatRequest
from tests.servers.base import ScriptedServer
from tests.servers.faults import Fault

SCHEMA = {"type": "object", "properties": {"description": {"type": "string"}}}
NAMES = [module.name for module in pkgutil.iter_modules(captioners.__path__)]
ENGINES = {
    name for name in NAMES if hasattr(import_module(f"mediaindex.captioners.{name}"), "build")
}


def test_every_engine_of_the_room_is_tried() -> None:
    assert {case.use for case in CASES} == ENGINES


def test_picture_is_described(case: Case, server: ScriptedServer, build: Build) -> None:
    captioner = build(server.url)

    facts = captioner.open()
    reply = captioner.ask(LOOK)

    assert facts.name == case.model
    assert facts.can_see is not False
    assert reply.text.startswith("A mostly red picture")
    assert reply.done_reason == "stop"
    assert reply.duration_ms >= 0
    assert reply.tokens is None or reply.tokens > 0
    assert reply.tokens_per_s is None or reply.tokens_per_s > 0
    assert server.requests[-1].pictures == list(LOOK.pictures)


def test_answer_is_held_to_a_schema(server: ScriptedServer, build: Build) -> None:
    captioner = build(server.url)
    captioner.open()

    reply = captioner.ask(Ask("Describe.", pictures=(jpeg(),), schema=SCHEMA))

    assert json.loads(reply.text)["description"].startswith("A mostly red picture")


def test_question_without_open_and_without_pictures(server: ScriptedServer, build: Build) -> None:
    server.answer = lambda request: f"{request.system} {request.prompt}"

    assert build(server.url).ask(Ask("Join them.", system="Be brief.")).text == (
        "Be brief. Join them."
    )


def test_options_reach_the_model(server: ScriptedServer, build: Build) -> None:
    heard: list[ChatRequest] = []

    def answer(request: ChatRequest) -> str:
        heard.append(request)
        return "one two three four"

    captioner = build(server.url)
    captioner.open()
    server.answer = answer

    reply = captioner.ask(Ask("?", temperature=0.7, seed=5, max_tokens=3))

    assert reply.done_reason == "length"
    assert heard[0].options["temperature"] == 0.7
    assert heard[0].options["seed"] == 5


def test_several_pictures_come_in_order(server: ScriptedServer, build: Build) -> None:
    pictures = tuple(jpeg(colour) for colour in ((220, 0, 0), (0, 0, 220), (0, 180, 0)))
    captioner = build(server.url)

    assert captioner.open().takes_many
    captioner.ask(Ask("Compare.", pictures=pictures))

    assert server.requests[-1].pictures == list(pictures)


def test_answer_of_thoughts_alone_is_an_empty_text(server: ScriptedServer, build: Build) -> None:
    captioner = build(server.url)
    captioner.open()
    server.answer = lambda _: Answer("", thinking="hmm hmm hmm")

    assert captioner.ask(LOOK).text == ""


def test_model_that_cannot_see_is_refused(case: Case, build: Build) -> None:
    with case.blind() as server:
        captioner = build(server.url, model=case.blind_model)

        def try_it() -> None:
            # Some servers tell only once they are shown a picture.
            assert captioner.open().can_see is None
            captioner.ask(LOOK)

        with pytest.raises(ServerOff, match=rf"{case.blind_model!r} cannot see.*(set|Start it)"):
            try_it()


def test_missing_model_is_named_with_those_that_are_there(
    case: Case, server: ScriptedServer, build: Build
) -> None:
    if case.kind == "llama.cpp":
        return  # it answers by the one model that it has
    captioner = build(server.url, model="no-such-model")

    with pytest.raises(ServerOff, match=rf"has no model 'no-such-model'.*{case.model}.*set"):
        captioner.open()


def test_models_are_listed(case: Case, server: ScriptedServer, build: Build) -> None:
    found = {facts.name: facts for facts in build(server.url).models()}

    assert case.model in found
    assert found[case.model].can_see is not False


CALLS: dict[str, Callable[[Captioner], object]] = {
    "open": lambda captioner: captioner.open(),
    "ask": lambda captioner: captioner.ask(LOOK),
    "models": lambda captioner: captioner.models(),
    "pull": lambda captioner: captioner.pull(lambda *_: None),
}


@pytest.mark.parametrize("what", CALLS)
def test_server_that_is_off_is_told_with_the_remedy(
    case: Case, server: ScriptedServer, build: Build, what: str
) -> None:
    server.stop()
    cannot = what == "pull" and case.use != "ollama"
    remedy = "only Ollama can download" if cannot else r"start it.*caption\.use: off"

    with pytest.raises(ServerOff, match=remedy) as refused:
        CALLS[what](build(server.url))
    assert server.url in str(refused.value)


def test_server_that_comes_back_is_asked_again(server: ScriptedServer, build: Build) -> None:
    captioner = build(server.url)
    captioner.open()
    server.stop()
    with pytest.raises(ServerOff):
        captioner.ask(LOOK)
    server.start()

    assert captioner.ask(LOOK).text


def test_busy_server_says_how_long(server: ScriptedServer, build: Build) -> None:
    captioner = build(server.url)
    captioner.open()
    server.fail_next(1, Fault.busy())
    server.fail_next(1, Fault.too_many(7))

    with pytest.raises(ServerBusy, match="maximum pending requests") as busy:
        captioner.ask(LOOK)
    assert busy.value.after_s is None
    with pytest.raises(ServerBusy) as busy:
        captioner.ask(LOOK)
    assert busy.value.after_s == 7
    assert captioner.ask(LOOK).text


FAULTS = {
    "500": Fault.refuse(500, "cudaMalloc failed: out of memory"),
    "502": Fault.html(502),
    "504": Fault.html(504),
    "not json": Fault.not_json(),
    "reset": Fault.reset(),
    "half": Fault.half(),
    "killed": Fault.killed(),
    "page": Fault("raw", 200, "<html>Log in</html>", "text/html"),
    "null": Fault("raw", 200, "null"),
    "text": Fault("raw", 500, '"a string"'),
    "other": Fault("raw", 200, '{"message": [1], "choices": 7}\n'),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_fault_is_told_in_words_and_passes(
    server: ScriptedServer, build: Build, fault: Fault
) -> None:
    captioner = build(server.url)
    captioner.open()
    server.fail_next(1, fault)

    with pytest.raises(Faulty, match=r"at http://127\.0\.0\.1:\d+ (broke off|failed|answered)"):
        captioner.ask(LOOK)
    assert captioner.ask(LOOK).text


@pytest.mark.parametrize("kind", sorted(FAULTS.keys() - {"killed"}))
def test_fault_while_it_is_opened_is_the_servers(
    server: ScriptedServer, build: Build, kind: str
) -> None:
    captioner = build(server.url)
    # Whichever request comes first; what is only asked for its status may fail.
    server.fail_next(6, FAULTS[kind].of("/"))

    with pytest.raises(ServerOff):
        captioner.open()


def test_silence_ends_at_the_time_limit(server: ScriptedServer, build: Build) -> None:
    captioner = build(server.url, time_limit_s=0.3)
    captioner.open()
    server.fail_next(1, Fault.silence())
    began = time.monotonic()

    with pytest.raises(Faulty, match=r"did not answer within 0\.3 s"):
        captioner.ask(LOOK)

    assert time.monotonic() - began < 5


def test_load_is_never_cut_by_the_time_limit_of_an_answer(case: Case, build: Build) -> None:
    with case.start(1.6) as server:
        captioner = build(server.url, time_limit_s=1.2, load_time_limit_s=20)

        assert captioner.ask(LOOK).text

        assert case.loads(server) == 1


def test_load_that_takes_too_long_is_the_servers_fault(case: Case, build: Build) -> None:
    with case.start(30.0) as server:
        captioner = build(server.url, load_time_limit_s=0.3)

        with pytest.raises(ServerOff, match=r"had not loaded .* after 0\.3 s"):
            captioner.open()


def test_parallel_questions_load_once(case: Case, build: Build) -> None:
    with case.start(0.3) as server:
        captioner = build(server.url)

        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(captioner.ask, [LOOK] * 8))

        assert [reply.text for reply in replies] == [replies[0].text] * 8
        assert len(chats(server)) == 8
        assert case.loads(server) == 1


def test_closing_breaks_off_what_is_on_its_way(server: ScriptedServer, build: Build) -> None:
    captioner = build(server.url)
    captioner.open()
    server.answer = lambda _: Answer("late", delay_s=30)
    raised: list[Exception] = []

    def ask() -> None:
        try:
            captioner.ask(LOOK)
        except ServerOff as error:
            raised.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    server.wait_until(lambda: len(chats(server)) == 1)
    captioner.close()
    asking.join(5)

    assert "was closed" in str(raised[0])
    with pytest.raises(ServerOff, match="was closed"):
        captioner.ask(LOOK)
