"""The captioners that there are, each with the servers that it can speak to."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from mediaindex.captioners import Ask, Captioner
from tests.servers.base import ScriptedServer
from tests.servers.ollama import OllamaServer
from tests.servers.openai import MODEL, OpenAIServer

Build = Callable[..., Captioner]
"""Builds a case's engine for a url, with options."""


@dataclass(frozen=True)
class Case:
    """One engine and a server that it can speak to."""

    use: str
    kind: str
    start: Callable[[float], ScriptedServer]
    model: str
    blind: Callable[[], ScriptedServer]
    blind_model: str
    loads: Callable[[ScriptedServer], int]


def loads_of_ollama(server: ScriptedServer) -> int:
    assert isinstance(server, OllamaServer)
    assert all(load.finished for load in server.loads), "a load was broken off"
    return len(server.loads)


def warm_ups(server: ScriptedServer) -> int:
    """Such servers load on the first request, or before any; one left early is a load aborted."""
    assert all(request.status != 499 for request in server.requests)
    return sum((request.body or {}).get("max_tokens") == 1 for request in server.requests)


def openai_case(flavour: str) -> Case:
    def start(load_s: float = 0.0, *, vision: bool = True) -> ScriptedServer:
        return OpenAIServer(flavour, load_s=load_s, vision=vision)  # type: ignore[arg-type]

    blind = lambda: start(vision=False)  # noqa: E731 - one word of difference
    return Case("openai", flavour, start, MODEL, blind, MODEL, warm_ups)


CASES = [
    Case(
        "ollama",
        "ollama",
        lambda load_s: OllamaServer(load_s=load_s),
        "qwen2.5vl:7b",
        OllamaServer,
        "llama3.2:3b",
        loads_of_ollama,
    ),
    *map(openai_case, ("llama.cpp", "vllm", "lmstudio", "localai")),
]


def jpeg(colour: tuple[int, int, int] = (220, 0, 0), side_px: int = 64) -> bytes:
    file = BytesIO()
    Image.new("RGB", (side_px, side_px), colour).save(file, "JPEG")
    return file.getvalue()


LOOK = Ask("What is to be seen?", system="Be brief.", pictures=(jpeg(),))


def chats(server: ScriptedServer) -> list[dict[str, object]]:
    bodies = [request.body for request in server.requests if "/chat" in request.path]
    return [body for body in bodies if body.get("max_tokens") != 1]
