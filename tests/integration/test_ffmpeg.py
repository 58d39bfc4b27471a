"""Runs under limits: whatever the program does, it ends, and with the right reason."""

import os
import re
import shutil
import signal
import subprocess
import sys
from multiprocessing.connection import wait
from pathlib import Path

import pytest

from mediaindex.errors import RetryLater, Unusable
from mediaindex.media.ffmpeg import INPUT_OPTIONS, Run, RunLimits, read_all, url_of, version
from tests.clips import make_clip

SHORT = RunLimits(time_limit_s=30.0, silence_limit_s=0.3)
USUAL = RunLimits(time_limit_s=30.0, silence_limit_s=30.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"film")
    return path


def shell(script: str, *arguments: str | Path) -> list[str]:
    return ["sh", "-c", script, *map(str, arguments)]


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def ffprobe(path: Path) -> list[str]:
    options = [word for name, value in INPUT_OPTIONS.items() for word in (f"-{name}", value)]
    return ["ffprobe", "-v", "error", *options, "-show_format", url_of(path)]


def test_output_is_returned_whole(file: Path) -> None:
    output = read_all(python("print('x' * 3_000_000, end='')"), file, USUAL)

    assert output == b"x" * 3_000_000


def test_silence_is_a_hang(file: Path) -> None:
    with pytest.raises(Unusable, match=r"hung: no output for 0\.3 s"):
        read_all(shell("exec sleep 1000"), file, SHORT)


def test_program_that_closes_its_output_and_stays_is_ended(file: Path) -> None:
    with pytest.raises(Unusable, match="did not end"):
        read_all(shell("exec sleep 1000 >&- 2>&-"), file, SHORT)


def test_endless_output_runs_out_of_time(file: Path) -> None:
    limits = RunLimits(time_limit_s=0.3, silence_limit_s=30.0)

    with pytest.raises(Unusable, match=r"took longer than 0\.3 s"):
        read_all(shell("while sleep 0.02; do echo x; done"), file, limits)


def test_output_without_end_is_not_gathered(file: Path) -> None:
    with pytest.raises(Unusable, match="too large"):
        read_all(["yes"], file, USUAL)


def test_children_are_ended_too(file: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with Run(
        shell('sleep 1000 > "$0" & sleep 1000 > "$0" & echo x; wait', pipe), file, USUAL
    ) as run:
        assert run.read(1) == b"x"
        ends = os.open(pipe, os.O_RDONLY)

    # It has an end only when nobody is left who could write.
    assert os.read(ends, 1) == b""
    os.close(ends)


def test_flood_of_complaints_neither_blocks_nor_grows(file: Path) -> None:
    script = "import sys; sys.stderr.write('bad packet\\n' * 500_000 + 'y' * 100_000); print('out')"
    with Run(python(script), file, USUAL) as run:
        output = run.read(100)
        run.finish()

        assert output == b"out\n"
        assert len(run.complaints) <= 60
        assert sum(map(len, run.complaints)) < 200_000


def test_marks_are_parted_from_complaints(file: Path) -> None:
    script = "echo 'at 1' >&2; echo '[h264 @ 0x5f] bad at 2' >&2; echo worse >&2; echo note >&2"
    with Run(shell(script), file, USUAL, re.compile(r"at (\d)|note")) as run:
        assert [run.next_mark(), run.next_mark(), run.next_mark()] == ["1", "2", None]
        assert run.complaints == ("worse",)


def test_last_words_become_the_reason(file: Path) -> None:
    script = "echo '[mov @ 0x5f] no such codec' >&2; echo 'Conversion failed!' >&2; exit 1"

    with pytest.raises(Unusable, match=r"^no such codec$"):
        read_all(shell(script), file, USUAL)


def test_crash_is_the_fault_of_the_file(file: Path) -> None:
    with pytest.raises(Unusable, match="SIGSEGV"):
        read_all(shell("kill -SEGV $$"), file, USUAL)


def test_file_that_vanishes_while_it_is_read_is_read_later(file: Path) -> None:
    with pytest.raises(RetryLater, match="No such file"):
        read_all(shell('rm "$0"; echo broken >&2; exit 1', file), file, USUAL)


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("fault", ["Input/output error", "Stale file handle"])
def test_disk_that_fails_midway_is_read_later_even_if_it_ends_well(
    file: Path, code: int, fault: str
) -> None:
    script = f"echo '[mov @ 0x5f] {file}: {fault}' >&2; echo half; exit {code}"

    with pytest.raises(RetryLater, match=f"cannot be read to its end: {fault}"):
        read_all(shell(script), file, USUAL)


def test_systems_without_limits_from_outside_do_without(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("resource.prlimit")
    monkeypatch.delattr("fcntl.F_SETPIPE_SZ")

    assert read_all(shell("echo out"), file, USUAL) == b"out\n"


def test_memory_is_bounded(file: Path) -> None:
    limits = RunLimits(memory_limit_bytes=1 << 30)

    with pytest.raises(Unusable, match="MemoryError"):
        read_all(python("bytearray(2 << 30)"), file, limits)


def test_missing_program_is_told_with_its_remedy(file: Path) -> None:
    with pytest.raises(RetryLater, match=r"not installed; .*apt install ffmpeg"):
        read_all(["ffmpeg-of-nowhere"], file, USUAL)


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "a.mp4"
    os.mkfifo(pipe)

    with pytest.raises(Unusable, match="no regular file"):
        read_all(["true"], pipe, USUAL)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:{other}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile 'file:{other}'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    ],
    ids=["playlist", "list of files", "network"],
)
def test_file_opens_no_other(tmp_path: Path, text: str) -> None:
    other = make_clip(tmp_path / "other.ts")
    path = tmp_path / "a.m3u8"
    path.write_text(text.format(other=other))

    with pytest.raises(Unusable):
        read_all(ffprobe(path), path, USUAL)


def test_relative_name_with_a_dash_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "-i.mp4")

    assert b"duration=1.0" in read_all(ffprobe(Path("-i.mp4")), Path("-i.mp4"), USUAL)


def test_no_report_is_written_beside_the_media(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FFREPORT", "file=report.log")
    clip = make_clip(tmp_path / "a.mp4")
    (tmp_path / "report.log").unlink()

    read_all(ffprobe(clip), clip, USUAL)

    assert not (tmp_path / "report.log").exists()


def test_version_is_known() -> None:
    assert (4, 0) <= version() < (99, 0)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is what ties it to us")
def test_silent_program_ends_with_a_killed_parent(tmp_path: Path, file: Path) -> None:
    # It is not there to be asked, so its end shows by the pipe that it alone still holds.
    reader, writer = os.pipe()
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, subprocess, sys, threading\n"
        "from pathlib import Path\n"
        "from mediaindex.media import ffmpeg\n"
        "started = subprocess.Popen\n"
        f"subprocess.Popen = lambda *a, **k: started(*a, **k, pass_fds=({writer},))\n"
        "threading.Timer(1, os.kill, (os.getpid(), 9)).start()\n"
        f"ffmpeg.read_all(['sleep', '1000'], Path({str(file)!r}), ffmpeg.RunLimits())\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

    parent = subprocess.run(
        [sys.executable, script], env=environment, pass_fds=(writer,), timeout=15, check=False
    )
    os.close(writer)

    assert parent.returncode == -signal.SIGKILL
    assert wait([reader], timeout=5) == [reader]
    assert os.read(reader, 1) == b""
    os.close(reader)
