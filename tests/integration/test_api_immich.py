"""How Immich wakes the daemon, and what the door tells of it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mediaindex.api.hook import is_shown
from mediaindex.api.server import Doors, serve
from mediaindex.errors import ConfigError
from mediaindex.listening import check_listening
from tests.service import (
    StandingService,
    client,
    problem,
    settings,
    standing,
    tcp_client,
)

TOKEN, SECRET = "0123456789abcdef", "fedcba9876543210"
OPEN = {"serve__listen": "127.0.0.1:0", "serve__token": TOKEN}
SHOWN = {"x-mediaindex-secret": SECRET}
HOOK = "/hooks/immich"

# As a workflow of v3.2 sends it; only its begin matters to nobody.
TOLD = {"type": "AssetV1", "trigger": "AssetCreate", "data": {"asset": {"id": "x", "exifInfo": {}}}}


@pytest.fixture
def home(tmp_path: Path, migrated: Path) -> Path:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "mediaindex.db").write_bytes(migrated.read_bytes())
    return tmp_path


@pytest.fixture
def service(home: Path) -> Iterator[StandingService]:
    with standing(settings(home, **OPEN, immich__webhook_secret=SECRET)) as made:
        yield made


@pytest.fixture
def doors(service: StandingService) -> Iterator[Doors]:
    with serve(service) as opened:
        yield opened


def test_immich_wakes_the_daemon_with_the_secret_and_no_token(
    service: StandingService, doors: Doors
) -> None:
    with tcp_client(doors) as ask:
        answer = ask.post(HOOK, json=TOLD, headers=SHOWN)

    assert (answer.status_code, answer.json()) == (202, {"version": 1, "accepted": True})
    assert service.heard == 1
    assert service.readings == []


def test_secret_may_come_as_a_bearer_and_by_the_socket(
    service: StandingService, doors: Doors
) -> None:
    with tcp_client(doors) as ask, client(doors) as local:
        assert ask.post(HOOK, headers={"Authorization": f"Bearer {SECRET}"}).status_code == 202
        assert local.post(HOOK, headers=SHOWN).status_code == 202

    assert service.heard == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-mediaindex-secret": ""},
        {"x-mediaindex-secret": SECRET[:-1]},
        {"x-mediaindex-secret": TOKEN},
        {"Authorization": f"Bearer {TOKEN}"},
        {"x-mediaindex-secret": "no secret is set"},
    ],
)
def test_whoever_does_not_show_the_secret_wakes_nobody(
    service: StandingService, doors: Doors, headers: Mapping[str, str]
) -> None:
    with tcp_client(doors) as ask, client(doors) as local:
        answers = [one.post(HOOK, json=TOLD, headers=headers) for one in (ask, local)]

    assert [problem(answer) for answer in answers] == [(401, "Unauthorized")] * 2
    assert service.heard == 0


def test_answer_does_not_tell_whether_a_secret_is_set(home: Path) -> None:
    told = []
    for more in ({}, {"immich__webhook_secret": SECRET}):
        with standing(settings(home, **OPEN, **more)) as service, serve(service) as doors:
            with tcp_client(doors) as ask:
                answer = ask.post(HOOK, json=TOLD, headers={"x-mediaindex-secret": "guessed"})
            told.append((answer.status_code, answer.content, set(answer.headers)))
            assert service.heard == 0

    assert told[0] == told[1]
    assert told[0][0] == 401


def test_secret_of_immich_opens_nothing_else(doors: Doors) -> None:
    with tcp_client(doors, **SHOWN, Authorization=f"Bearer {SECRET}") as ask:
        refused = [
            ask.get("/api/v1/status"),
            ask.post("/api/v1/immich/sync"),
            ask.post(f"{HOOK}/"),
            ask.get("/hooks/immich/../../api/v1/status"),
        ]
        wrong = ask.get(HOOK)

    assert [problem(answer) for answer in refused] == [(401, "Unauthorized")] * 4
    assert problem(wrong) == (405, "WrongRequest")


def test_what_immich_sends_is_bounded_and_never_looked_at(
    service: StandingService, doors: Doors
) -> None:
    with tcp_client(doors, **SHOWN) as ask:
        assert ask.post(HOOK, content=b"{no json").status_code == 202
        assert ask.post(HOOK, content=b"\xff" * 900_000).status_code == 202
        assert problem(ask.post(HOOK, content=b"x" * 1_500_000)) == (413, "TooLarge")

    assert service.heard == 2


def test_stranger_is_refused_before_a_body_is_taken_in(doors: Doors) -> None:
    assert doors.listen is not None
    import socket

    with socket.create_connection(doors.listen, timeout=10) as opened:
        opened.sendall(
            b"POST /hooks/immich HTTP/1.1\r\nHost: nas\r\nContent-Length: 900000\r\n\r\n"
        )
        assert opened.recv(65536).startswith(b"HTTP/1.1 401")


def test_page_in_a_browser_cannot_wake_it(service: StandingService, doors: Doors) -> None:
    with tcp_client(doors, **SHOWN) as ask:
        answer = ask.post(HOOK, headers={"Origin": "http://evil.example"})

    assert problem(answer)[0] == 403
    assert service.heard == 0


@pytest.mark.parametrize("shown", [b"", b"\xff\xfe", b"no secret is set"])
def test_nothing_is_the_secret_where_none_is_set(shown: bytes) -> None:
    assert not is_shown([(b"x-mediaindex-secret", shown)], None)


def test_secret_may_stand_in_a_file_and_has_to_be_one(home: Path) -> None:
    file = home / "secret"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    config = settings(home, immich__webhook_secret_file=str(file))
    with standing(config) as service:
        assert service.hook_secret == SECRET

    file.write_text("short")
    with pytest.raises(ConfigError, match=r"the secret of .*/secret is shorter"):
        check_listening(config)
    file.unlink()
    with pytest.raises(ConfigError, match=r"the secret cannot be read from .*No such file"):
        check_listening(config)


def test_secret_is_not_shown_with_the_settings(home: Path) -> None:
    from mediaindex.config import as_shown

    assert SECRET not in json.dumps(as_shown(settings(home, immich__webhook_secret=SECRET)))


def test_openapi_tells_of_the_hook_and_its_secret(doors: Doors) -> None:
    with client(doors) as ask:
        told = ask.get("/openapi.json").json()

    hook = told["paths"][HOOK]["post"]
    (scheme,) = (name for one in hook["security"] for name in one)
    assert told["components"]["securitySchemes"][scheme] == {
        "type": "apiKey",
        "in": "header",
        "name": "x-mediaindex-secret",
        "description": "`immich.webhook_secret` of the settings.",
    }
    assert "202" in hook["responses"]


def test_person_has_it_read_and_sees_how_it_stands(service: StandingService, doors: Doors) -> None:
    with client(doors) as ask:
        told = ask.get("/api/v1/immich").json()
        soon = ask.post("/api/v1/immich/sync")
        full = ask.post("/api/v1/immich/sync", params={"full": "true"})

    assert told["accounts"] == told["given_up"] == []
    assert told["now"]["is_reading"] is False
    assert (soon.status_code, soon.json()["reading"]) == (202, 1)
    assert full.json()["reading"] == 2
    assert service.readings == [False, True]
