"""The server in Ollama's place, asked through the real client: does it keep to the protocol?"""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import httpx
import ollama
import pytest

from tests.servers.answers import Answer, ChatRequest, jpeg
from tests.servers.faults import BUSY, Fault
from tests.servers.models import ONE_IMAGE, TEXT, THINKING, VISION, Model
from tests.servers.ollama import ABORTED, NO_VISION, NOT_A_PICTURE, OllamaServer

LONG_S = 60.0
SCHEMA = {
    "type": "object",
    "properties": {"description": {"type": "string"}, "tags": {"type": "array"}},
}


RED, BLUE = jpeg("red"), jpeg("blue")


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as running:
        yield running


@pytest.fixture
def client(server: OllamaServer) -> Iterator[ollama.Client]:
    with ollama.Client(server.url, timeout=10) as opened:
        yield opened


def asked(*pictures: bytes) -> list[dict[str, Any]]:
    return [{"role": "user", "content": "What is to be seen?", "images": list(pictures)}]


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(ollama.ResponseError) as caught:
        call()
    return caught.value.status_code, caught.value.error


def behind(call: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Call in a thread; its result or error is in the list once it has been joined."""
    ended: list[object] = []

    def work() -> None:
        try:
            ended.append(call())
        except Exception as error:  # noqa: BLE001 - looked at by the test
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, ended


def test_version_list_and_show(server: OllamaServer, client: ollama.Client) -> None:
    assert httpx.get(f"{server.url}/api/version").json() == {"version": server.version}
    listed = client.list().models
    assert [one.model for one in listed] == [one.name for one in server.models]
    assert listed[0].digest == VISION.digest
    shown = client.show(VISION.name)
    assert shown.capabilities == ["completion", "vision"]
    assert shown.details is not None
    assert (shown.details.family, shown.details.families) == ("qwen25vl", ["qwen25vl"])
    assert shown.modelinfo is not None
    assert shown.modelinfo["general.architecture"] == "qwen25vl"
    assert refused(lambda: client.show("nope")) == (404, "model 'nope' not found")


def test_chat_tells_pictures_apart_and_the_same_picture_is_the_same(
    client: ollama.Client,
) -> None:
    said = [client.chat(VISION.name, asked(one)).message.content for one in (RED, BLUE, RED)]

    assert said[0] == said[2]
    assert "red" in (said[0] or "")
    assert "64x48" in (said[0] or "")
    assert "blue" in (said[1] or "")


def test_chat_says_how_long_it_took_and_why_it_ended(client: ollama.Client) -> None:
    whole = client.chat(VISION.name, asked(RED))

    assert (whole.done, whole.done_reason) == (True, "stop")
    assert whole.eval_count
    assert whole.eval_duration == whole.eval_count * 20_000_000
    assert whole.prompt_eval_count
    assert whole.total_duration == (whole.load_duration or 0) + (
        whole.prompt_eval_duration or 0
    ) + (whole.eval_duration or 0)

    cut = client.chat(VISION.name, asked(RED), options={"num_predict": 3})
    assert (cut.done_reason, cut.eval_count) == ("length", 3)


def test_stream_is_the_whole_in_parts(client: ollama.Client) -> None:
    parts = list(client.chat(VISION.name, asked(RED), stream=True))

    whole = client.chat(VISION.name, asked(RED)).message.content
    assert len(parts) > 3
    assert "".join(part.message.content or "" for part in parts) == whole
    assert [part.done for part in parts[-2:]] == [False, True]
    assert parts[-1].eval_count == len(parts) - 1


@pytest.mark.parametrize("wanted", ["json", SCHEMA])
def test_format_gives_json(client: ollama.Client, wanted: Any) -> None:
    said = client.chat(VISION.name, asked(RED), format=wanted).message.content

    found = json.loads(said or "")
    assert set(found) == {"description", "tags"}
    assert found["tags"][0] == "red"


def test_model_that_thinks_does_so_unless_told_not_to(
    server: OllamaServer, client: ollama.Client
) -> None:
    server.answer = lambda _: Answer("A dog.", thinking="Four legs.")

    assert client.chat(THINKING.name, asked(RED)).message.thinking == "Four legs."
    assert client.chat(THINKING.name, asked(RED), think=False).message.thinking is None
    assert client.chat(VISION.name, asked(RED), think=False).message.thinking is None
    assert refused(lambda: client.chat(VISION.name, asked(RED), think=True)) == (
        400,
        f'"{VISION.name}" does not support thinking',
    )


def test_what_the_real_one_refuses_is_refused(client: ollama.Client) -> None:
    chat = client.chat

    assert refused(lambda: chat("nope", asked(RED))) == (404, "model 'nope' not found")
    assert refused(lambda: chat(TEXT.name, asked(RED))) == (500, NO_VISION)
    assert refused(lambda: chat(VISION.name, asked(b"oh"))) == (500, NOT_A_PICTURE)
    assert refused(lambda: chat(VISION.name, asked(RED[:200]))) == (500, NOT_A_PICTURE)
    assert refused(lambda: chat(ONE_IMAGE.name, asked(RED, BLUE)))[1].startswith("this model only")


def test_data_url_is_no_base64(server: OllamaServer) -> None:
    url = "data:image/jpeg;base64," + base64.b64encode(RED).decode()
    message = {"role": "user", "content": "?", "images": [url]}
    body = {"model": VISION.name, "messages": [message]}

    answer = httpx.post(f"{server.url}/api/chat", json=body)

    assert answer.status_code == 400
    assert answer.json() == {"error": "illegal base64 data at input byte 4"}


def test_script_gets_the_question_and_the_record_keeps_it(
    server: OllamaServer, client: ollama.Client
) -> None:
    questions: list[ChatRequest] = []

    def script(question: ChatRequest) -> str:
        questions.append(question)
        return "  Two\n words. "

    server.answer = script
    before = time.monotonic()

    said = client.chat(VISION.name, asked(RED), options={"seed": 7, "temperature": 0}, stream=True)

    assert "".join(part.message.content or "" for part in said) == "  Two\n words. "
    [question], [request] = questions, server.requests
    assert (question.prompt, question.options["seed"]) == ("What is to be seen?", 7)
    assert question.pictures == (RED,)
    assert (request.path, request.pictures, request.status) == ("/api/chat", [RED], 200)
    assert request.body["options"] == {"seed": 7, "temperature": 0}
    server.wait_until(lambda: request.ended is not None)
    assert before <= request.began <= (request.ended or 0)


def test_failed_assertion_in_a_script_is_raised_at_the_end() -> None:
    def script(question: ChatRequest) -> str:
        raise AssertionError("not this prompt")

    server = OllamaServer()
    server.answer = script
    server.start()
    with ollama.Client(server.url) as client:
        assert refused(lambda: client.chat(VISION.name, asked(RED)))[0] == 500

    with pytest.raises(AssertionError, match="not this prompt"):
        server.close()


def test_empty_prompt_loads_and_keep_alive_of_zero_unloads(client: ollama.Client) -> None:
    assert client.generate(VISION.name, options={"num_ctx": 8192}).done_reason == "load"
    [loaded] = client.ps().models
    assert (loaded.model, loaded.context_length) == (VISION.name, 8192)
    assert loaded.size_vram == VISION.size_bytes
    assert loaded.expires_at is not None

    assert client.generate(VISION.name, keep_alive=0).done_reason == "unload"
    assert client.ps().models == []

    client.chat(VISION.name, asked(RED), keep_alive=0)
    assert client.ps().models == []


def test_another_model_evicts_and_another_context_reloads(
    server: OllamaServer, client: ollama.Client
) -> None:
    for name, context in [(VISION, 4096), (VISION, 4096), (VISION, 8192), (TEXT, 4096)]:
        client.generate(name.name, options={"num_ctx": context})

    loads = [(load.model, load.num_ctx) for load in server.loads]
    assert loads == [(VISION.name, 4096), (VISION.name, 8192), (TEXT.name, 4096)]
    assert [one.model for one in client.ps().models] == [TEXT.name]


def test_several_models_stay_where_they_fit(client: ollama.Client, server: OllamaServer) -> None:
    server.max_loaded = 2
    client.generate(VISION.name, keep_alive="10m")
    client.generate(TEXT.name, keep_alive="1h30m")
    client.generate(THINKING.name, keep_alive=-1)

    assert {one.model for one in client.ps().models} == {TEXT.name, THINKING.name}


def test_client_that_leaves_during_a_load_aborts_it(server: OllamaServer) -> None:
    server.load_s = LONG_S
    with ollama.Client(server.url, timeout=0.1) as hasty, pytest.raises(httpx.ReadTimeout):
        hasty.chat(VISION.name, asked(RED))
    server.wait_until(lambda: server.requests[0].status == 499)
    server.load_s = 0.0

    assert server.log == [ABORTED]
    assert server.loaded == []
    with ollama.Client(server.url, timeout=10) as patient:
        patient.chat(VISION.name, asked(RED))
    assert [load.finished for load in server.loads] == [False, True]


def test_who_waits_for_anothers_load_begins_anew_when_it_is_aborted(
    server: OllamaServer, client: ollama.Client
) -> None:
    server.load_s = LONG_S
    hasty = HTTPConnection("127.0.0.1", server.port)
    hasty.request("POST", "/api/generate", json.dumps({"model": VISION.name}))
    server.wait_until(lambda: server.loading == VISION.name)
    patient, ended = behind(lambda: client.chat(VISION.name, asked(RED)))
    server.wait_until(lambda: server.queue.pending == 2)
    server.load_s = 0.0

    hasty.close()
    patient.join()

    assert isinstance(ended[0], ollama.ChatResponse)
    assert [load.finished for load in server.loads] == [False, True]


def test_too_many_that_wait_are_told_so(server: OllamaServer, client: ollama.Client) -> None:
    server.queue.max_pending = 1
    server.answer = lambda _: Answer("late", delay_s=LONG_S)
    waiting = [behind(lambda: client.chat(VISION.name, asked(RED)))]
    server.wait_until(lambda: server.queue.running == 1)
    waiting.append(behind(lambda: client.chat(VISION.name, asked(RED))))
    server.wait_until(lambda: (server.queue.running, server.queue.pending) == (1, 1))

    assert refused(lambda: client.chat(VISION.name, asked(RED))) == (503, BUSY)
    assert server.max_in_flight_seen == 3

    server.stop()
    for thread, ended in waiting:
        thread.join()
        assert isinstance(ended[0], httpx.ReadError)


def test_server_comes_back_on_its_port_and_what_was_in_flight_is_reset(
    server: OllamaServer, client: ollama.Client
) -> None:
    server.fail_next(1, Fault.silence())
    thread, ended = behind(lambda: client.chat(VISION.name, asked(RED)))
    server.wait_until(lambda: len(server.requests) == 1)

    server.stop()
    thread.join()
    assert isinstance(ended[0], httpx.ReadError)
    with pytest.raises(ConnectionError):
        client.list()

    server.start()
    assert client.chat(VISION.name, asked(RED)).done


def test_pull_brings_a_model(server: OllamaServer, client: ollama.Client) -> None:
    server.library.append(Model("gemma3:4b", family="gemma3"))

    steps = list(client.pull("gemma3:4b", stream=True))

    assert steps[0].status == "pulling manifest"
    assert steps[1].status == f"pulling {server.library[0].digest[:12]}"
    assert [step.status for step in steps[-3:]] == [
        "verifying sha256 digest",
        "writing manifest",
        "success",
    ]
    assert max(step.completed or 0 for step in steps) == steps[1].total
    assert client.show("gemma3:4b").capabilities == ["completion", "vision"]
    nothing = "pull model manifest: file does not exist"
    assert refused(lambda: list(client.pull("nope", stream=True))) == (-1, nothing)
    assert refused(lambda: client.pull("nope")) == (500, nothing)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.refuse(404, "gone"), 404),
        (Fault.refuse(), 500),
        (Fault.busy(), 503),
        (Fault.too_many(7), 429),
        (Fault.html(), 502),
        (Fault.killed(), 500),
        (Fault.redirect("http://127.0.0.1:9/elsewhere"), 307),
    ],
)
def test_fault_has_its_status_and_comes_once(
    server: OllamaServer, fault: Fault, status: int
) -> None:
    server.fail_next(1, fault)
    with ollama.Client(server.url, timeout=10, follow_redirects=False) as client:
        client.list()  # is not meant

        assert refused(lambda: client.chat(VISION.name, asked(RED)))[0] == status
        assert client.chat(VISION.name, asked(RED)).done


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.reset(), httpx.ReadError),
        (Fault.half(), httpx.RemoteProtocolError),
        (Fault.not_json(), json.JSONDecodeError),
    ],
)
def test_broken_answers_are_broken_as_they_are_in_life(
    server: OllamaServer, client: ollama.Client, stream: bool, fault: Fault, error: type[Exception]
) -> None:
    server.fail_next(1, fault)

    with pytest.raises(error):
        list(client.chat(VISION.name, asked(RED), stream=stream))  # type: ignore[call-overload]
    assert client.chat(VISION.name, asked(RED)).done


def test_fault_can_be_meant_for_another_path(server: OllamaServer, client: ollama.Client) -> None:
    server.faults.append(Fault.html().of("/api/show"))

    assert client.chat(VISION.name, asked(RED)).done
    assert refused(lambda: client.show(VISION.name))[0] == 502


def test_runner_that_dies_says_so_in_the_stream(
    server: OllamaServer, client: ollama.Client
) -> None:
    server.fail_next(1, Fault.killed())
    parts: list[object] = []

    with pytest.raises(ollama.ResponseError, match="unexpectedly stopped") as caught:
        parts.extend(client.chat(VISION.name, asked(RED), stream=True))
    assert caught.value.status_code == -1


def test_silence_lasts_until_the_client_leaves(server: OllamaServer) -> None:
    server.fail_next(1, Fault.silence())
    with ollama.Client(server.url, timeout=0.1) as client, pytest.raises(httpx.ReadTimeout):
        client.chat(VISION.name, asked(RED))

    server.wait_until(lambda: server.requests[0].status == 499)
