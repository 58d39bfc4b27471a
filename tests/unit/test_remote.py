"""Which daemon is meant, and its answers as our own values."""

import base64
import json
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mediaindex import __version__, remote
from mediaindex.clients.daemon import Daemon, OtherVersion, TooLarge
from mediaindex.config import Config, load_config
from mediaindex.errors import RetryLater
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer, Hit, Reason
from mediaindex.store.about import About, Described
from mediaindex.types import Caption, Said, Shown
from tests.conftest import NOW, ORIGIN
from tests.servers.daemon import Refused, ScriptedDaemon

TODAY = date(2026, 11, 21)

SHOWN = Shown(
    moment_id=1,
    asset_id=2,
    sha256="a" * 64,
    kind="video",
    start_ms=0,
    end_ms=9000,
    at_ms=2000,
    paths=("/photos/caf\udce9.mp4", "/photos/copy.mp4"),
    taken_at=NOW,
    taken_local=datetime(2026, 11, 21, 13, 0),
    taken_source="exif",
    place="Lisbon",
    latitude=38.7,
    longitude=-9.1,
    camera=None,
    width_px=640,
    height_px=480,
    rating=3,
    words=("Dog",),
    caption=Said(Caption("A dog.", ("dog",)), ORIGIN, NOW),
)
REASON = Reason("picture", 1, similarity=0.31)
ANSWER = Answer((Hit(SHOWN, 0.9, (REASON,), weak=False),), ("a note",), False, "colour-grid/4")


def sent(answer: Answer) -> Any:
    """Return an answer as the daemon sends it."""
    return json.loads(json.dumps(msgspec.to_builtins(answer)))


def config_of(home: Path, text: str = "", **environ: str) -> Config:
    file = home / "config.yaml"
    file.write_text(text)
    return load_config(file, environ)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of somebody who has set nothing."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_daemon_of_the_settings_is_the_one(home: Path) -> None:
    config = config_of(home, MEDIAINDEX_STATE_DIR=str(home / "state"))
    with (
        ScriptedDaemon(home / "state" / "mediaindex.sock") as own,
        ScriptedDaemon(home / "run" / "mediaindex.sock") as system,
    ):
        found = remote.daemon_of(config, system.socket_path)

    assert found is not None
    assert found.socket_path == own.socket_path


def test_service_is_meant_by_who_has_nothing_and_said_nothing(home: Path) -> None:
    config = config_of(home, "search: {limit: 5}")
    with ScriptedDaemon(home / "run" / "mediaindex.sock") as system:
        found = remote.daemon_of(config, system.socket_path)

    assert found is not None
    assert found.socket_path == system.socket_path
    assert remote.daemon_of(config, system.socket_path) is None


def test_service_is_not_meant_by_who_has_an_index_or_chose_a_place(home: Path) -> None:
    chose = config_of(home, MEDIAINDEX_STATE_DIR=str(home / "state"))
    named = config_of(home, f"serve: {{socket: {home}/other.sock}}")
    has_own = config_of(home)
    has_own.database_path.parent.mkdir(parents=True)
    has_own.database_path.touch()

    with ScriptedDaemon(home / "run" / "mediaindex.sock") as system:
        for config in (chose, named, has_own):
            assert remote.daemon_of(config, system.socket_path) is None


def test_answer_comes_back_as_it_was(tmp_path: Path) -> None:
    asked = Asked("dog", operators=(("after", "2019"),), limit=7, moments=True, understand=False)
    with ScriptedDaemon(tmp_path / "mediaindex.sock") as said:
        said.says["POST /cli/ask"] = sent(ANSWER)

        assert remote.ask(Daemon(said.socket_path), asked, TODAY) == ANSWER

    assert said.bodies("POST /cli/ask") == [
        {
            "asked": {
                "words": "dog",
                "like": None,
                "operators": [["after", "2019"]],
                "limit": 7,
                "moments": True,
                "understand": False,
            },
            "today": "2026-11-21",
            "picture": None,
            "version": __version__,
        }
    ]


def test_picture_is_sent_along(tmp_path: Path) -> None:
    picture = tmp_path / "like.jpg"
    picture.write_bytes(b"\xff\xd8 a picture")
    with ScriptedDaemon(tmp_path / "mediaindex.sock") as said:
        said.says["POST /cli/ask"] = sent(ANSWER)
        remote.ask(Daemon(said.socket_path), Asked("", like=picture), TODAY)

    body = said.bodies("POST /cli/ask")[0]
    assert base64.b64decode(body["picture"]) == picture.read_bytes()
    assert body["asked"]["like"] == str(picture)


def test_picture_that_is_too_large_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "LARGEST_PICTURE_BYTES", 10)
    picture = tmp_path / "like.dng"
    picture.write_bytes(b"0" * 11)

    with pytest.raises(TooLarge, match="larger than"):
        remote.ask(Daemon(tmp_path / "none.sock"), Asked("", like=picture), TODAY)


def test_answer_of_another_version_is_not_read(tmp_path: Path) -> None:
    with ScriptedDaemon(tmp_path / "mediaindex.sock") as said:
        said.says["POST /cli/ask"] = [Refused(409, "WrongVersion"), {"hits": "none"}]
        daemon = Daemon(said.socket_path)

        with pytest.raises(OtherVersion):
            remote.ask(daemon, Asked("dog"), TODAY)
        with pytest.raises(RetryLater, match="not understood"):
            remote.ask(daemon, Asked("dog"), TODAY)


def test_all_that_is_known_of_a_file_comes_back_as_it_was() -> None:
    known = About(
        role="media",
        withheld="archived",
        kind="photo",
        size_bytes=3,
        missing_since=None,
        facts={"taken_at": NOW, "taken_local": datetime(2026, 11, 21, 13, 0), "width_px": 640},
        place=None,
        words=(("title", "Dog", "xmp"),),
        captions=(Described(None, "A dog.", ("dog",), "", "", "m", NOW, 3, None),),
        part_of=None,
        paths=("/photos/a.jpg",),
        sidecars=(),
        done=(("embed", "1", datetime(2026, 11, 21, tzinfo=UTC)),),
        unfinished=(),
        moments=1,
        vectors={"colour-grid/4, picture": 1},
    )
    told = json.loads(json.dumps(asdict(known), default=datetime.isoformat))

    assert remote.as_about({"version": 1, "path": "/photos/a.jpg", **told}) == known
    assert remote.as_about(told) != replace(known, moments=2)
