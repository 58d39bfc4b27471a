import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from mediaindex.captioners import openai
from mediaindex.captioners.openai import OpenAICaptioner, build
from mediaindex.clients.hosts import read_host
from mediaindex.clients.wire import Wire
from mediaindex.errors import Faulty, ServerBusy, ServerOff
from tests.contracts.captioner_cases import LOOK
from tests.servers.answers import Answer
from tests.servers.base import Exchange
from tests.servers.faults import JSON, Fault
from tests.servers.openai import MODEL, SSE, Flavour, OpenAIServer

SCHEMA = {"type": "object", "properties": {"description": {"type": "string"}}}
ASKED = replace(LOOK, schema=SCHEMA)

Engine = Callable[..., OpenAICaptioner]


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as started:
        yield started


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Build an engine for a url; closed at the end of the test."""
    with contextlib.ExitStack() as closing:

        def make(url: str, **options: object) -> OpenAICaptioner:
            captioner = build({"url": url, "model": MODEL, "time_limit_s": 20, **options})
            closing.callback(captioner.close)
            return captioner

        yield make


def questions(server: OpenAIServer) -> list[dict[str, Any]]:
    """What was asked, without what was only to warm up."""
    bodies = [request.body for request in server.requests if "/chat" in request.path]
    return [body for body in bodies if body["max_tokens"] != 1]


def warm_ups(server: OpenAIServer) -> int:
    return sum("/chat" in request.path for request in server.requests) - len(questions(server))


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_url_may_end_in_v1(server: OpenAIServer, engine: Engine, end: str) -> None:
    assert engine(server.url + end).ask(LOOK).text

    assert {request.path for request in server.requests} == {
        "/health",
        "/v1/models",
        "/v1/chat/completions",
    }


@pytest.mark.parametrize("flavour", ["vllm", "lmstudio", "localai"])
def test_key_is_asked_for_and_taken(engine: Engine, flavour: Flavour) -> None:
    with OpenAIServer(flavour, api_key="right") as server:
        for key in (None, "wrong"):
            with pytest.raises(ServerOff, match=r"refuses us \(status 401.*set caption\.api_key"):
                engine(server.url, api_key=key).open()

        assert engine(server.url, api_key="right").ask(LOOK).text


@pytest.mark.parametrize(
    ("flavour", "sees"), [("llama.cpp", True), ("vllm", None), ("lmstudio", None)]
)
def test_what_a_server_tells_of_its_models(
    engine: Engine, flavour: Flavour, sees: bool | None
) -> None:
    with OpenAIServer(flavour) as server:
        facts = engine(server.url).open()

    assert (facts.name, facts.can_see, facts.takes_many) == (MODEL, sees, True)


@pytest.mark.parametrize(
    ("said", "sees"),
    [
        ({"architecture": {"input_modalities": ["text", "image"]}}, True),
        ({"architecture": {"input_modalities": ["text"]}}, False),
        ({"capabilities": {"vision": True}}, True),
        ({"capabilities": {"vision": False}}, False),
        ({"capabilities": {"completion_chat": True}}, None),
        ({"capabilities": ["completion", "vision"]}, True),
        ({}, None),
    ],
)
def test_ways_to_say_that_a_model_can_see(
    server: OpenAIServer, engine: Engine, said: dict[str, object], sees: bool | None
) -> None:
    body = json.dumps({"data": [{"id": MODEL, **said}]})
    server.fail_next(1, Fault("raw", 200, body, JSON, at="/models"))

    assert [facts.can_see for facts in engine(server.url).models()] == [sees]


def test_llama_cpp_answers_by_its_one_model_whatever_the_name(
    server: OpenAIServer, engine: Engine
) -> None:
    captioner = engine(server.url, model="anything")

    assert captioner.open().name == MODEL
    assert captioner.ask(LOOK).text


def test_server_without_a_list_of_models(server: OpenAIServer, engine: Engine) -> None:
    server.fail_next(9, Fault.refuse(404, "Not Found").of("/models"))
    captioner = engine(server.url)

    assert captioner.open().can_see is None
    assert captioner.ask(LOOK).text


def test_schema_is_sent_as_such(server: OpenAIServer, engine: Engine) -> None:
    engine(server.url).ask(ASKED)

    sent = questions(server)[0]["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("takes", "tried"),
    [
        ({"text", "json_object"}, ["json_schema", "json_object"]),
        ({"text"}, ["json_schema", "json_object", None]),
    ],
)
@pytest.mark.parametrize("flavour", ["llama.cpp", "lmstudio"])
def test_format_is_found_out_and_remembered(
    engine: Engine, flavour: Flavour, takes: set[str], tried: list[str | None]
) -> None:
    with OpenAIServer(flavour) as server:
        server.formats = takes
        captioner = engine(server.url)

        assert captioner.ask(ASKED).text
        assert captioner.ask(ASKED).text

        formats = [body.get("response_format", {}).get("type") for body in questions(server)]
        assert formats == [*tried, tried[-1]]


@pytest.mark.parametrize(
    ("flavour", "told"),
    [("llama.cpp", True), ("vllm", True), ("lmstudio", False), ("localai", False)],
)
def test_not_to_think_is_told_where_it_is_understood(
    engine: Engine, flavour: Flavour, told: bool
) -> None:
    with OpenAIServer(flavour) as server:
        engine(server.url).ask(LOOK)

        assert ("chat_template_kwargs" in questions(server)[0]) is told


@pytest.mark.parametrize(
    ("status", "words", "left_out"),
    [
        (400, "unknown field: chat_template_kwargs", "chat_template_kwargs"),
        (422, "stream_options: extra fields not permitted", "stream_options"),
        (400, "bad request", "stream_options"),
        (500, "failed to parse grammar", "response_format"),
    ],
)
def test_what_is_refused_is_left_out_from_then_on(
    server: OpenAIServer, engine: Engine, status: int, words: str, left_out: str
) -> None:
    captioner = engine(server.url)
    captioner.open()
    server.formats = {"text", "json_schema"}
    server.fail_next(2 if left_out == "response_format" else 1, Fault.refuse(status, words))

    assert captioner.ask(ASKED).text
    assert captioner.ask(ASKED).text

    first, *_, before, last = questions(server)
    assert first.keys() - last.keys() == {left_out}
    assert last == before


def test_refused_picture_is_asked_about_once(server: OpenAIServer, engine: Engine) -> None:
    with pytest.raises(Faulty, match="Failed to load image"):
        engine(server.url).ask(replace(LOOK, pictures=(b"no picture",)))

    assert len(questions(server)) == 1


def test_too_many_pictures_name_the_remedy(engine: Engine) -> None:
    with OpenAIServer("vllm") as server:
        captioner = engine(server.url)
        assert captioner.open().takes_many
        server.fail_next(1, Fault.refuse(400, "At most 1 image(s) may be provided in one request."))

        with pytest.raises(ServerOff, match=r"--limit-mm-per-prompt, or set caption\.video_frames"):
            captioner.ask(LOOK)

        assert not captioner.open().takes_many


def test_model_is_warmed_up_again_after_a_pause(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIServer("lmstudio") as server:
        captioner = engine(server.url)
        captioner.ask(LOOK)
        captioner.ask(LOOK)
        assert warm_ups(server) == 1

        monkeypatch.setattr(openai, "IDLE_S", 0.0)
        captioner.ask(LOOK)

        assert warm_ups(server) == 2


def test_answer_that_was_late_has_the_model_warmed_up_first(engine: Engine) -> None:
    with OpenAIServer("localai") as server:
        captioner = engine(server.url, time_limit_s=1.2)
        captioner.open()
        server.fail_next(1, Fault.silence())
        with pytest.raises(Faulty, match="did not answer"):
            captioner.ask(LOOK)

        assert captioner.ask(LOOK).text

        assert warm_ups(server) == 2


def test_server_that_was_started_anew_is_waited_for(
    server: OpenAIServer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "POLL_S", 0.1)
    captioner = engine(server.url)
    captioner.open()
    server.stop()
    server.load_s = 0.5
    server.start()

    assert captioner.ask(LOOK).text


def test_speed_as_llama_cpp_tells_it(server: OpenAIServer, engine: Engine) -> None:
    server.answer = lambda _: Answer("a red square", eval_count=30, tokens_per_s=12.5)

    reply = engine(server.url).ask(LOOK)

    assert (reply.tokens, reply.tokens_per_s) == (30, 12.5)


def test_speed_where_only_tokens_are_told(engine: Engine) -> None:
    with OpenAIServer("vllm") as server:
        server.answer = lambda _: Answer("a red square", eval_count=30)

        reply = engine(server.url).ask(LOOK)

    assert reply.tokens == 30
    assert reply.tokens_per_s is not None
    assert reply.tokens_per_s > 0


WHOLE = {"choices": [{"message": {"content": "a red square"}, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (json.dumps(WHOLE), JSON, "a red square"),
        (
            json.dumps(
                {
                    "choices": [
                        {
                            "message": {"content": [{"type": "text", "text": "in parts"}]},
                            "finish_reason": "length",
                        }
                    ]
                }
            ),
            JSON,
            "in parts",
        ),
        (f": ping\n\nevent: message\ndata:{json.dumps(WHOLE)}\n\ndata: [DONE]\n\n", SSE, "a red"),
    ],
)
def test_answers_in_other_shapes(
    server: OpenAIServer, engine: Engine, body: str, kind: str, text: str
) -> None:
    captioner = engine(server.url)
    captioner.open()
    server.fail_next(1, Fault("raw", 200, body, kind))

    assert captioner.ask(LOOK).text.startswith(text)


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ('error: {"message": "slot unavailable"}\n\n', SSE, "slot unavailable"),
        ('data: {"error": {"message": "died"}}\n\n', SSE, "died"),
        ('{"error": "Model is unloaded."}', JSON, "Model is unloaded"),
        ("data: [DONE]\n\n", SSE, "broke off"),
        ("data: nonsense\n\n", SSE, "not in OpenAI's form"),
    ],
)
def test_errors_within_an_answer(
    server: OpenAIServer, engine: Engine, body: str, kind: str, words: str
) -> None:
    captioner = engine(server.url)
    captioner.open()
    server.fail_next(1, Fault("raw", 200, body, kind))

    with pytest.raises(Faulty, match=words):
        captioner.ask(LOOK)


class Trickling(OpenAIServer):
    """Sends a comment now and then, for ever, as some do to keep a connection open."""

    def route(self, exchange: Exchange) -> None:
        if "/chat" not in exchange.seen.path or exchange.body()["max_tokens"] == 1:
            super().route(exchange)
            return
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {SSE}\r\nTransfer-Encoding: chunked\r\n\r\n"
        exchange.wfile.write(head.encode())
        while True:
            exchange.wfile.write(b"8\r\n: ping\n\n\r\n")
            exchange.wait(0.02)


def test_pings_without_an_answer_end_at_the_time_limit(engine: Engine) -> None:
    with Trickling() as server, pytest.raises(Faulty, match=r"did not answer within 0\.4 s"):
        engine(server.url, time_limit_s=0.4).ask(LOOK)


def test_time_to_be_left_alone_may_be_a_date(server: OpenAIServer, engine: Engine) -> None:
    captioner = engine(server.url)
    captioner.open()
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=90), usegmt=True)
    waits: list[float | None] = []
    for text in (soon, past, "30", "1.5", "soon", "-3", ""):
        server.fail_next(1, Fault("raw", 503, "", headers={"Retry-After": text}))
        with pytest.raises(ServerBusy) as busy:
            captioner.ask(LOOK)
        waits.append(busy.value.after_s)

    assert waits[0] == pytest.approx(90, abs=5)
    assert waits[1:] == [0, 30, 1.5, None, None, None]


def test_untrusted_certificate_is_told_as_such() -> None:
    wire = Wire(read_host("https://nas", 443), "server", "start it")
    error = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")

    assert "does not trust the certificate" in str(wire.failure(error))


def test_words_of_a_server_are_one_short_line() -> None:
    wire = Wire(read_host("nas", 8080), "server", "start it", api_key="sk-key")

    assert wire.words("a\x1b[31m\n\tb sk-key") == "a [31m b ********"
    assert len(wire.words("word " * 1000)) < 400
