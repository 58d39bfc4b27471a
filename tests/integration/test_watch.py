"""Real folders, watched by the real kernel."""

import ctypes
import mmap
import os
import random
import shutil
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from mediaindex.sources.filesystems import Choice, Watching
from mediaindex.sources.folder import Rules, walk
from mediaindex.sources.touched import Touched
from mediaindex.sources.watch import Watch
from tests.watching import Ear, kernel_watches, watch_of, watching


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "library"
    for folder in ("2024/june", "2025", "@eaDir/thumbs", ".hidden/x", "marked/below", "by/path"):
        (made / folder).mkdir(parents=True)
    (made / "marked/.nomedia").touch()
    return made


RULES = Rules(("@eaDir", "by/path"))
KEPT = 5  # the root, 2024, 2024/june, 2025 and by


def test_written_file_is_told_with_its_folder(root: Path, ear: Ear) -> None:
    with watching(root, ear, RULES):
        (root / "2024/june/a.jpg").write_bytes(b"x")
        ear.wait_for("2024/june", closed="a.jpg")

    assert ear.folders() == {"2024/june"}
    assert not any(one.deep for one in ear.touched)


def test_file_that_is_still_written_is_told_but_not_as_closed(root: Path, ear: Ear) -> None:
    with watching(root, ear, RULES), (root / "2025/a.mp4").open("wb") as growing:
        growing.write(b"x")
        growing.flush()
        ear.wait_for("2025")
        assert not ear.has("2025", closed="a.mp4")

        growing.close()
        ear.wait_for("2025", closed="a.mp4")


def test_file_written_through_a_mapping_is_told_when_it_is_closed(root: Path, ear: Ear) -> None:
    (root / "2025/a.jpg").write_bytes(bytes(4096))
    with watching(root, ear, RULES):
        with (root / "2025/a.jpg").open("r+b") as file, mmap.mmap(file.fileno(), 4096) as mapped:
            mapped[:2] = b"\xff\xd8"
        ear.wait_for("2025", closed="a.jpg")


def test_rename_over_a_temporary_name_is_told_as_closed(root: Path, ear: Ear) -> None:
    with watching(root, ear, RULES):
        (root / "2025/.a.jpg.tmp").write_bytes(b"x")
        (root / "2025/.a.jpg.tmp").rename(root / "2025/a.jpg")
        ear.wait_for("2025", closed="a.jpg")

    assert [one.closed for one in ear.touched] == [("a.jpg",)]


def test_removed_file_and_hard_link_touch_their_folder(root: Path, ear: Ear) -> None:
    (root / "2025/a.jpg").write_bytes(b"x")
    with watching(root, ear, RULES):
        os.link(root / "2025/a.jpg", root / "2024/b.jpg")
        ear.wait_for("2024")
        (root / "2025/a.jpg").unlink()
        ear.wait_for("2025")

    assert not any(one.closed for one in ear.touched)


def test_no_watch_is_spent_on_what_is_excluded_and_nothing_is_heard_of_it(
    root: Path, ear: Ear
) -> None:
    before = kernel_watches()
    with watching(root, ear, RULES) as watch:
        assert kernel_watches() - before == watch.folder_count == KEPT
        for folder in ("@eaDir/thumbs", ".hidden/x", "marked/below", "by/path", "@eaDir", "marked"):
            (root / folder / "a.jpg").write_bytes(b"x")
        (root / "2025/@eaDir").mkdir()
        (root / "2025/.hidden.jpg").write_bytes(b"x")
        (root / "2025/new/@eaDir").mkdir(parents=True)
        (root / "2025/new/a.jpg").write_bytes(b"x")
        ear.wait_for("2025/new", deep=True)

        assert kernel_watches() - before == KEPT + 1
    assert ear.folders() == {"2025", "2025/new"}
    assert kernel_watches() == before


def test_folder_that_appears_is_watched_with_all_below_and_told_deep(root: Path, ear: Ear) -> None:
    with watching(root, ear, RULES) as watch:
        (root / "2026/july/beach").mkdir(parents=True)
        ear.wait_for("2026", deep=True)
        ear.wait(lambda: watch.folder_count == KEPT + 3)
        ear.forget()
        (root / "2026/july/beach/a.jpg").write_bytes(b"x")
        ear.wait_for("2026/july/beach", closed="a.jpg")


def test_tree_that_is_moved_in_is_told_deep_and_watched(
    root: Path, ear: Ear, tmp_path: Path
) -> None:
    (tmp_path / "camera/day/one").mkdir(parents=True)
    (tmp_path / "camera/day/one/a.jpg").write_bytes(b"x")
    with watching(root, ear, RULES):
        (tmp_path / "camera").rename(root / "2025/camera")
        ear.wait_for("2025/camera", deep=True)
        (root / "2025/camera/day/one/b.jpg").write_bytes(b"x")
        ear.wait_for("2025/camera/day/one", closed="b.jpg")


def test_tree_that_is_renamed_is_watched_under_its_new_name(root: Path, ear: Ear) -> None:
    before = kernel_watches()
    with watching(root, ear, RULES):
        (root / "2024").rename(root / "2025/was 2024")
        ear.wait_for("2024", deep=True)
        ear.wait_for("2025/was 2024", deep=True)
        ear.forget()
        (root / "2025/was 2024/june/a.jpg").write_bytes(b"x")
        ear.wait_for("2025/was 2024/june", closed="a.jpg")

        assert kernel_watches() - before == KEPT
    assert ear.folders() == {"2025/was 2024/june"}


def test_tree_that_leaves_or_is_hidden_is_watched_no_more(
    root: Path, ear: Ear, tmp_path: Path
) -> None:
    before = kernel_watches()
    with watching(root, ear, RULES) as watch:
        (root / "2024").rename(tmp_path / "away")
        ear.wait_for("2024", deep=True)
        (root / "2025").rename(root / "@eaDir/2025")
        ear.wait_for("2025", deep=True)
        ear.wait(lambda: watch.folder_count == KEPT - 3)

        assert kernel_watches() - before == KEPT - 3


def test_folder_that_is_removed_and_made_again_is_watched_again(root: Path, ear: Ear) -> None:
    before = kernel_watches()
    with watching(root, ear, RULES):
        for _ in range(20):
            shutil.rmtree(root / "2024")
            (root / "2024/june").mkdir(parents=True)
        (root / "2025/end").mkdir()
        ear.wait_for("2025/end", deep=True)
        ear.forget()
        (root / "2024/june/a.jpg").write_bytes(b"x")
        ear.wait_for("2024/june", closed="a.jpg")

        assert kernel_watches() - before == KEPT + 1


def test_marker_ends_the_watching_of_its_folder(root: Path, ear: Ear) -> None:
    before = kernel_watches()
    with watching(root, ear, RULES) as watch:
        (root / "2024/.nomedia").touch()
        ear.wait_for("2024", deep=True)
        ear.wait(lambda: watch.folder_count == KEPT - 2)

        assert kernel_watches() - before == KEPT - 2


def test_folder_whose_marker_was_taken_away_is_watched_once_it_is_mended(
    root: Path, ear: Ear
) -> None:
    with watching(root, ear, RULES) as watch:
        (root / "marked/.nomedia").unlink()
        watch.mend()
        ear.wait_for("marked", deep=True)
        assert watch.folder_count == KEPT + 2
        assert ear.folders() == {"marked"}
        (root / "marked/below/a.jpg").touch()
        ear.wait_for("marked/below", closed="a.jpg")


def test_folders_that_change_places_or_take_anothers_are_watched(root: Path, ear: Ear) -> None:
    (root / "empty").mkdir()
    (root / "2025/of 2025").mkdir()
    exchange = 2  # RENAME_EXCHANGE
    with watching(root, ear, RULES) as watch:
        places = (-100, os.fsencode(root / "2024"), -100, os.fsencode(root / "2025"))
        assert ctypes.CDLL(None).renameat2(*places, exchange) == 0
        (root / "2024/of 2025").rename(root / "empty")
        (root / "2025/june/a.jpg").touch()
        (root / "end").mkdir()
        ear.wait_for("end", deep=True)
        ear.forget()
        (root / "2025/june/b.jpg").touch()
        (root / "empty/c.jpg").touch()
        ear.wait_for("2025/june", closed="b.jpg")
        ear.wait_for("empty", closed="c.jpg")

        assert watch.folder_count == KEPT + 2


def test_marker_in_the_root_comes_and_goes(root: Path, ear: Ear) -> None:
    with watching(root, ear, RULES) as watch:
        (root / ".nomedia").touch()
        ear.wait(lambda: watch.folder_count == 1)
        (root / ".nomedia").unlink()
        ear.wait(lambda: watch.folder_count == KEPT and ear.has("", deep=True))


def test_names_that_are_not_utf8_come_through(root: Path, ear: Ear) -> None:
    folder, name = os.fsdecode(b"caf\xe9"), os.fsdecode(b"\xff\xfe.jpg")
    with watching(root, ear, RULES):
        (root / folder).mkdir()
        ear.wait_for(folder, deep=True)
        (root / folder / name).write_bytes(b"x")
        ear.wait_for(folder, closed=name)

    assert (root / folder / name).exists()


def churn(root: Path, chance: random.Random) -> None:
    def some() -> Path:
        return root.joinpath(*chance.choices(["a", "b", "c", "@eaDir"], k=chance.randint(1, 4)))

    for _ in range(300):
        one, other = some(), some()
        with suppress(OSError):
            match chance.randint(0, 4):
                case 0 | 1:
                    one.mkdir(parents=True)
                case 2 | 3:
                    one.rename(other)
                case 4:
                    shutil.rmtree(one)


@pytest.mark.parametrize("seed", range(5))
def test_after_any_churn_exactly_what_counts_is_watched(
    tmp_path: Path, ear: Ear, seed: int
) -> None:
    before = kernel_watches()
    with watching(tmp_path, ear, RULES) as watch:
        churn(tmp_path, random.Random(seed))
        (tmp_path / "end").mkdir()
        ear.wait_for("end", deep=True)
        ear.forget()
        left = {folder.path for folder in walk(tmp_path, RULES)}
        for folder in left:
            (tmp_path / folder / "a.jpg").touch()
        ear.wait(lambda: all(ear.has(folder, closed="a.jpg") for folder in left))

        assert kernel_watches() - before == watch.folder_count == len(left)
    assert ear.folders() == left


def test_links_are_not_followed_unless_the_rules_say_so(
    root: Path, ear: Ear, tmp_path: Path
) -> None:
    (tmp_path / "outside/deep").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path / "outside")
    with watching(root, ear, RULES) as watch:
        assert watch.folder_count == KEPT


def test_links_are_followed_and_loops_end(root: Path, ear: Ear, tmp_path: Path) -> None:
    rules = Rules(RULES.exclude, follow_links=True)
    (tmp_path / "outside/deep").mkdir(parents=True)
    (root / "2024/a link").symlink_to(tmp_path / "outside")
    (root / "2024/loop").symlink_to(root)
    (tmp_path / "outside/back").symlink_to(root / "2024")
    with watching(root, ear, rules) as watch:
        assert watch.folder_count == KEPT + 2
        (tmp_path / "outside/deep/a.jpg").write_bytes(b"x")
        ear.wait_for("2024/a link/deep", closed="a.jpg")

        (root / "2024/a link").unlink()
        ear.wait_for("2024/a link", deep=True)
        ear.wait(lambda: watch.folder_count == KEPT)
        (root / "2025/later").symlink_to(tmp_path / "outside")
        ear.wait_for("2025/later", deep=True)
        assert watch.folder_count == KEPT + 2


def test_ten_thousand_files_are_told_in_few_calls(root: Path, ear: Ear) -> None:
    names = {f"{number}.jpg" for number in range(10_000)}
    with watching(root, ear, RULES):
        for name in names:
            (root / "2025" / name).touch()
        ear.wait(lambda: names <= {name for one in ear.touched for name in one.closed})

    assert len(ear.touched) < 1000


def test_slow_callee_holds_up_nobody_and_hears_it_merged(root: Path) -> None:
    heard: list[Touched] = []
    is_free = threading.Event()

    def on_touched(touched: Touched) -> None:
        is_free.wait()
        heard.append(touched)

    ear = Ear()
    watch = Watch(root, RULES, on_touched, choice=Choice("inotify"), gather_s=0.01)
    with watching(root, ear, RULES):
        watch.start()
        ear.wait(lambda: watch.is_ready)
        for number in range(8):
            (root / f"2025/{number}.jpg").touch()
            ear.wait_for("2025", closed=f"{number}.jpg")
        is_free.set()
        (root / "2024/last.jpg").touch()
        ear.wait_for("2024", closed="last.jpg")
        ear.wait(lambda: any("7.jpg" in one.closed for one in heard))
        watch.close()

    assert len([one for one in heard if one.folder == "2025"]) <= 3


class HeldUp(Rules):
    """Rules that take their time over one name, and so hold up whoever asks."""

    asked = threading.Event()
    is_free = threading.Event()

    def excluded(self, path: str, name: str) -> bool:
        if name == "wait":
            self.asked.set()
            self.is_free.wait()
        return super().excluded(path, name)


@pytest.fixture
def held_up() -> HeldUp:
    HeldUp.asked, HeldUp.is_free = threading.Event(), threading.Event()
    return HeldUp(RULES.exclude)


def test_queue_that_ran_over_is_told_as_all_and_watching_goes_on(
    root: Path, ear: Ear, held_up: HeldUp
) -> None:
    queued = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    one, other = root / "2025/a.jpg", root / "2025/b.jpg"
    one.touch()
    before = kernel_watches()
    with watching(root, ear, held_up):
        (root / "wait").touch()
        assert held_up.asked.wait(30)
        for _ in range(queued // 4 + 100):
            one.rename(other)
            other.rename(one)
        (root / "2025/unseen/below").mkdir(parents=True)
        (root / "2024").rename(root / "moved unseen")
        held_up.is_free.set()
        ear.wait_for("", deep=True)
        ear.forget()
        (root / "2025/unseen/below/a.jpg").touch()
        (root / "moved unseen/june/a.jpg").touch()
        ear.wait_for("2025/unseen/below", closed="a.jpg")
        ear.wait_for("moved unseen/june", closed="a.jpg")

        assert kernel_watches() - before == KEPT + 2


def test_start_waits_for_nobody_and_five_thousand_folders_are_watched(
    tmp_path: Path, ear: Ear, held_up: HeldUp
) -> None:
    (tmp_path / "wait").mkdir()
    for number in range(5000):
        (tmp_path / f"{number}").mkdir()
    watch = watch_of(tmp_path, ear, held_up)

    watch.start()

    assert not watch.is_ready
    held_up.is_free.set()
    ear.wait_for("", deep=True)
    assert watch.folder_count == 5002
    watch.close()


def test_close_waits_no_longer_than_it_must_for_a_disk_that_hangs(
    tmp_path: Path, ear: Ear, held_up: HeldUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediaindex.sources.watch.CLOSE_S", 0.01)
    (tmp_path / "wait").mkdir()
    watch = watch_of(tmp_path, ear, held_up)
    watch.start()
    assert held_up.asked.wait(30)

    watch.close()

    hanging = [thread for thread in threading.enumerate() if thread.name.endswith(tmp_path.name)]
    held_up.is_free.set()
    for thread in hanging:
        thread.join(30)
        assert not thread.is_alive()
    assert ear.touched == []


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_is_left_behind(root: Path, ear: Ear) -> None:
    threads, files = threading.active_count(), open_files()
    for _ in range(20):
        watch = watch_of(root, ear)
        watch.start()
        watch.close()
        watch.close()

    assert threading.active_count() <= threads
    assert open_files() <= files


@pytest.mark.parametrize("moves", [True, False])
def test_root_that_goes_is_lost_once(root: Path, ear: Ear, tmp_path: Path, moves: bool) -> None:
    before = kernel_watches()
    with watching(root, ear, RULES) as watch:
        if moves:
            root.rename(tmp_path / "elsewhere")
        else:
            shutil.rmtree(root)
        ear.wait(lambda: ear.lost)

    assert ear.lost == ["it was deleted or moved away"]
    assert watch.watching == "poll"
    assert "deleted or moved away" in str(watch.trouble)
    assert kernel_watches() == before


def test_root_that_is_not_there_is_lost_at_once(tmp_path: Path, ear: Ear) -> None:
    watch = watch_of(tmp_path / "nowhere", ear)
    watch.start()
    ear.wait(lambda: ear.lost)
    watch.close()

    assert ear.lost == ["No such file or directory"]


def test_watch_can_be_closed_from_its_own_callee(root: Path) -> None:
    is_closed = threading.Event()

    def on_touched(touched: Touched) -> None:
        watch.close()
        is_closed.set()

    watch = Watch(root, RULES, on_touched, choice=Choice("inotify"), gather_s=0.01)
    watch.start()

    assert is_closed.wait(30)
    watch.close()


def test_callee_that_raises_is_logged_and_told_further(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard = threading.Semaphore(0)

    def on_touched(touched: Touched) -> None:
        heard.release()
        raise LookupError("no such library")

    watch = Watch(root, RULES, on_touched, choice=Choice("inotify"), gather_s=0.01)
    watch.start()
    assert heard.acquire(timeout=30)
    (root / "a.jpg").touch()
    assert heard.acquire(timeout=30)
    watch.close()

    assert "no such library" in caplog.text


@pytest.mark.parametrize("mode", ["poll", "off"])
def test_other_modes_do_nothing_but_say_so(root: Path, ear: Ear, mode: Watching) -> None:
    threads = threading.active_count()
    watch = Watch(root, RULES, ear.on_touched, choice=Choice(mode, "why"))
    watch.start()

    assert (watch.watching, watch.trouble, watch.is_ready) == (mode, "why", False)
    assert threading.active_count() == threads
    watch.close()
