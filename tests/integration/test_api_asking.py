"""Asking the daemon over its socket: search, pictures, facts, and how it describes itself."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel

from mediaindex import __version__
from mediaindex.api import shapes
from mediaindex.indexing import run_once
from mediaindex.search.hits import Answer
from tests.service import StandingService, environment, problem, served, settings

COLOURS = {"red": (200, 30, 30), "blue": (40, 80, 200), "green": (50, 150, 50)}
NOT_UTF8 = os.fsdecode(b"blue-\xff.png")


def picture(colour: str, form: str = "PNG") -> bytes:
    made = BytesIO()
    Image.new("RGB", (64, 64), COLOURS[colour]).save(made, form)
    return made.getvalue()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("library")
    (root / "red.png").write_bytes(picture("red"))
    (root / "green.jpg").write_bytes(picture("green", "JPEG"))
    (root / NOT_UTF8).write_bytes(picture("blue"))
    (root / "broken.jpg").write_bytes(picture("green", "JPEG")[:300])
    return root


@pytest.fixture(scope="module")
def home(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    report = run_once(settings(home), [library], stop=threading.Event())
    assert report.failures == 1
    return home


@pytest.fixture(scope="module")
def daemon(home: Path) -> Iterator[tuple[StandingService, httpx.Client]]:
    with served(settings(home)) as both:
        yield both


@pytest.fixture
def ask(daemon: tuple[StandingService, httpx.Client]) -> httpx.Client:
    return daemon[1]


def shaped(answer: httpx.Response, shape: type[BaseModel]) -> Any:
    """Return an answer's JSON, which is just what the description says of it."""
    assert answer.status_code < 300, answer.text
    shape.model_validate_json(answer.content, extra="forbid")
    return answer.json()


def search(ask: httpx.Client, **params: Any) -> Any:
    return shaped(ask.get("/api/v1/search", params=params), shapes.SearchAnswer)


def test_words_find_a_picture_with_its_preview(ask: httpx.Client, library: Path) -> None:
    found = search(ask, q="red")

    assert found["hits"][0]["path"] == str(library / "red.png")
    preview = ask.get(found["hits"][0]["preview"])
    assert preview.headers["content-type"] == "image/jpeg"
    assert Image.open(BytesIO(preview.content)).size == (64, 64)


def test_answer_is_that_of_the_command(ask: httpx.Client, home: Path) -> None:
    command = [sys.executable, "-m", "mediaindex", "search", "--json", "red"]
    said = json.loads(subprocess.check_output(command, env=os.environ | environment(home)))

    told = search(ask, q="red")

    for hit in told["hits"]:
        del hit["preview"], hit["sha256"]
    assert told == said


def test_filters_and_limits_are_parameters(ask: httpx.Client, library: Path) -> None:
    found = search(ask, q="red", limit=1, kind="photo", library=library.name)

    assert len(found["hits"]) == 1
    assert found["query"] == f"red kind:photo library:{library.name}"
    assert search(ask, kind="video")["hits"] == []


def test_question_of_any_length_is_answered_or_refused(ask: httpx.Client) -> None:
    left_out = " ".join(f"-a{n}" for n in range(1500))
    most_left_out = " ".join(f"-a{n}" for n in range(200))
    plain = "red " * 2400

    assert problem(ask.get("/api/v1/search", params={"q": left_out})) == (400, "QueryError")
    assert search(ask, q=f"red {most_left_out}")["hits"]
    assert search(ask, q=plain)["hits"]


def test_picture_finds_its_like_and_leaves_no_copy(
    ask: httpx.Client, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    answer = ask.post("/api/v1/search/like", content=picture("red", "JPEG"), params={"limit": 1})

    found = shaped(answer, shapes.SearchAnswer)
    assert Path(found["hits"][0]["path"]).name == "red.png"
    assert found["like"] is None
    assert list(tmp_path.iterdir()) == []
    assert list(home.rglob("*asked-*")) == []


def test_what_is_no_picture_is_unusable_and_names_no_file_of_ours(ask: httpx.Client) -> None:
    answer = ask.post("/api/v1/search/like", content=b"no picture")

    assert problem(answer) == (422, "Unusable")
    assert "asked-" not in answer.text


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        ({}, "QueryError"),
        ({"q": "after:nonsense"}, "QueryError"),
        ({"q": "red", "limit": "many"}, "WrongRequest"),
        ({"q": "red", "limit": "0"}, "WrongRequest"),
        ({"q": "red", "kind": "song"}, "WrongRequest"),
    ],
)
def test_wrong_question_says_what_is_wrong(
    ask: httpx.Client, params: dict[str, str], kind: str
) -> None:
    assert problem(ask.get("/api/v1/search", params=params)) == (400, kind)


def test_fifty_at_once_are_all_answered(ask: httpx.Client) -> None:
    with ThreadPoolExecutor(50) as crowd:
        answers = list(
            crowd.map(lambda n: ask.get("/api/v1/search", params={"q": f"red {n}"}), range(50))
        )

    assert {answer.status_code for answer in answers} == {200}


def test_asset_tells_all_that_is_known(ask: httpx.Client, library: Path) -> None:
    sha256 = search(ask, q="red")["hits"][0]["sha256"]

    known = shaped(ask.get(f"/api/v1/assets/{sha256}"), shapes.AssetAnswer)

    assert known["path"] == str(library / "red.png")
    assert known["facts"]["sha256"] == sha256
    assert (
        shaped(ask.get("/api/v1/info", params={"path": known["path"]}), shapes.AssetAnswer) == known
    )


def test_moments_are_found_by_asset_and_by_id(ask: httpx.Client) -> None:
    hit = search(ask, q="red")["hits"][0]

    listed = shaped(ask.get(f"/api/v1/assets/{hit['sha256']}/moments"), shapes.MomentsAnswer)
    one = shaped(ask.get(f"/api/v1/moments/{hit['moment_id']}"), shapes.MomentAnswer)

    assert [moment["moment_id"] for moment in listed["moments"]] == [hit["moment_id"]]
    assert one["path"] == hit["path"]
    assert one["preview"] == hit["preview"] == listed["moments"][0]["preview"]


def test_name_that_is_not_utf8_is_shown_and_found(ask: httpx.Client, library: Path) -> None:
    exact = os.fsencode(library) + b"/blue-%FF.png"

    known = shaped(ask.get("/api/v1/info?path=" + exact.decode()), shapes.AssetAnswer)

    assert known["path"] == f"{library}/blue-\ufffd.png"


@pytest.mark.parametrize(
    "path",
    [
        f"assets/{'0' * 64}",
        f"assets/{'0' * 64}/moments",
        "moments/999999",
        f"previews/{'0' * 64}/0",
        "info?path=/nowhere.jpg",
        "nothing-like-this",
    ],
)
def test_what_is_not_known_is_not_found(ask: httpx.Client, path: str) -> None:
    assert problem(ask.get(f"/api/v1/{path}")) == (404, "NotFound")


@pytest.mark.parametrize(
    "path",
    [
        "previews/..%2f..%2fstate/0",
        f"previews/{'0' * 63}/0",
        f"previews/{'A' * 64}/0",
        f"previews/{'0' * 64}/-1",
        f"previews/{'0' * 64}/{10**30}",
        f"moments/{10**30}",
        "moments/x",
        "info?path=relative.jpg",
        "info?path=/a%00b.jpg",
    ],
)
def test_no_trick_with_a_path_leads_anywhere(ask: httpx.Client, path: str) -> None:
    assert problem(ask.get(f"/api/v1/{path}")) in ((400, "WrongRequest"), (404, "NotFound"))


def test_preview_that_one_has_is_not_sent_again(ask: httpx.Client) -> None:
    path = search(ask, q="red")["hits"][0]["preview"]
    first = ask.get(path)

    again = ask.get(path, headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "private, no-cache"


def test_preview_that_is_damaged_counts_as_gone(
    daemon: tuple[StandingService, httpx.Client],
) -> None:
    service, ask = daemon
    lost = hashlib.sha256(b"lost").hexdigest()
    path = service.previews.path(lost, 0)
    path.parent.mkdir(exist_ok=True)
    path.touch()

    assert problem(ask.get(f"/api/v1/previews/{lost}/0")) == (404, "NotFound")


def asked(**changes: Any) -> dict[str, Any]:
    """Return what a command sends."""
    question = {"words": "red", "operators": [["kind", "photo"]], "limit": 3}
    sent = {"asked": question, "today": "2026-11-21", "picture": None, "version": __version__}
    return sent | changes


def test_command_gets_the_answer_itself(ask: httpx.Client, library: Path) -> None:
    told = ask.post("/cli/ask", json=asked()).json()

    answer = msgspec.convert(told, Answer)

    assert answer.hits[0].shown.paths == (str(library / "red.png"),)
    blue = ask.post("/cli/ask", json=asked(asked={"words": "blue"})).json()
    assert msgspec.convert(blue, Answer).hits[0].shown.paths == (str(library / NOT_UTF8),)


def test_command_may_send_a_picture(ask: httpx.Client) -> None:
    sent = base64.b64encode(picture("green")).decode()

    told = ask.post("/cli/ask", json=asked(asked={"words": ""}, picture=sent)).json()

    assert Path(told["hits"][0]["shown"]["paths"][0]).name == "green.jpg"


def test_command_of_another_version_is_told_so(ask: httpx.Client) -> None:
    answer = ask.post("/cli/ask", json=asked(version="0.0.0", asked="in another form"))

    assert problem(answer) == (409, "WrongVersion")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", json.dumps(asked(asked={})).encode()])
def test_command_that_speaks_nonsense_is_refused(ask: httpx.Client, body: bytes) -> None:
    assert problem(ask.post("/cli/ask", content=body)) == (400, "WrongRequest")


def test_description_is_whole(ask: httpx.Client) -> None:
    told = ask.get("/openapi.json").json()

    operations = [one for methods in told["paths"].values() for one in methods.values()]
    assert all(one.get("summary") and one.get("description") for one in operations)
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    refs = [part.split('"')[0] for part in json.dumps(told).split('"#/components/schemas/')[1:]]
    assert set(refs) == set(told["components"]["schemas"])
    assert not any(path.startswith("/cli") for path in told["paths"])
    assert "422" not in {status for one in operations for status in one["responses"]}
    plain = [one for one in operations if "application/json" in str(one["responses"])]
    assert all("default" in one["responses"] for one in plain)
    assert told["servers"] == [{"url": "/", "description": "Where this description was read."}]


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_is_served_that_would_load_from_elsewhere(ask: httpx.Client, path: str) -> None:
    assert problem(ask.get(path)) == (404, "NotFound")


def test_metrics_say_what_is_there(ask: httpx.Client, library: Path) -> None:
    ask.get("/api/v1/search", params={"q": "red"})
    families = text_string_to_metric_families(ask.get("/metrics").text)
    numbers = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }

    assert numbers["mediaindex_build_info", __version__] == 1
    assert numbers["mediaindex_moments",] == 3
    assert numbers["mediaindex_stage_items", "decode", "done"] == 3
    assert numbers["mediaindex_stage_items", "decode", "failed"] == 1
    assert numbers["mediaindex_searches_total", "found"] >= 1
    assert numbers["mediaindex_search_seconds_count",] >= 1
    assert numbers["mediaindex_library_offline", library.name] == 0
    assert numbers["mediaindex_database_bytes",] > 0
    assert numbers["mediaindex_phase", "idle"] == 1
    assert numbers["process_resident_memory_bytes",] > 0
    assert numbers["process_open_fds",] > 0
