"""The daemon in this process: what it notices, how it rests, and what does not end it."""

import shutil
import sqlite3
import threading
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mediaindex.daemon.worker import Worker
from mediaindex.errors import ConfigError, RetryLater
from mediaindex.pipeline.again import try_again
from mediaindex.pipeline.sweep import SweepReport, sweep
from mediaindex.pipeline.sync import Sync
from mediaindex.store import counts, files
from mediaindex.store.counts import WorkCounts
from mediaindex.vectors.facets import Facets
from tests.daemons import Home, finds, is_caught_up, paint, until


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_what_is_there_and_what_arrives_is_found(home: Home) -> None:
    paint(home.library / "first.png")
    with home.running() as daemon:
        until(lambda: finds(daemon, "first") == ["first.png"])
        paint(home.library / "trip" / "second.png", 20, 200, 20)
        until(lambda: finds(daemon, "second") == ["second.png"])
        until(lambda: finds(daemon, "red")[:1] == ["first.png"])
        (library,) = daemon.state().libraries
        assert library.offline_reason is None
        assert library.held_back == 0


def test_a_folder_that_is_renamed_keeps_its_assets_and_one_deleted_file_is_missing(
    home: Home,
) -> None:
    for name in ("one", "two", "three"):
        paint(home.library / "before" / f"{name}.png", len(name) * 30)
    with home.running() as daemon:
        until(lambda: finds(daemon, "three") and is_caught_up(daemon))
        done = sum(stage.done for stage in daemon.state().stages if stage.stage == "decode")
        (home.library / "before").rename(home.library / "after")
        until(lambda: finds(daemon, "after"))
        (home.library / "after" / "one.png").unlink()
        until(lambda: not finds(daemon, "one"))
        assert sorted(finds(daemon, "after")) == ["three.png", "two.png"]
        again = sum(stage.done for stage in daemon.state().stages if stage.stage == "decode")
        assert again == done


def test_library_that_goes_away_is_offline_and_nothing_of_it_is_missing(home: Home) -> None:
    paint(home.library / "kept.png")
    away = home.folder / "away"
    with home.running() as daemon:
        until(lambda: finds(daemon, "kept") and is_caught_up(daemon))
        home.library.rename(away)
        daemon.sweep_soon()
        until(lambda: daemon.state().libraries[0].offline_reason)
        assert finds(daemon, "kept") == ["kept.png"]
        away.rename(home.library)
        daemon.sweep_soon()
        until(lambda: daemon.state().libraries[0].offline_reason is None)
        paint(home.library / "fresh.png", 20, 20, 200)
        until(lambda: finds(daemon, "fresh") == ["fresh.png"])
        with daemon.database.read() as session:
            assert counts.count_libraries(session)[0].missing_files == 0


def test_settings_are_read_again_and_bad_ones_leave_the_old_in_force(home: Home) -> None:
    paint(home.library / "first.png")
    with home.running() as daemon:
        until(lambda: finds(daemon, "first"))
        home.write("sweep: {cron: never}\n")
        daemon.reload()
        until(lambda: daemon.state().config_trouble)
        assert "sweep.cron" in str(daemon.state().config_trouble)
        home.write("search: {limit: 7}\nserve: {listen: 127.0.0.1:1}\n")
        daemon.reload()
        until(lambda: "there is no token" in str(daemon.state().config_trouble))
        assert daemon.config.settings.search.limit == 20
        more = home.folder / "more"
        paint(more / "elsewhere.png", 20, 20, 200)
        home.write("search: {limit: 7}\nserve: {listen: 127.0.0.1:1, token: of-a-test-at-length}\n")
        home.file.write_text(
            home.file.read_text().replace("libraries: [", f"libraries: [{{path: {more}}}, ")
        )
        daemon.reload()
        until(lambda: finds(daemon, "elsewhere"))
        assert daemon.config.settings.search.limit == 7
        said = "what was changed in serve is in force after a restart"
        assert daemon.state().config_trouble == said


def test_a_reload_that_goes_wrong_leaves_the_work_going(home: Home) -> None:
    paint(home.library / "first.png")
    with home.running() as daemon:
        until(lambda: finds(daemon, "first"))
        circle = home.folder / "circle"
        circle.symlink_to(circle)
        right = home.file.read_text()
        home.file.write_text(right.replace("libraries: [", f"libraries: [{{path: {circle}}}, "))
        daemon.reload()
        until(lambda: daemon.state().config_trouble)
        assert "circle" in str(daemon.state().config_trouble)
        home.file.write_text(right)
        daemon.reload()
        until(lambda: daemon.state().config_trouble is None)
        paint(home.library / "second.png", 20, 200, 20)
        until(lambda: finds(daemon, "second") == ["second.png"])


def test_a_root_of_which_another_folder_got_the_name_is_watched_anew(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediaindex.daemon.keeper.PRESENCE_S", 0.2)
    root = home.folder / "volume" / "pictures"
    home.written = "sweep: {settle_s: 0.2}\n"
    home.write(home.written)
    home.file.write_text(home.file.read_text().replace(str(home.library), str(root)))
    paint(root / "first.png")
    with home.running() as daemon:
        until(lambda: finds(daemon, "first") and is_caught_up(daemon))
        shutil.copytree(home.folder / "volume", home.folder / "fresh")
        (home.folder / "volume").rename(home.folder / "old")
        (home.folder / "fresh").rename(home.folder / "volume")
        paint(root / "second.png", 20, 200, 20)
        until(lambda: finds(daemon, "second") == ["second.png"])
        paint(root / "third.png", 20, 20, 200)
        until(lambda: finds(daemon, "third") == ["third.png"])


def test_captions_that_cannot_be_made_as_the_settings_say_leave_all_else_going(
    home: Home,
) -> None:
    paint(home.library / "first.png")
    home.settings = {"CAPTION__USE": "telepathy"}
    with home.running() as daemon:
        until(lambda: finds(daemon, "first") and is_caught_up(daemon))
        assert "telepathy" in str(daemon.state().config_trouble)
        with daemon.database.read() as session:
            assert "telepathy" in str(counts.blocked_reason(session, "caption"))


def test_in_quiet_hours_names_are_noted_and_nothing_is_looked_at(home: Home) -> None:
    paint(home.library / "first.png")
    now = datetime.now()
    begin, end = now - timedelta(hours=2), now + timedelta(hours=2)
    home.settings = {"WORK__QUIET_HOURS": f"{begin:%H:%M}-{end:%H:%M}"}
    with home.running() as daemon:

        def work() -> dict[str, WorkCounts]:
            with daemon.database.read() as session:
                return counts.count_work(session)

        until(lambda: work()["probe"].done and daemon.state().phase == "resting")
        assert work()["decode"].done == 0


def test_quiet_hours_that_are_none_are_an_error_of_the_settings(home: Home) -> None:
    home.settings = {"WORK__QUIET_HOURS": "at night"}
    with pytest.raises(ConfigError, match=r"work\.quiet_hours"), home.running():
        pass


def test_a_disk_that_is_nearly_full_stops_the_work_and_not_the_answers(home: Home) -> None:
    paint(home.library / "first.png")
    with home.running() as daemon:
        until(lambda: finds(daemon, "first"))
    free_mb = shutil.disk_usage(home.folder).free // 1024**2
    home.settings = {"WORK__MIN_FREE_MB": str(2 * free_mb)}
    with home.running() as daemon:
        until(lambda: daemon.state().phase == "stuck")
        assert "work.min_free_mb" in str(daemon.state().trouble)
        assert finds(daemon, "first") == ["first.png"]


def test_a_database_that_somebody_holds_is_waited_for(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediaindex.store.database.BUSY_TIMEOUT_MS", 1000)
    monkeypatch.setattr("mediaindex.daemon.worker.TROUBLE_S", 0.1)
    monkeypatch.setattr("mediaindex.daemon.keeper.TROUBLE_S", 0.1)
    with home.running() as daemon:
        until(lambda: daemon.state().phase == "idle")
        with closing(sqlite3.connect(daemon.database.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            paint(home.library / "first.png")
            daemon.wake()
            until(lambda: daemon.state().phase == "stuck")
            assert "locked" in str(daemon.state().trouble)
            other.execute("ROLLBACK")
        until(lambda: finds(daemon, "first") == ["first.png"])
        until(lambda: daemon.state().trouble is None)


def test_a_library_that_cannot_be_looked_at_says_so_until_it_can(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediaindex.daemon.keeper.TROUBLE_S", 0.1)
    monkeypatch.setattr("mediaindex.daemon.keeper.WATCH_FIRST_S", 0.0)
    has_room = threading.Event()

    def full_at_first(*args: Any, **kwargs: Any) -> SweepReport:
        if not has_room.is_set():
            raise sqlite3.OperationalError("database or disk is full")
        return sweep(*args, **kwargs)

    monkeypatch.setattr("mediaindex.daemon.keeper.sweep", full_at_first)
    paint(home.library / "red.jpg")
    with home.running() as daemon:
        until(lambda: "disk is full" in (daemon.state().libraries[0].sweep_trouble or ""))

        has_room.set()

        until(lambda: finds(daemon, "kind:photo") == ["red.jpg"])
        until(lambda: daemon.state().libraries[0].sweep_trouble is None)


def is_deleted(folder: Path) -> bool:
    """Delete a folder; False: something was just written into it, and some of it is left."""
    try:
        shutil.rmtree(folder)
    except OSError:
        return False
    return True


def test_the_index_folder_may_be_deleted_while_it_runs(home: Home) -> None:
    paint(home.library / "first.png")
    home.settings = {"INDEX__USE": "auto"}
    with home.running() as daemon:
        until(lambda: finds(daemon, "red") and is_caught_up(daemon))
        until(lambda: is_deleted(home.config.cache_dir / "index"))
        paint(home.library / "second.png", 20, 20, 200)
        until(lambda: set(finds(daemon, "second")) == {"second.png"})
        until(lambda: set(finds(daemon, "blue")) == {"first.png", "second.png"})
        index = home.config.cache_dir / "index"
        until(lambda: finds(daemon, "blue") and list(index.glob("*/chroma/chroma.sqlite3")))
        until(lambda: is_caught_up(daemon) and not daemon.state().index_trouble)


def test_an_index_that_had_no_room_is_caught_up_though_nothing_happens(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediaindex.pipeline.runner.LINGER_S", 0.1)
    monkeypatch.setattr("mediaindex.pipeline.runner.LOOK_S", 0.1)
    monkeypatch.setattr("mediaindex.daemon.worker.CHECK_EVERY_S", 0.1)
    has_room, rests = threading.Event(), threading.Event()
    tell, rest = Sync._tell_facets, Worker._rest

    def refuse(_: Facets) -> None:
        raise RetryLater("No space left on device")

    def rest_and_tell(worker: Worker) -> None:
        rests.set()
        rest(worker)

    monkeypatch.setattr(
        Sync, "_tell_facets", lambda sync, do: tell(sync, do if has_room.is_set() else refuse)
    )
    monkeypatch.setattr(Worker, "_rest", rest_and_tell)
    paint(home.library / "first.png")
    has_room.set()
    with home.running() as daemon:
        until(lambda: finds(daemon, "red") and rests.is_set())
        has_room.clear()
        paint(home.library / "second.png", 20, 20, 200)
        until(lambda: daemon.state().index_trouble)
        rests.clear()
        until(lambda: rests.is_set())
        assert daemon.state().index_trouble == "No space left on device"
        has_room.set()

        def is_whole_after_a_minute() -> bool:
            daemon._worker._index_at = 0.0  # again and again, as it may be trying just now
            return is_caught_up(daemon) and not daemon.state().index_trouble

        until(is_whole_after_a_minute)


def test_what_failed_is_tried_again_at_once_when_a_person_says_so(home: Home) -> None:
    broken = home.library / "broken.png"
    broken.parent.mkdir(exist_ok=True)
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + b"nonsense" * 20)
    with home.running() as daemon:

        def failed() -> int:
            with daemon.database.read() as session:
                return sum(stage.failed for stage in counts.count_stages(session))

        until(lambda: failed() and is_caught_up(daemon))
        with daemon.database.write() as session:
            assert try_again(session, None, None)[0] >= 1
        assert failed() == 0
        daemon.wake()
        until(failed)


def test_a_library_comes_and_goes_by_a_persons_word(home: Home) -> None:
    paint(home.library / "first.png")
    paint(home.folder / "more" / "second.png", 20, 20, 200)
    with home.running() as daemon:
        until(lambda: finds(daemon, "first"))
        assert daemon.add_library(home.folder / "more") == "more"
        until(lambda: finds(daemon, "second"))
        with daemon.database.read() as session:
            ids = {row.name: row.id for row in files.libraries(session)}
        with pytest.raises(ConfigError, match="under libraries:"):
            daemon.forget_library(ids["pictures"])
        assert daemon.forget_library(ids["more"]) == 1
        assert not finds(daemon, "second")
        assert [library.name for library in daemon.state().libraries] == ["pictures"]
        assert (home.folder / "more" / "second.png").exists()


def test_who_listens_is_told(home: Home) -> None:
    with home.running() as daemon, daemon.events.listen() as told:
        paint(home.library / "first.png")
        while told.get(timeout=60).kind != "progress":
            pass
    assert daemon.events.listeners == 0
