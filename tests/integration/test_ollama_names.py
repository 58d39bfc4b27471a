"""A name of Ollama's that comes to mean another model while it is in use."""

from collections.abc import Iterator

import pytest

from mediaindex.errors import ServerOff
from tests.contracts.captioner_cases import LOOK
from tests.integration.test_ollama import bodies, opened
from tests.servers import models
from tests.servers.answers import Answer, ChatRequest
from tests.servers.models import VISION, Model
from tests.servers.ollama import Loaded, OllamaServer


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as started:
        yield started


def in_a_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every name mean a model that somebody else computes."""
    for what in ("tag", "shown"):
        real = getattr(models, what)
        monkeypatch.setattr(
            f"tests.servers.ollama.{what}",
            lambda model, real=real: real(model) | {"remote_host": "https://ollama.com:443"},
        )


@pytest.mark.parametrize("is_lost", [True, False])
def test_name_that_comes_to_mean_a_model_in_a_cloud_is_told_nothing(
    server: OllamaServer, monkeypatch: pytest.MonkeyPatch, is_lost: bool
) -> None:
    with opened(server) as captioner:
        in_a_cloud(monkeypatch)
        if is_lost:
            server.loaded.clear()

        with pytest.raises(ServerOff, match=r"computed by .*ollama\.com.*allow_remote"):
            captioner.ask(LOOK)

    assert bodies(server, "/api/chat") == []
    assert len(bodies(server, "/api/generate")) == 1


def test_answer_that_was_late_is_not_asked_for_again_in_a_cloud(
    server: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moves_away(_: ChatRequest) -> Answer:
        in_a_cloud(monkeypatch)
        server.loaded.clear()
        return Answer("never", delay_s=30)

    with opened(server, time_limit_s=0.5) as captioner:
        server.answer = moves_away

        with pytest.raises(ServerOff, match=r"computed by .*ollama\.com"):
            captioner.ask(LOOK)

    assert len(bodies(server, "/api/chat")) == 1


class Newer(Model):
    """What was pulled later under the same name."""

    @property
    def digest(self) -> str:
        return "0" * 64


def test_facts_are_of_the_model_that_answers(server: OllamaServer) -> None:
    with opened(server) as captioner:
        assert captioner.facts is not None
        assert captioner.facts.digest == VISION.digest
        server.models[0] = Newer(VISION.name)

        captioner.ask(LOOK)
        captioner.ask(LOOK)

        assert captioner.facts.digest == "0" * 64
    assert len(server.loads) == 2


def test_other_model_in_memory_has_the_name_looked_at_again(server: OllamaServer) -> None:
    with opened(server) as captioner:
        shows = len(bodies(server, "/api/show"))
        server.loaded[:] = [Loaded(Newer(VISION.name), 4096)]

        captioner.ask(LOOK)

    assert len(bodies(server, "/api/show")) == shows + 1
    assert len(server.loads) == 2


def test_name_that_comes_to_mean_a_blind_model_is_refused(server: OllamaServer) -> None:
    with opened(server) as captioner:
        server.models[0] = Newer(VISION.name, ("completion",), "llama")

        with pytest.raises(ServerOff, match="cannot see"):
            captioner.ask(LOOK)

    assert bodies(server, "/api/chat") == []
