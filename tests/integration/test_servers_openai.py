"""The server of the OpenAI form, asked over plain HTTP: does it keep to its flavours?"""

import base64
import json
from typing import Any

import httpx
import pytest

from tests.servers.answers import Answer, jpeg
from tests.servers.faults import Fault
from tests.servers.openai import LM_STUDIO_FORMAT, MODEL, NO_MMPROJ, Flavour, OpenAIServer

LONG_S = 60.0
RED = jpeg("red")
SCHEMA = {
    "type": "object",
    "properties": {"description": {"type": "string"}, "tags": {"type": "array"}},
}


def complete(server: OpenAIServer, *pictures: bytes, **more: Any) -> httpx.Response:
    urls = ["data:image/jpeg;base64," + base64.b64encode(one).decode() for one in pictures]
    content: list[dict[str, Any]] = [{"type": "text", "text": "What is to be seen?"}]
    content += [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    body = {"model": MODEL, "messages": [{"role": "user", "content": content}], **more}
    return httpx.post(f"{server.base_url}/chat/completions", json=body, timeout=10)


@pytest.mark.parametrize(
    ("flavour", "key"),
    [("llama.cpp", "meta"), ("vllm", "max_model_len"), ("lmstudio", "owned_by"), ("localai", "id")],
)
def test_openai_lists_models_as_its_flavour_does(flavour: Flavour, key: str) -> None:
    with OpenAIServer(flavour) as server:
        listed = httpx.get(f"{server.base_url}/models").json()
        said = complete(server, RED).json()["choices"][0]["message"]["content"]

    assert (listed["data"][0]["id"], listed["object"]) == (MODEL, "list")
    assert key in listed["data"][0]
    assert ("models" in listed) == (flavour == "llama.cpp")
    assert "red" in said


def test_openai_gives_usage_timings_thoughts_and_the_end() -> None:
    with OpenAIServer() as server:
        server.answer = lambda _: Answer("A dog runs.", thinking="Four legs.", tokens_per_s=25)
        whole = complete(server, RED).json()
        cut = complete(server, RED, max_tokens=3).json()

    [choice] = whole["choices"]
    assert choice["message"]["reasoning_content"] == "Four legs."
    assert (choice["finish_reason"], whole["usage"]["completion_tokens"]) == ("stop", 5)
    assert whole["timings"]["predicted_per_second"] == 25
    assert cut["choices"][0]["finish_reason"] == "length"
    assert cut["choices"][0]["message"]["content"] == "A"


def test_openai_streams_events() -> None:
    with OpenAIServer() as server:
        text = complete(server, RED, stream=True).text
        whole = complete(server, RED).json()["choices"][0]["message"]["content"]

    events = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert events.pop() == "[DONE]"
    deltas = [json.loads(event)["choices"][0]["delta"] for event in events]
    assert "".join(delta.get("content", "") for delta in deltas) == whole


def test_openai_takes_a_schema_and_refuses_what_it_does_not_know() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "caption", "schema": SCHEMA}}
    with OpenAIServer("lmstudio") as server:
        said = complete(server, RED, response_format=schema).json()
        refusal = complete(server, RED, response_format={"type": "json_object"})

    assert json.loads(said["choices"][0]["message"]["content"])["tags"][0] == "red"
    assert (refusal.status_code, refusal.json()) == (400, {"error": LM_STUDIO_FORMAT})


def test_openai_refuses_pictures_without_eyes_and_what_is_no_picture() -> None:
    with OpenAIServer(vision=False) as blind, OpenAIServer() as seeing:
        without_eyes, no_picture = complete(blind, RED), complete(seeing, b"oh")
        listed = httpx.get(f"{blind.base_url}/models").json()
        props = httpx.get(f"{blind.url}/props").json()

    assert without_eyes.status_code == 500
    assert without_eyes.json() == {
        "error": {"code": 500, "message": NO_MMPROJ, "type": "server_error"}
    }
    assert no_picture.status_code == 400
    assert listed["models"][0]["capabilities"] == ["completion"]
    assert props["modalities"]["vision"] is False


def test_openai_knows_its_key_and_its_models() -> None:
    with OpenAIServer("vllm", api_key="secret") as server:
        assert complete(server, RED).status_code == 401
        assert httpx.get(f"{server.url}/health").status_code == 200
        server.api_key = None
        unknown = complete(server, RED, model="nope")

    assert unknown.status_code == 404
    assert unknown.json()["error"]["message"] == "The model `nope` does not exist."


def test_llama_cpp_is_not_there_while_it_loads() -> None:
    with OpenAIServer(load_s=LONG_S) as server:
        health, chat = httpx.get(f"{server.url}/health"), complete(server, RED)
        server.load_s = 0.0
        assert httpx.get(f"{server.url}/health").json() == {"status": "ok"}

    loading = {"code": 503, "message": "Loading model", "type": "unavailable_error"}
    assert (health.status_code, chat.status_code) == (503, 503)
    assert health.json() == {"error": loading}


def test_openai_has_the_same_faults() -> None:
    with OpenAIServer() as server:
        server.faults += [Fault.too_many(7), Fault.reset(), Fault.half()]
        limited = complete(server, RED)
        with pytest.raises(httpx.ReadError):
            complete(server, RED)
        with pytest.raises(httpx.RemoteProtocolError):
            complete(server, RED)

    assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
    assert "error" in limited.json()
    assert len(server.requests) == 3
