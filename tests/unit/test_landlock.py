"""What a process can still write once it is sealed; in one of its own, since it is for good."""

import json
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
