"""What no captioner may do: contact anyone but the server that was named, or show the key."""

import logging
import socket
from collections.abc import Callable
from ipaddress import ip_network

import pytest

from mediaindex import captioners
from mediaindex.clients import hosts
from mediaindex.errors import ConfigError, Faulty, ServerOff
from tests.contracts.captioner_cases import LOOK, Build, Case
from tests.servers.base import ScriptedServer
from tests.servers.faults import Fault

KEY = "sk-very-secret"


def test_far_address_is_refused_before_anything_is_built(case: Case) -> None:
    options = {"url": "http://203.0.113.7:11434", "model": "x"}

    with pytest.raises(ConfigError, match=r"caption\.allow_remote"):
        captioners.load(case.use, options)
    captioners.load(case.use, options | {"allow_remote": True}).close()


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Say what every name stands for; and have 127.0.0.1, where tests listen, be far away."""
    monkeypatch.setattr(hosts, "NEAR", (ip_network("10.0.0.0/8"),))
    stands_for: list[str] = []

    def getaddrinfo(_: object, port: int, *__: object, **___: object) -> list[tuple[object, ...]]:
        address = stands_for.pop(0) if len(stands_for) > 1 else stands_for[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return stands_for.append


def test_name_of_a_far_server_is_refused(
    server: ScriptedServer, build: Build, resolve: Callable[[str], None]
) -> None:
    resolve("127.0.0.1")

    with pytest.raises(ServerOff, match=r"gaming-pc stands for 127\.0\.0\.1.*allow_remote"):
        build(f"http://gaming-pc:{server.port}").open()

    assert server.requests == []
    allowed = build(f"http://gaming-pc:{server.port}", allow_remote=True)
    assert allowed.ask(LOOK).text


def test_name_that_changes_its_meaning_is_told_nothing(
    server: ScriptedServer, build: Build, resolve: Callable[[str], None]
) -> None:
    resolve("10.0.0.5")
    resolve("127.0.0.1")
    captioner = build(f"http://gaming-pc:{server.port}")

    with pytest.raises(ServerOff, match=r"gaming-pc stands for 127\.0\.0\.1.*allow_remote"):
        captioner.open()
    for call in (lambda: captioner.ask(LOOK), captioner.models):
        with pytest.raises(ServerOff):
            call()

    assert server.requests == []


def test_redirect_is_not_followed(server: ScriptedServer, build: Build, case: Case) -> None:
    with case.start(0.0) as elsewhere:
        captioner = build(server.url)
        captioner.open()
        server.fail_next(1, Fault.redirect(f"{elsewhere.url}/api/chat"))

        with pytest.raises(ServerOff, match=rf"send us on to {elsewhere.url}.*caption\.url"):
            captioner.ask(LOOK)
        server.fail_next(9, Fault.redirect(elsewhere.url).of("/"))
        with pytest.raises(ServerOff, match=f"send us on to {elsewhere.url}"):
            captioner.open()

        assert elsewhere.requests == []


def test_proxies_of_the_environment_are_not_used(
    server: ScriptedServer, build: Build, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with case.start(0.0) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)

        captioner = build(server.url)
        captioner.open()
        assert captioner.ask(LOOK).text

        assert proxy.requests == []


def test_key_is_sent_and_never_shown(
    server: ScriptedServer, build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    captioner = build(server.url, api_key=KEY)
    captioner.open()
    shown = [repr(captioner), str(vars(captioner).keys())]
    refusals = [
        Fault.refuse(401, f"no such key: {KEY}"),
        Fault.refuse(500, f"what is {KEY}?"),
        Fault.redirect(f"http://elsewhere/?key={KEY}"),
    ]
    for fault in refusals:
        # httpcore's own debug log has the headers of answers, and this server says our key there.
        logged = caplog.text
        server.fail_next(1, fault)
        with pytest.raises((ServerOff, Faulty)) as refused:
            captioner.ask(LOOK)
        shown.append(f"{refused.value}{refused.value!r}")

    assert "caption.api_key" in shown[2]
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
    assert KEY not in "".join(shown) + logged


def test_key_of_the_environment_is_not_sent(
    server: ScriptedServer, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    build(server.url).open()

    assert all("authorization" not in request.headers for request in server.requests)


def test_key_out_of_a_file_is_taken_without_its_line_break(
    server: ScriptedServer, build: Build
) -> None:
    build(server.url, api_key=f"{KEY}\n").open()

    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines"])
def test_key_that_cannot_be_sent_is_refused_and_not_repeated(case: Case, key: str) -> None:
    with pytest.raises(ConfigError, match=r"caption\.api_key") as refused:
        captioners.load(case.use, {"url": "nas", "model": "x", "api_key": key})

    assert key not in str(refused.value)
