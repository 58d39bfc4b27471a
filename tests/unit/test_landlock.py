"""What a process can still write once it is sealed; in one of its own, since it is for good."""

import json
import os
import subprocess
import sys
from pathlib import Path

SEALED = """
import json, sqlite3, subprocess, sys, threading
from pathlib import Path
from mediaindex.daemon.landlock import write_only_below

ours, photos = Path(sys.argv[1]), Path(sys.argv[2])

def can(act, *args):
    try:
        act(*args)
    except OSError:
        return False
    return True

def database():
    with sqlite3.connect(ours / "db") as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table t (x)")

def thread_writes():
    found = []
    one = threading.Thread(target=lambda: found.append(can((photos / "new").touch)))
    one.start()
    one.join()
    return found[0]

(ours / "a").mkdir()
(ours / "b").mkdir()
sealed = write_only_below([ours, ours / "nowhere"])
print(json.dumps({
    "sealed": sealed,
    "inside": [
        can((ours / "new").write_text, "x"),
        can((ours / "new").rename, ours / "a" / "moved"),
        can((ours / "a" / "moved").rename, ours / "b" / "moved"),
        can((ours / "b" / "moved").unlink),
        can(database),
        can(Path("/dev/null").write_text, "x"),
    ],
    "read": (photos / "photo.jpg").read_text(),
    "outside": [
        can((photos / "photo.jpg").write_text, "x"),
        can((photos / "photo.jpg").rename, photos / "other.jpg"),
        can((photos / "photo.jpg").rename, ours / "photo.jpg"),
        can((photos / "photo.jpg").unlink),
        can((photos / "folder").mkdir),
        can((photos / "link").symlink_to, ours),
        thread_writes(),
        subprocess.run(["touch", photos / "by a child"], stderr=subprocess.DEVNULL).returncode == 0,
    ],
}))
"""


def test_only_its_own_folders_can_be_written_by_it_its_threads_and_its_children(
    tmp_path: Path,
) -> None:
    ours, photos = tmp_path / "ours", tmp_path / "photos"
    ours.mkdir()
    photos.mkdir()
    (photos / "photo.jpg").write_text("a photo")

    result = subprocess.run(
        [sys.executable, "-c", SEALED, ours, photos],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    told = json.loads(result.stdout)
    assert all(told["inside"])
    assert told["read"] == "a photo"
    if told["sealed"]:  # an older kernel has no such call
        assert not any(told["outside"])
        assert [(path.name, path.read_text()) for path in photos.iterdir()] == [
            ("photo.jpg", "a photo")
        ]


TEMPORARY_FILES = """
import logging, os, sys, tempfile
logging.basicConfig(level=logging.INFO)
from pathlib import Path
from mediaindex.cli import serve
from mediaindex.config import load_config

config = load_config(Path(os.devnull), os.environ)
serve._throw_away_in(
    config.cache_dir / "mediaindex-tmp", config.state_dir / "mediaindex-tmp"
)
serve._seal(config)
import sqlite3

try:
    (Path(sys.argv[1]) / "beside").touch()
    print("open")
except OSError:
    print("sealed")
assert tempfile.gettempdir() == str(config.cache_dir / "mediaindex-tmp")
with sqlite3.connect(config.state_dir / "db") as connection:
    connection.execute("PRAGMA cache_size = 10")
    connection.execute("CREATE TABLE t (x)")
    connection.executemany("INSERT INTO t VALUES (?)", [(os.urandom(500),) for _ in range(4000)])
    connection.execute("CREATE TEMP TABLE u AS SELECT * FROM t ORDER BY x")
    connection.commit()
    connection.execute("VACUUM")
    held = [os.readlink(f"/proc/self/fd/{n}") for n in range(3, 40) if os.path.lexists(
        f"/proc/self/fd/{n}")]
print([name for name in held if "etilqs" in name])
"""


def test_what_is_thrown_away_again_lies_in_a_folder_of_its_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    own = [home / "cache" / "mediaindex-tmp", home / "state" / "mediaindex-tmp"]
    for folder in own:
        (folder / "left").mkdir(parents=True)

    result = subprocess.run(
        [sys.executable, "-c", TEMPORARY_FILES, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={
            **os.environ,
            "MEDIAINDEX_STATE_DIR": str(home / "state"),
            "MEDIAINDEX_CACHE_DIR": str(home / "cache"),
        },
    )

    assert result.returncode == 0, result.stderr
    beside, held = result.stdout.splitlines()
    is_sealed = "the kernel lets nothing be written but in" in result.stderr
    assert beside == ("sealed" if is_sealed else "open")
    assert f"'{home}/state/mediaindex-tmp/etilqs" in held
    assert [list(folder.iterdir()) for folder in own] == [[], []]
