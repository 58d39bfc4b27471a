"""Seeing to the daemon over its socket: libraries, jobs, stages, status; and a crowd."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from mediaindex.api import shapes
from mediaindex.api.problems import Busy
from mediaindex.api.routes.events import stream
from mediaindex.api.turns import AT_ONCE, Turns
from mediaindex.daemon.events import Events
from mediaindex.errors import ConfigError, MediaIndexError, QueryError, RetryLater, StoreError
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer
from mediaindex.store import pauses
from mediaindex.store.tables import JobRow
from tests.conftest import NOW, insert_asset
from tests.service import StandingService, problem, served, settings

Served = tuple[StandingService, httpx.Client]


@pytest.fixture
def home(tmp_path: Path, migrated: Path) -> Path:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "mediaindex.db").write_bytes(migrated.read_bytes())
    return tmp_path


@pytest.fixture
def daemon(home: Path) -> Iterator[Served]:
    with served(settings(home)) as both:
        yield both


def shaped(answer: httpx.Response, shape: type[BaseModel], status: int = 200) -> Any:
    """Return an answer's JSON, which is just what the description says of it."""
    assert answer.status_code == status, answer.text
    shape.model_validate_json(answer.content, extra="forbid")
    return answer.json()


def add_jobs(service: StandingService, number: int) -> None:
    """Let so many photos have failed to decode; the last one waits to be probed, too."""
    with service.database.write() as session:
        for n in range(number):
            asset_id = insert_asset(session, f"2019/{n}.jpg")
            failed = {"stage": "decode", "state": "failed", "error": "it is cut off"}
            session.add(JobRow(asset_id=asset_id, attempts=1, updated_at=NOW, **failed))
        session.add(JobRow(asset_id=asset_id, stage="probe", state="waiting", updated_at=NOW))


def test_folder_is_taken_in_listed_and_forgotten(daemon: Served, tmp_path: Path) -> None:
    _, ask = daemon
    folder = tmp_path / "my pictures"
    folder.mkdir()

    added = ask.post("/api/v1/libraries", json={"path": str(folder)})
    name = shaped(added, shapes.AddedAnswer, 201)["name"]
    listed = shaped(ask.get("/api/v1/libraries"), shapes.LibrariesAnswer)["libraries"]
    gone = shaped(ask.delete(f"/api/v1/libraries/{name}"), shapes.ForgottenAnswer)

    assert [(one["name"], one["root"], one["watching"]) for one in listed] == [
        ("my pictures", str(folder), "inotify")
    ]
    assert gone == {"version": 1, "library": "my pictures", "assets": 0}
    assert ask.get("/api/v1/libraries").json()["libraries"] == []


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ({"path": "/nowhere/at/all"}, "ConfigError"),
        ({"path": "relative"}, "WrongRequest"),
        ({"path": "/a\0b"}, "WrongRequest"),
        ({"path": 7}, "WrongRequest"),
        ({}, "WrongRequest"),
    ],
)
def test_folder_that_is_none_is_refused(daemon: Served, sent: Any, kind: str) -> None:
    assert problem(daemon[1].post("/api/v1/libraries", json=sent)) == (400, kind)


def test_libraries_are_looked_at_when_somebody_says_so(daemon: Served) -> None:
    service, ask = daemon
    add_jobs(service, 1)

    for path in ("sweep", "libraries/photos/sweep", "libraries/photos/confirm-removal"):
        shaped(ask.post(f"/api/v1/{path}"), shapes.AcceptedAnswer, 202)

    assert service.sweeps == [(None, False), ((1,), False), ((1,), True)]


@pytest.mark.parametrize("path", ["sweep", "confirm-removal"])
def test_library_that_is_not_known_is_not_found(daemon: Served, path: str) -> None:
    answer = daemon[1].post(f"/api/v1/libraries/nope/{path}")

    assert problem(answer) == (404, "NotFound")
    assert "known: none" in answer.text


def test_jobs_come_in_pages(daemon: Served) -> None:
    service, ask = daemon
    add_jobs(service, 5)
    found, after = [], 0
    while after is not None:
        page = ask.get("/api/v1/jobs", params={"state": "failed", "limit": 2, "after": after})
        told = shaped(page, shapes.JobsAnswer)
        found += [job["path"] for job in told["jobs"]]
        after = told["next_after"]

    assert found == [f"/photos/2019/{n}.jpg" for n in range(5)]
    probe = shaped(ask.get("/api/v1/jobs", params={"stage": "probe"}), shapes.JobsAnswer)
    assert [job["state"] for job in probe["jobs"]] == ["waiting"]


def test_what_failed_is_tried_again_and_the_daemon_woken(daemon: Served) -> None:
    service, ask = daemon
    add_jobs(service, 3)

    one = ask.post("/api/v1/retry", json={"stage": "decode", "files": ["/photos/2019/0.jpg"]})
    rest = ask.post("/api/v1/retry", json={"failed": True})

    assert shaped(one, shapes.RetriedAnswer)["retried"] == 1
    assert shaped(rest, shapes.RetriedAnswer)["retried"] == 3
    assert service.wakes == 2


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({}, (400, "WrongRequest")),
        ({"stage": "nope"}, (404, "NotFound")),
        ({"files": ["/photos/nope.jpg"]}, (404, "NotFound")),
        ({"files": ["nope.jpg"]}, (400, "WrongRequest")),
        ({"files": "nope.jpg"}, (400, "WrongRequest")),
    ],
)
def test_nothing_is_tried_again_by_mistake(daemon: Served, sent: Any, told: Any) -> None:
    service, ask = daemon
    add_jobs(service, 1)

    assert problem(ask.post("/api/v1/retry", json=sent)) == told
    with service.database.read() as session:
        assert session.query(JobRow).count() == 2


def test_stage_is_paused_and_goes_on(daemon: Served) -> None:
    service, ask = daemon

    shaped(ask.post("/api/v1/stages/caption/pause"), shapes.PausedAnswer)
    with service.database.read() as session:
        while_paused = pauses.paused(session)
    shaped(ask.post("/api/v1/stages/caption/resume"), shapes.PausedAnswer)
    with service.database.read() as session:
        after = pauses.paused(session)

    assert (set(while_paused), set(after)) == ({"caption"}, set())
    assert service.wakes == 2
    assert problem(ask.post("/api/v1/stages/nope/pause")) == (404, "NotFound")


def test_status_tells_of_the_index_and_of_the_daemon(daemon: Served) -> None:
    service, ask = daemon
    add_jobs(service, 3)

    told = shaped(ask.get("/api/v1/status", params={"failures": 2}), shapes.StatusAnswer)

    assert told["assets"] == {"photo": 3, "video": 0, "moments": 3}
    assert (len(told["troubles"]), told["trouble_count"]) == (2, 3)
    assert told["daemon"]["phase"] == "idle"
    assert told["daemon"]["videos"] == {"/films/\ufffd.mp4": 0.5}


def test_settings_are_read_again(daemon: Served) -> None:
    service, ask = daemon

    shaped(ask.post("/api/v1/reload"), shapes.AcceptedAnswer, 202)

    assert service.reloads == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (QueryError("what?"), 400),
        (ConfigError("no such thing"), 400),
        (RetryLater("no weights"), 503),
        (StoreError("corrupt"), 500),
    ],
)
def test_our_errors_keep_their_words(daemon: Served, error: MediaIndexError, status: int) -> None:
    service, ask = daemon

    def fail(asked: Asked, today: date) -> Answer:
        raise error

    service.ask = fail  # type: ignore[method-assign]
    answer = ask.get("/api/v1/search", params={"q": "x"})

    assert problem(answer) == (status, type(error).__name__)
    assert answer.json()["error"]["message"] == str(error)


def test_database_that_is_locked_may_be_asked_later(daemon: Served) -> None:
    service, ask = daemon

    def write_at_once() -> None:
        with service.database.read() as session:
            session.connection().exec_driver_sql("PRAGMA busy_timeout = 0")
            session.query(JobRow).delete()

    service.reload = write_at_once  # type: ignore[method-assign]
    with service.database.write() as session:
        session.connection()
        answer = ask.post("/api/v1/reload")

    assert problem(answer) == (503, "RetryLater")
    assert answer.json()["error"]["message"].endswith("database is locked")


def test_questions_wait_their_turn_and_others_need_not(home: Path) -> None:
    arrived, may_go = threading.Semaphore(0), threading.Event()
    with served(settings(home)) as (service, ask):

        def slow(asked: Asked, today: date) -> Answer:
            arrived.release()
            assert may_go.wait(30)
            return Answer((), (), no_good_match=False, model_id=None)

        service.ask = slow  # type: ignore[method-assign]
        statuses: list[int] = []

        def question() -> None:
            statuses.append(ask.get("/api/v1/search", params={"q": "x"}).status_code)

        crowd = [threading.Thread(target=question) for _ in range(AT_ONCE + 20)]
        for one in crowd:
            one.start()
        for _ in range(AT_ONCE):
            assert arrived.acquire(timeout=10)

        assert ask.get("/health").status_code == 200
        assert ask.get("/api/v1/libraries").status_code == 200
        assert not arrived.acquire(timeout=0)
        may_go.set()
        for one in crowd:
            one.join(30)
        assert statuses == [200] * (AT_ONCE + 20)


def test_who_waits_too_long_is_told_to_come_again() -> None:
    async def crowd() -> Busy:
        turns = Turns(at_once=1, patience_s=0.01)
        async with turns.take():
            with pytest.raises(Busy) as refused:
                async with turns.take():
                    pass
        async with turns.take():  # it is free again
            return refused.value

    told = asyncio.run(crowd())

    assert (told.status, told.kind, told.headers) == (503, "Busy", {"Retry-After": "2"})


def test_silence_is_broken_by_a_sign_of_life() -> None:
    closing_down, events = threading.Event(), Events()

    async def read() -> list[str]:
        text: AsyncIterator[str] = stream(events, closing_down, heartbeat_s=0)
        found = [await anext(text), await anext(text)]
        events.tell("daemon", path=os.fsdecode(b"\xff"))
        found.append(await anext(text))
        closing_down.set()
        return found + [line async for line in text]

    hello, beat, event = asyncio.run(read())

    assert (hello[0], beat) == (":", ": still here\n\n")
    assert event.startswith("event: daemon\ndata: {")
    assert events.listeners == 0
