"""Limits of the kernel, and a disk that is unmounted, in a namespace of the test's own.

A limit that is lowered in a user namespace counts for those within; the machine's own must not be
touched, so each child makes sure first that it is in another one.
"""

import errno
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mediaindex.sources.folder import Rules
from mediaindex.sources.inotify import IN, Inotify, Notice, parse
from mediaindex.sources.touched import Gathering, Touched
from mediaindex.sources.watched import WatchedFolders, count_folders
from tests.watching import kernel_watches

ROOT = Path(__file__).resolve().parents[2]
APART = ("unshare", "--user", "--map-root-user", "--mount")

PREPARE = """
import sys
from pathlib import Path
from tests.watching import Ear, kernel_watches, watch_of, watching

root, ear = Path(sys.argv[1]), Ear()
"""

MAKE_SURE = """
assert str(Path("/proc/self/ns/user").readlink()) != sys.argv[2], "this is the machine's own"
"""


def can_be_apart() -> bool:
    try:
        return subprocess.run([*APART, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


needs_namespace = pytest.mark.skipif(not can_be_apart(), reason="no namespace may be made here")


def run_apart(root: Path, script: str) -> None:
    here = str(Path("/proc/self/ns/user").readlink())
    run_child(root, MAKE_SURE + script, here, inside=APART)


def run_child(root: Path, script: str, *arguments: str, inside: Sequence[str] = ()) -> None:
    done = subprocess.run(
        [*inside, sys.executable, "-W", "error", "-c", PREPARE + script, str(root), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(30):
        (tmp_path / f"library/{number}").mkdir(parents=True)
    return tmp_path / "library"


@needs_namespace
def test_too_many_folders_are_polled_and_every_watch_is_given_back(root: Path) -> None:
    run_apart(
        root,
        """
Path("/proc/sys/user/max_inotify_watches").write_text("20")
watch = watch_of(root, ear)
watch.start()
ear.wait(lambda: ear.modes)
assert ear.modes == [("poll", watch.trouble)]
assert watch.watching == "poll"
assert "31 folders" in watch.trouble
assert "sudo sysctl fs.inotify.max_user_watches=" in watch.trouble
assert kernel_watches() == watch.folder_count == 0
assert not ear.lost
assert not watch.is_ready
watch.close()
""",
    )


@needs_namespace
def test_limit_that_is_reached_later_is_told_as_well(root: Path) -> None:
    run_apart(
        root,
        """
Path("/proc/sys/user/max_inotify_watches").write_text("40")
with watching(root, ear) as watch:
    for number in range(20):
        (root / f"new {number}").mkdir()
    ear.wait(lambda: ear.modes)
    assert "51 folders" in watch.trouble
    assert kernel_watches() == 0
""",
    )


@needs_namespace
def test_too_many_watchers_are_told_of_the_other_limit(root: Path) -> None:
    run_apart(
        root,
        """
Path("/proc/sys/user/max_inotify_instances").write_text("1")
with watching(root, ear):
    other = watch_of(root, ear)
    other.start()
    ear.wait(lambda: ear.modes)
    assert "sudo sysctl fs.inotify.max_user_instances=" in other.trouble
    other.close()
""",
    )


@needs_namespace
def test_unmounted_root_is_lost(root: Path) -> None:
    run_apart(
        root,
        """
import subprocess
subprocess.run(["mount", "-t", "tmpfs", "none", root], check=True)
(root / "x").mkdir()
with watching(root, ear):
    subprocess.run(["umount", root], check=True)
    ear.wait(lambda: ear.lost)
    assert ear.lost == ["it was unmounted"]
""",
    )


@needs_namespace
def test_disk_that_is_unmounted_within_is_told_deep_and_what_it_hid_is_watched(root: Path) -> None:
    run_apart(
        root,
        """
import subprocess
subprocess.run(["mount", "-t", "tmpfs", "none", root / "7"], check=True)
(root / "7/x").mkdir()
with watching(root, ear) as watch:
    assert watch.folder_count == 32
    subprocess.run(["umount", root / "7"], check=True)
    ear.wait_for("7", deep=True)
    ear.wait(lambda: watch.folder_count == 31)
    (root / "7/a.jpg").touch()
    ear.wait_for("7", closed="a.jpg")
""",
    )


@needs_namespace
def test_disk_that_is_mounted_within_is_watched_once_it_is_mended(root: Path) -> None:
    run_apart(
        root,
        """
import subprocess
(root / "7/hidden").mkdir()
with watching(root, ear) as watch:
    subprocess.run(["mount", "-t", "tmpfs", "none", root / "7"], check=True)
    watch.mend()
    ear.wait_for("7", deep=True)
    assert watch.folder_count == 31
    (root / "7/a.jpg").touch()
    ear.wait_for("7", closed="a.jpg")
""",
    )


@needs_namespace
def test_folder_that_is_mounted_twice_is_told_under_both_names(root: Path) -> None:
    run_apart(
        root,
        """
import subprocess
subprocess.run(["mount", "--bind", root / "7", root / "8"], check=True)
with watching(root, ear):
    (root / "7/a.jpg").touch()
    ear.wait_for("7", closed="a.jpg")
    ear.wait_for("8", closed="a.jpg")
""",
    )


def test_folders_are_given_back_when_the_kernel_takes_no_more(root: Path) -> None:
    """The same without a namespace: the kernel's answer is given for it."""

    class Full(Inotify):
        def add(self, folder: str, mask: int) -> int:
            if kernel_watches() - before >= 10:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().add(folder, mask)

    before = kernel_watches()
    inotify = Full()
    folders = WatchedFolders(root, Rules(), inotify, lambda: False)
    with pytest.raises(OSError, match="No space"):
        folders.plant("")
    assert len(folders) == 10
    inotify.close()

    assert kernel_watches() == before


def test_process_with_too_many_open_files_says_so(root: Path) -> None:
    run_child(
        root,
        """
import os, resource
watch = watch_of(root, ear)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (os.open("/dev/null", os.O_RDONLY) + 1, hard))
watch.start()
ear.wait(lambda: ear.modes)
assert "too many files open" in watch.trouble
watch.close()
""",
    )


def test_folder_that_may_not_be_read_is_passed_by_until_it_may(root: Path) -> None:
    run_child(
        root,
        """
import os, tempfile
with tempfile.TemporaryDirectory() as place:
    root = Path(place)
    root.chmod(0o755)
    (root / "open").mkdir()
    (root / "locked/below").mkdir(parents=True)
    (root / "locked").chmod(0)
    me = os.geteuid()
    os.seteuid(me or 65534)  # nothing is locked for the superuser
    with watching(root, ear) as watch:
        assert kernel_watches() == watch.folder_count == 2
        assert watch.trouble is None
        os.seteuid(me)
        (root / "locked").chmod(0o755)
        os.seteuid(me or 65534)
        watch.mend()
        ear.wait_for("locked", deep=True)
        assert watch.folder_count == 4
    os.seteuid(me)
""",
    )


def test_real_overflow_is_parsed_as_one(tmp_path: Path) -> None:
    queued = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    inotify = Inotify()
    inotify.add(str(tmp_path), IN.IN_MOVED_FROM | IN.IN_MOVED_TO)
    one, other = tmp_path / "a", tmp_path / "b"
    one.touch()
    for _ in range(queued // 4 + 1):
        one.rename(other)
        other.rename(one)
    told: list[Notice] = []
    while not (told and told[-1].mask & IN.IN_Q_OVERFLOW):
        told += inotify.read() or []
    inotify.close()

    assert len(told) == queued + 1
    assert told[-1] == Notice(-1, IN.IN_Q_OVERFLOW, b"")


def test_notices_without_and_with_names_are_parsed() -> None:
    told = bytes.fromhex("01000000 00800000 00000000 00000000") + bytes.fromhex(
        "02000000 00010000 00000000 10000000"
    )

    assert list(parse(told + b"caf\xe9.jpg".ljust(16, b"\0"))) == [
        Notice(1, IN.IN_IGNORED, b""),
        Notice(2, IN.IN_CREATE, b"caf\xe9.jpg"),
    ]


def test_reading_ends_when_it_is_woken_and_waking_may_come_late() -> None:
    inotify = Inotify()
    inotify.wake()
    assert inotify.read() is None
    inotify.close()
    inotify.wake()
    inotify.close()


def test_folders_are_counted_as_they_would_be_watched(root: Path) -> None:
    (root / "7/@eaDir").mkdir()
    (root / "8/.nomedia").touch()

    assert count_folders(root, Rules(("@eaDir",)), lambda: False) == 30


def test_gathered_is_merged_by_folder_and_what_left_is_not_closed() -> None:
    gathering = Gathering(0)
    gathering.touch("a", closed="1.jpg")
    gathering.touch("b", deep=True)
    gathering.touch("a", closed="2.jpg")
    gathering.touch("a", gone="1.jpg")

    assert gathering.take() == [Touched("a", closed=("2.jpg",)), Touched("b", deep=True)]
    gathering.close()
    assert gathering.take() is None
