"""The doors by which one photo is named: what is locked goes out by none of them."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import select

from mediaindex import parts
from mediaindex.answering import Question, find_out
from mediaindex.api.server import serve
from mediaindex.comparing import pick
from mediaindex.config import Config
from mediaindex.errors import BrokenOff, Unusable
from mediaindex.exporting import format_names
from mediaindex.exporting.run import Wish, export
from mediaindex.indexing import run_once
from mediaindex.looking import describer, look, views
from mediaindex.overview import overview
from mediaindex.pipeline.caption import Caption
from mediaindex.pipeline.model import Model
from mediaindex.store.captions import save_caption
from mediaindex.store.due import at
from mediaindex.store.tables import (
    AssetRow,
    CaptionRow,
    FileRow,
    FolderRow,
    LibraryRow,
    MomentRow,
    WordsRow,
)
from mediaindex.store.withheld import withhold
from mediaindex.types import Caption as Words
from tests.acceptance.program import Program
from tests.conftest import NOW, ORIGIN
from tests.servers.answers import ChatRequest
from tests.servers.ollama import OllamaServer
from tests.service import served, settings, standing

REASONS = ["archived", "trashed", "hidden", "locked"]
UNTOLD = REASONS[1:]
SAYS = json.dumps({"description": "A plain red square.", "tags": [], "can_tell": True})
SECRET = "Grandmother in the garden"


class Home:
    """Two photos, indexed; the red one has words of a person and of a model."""

    def __init__(self, folder: Path, indexed: Path, server: OllamaServer) -> None:
        self.folder, self.server = folder, server
        self.sent: list[ChatRequest] = []
        self.photos = indexed / "photos"
        self.red = self.photos / "red.png"
        for kept in ("state", "cache"):
            shutil.copytree(indexed / kept, folder / kept)
        self.database = parts.store(self.config)
        with self.database.write() as session:
            query = select(FileRow.asset_id).where(FileRow.name == "red.png")
            self.id = session.scalars(query).one() or 0
            moment = select(MomentRow.id).where(MomentRow.asset_id == self.id)
            self.moment_id = session.scalars(moment).one()
            self.sha256 = session.get_one(AssetRow, self.id).sha256
            said = Words(SECRET)
            save_caption(session, self.id, self.moment_id, "old", said, ORIGIN, NOW)
            session.add(WordsRow(asset_id=self.id, kind="title", text=SECRET, source="xmp"))

    @property
    def config(self) -> Config:
        return settings(
            self.folder,
            caption__use="ollama",
            caption__url=self.server.url,
            caption__model=self.server.models[0].name,
        )

    def withhold(self, reason: str | None) -> None:
        with self.database.write() as session:
            withhold(session, {self.id: reason})

    def stage(self) -> Caption:
        """Return the stage that describes, as `parts.stages` makes it."""
        stages = parts.stages(
            self.config,
            self.database,
            Model(lambda: parts.embedder(self.config)),
            threading.Event(),
            lambda *_: None,
        )
        return next(stage for stage in stages if isinstance(stage, Caption))


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photos and what was made of them, copied for each test."""
    folder = tmp_path_factory.mktemp("indexed")
    photos = folder / "photos"
    photos.mkdir()
    for name, colour in {"red": (200, 30, 30), "blue": (40, 80, 200)}.items():
        Image.new("RGB", (64, 64), colour).save(photos / f"{name}.png")
    run_once(settings(folder), [photos], stop=threading.Event())
    return folder


@pytest.fixture
def home(tmp_path: Path, indexed: Path) -> Iterator[Home]:
    with OllamaServer() as server:
        home = Home(tmp_path, indexed, server)

        def answer(request: ChatRequest) -> str:
            home.sent.append(request)
            return SAYS

        server.answer = answer
        with closing(home.database):
            yield home


def test_api_tells_of_a_locked_photo_nothing_but_that_it_is(home: Home) -> None:
    with served(home.config) as (_, ask):
        told = doors(ask, home)
        assert all(answer.status_code == 200 for answer in told.values())
        assert SECRET in told["info"].text

        home.withhold("locked")
        told = doors(ask, home)
        lost = ask.get(f"/api/v1/previews/{'0' * 64}/0")

    info = told.pop("info")
    assert {name: answer.status_code for name, answer in told.items()} == dict.fromkeys(told, 404)
    assert told["preview"].json() == lost.json()
    said = info.json()
    assert said["withheld"] == "locked"
    kept = {"version", "path", "role", "kind", "size_bytes", "withheld"}
    assert {name for name, value in said.items() if value} == kept


def doors(ask: httpx.Client, home: Home) -> dict[str, httpx.Response]:
    return {
        "asset": ask.get(f"/api/v1/assets/{home.sha256}"),
        "moments": ask.get(f"/api/v1/assets/{home.sha256}/moments"),
        "moment": ask.get(f"/api/v1/moments/{home.moment_id}"),
        "preview": ask.get(f"/api/v1/previews/{home.sha256}/0"),
        "info": ask.get("/api/v1/info", params={"path": str(home.red)}),
    }


def test_api_tells_who_names_it_of_what_is_only_put_away(home: Home) -> None:
    with served(home.config) as (_, ask):
        for reason in ("archived", "trashed", "hidden"):
            home.withhold(reason)
            told = doors(ask, home)

            assert all(answer.status_code == 200 for answer in told.values())
            assert told["info"].json()["withheld"] == reason


def test_api_filters_by_people_as_often_as_they_are_named(home: Home) -> None:
    with home.database.write() as session:
        for name in ("Anna Müller", "Ben"):
            row = WordsRow(asset_id=home.id, kind="person", text=name, source="immich")
            session.add(row)

    def hits(ask: httpx.Client, **params: Any) -> int:
        return len(ask.get("/api/v1/search", params=params).json()["hits"])

    with served(home.config) as (_, ask):
        assert hits(ask, person=["anna", "ben"]) == 1
        assert hits(ask, person=["anna", "zoe"]) == 0
        assert hits(ask, **{"is": "favourite"}) == 0
        assert ask.get("/api/v1/search", params={"is": "locked"}).status_code == 400
        home.withhold("archived")
        assert hits(ask, person="anna") == 0
        assert hits(ask, person="anna", **{"is": "archived"}) == 1


@pytest.mark.parametrize("form", format_names())
def test_export_leaves_out_what_is_withheld(home: Home, form: str) -> None:
    for reason in REASONS:
        home.withhold(reason)
        folder = home.folder / reason

        report = export(home.config, Wish(form, folder), NOW.date())
        written = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]

        assert not any(SECRET.encode() in content for content in written)
        assert report.assets == 1
        archived = ["1 archived left out; to export those: --is archived"]
        assert report.notes == (archived if reason == "archived" else [])


def test_export_has_what_is_archived_where_it_is_asked_for(home: Home) -> None:
    asked = Wish("jsonl", home.folder / "out", (("is", "archived"),))
    home.withhold("archived")
    report = export(home.config, asked, NOW.date())

    assert report.file is not None
    assert SECRET in report.file.read_text()

    home.withhold("locked")
    assert export(home.config, asked, NOW.date()).assets == 0


@pytest.mark.parametrize("reason", UNTOLD)
def test_no_command_shows_a_model_what_it_is_not_to_see(home: Home, reason: str) -> None:
    copy = home.folder / "elsewhere.png"
    copy.write_bytes(home.red.read_bytes())
    assert len(views(home.config, home.red)) == 1
    assert len(list(pick(home.config, home.photos, 9))) == 2

    home.withhold(reason)

    for file in (home.red, copy):
        with pytest.raises(Unusable, match=f"no model is told of it: it is {reason}"):
            views(home.config, file)
    assert [view.path.name for view in pick(home.config, home.photos, 9)] == ["blue.png"]


def test_photo_that_is_locked_while_a_command_waits_is_not_sent(home: Home) -> None:
    (view,) = views(home.config, home.red)
    home.withhold("locked")
    teller = describer(home.config)

    with closing(teller.pool):
        teller.pool.open()
        found = look(home.config, teller, view, threading.Event())

    assert found.why_not == "no model is told of it: it is locked"
    assert home.sent == []


def test_question_shows_the_model_no_trash_even_where_it_is_found(home: Home) -> None:
    home.withhold("trashed")
    asked = Question("what is it", operators=(("is", "trashed"),), latest=True)

    found = find_out(home.config, asked, NOW.date(), threading.Event())

    assert [one.trouble for one in found.evidence] == ["no model is told of it: it is trashed"]
    assert home.sent == []


@pytest.mark.parametrize("reason", [None, *REASONS])
def test_stage_describes_what_is_shown_or_archived(home: Home, reason: str | None) -> None:
    home.withhold(reason)
    stage = home.stage()

    with closing(stage), home.database.read() as session:
        due = list(session.scalars(stage.due(), at(NOW)))
        standing = overview(home.config, home.database, 9)["captions"]

    assert (home.id in due) is (reason not in UNTOLD)
    assert standing["total"] == len(due)


@pytest.mark.parametrize("reason", UNTOLD)
def test_photo_that_is_locked_after_it_was_claimed_is_not_sent(home: Home, reason: str) -> None:
    stage = home.stage()
    with closing(stage):
        stage.ready()
        with home.database.read() as session:
            scene = stage.load(session, home.id)
        home.withhold(reason)
        with pytest.raises(BrokenOff):
            stage.work([scene])
    assert home.sent == []


def test_answer_that_comes_after_the_lock_is_not_kept(home: Home) -> None:
    stage = home.stage()
    with closing(stage):
        stage.ready()
        with home.database.read() as session:
            scene = stage.load(session, home.id)
        (told,) = stage.work([scene])
        home.withhold("locked")
        with home.database.write() as session:
            stage.save(session, home.id, told, NOW)
            said = session.scalars(select(CaptionRow).filter_by(asset_id=home.id)).one()

    assert len(home.sent) == 1
    assert said.description == SECRET


def test_whole_run_describes_all_but_what_is_locked(home: Home) -> None:
    home.withhold("locked")

    run_once(home.config, [home.photos], stop=threading.Event())

    assert len(home.sent) == 1
    home.withhold(None)
    run_once(home.config, [home.photos], stop=threading.Event())
    assert len(home.sent) == 2


def test_commands_tell_that_it_is_withheld_and_why(home: Home) -> None:
    program = Program(home.folder, {"MEDIAINDEX__CAPTION__USE": "off"})
    with home.database.write() as session:
        session.add(WordsRow(asset_id=home.id, kind="person", text="Anna", source="immich"))
    home.withhold("archived")
    assert program.run("search", "--person", "anna", "--paths").stdout == ""
    found = program.run("search", "--person", "anna", "--is", "archived", "--paths")
    assert found.stdout.strip() == str(home.red)

    home.withhold("locked")

    info = program.run("info", str(home.red)).stdout
    assert "not shown  it is locked, so nothing of it is told" in info
    assert SECRET not in info
    assert home.sha256 not in info
    assert "Not shown: 1 (1 locked)" in program.run("status").stdout


def test_service_that_keeps_the_index_is_asked_before_a_model_is_shown_a_file(home: Home) -> None:
    """A person with no index of their own, and the machine's service with its own."""
    home.withhold("locked")
    with socket_of(home) as listening:
        program = Program(
            home.folder / "person",
            {
                "MEDIAINDEX__CAPTION__USE": "ollama",
                "MEDIAINDEX__CAPTION__URL": home.server.url,
                "MEDIAINDEX__CAPTION__MODEL": home.server.models[0].name,
                "MEDIAINDEX__SERVE__SOCKET": str(listening),
            },
        )
        done = program.run("caption", str(home.red))
        theirs = settings(home.folder / "person", serve__socket=str(listening))
        shown = [view.path.name for view in pick(theirs, home.photos, 9)]

    assert shown == ["blue.png"]
    assert "no model is told of it: it is locked" in done.stdout + done.stderr
    assert home.sent == []


@contextmanager
def socket_of(home: Home) -> Iterator[Path]:
    with standing(home.config) as service, serve(service) as opened:
        yield opened.socket


def test_status_names_no_video_at_work_that_is_locked(home: Home) -> None:
    with standing(home.config) as service:
        (name,) = service.state().videos
        folder, _, file = name.rpartition("/")
        with home.database.write() as session:
            root = LibraryRow(name="films", root=folder, added_at=NOW)
            session.add(root)
            session.flush()
            kept = FolderRow(library_id=root.id, path="", seen_sweep=0)
            session.add(kept)
            session.flush()
            lies = {"size_bytes": 1, "mtime_ns": 1, "role": "media", "found_at": NOW}
            session.add(FileRow(folder_id=kept.id, name=file, asset_id=home.id, **lies))
    with served(home.config) as (_, ask):
        shows = [len(ask.get("/api/v1/status").json()["daemon"]["videos"])]
        home.withhold("locked")
        shows.append(len(ask.get("/api/v1/status").json()["daemon"]["videos"]))

    assert shows == [1, 0]


def test_status_counts_what_is_not_shown(home: Home) -> None:
    assert overview(home.config, home.database, 9)["withheld"] == {}

    home.withhold("locked")

    assert overview(home.config, home.database, 9)["withheld"] == {"locked": 1}
