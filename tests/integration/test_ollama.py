import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from mediaindex.captioners import Ask
from mediaindex.captioners.ollama import OllamaCaptioner, build, facts_of, full_name, keep_alive
from mediaindex.clients.ollama import Shown, Tag
from mediaindex.errors import Faulty, ServerBusy, ServerOff
from tests.contracts.captioner_cases import LOOK
from tests.servers import models
from tests.servers import ollama as servers
from tests.servers.answers import Answer, ChatRequest
from tests.servers.base import Exchange
from tests.servers.faults import Fault
from tests.servers.models import THINKING, VISION, Model
from tests.servers.ollama import Loaded, OllamaServer

SCHEMA = {"type": "object", "properties": {"description": {"type": "string"}}}


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as started:
        yield started


@pytest.fixture
def engine(server: OllamaServer) -> Iterator[Callable[..., OllamaCaptioner]]:
    """Build an engine that is not opened; closed at the end of the test."""
    with contextlib.ExitStack() as closing:

        def make(**options: object) -> OllamaCaptioner:
            captioner = build({"url": server.url, **options})
            closing.callback(captioner.close)
            return captioner

        yield make


Engine = Callable[..., OllamaCaptioner]


@contextlib.contextmanager
def opened(server: OllamaServer, **options: object) -> Iterator[OllamaCaptioner]:
    usual = {"url": server.url, "model": VISION.name, "time_limit_s": 20}
    captioner = build(usual | options)
    with contextlib.closing(captioner):
        captioner.open()
        yield captioner


def bodies(server: OllamaServer, path: str) -> list[dict[str, Any]]:
    return [request.body for request in server.requests if request.path == path]


def test_everything_that_is_known_of_the_models(server: OllamaServer) -> None:
    with opened(server, model=THINKING.name) as captioner:
        facts = {one.name: one for one in captioner.models()}

    assert facts[VISION.name].digest == VISION.digest
    assert facts[VISION.name].size_bytes == VISION.size_bytes
    assert facts[VISION.name].family == "qwen25vl"
    assert {name for name, one in facts.items() if one.can_see} == {
        "qwen2.5vl:7b",
        "qwen3-vl:8b",
        "llama3.2-vision:11b",
    }
    assert {name for name, one in facts.items() if one.takes_many} == {
        "qwen2.5vl:7b",
        "qwen3-vl:8b",
    }
    assert [name for name, one in facts.items() if one.can_think] == ["qwen3-vl:8b"]


def test_missing_model_is_told_with_what_would_do(server: OllamaServer) -> None:
    with pytest.raises(ServerOff) as refused, opened(server, model="nope"):
        pass

    assert str(refused.value) == (
        f"Ollama at {server.url} has no model 'nope'. Installed and able to see: qwen2.5vl:7b,"
        " qwen3-vl:8b, llama3.2-vision:11b (set caption.model), or: mediaindex model pull"
    )


def test_missing_model_where_nothing_can_see(server: OllamaServer, engine: Engine) -> None:
    server.models.clear()

    with pytest.raises(ServerOff, match=r"'nope'\. Do: mediaindex model pull"):
        engine(model="nope").open()


def test_model_that_is_removed_meanwhile_is_told(server: OllamaServer) -> None:
    with opened(server) as captioner:
        server.fail_next(1, Fault.refuse(404, "model 'qwen2.5vl:7b' not found"))

        with pytest.raises(ServerOff, match=r"has no model 'qwen2.5vl:7b'"):
            captioner.ask(LOOK)


@pytest.mark.parametrize(("asked_for", "used"), [(1024, 4096), (8192, 8192)])
def test_context_is_the_same_in_every_request(
    server: OllamaServer, asked_for: int, used: int
) -> None:
    with opened(server, num_ctx=asked_for, keep_alive="45m") as captioner:
        captioner.ask(LOOK)
        captioner.ask(replace(LOOK, max_tokens=77))

    sent = bodies(server, "/api/generate") + bodies(server, "/api/chat")
    assert {body["options"]["num_ctx"] for body in sent} == {used}
    assert {body["keep_alive"] for body in sent} == {"45m"}
    assert sent[-1]["options"]["num_predict"] == 77
    assert len(server.loads) == 1


def test_only_thinking_models_are_told_not_to_think(server: OllamaServer) -> None:
    with opened(server) as captioner:
        captioner.ask(LOOK)
    with opened(server, model=THINKING.name) as captioner:
        captioner.ask(LOOK)

    assert [body.get("think") for body in bodies(server, "/api/chat")] == [None, False]


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        ('"qwen3-vl:8b" does not support thinking', "think"),
        ("invalid JSON schema in format", "format"),
        ("bad request", "format"),
    ],
)
def test_what_is_refused_is_left_out_from_then_on(
    server: OllamaServer, words: str, left_out: str
) -> None:
    with opened(server, model=THINKING.name) as captioner:
        server.fail_next(1, Fault.refuse(400, words))
        question = replace(LOOK, schema=SCHEMA)

        captioner.ask(question)
        captioner.ask(question)

    first, *later = bodies(server, "/api/chat")
    assert {"think", "format"} < first.keys()
    assert len(later) == 2
    assert all(first.keys() - body.keys() == {left_out} for body in later)


def test_refused_picture_is_not_laid_at_the_formats_door(server: OllamaServer) -> None:
    with opened(server) as captioner:
        server.fail_next(1, Fault.refuse(400, "illegal base64 data at input byte 4"))

        with pytest.raises(Faulty, match="illegal base64"):
            captioner.ask(replace(LOOK, schema=SCHEMA))

    assert len(bodies(server, "/api/chat")) == 1


def test_broken_picture_is_a_fault(server: OllamaServer) -> None:
    with opened(server) as captioner, pytest.raises(Faulty, match="unknown format"):
        captioner.ask(replace(LOOK, pictures=(b"no picture",)))


def test_model_that_turns_out_to_be_blind_is_refused(server: OllamaServer) -> None:
    with opened(server) as captioner:
        server.fail_next(1, Fault.refuse(500, servers.NO_VISION))

        with pytest.raises(ServerOff, match="cannot see"):
            captioner.ask(LOOK)


def test_unloaded_model_is_loaded_again_with_its_own_time_limit(server: OllamaServer) -> None:
    with opened(server, time_limit_s=1.2) as captioner:
        server.loaded.clear()
        server.load_s = 1.6

        assert captioner.ask(LOOK).text

    assert [load.finished for load in server.loads] == [True, True]


def test_model_that_another_loaded_with_another_context_is_loaded_again(
    server: OllamaServer,
) -> None:
    with opened(server, time_limit_s=1.2) as captioner:
        server.loaded[:] = [Loaded(VISION, 32_768)]
        server.load_s = 1.6

        assert captioner.ask(LOOK).text

    assert [load.finished for load in server.loads] == [True, True]


def test_answer_that_was_late_since_the_model_had_gone_is_asked_for_again(
    server: OllamaServer,
) -> None:
    def evicted_at_first(_: ChatRequest) -> Answer:
        if len(bodies(server, "/api/chat")) > 1:
            return Answer("a red square")
        server.loaded.clear()
        return Answer("never", delay_s=30)

    with opened(server, time_limit_s=1.2) as captioner:
        server.answer = evicted_at_first

        assert captioner.ask(LOOK).text == "a red square"

    assert [load.finished for load in server.loads] == [True, True]


class ListsEarly(OllamaServer):
    """Lists a model that is still on its way into memory, as the real one does."""

    def _running(self) -> list[dict[str, object]]:
        there = [Loaded(VISION, 4096)] if self.loads else []
        kept, self.loaded = self.loaded, there
        listed = super()._running()
        self.loaded = kept
        return listed


def test_answer_that_was_late_since_another_had_the_model_loaded_is_asked_for_again() -> None:
    with ListsEarly() as server, opened(server, time_limit_s=0.5) as captioner:
        server.loaded.clear()
        server.load_s = 1.5

        assert captioner.ask(LOOK).text

    assert server.loads[-1].finished


def test_answer_that_is_only_slow_is_a_fault(server: OllamaServer) -> None:
    with opened(server, time_limit_s=0.3) as captioner:
        server.answer = lambda _: Answer("never", delay_s=30)

        with pytest.raises(Faulty, match=r"did not answer within 0\.3 s"):
            captioner.ask(LOOK)

    assert len(bodies(server, "/api/chat")) == 1


class Trickling(OllamaServer):
    """Sends a byte now and then, for ever."""

    def route(self, exchange: Exchange) -> None:
        if exchange.seen.path != "/api/chat":
            super().route(exchange)
            return
        exchange.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            exchange.wfile.write(b"1\r\n \r\n")
            exchange.wait(0.02)


def test_trickle_ends_at_the_time_limit() -> None:
    with Trickling() as server, opened(server, time_limit_s=0.4) as captioner:
        began = time.monotonic()

        with pytest.raises(Faulty, match=r"did not answer within 0\.4 s"):
            captioner.ask(LOOK)

        assert time.monotonic() - began < 5


def test_model_that_cannot_be_loaded_is_not_the_pictures_fault(
    server: OllamaServer, engine: Engine
) -> None:
    words = "model requires more system memory (9.2 GiB) than is available (3.1 GiB)"
    server.fail_next(2, Fault.refuse(500, words).of("/generate"))

    with pytest.raises(ServerOff, match="requires more system memory"), opened(server):
        pass
    captioner = engine(model=VISION.name)
    with pytest.raises(ServerOff, match="requires more system memory"):
        captioner.ask(LOOK)
    assert captioner.ask(LOOK).text


def test_busy_in_the_middle_of_an_answer(server: OllamaServer) -> None:
    with opened(server) as captioner:
        line = '{"error": "server busy, please try again.  maximum pending requests exceeded"}\n'
        server.fail_next(1, Fault("raw", 200, line, servers.NDJSON))

        with pytest.raises(ServerBusy):
            captioner.ask(LOOK)


def test_full_queue_is_busy(server: OllamaServer) -> None:
    with opened(server) as captioner:
        server.fail_next(1, Fault.busy().of("/generate"))
        server.loaded.clear()

        with pytest.raises(ServerBusy):
            captioner.ask(LOOK)


@pytest.mark.parametrize("fault", [Fault.refuse(404, "page not found"), Fault.reset()])
def test_server_that_does_not_tell_what_is_loaded(server: OllamaServer, fault: Fault) -> None:
    server.fail_next(99, fault.of("/ps"))

    with opened(server) as captioner:
        assert captioner.ask(LOOK).text

    assert len(server.loads) == 1


def test_speed_and_tokens_are_as_ollama_tells_them(server: OllamaServer) -> None:
    server.answer = lambda _: Answer("a red square", eval_count=30, tokens_per_s=12.5)

    with opened(server) as captioner:
        reply = captioner.ask(LOOK)

    assert reply.tokens == 30
    assert reply.tokens_per_s == pytest.approx(12.5)


def test_download_tells_how_it_goes(server: OllamaServer, engine: Engine) -> None:
    new = Model("gemma3:4b", family="gemma3")
    server.library.append(new)
    told: list[tuple[str, int, int]] = []

    captioner = engine(model=new.name)
    captioner.pull(lambda *step: told.append(step))

    assert told[0] == ("pulling manifest", 0, 0)
    assert (f"pulling {new.digest[:12]}", new.size_bytes, new.size_bytes) in told
    assert told[-1][0] == "success"
    assert captioner.open().name == new.name


def test_download_of_an_unknown_model_says_why(server: OllamaServer, engine: Engine) -> None:
    captioner = engine(model="nope")

    with pytest.raises(ServerOff, match=r"could not download 'nope': .*file does not exist"):
        captioner.pull(lambda *_: None)


def test_who_is_told_of_a_download_may_stop_it(server: OllamaServer, engine: Engine) -> None:
    def stop(*_: object) -> None:
        raise ValueError("enough")

    server.library.append(Model("gemma3:4b", family="gemma3"))
    captioner = engine(model="gemma3:4b")

    with pytest.raises(ValueError, match="enough"):
        captioner.pull(stop)


@pytest.mark.parametrize("fault", [Fault.half(), Fault.not_json(), Fault.refuse(500, "disk full")])
def test_download_that_breaks_off_is_told(
    server: OllamaServer, engine: Engine, fault: Fault
) -> None:
    server.library.append(Model("gemma3:4b", family="gemma3"))
    server.fail_next(1, fault.of("/pull"))

    with pytest.raises(ServerOff, match="Ollama at"):
        engine(model="gemma3:4b").pull(lambda *_: None)


@pytest.mark.parametrize("name", ["qwen3-vl:235b-cloud", "glm-5.2:cloud", "mine:latest"])
def test_model_in_a_cloud_is_refused(
    server: OllamaServer, engine: Engine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A local Ollama passes what it is asked on to ollama.com for such models, pictures and all."""
    real = models.shown

    def shown(model: Model) -> dict[str, object]:
        there = {"remote_host": "https://ollama.com:443"} if model.name == "mine:latest" else {}
        return real(model) | there

    monkeypatch.setattr("tests.servers.ollama.shown", shown)
    server.models.append(replace(VISION, name=name))

    with pytest.raises(ServerOff, match=r"computed by .*ollama\.com.*allow_remote") as refused:
        engine(model=name).ask(LOOK)

    assert f"able to see: {VISION.name}" in str(refused.value)
    assert str(refused.value).count(name) == 1
    assert bodies(server, "/api/chat") == []
    with opened(server, model=name, allow_remote=True) as captioner:
        assert captioner.ask(LOOK).text


@pytest.mark.parametrize(
    ("left_out", "families", "sees"),
    [
        (["capabilities"], ["llama", "clip"], True),
        (["capabilities"], ["llama"], False),
        (["capabilities", "model_info", "modified_at"], ["mllama"], True),
    ],
)
def test_ollama_from_before_it_told_of_capabilities(
    server: OllamaServer,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    left_out: list[str],
    families: list[str],
    sees: bool,
) -> None:
    real = models.shown

    def shown(model: Model) -> dict[str, object]:
        details = {**model.details, "families": families}
        old = real(model) | {"details": details}
        return {key: value for key, value in old.items() if key not in left_out}

    monkeypatch.setattr("tests.servers.ollama.shown", shown)

    facts = engine(model="x").models()

    assert {one.can_see for one in facts} == {sees}


@pytest.mark.parametrize(
    ("name", "families", "many"),
    [
        ("qwen3-vl:4b-instruct", ["qwen3vl"], True),
        ("qwen3-vl:30b", ["qwen3vlmoe"], True),
        ("gemma3:4b", ["gemma3"], True),
        ("mistral-small3.2:24b", ["mistral3"], True),
        ("minicpm-v:8b", ["qwen2", "clip"], True),
        ("hf.co/x/InternVL3-8B-GGUF:Q4_K_M", ["qwen2", "clip"], True),
        ("llava:7b", ["llama", "clip"], False),
        ("bakllava:7b", ["llama", "clip"], False),
        ("moondream:1.8b", ["phi2", "clip"], False),
        ("llama3.2-vision:11b", ["mllama"], False),
    ],
)
def test_which_models_take_several_pictures(name: str, families: list[str], many: bool) -> None:
    shown = Shown(
        details={"family": families[0], "families": families},  # type: ignore[arg-type]
        model_info=None,
        capabilities=["completion", "vision"],
    )

    assert facts_of(Tag(model=name), shown).takes_many is many


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("llava", "llava:latest"),
        ("llava:7b", "llava:7b"),
        ("hf.co/Some/Model-GGUF:Q4_K_M", "hf.co/some/model-gguf:q4_k_m"),
        ("nas:5000/me/model", "nas:5000/me/model:latest"),
    ],
)
def test_names_are_completed_as_ollama_does(name: str, full: str) -> None:
    assert full_name(name) == full


@pytest.mark.parametrize(
    ("text", "value"), [("30m", "30m"), ("-1", -1.0), ("0", 0.0), ("0s", 0.0), ("90", 90.0)]
)
def test_keep_alive_is_put_as_ollama_takes_it(text: str, value: str | float) -> None:
    assert keep_alive(text) == value


def test_model_that_shall_not_stay_is_still_loaded_before_it_is_asked(
    server: OllamaServer,
) -> None:
    with opened(server, keep_alive="0") as captioner:
        assert captioner.ask(Ask("?")).text

    assert bodies(server, "/api/generate")[0]["keep_alive"] == 60
    assert bodies(server, "/api/chat")[0]["keep_alive"] == 0
