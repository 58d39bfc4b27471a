import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mediaindex.errors import RetryLater, Unusable
from mediaindex.pipeline.child import Child, ChildDied, ChildFault, Children

MIB = 1024 * 1024


def pid() -> int:
    return os.getpid()


def die() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang() -> None:
    while True:
        time.sleep(60)


def swallow() -> int:
    return len(bytearray(8192 * MIB))


def refuse() -> None:
    raise Unusable("cut off")


def put_off() -> None:
    raise RetryLater("share is off")


def blunder() -> None:
    raise ZeroDivisionError("a bug")


@pytest.fixture
def child() -> "Child":
    return Child(memory_limit_bytes=4096 * MIB)


def test_work_is_done_in_another_process_that_is_kept(child: Child) -> None:
    first, second = child.call(30, pid), child.call(30, pid)
    child.stop()

    assert first == second != os.getpid()


def test_crash_is_told_and_the_next_call_works(child: Child) -> None:
    with pytest.raises(ChildDied, match="SIGSEGV"):
        child.call(30, die)

    assert child.call(30, pid) != os.getpid()
    child.stop()


def test_hang_ends_at_the_time_limit(child: Child) -> None:
    child.call(30, pid)

    with pytest.raises(Unusable, match=r"longer than 0\.2 s"):
        child.call(0.2, hang)
    assert child.call(30, pid) != os.getpid()
    child.stop()


def test_picture_that_eats_memory_is_unusable(child: Child) -> None:
    with pytest.raises(Unusable, match="memory"):
        child.call(30, swallow)
    child.stop()


def test_errors_made_on_purpose_come_through(child: Child) -> None:
    with pytest.raises(Unusable, match="cut off"):
        child.call(30, refuse)
    with pytest.raises(RetryLater, match="share is off"):
        child.call(30, put_off)
    child.stop()


def test_bug_comes_with_its_traceback(child: Child) -> None:
    with pytest.raises(ChildFault, match=r"in blunder(.|\n)*ZeroDivisionError: a bug"):
        child.call(30, blunder)
    child.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="no other system ends children by itself")
def test_child_ends_with_its_parent_in_the_middle_of_a_call(tmp_path: Path) -> None:
    # It is not there to be asked, so its end shows by the pipe that it alone still holds.
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, sys, time, threading\n"
        "from mediaindex.pipeline.child import Child\n"
        "if __name__ == '__main__':\n"
        "    child = Child(0)\n"
        "    child.call(30, os.getpid)\n"
        "    threading.Timer(0.3, os.kill, (os.getpid(), 9)).start()\n"
        "    child.call(30, time.sleep, 30)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

    parent = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, timeout=15, check=False
    )

    assert (parent.returncode, parent.stderr) == (-signal.SIGKILL, b"")


def test_children_are_lent_one_at_a_time() -> None:
    children = Children(2, memory_limit_bytes=0)
    with children.one() as first, children.one() as second:
        assert first.call(30, pid) != second.call(30, pid)
    children.close()
