"""Run ffmpeg and ffprobe under our own limits, and tell in plain words what went wrong.

They read files from anywhere, and hang, crash and eat memory at some of them. Every run has a
session of its own, is watched for signs of life, and is killed with its children.
"""

import fcntl
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import Self

from mediaindex.errors import MediaIndexError, RetryLater, Unusable
from mediaindex.media.reading import open_to_read

INPUT_OPTIONS = {
    # No network, whatever the file says; `subfile` is a part of a file (see `url_of`).
    "protocol_whitelist": "file,subfile,pipe",
    # No playlists, lists of pictures or scripts: they open other files.
    "format_whitelist": (
        "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,asf,flv,ogg,mxf,dv,rm,nut,ivf,gif,apng,"
        "h264,hevc,obu,m4v,mjpeg,vc1,wtv"
    ),
}
"""What is said before every input."""

MOST_OUTPUT_BYTES = 64 << 20
"""Of a run whose output is read whole; ffprobe's tables of packets are a few megabytes."""

MOST_LINES, MOST_LINE_BYTES = 60, 2000
"""Of its complaints the last ones are kept."""

PIPE_BYTES = 1 << 20
"""Room between it and us, so that neither waits for the other at every frame."""

KILL_WAIT_S = 5.0
"""Only a process that waits for a disk outlives its kill so long."""

PREFIX = re.compile(r"^(\[[^\]]* @ 0x[0-9a-f]+\] *)+")

SAYS_LITTLE = re.compile(
    r"Invalid data found when processing input$|Conversion failed!|Last message repeated"
    r"|Error (while|opening|submitting|sending|processing|during)|Cannot determine format of input"
    r"|Nothing was written|Output file is empty|Task finished|Terminating thread"
    r"|Failed to inject frame|.*Cannot allocate memory|Error$"
)
"""Lines that only repeat that it failed."""

DISK_FAULT = re.compile(
    r"(Input/output error|Stale file handle|Connection (?:timed out|reset by peer)"
    r"|Transport endpoint is not connected|No such device(?: or address)?|Host is down"
    r"|Remote I/O error|Network is (?:down|unreachable)|No route to host|Structure needs cleaning)$"
)
"""Complaints that are about what the file lies on. ffmpeg takes that for the file's end."""

IN_PLAIN_WORDS = {
    "moov atom not found": "the file is cut off, or is still being copied (moov atom not found)",
    "Cannot allocate memory": "needs more memory to read than it may have",
}


@dataclass(frozen=True)
class RunLimits:
    """What one run may take."""

    #: Seconds that we wait for it, all together; the caller's own work in between does not count.
    time_limit_s: float = 3600.0
    #: Seconds without a sign of life.
    silence_limit_s: float = 60.0
    #: Of its address space; 0: no limit.
    memory_limit_bytes: int = 4 << 30


def url_of(path: Path, part: range | None = None) -> str:
    """Return the name under which ffmpeg finds a file, whatever characters are in it.

    Args:
        path: The file.
        part: Where in it the video lies, in bytes; None: it is the whole file.
    """
    url = f"file:{path.absolute()}"
    return f"subfile,,start,{part.start},end,{part.stop},,:{url}" if part else url


@cache
def version() -> tuple[int, int]:
    """Return which ffmpeg this is; one whose name says nothing is taken for a new one.

    Raises:
        RetryLater: It is not installed.
    """
    with _started(["ffmpeg", "-version"], RunLimits()) as process:
        said, _ = process.communicate(timeout=KILL_WAIT_S)
    found = re.match(rb"ffmpeg version n?(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (99, 0)


def need(*programs: str) -> None:
    """Check that programs are installed.

    Raises:
        RetryLater: One is not; the text names the remedy.
    """
    for program in programs:
        if shutil.which(program) is None:
            raise RetryLater(
                f"{program} is not installed; videos wait for it (Debian: apt install ffmpeg)"
            )


def read_all(command: Sequence[str], path: Path, limits: RunLimits) -> bytes:
    """Run a command and return all that it writes to its standard output.

    Args:
        command: `ffmpeg` or `ffprobe` with its arguments.
        path: The file that it reads, for telling whose fault a failure is.
        limits: What it may take.

    Raises:
        Unusable: It failed, hung, or wrote more than `MOST_OUTPUT_BYTES`.
        RetryLater: The program is not installed, or the file cannot be read now.
    """
    with Run(command, path, limits) as run:
        output = run.read(MOST_OUTPUT_BYTES)
        if len(output) == MOST_OUTPUT_BYTES:
            raise Unusable("its container is too large to be described")
        run.finish()
    return bytes(output)


class Run:
    """One running program, read as it writes. A context: it does not outlive its end."""

    def __init__(
        self,
        command: Sequence[str],
        path: Path,
        limits: RunLimits,
        mark: re.Pattern[str] | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            command: `ffmpeg` or `ffprobe` with its arguments.
            path: The file that it reads, for telling whose fault a failure is.
            limits: What it may take.
            mark: What is no complaint on its standard error but data, for `next_mark`; the first
                group is what is wanted.
        """
        self._command = command
        self._path = path
        self._limits = limits
        self._left_s = limits.time_limit_s
        self._hearing = _Hearing(mark)
        self._open: list[int] = []

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            Unusable: The file is no regular one.
            RetryLater: The program is not installed, or the file cannot be read now.
        """
        with open_to_read(self._path):
            pass
        self._process = _started(self._command, self._limits)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._stdout = self._process.stdout.fileno()
        self._stderr = self._process.stderr.fileno()
        self._open = [self._stdout, self._stderr]
        with suppress(OSError, AttributeError):  # so many for each user; on Linux alone
            fcntl.fcntl(self._stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it with its children, whatever it is doing."""
        self._stop()

    @property
    def complaints(self) -> tuple[str, ...]:
        """The last lines that it wrote to its standard error, in plain words, oldest first."""
        return _plain(self._hearing.lines, self._command)

    @property
    def has_disk_fault(self) -> bool:
        """Whether it complained of what the file lies on; `finish` will raise `RetryLater`."""
        return self._hearing.disk_fault is not None

    def read(self, count: int) -> bytearray:
        """Return so many bytes of its standard output, fewer only where it ends.

        Raises:
            Unusable: It hung, or took too long.
            RetryLater: The disk does not answer.
        """
        output = bytearray(min(count, PIPE_BYTES))
        filled = 0
        while filled < count and self._stdout in self._open:
            if filled == len(output):
                output.extend(bytes(min(count - filled, max(filled, PIPE_BYTES))))
            ready = self._wait(self._open)
            if self._stderr in ready:
                self._hear()
            if self._stdout in ready:
                with memoryview(output) as room:
                    read = os.readv(self._stdout, [room[filled:]])
                filled += read
                if not read:
                    self._open.remove(self._stdout)
        del output[filled:]
        return output

    def next_mark(self) -> str | None:
        """Return the next mark, None if there will be none; reads no standard output.

        Raises:
            Unusable: It hung, or took too long.
            RetryLater: The disk does not answer.
        """
        while not self._hearing.marks and self._stderr in self._open:
            self._wait([self._stderr])
            self._hear()
        return self._hearing.marks.popleft() if self._hearing.marks else None

    def finish(self) -> None:
        """Wait for its end; what it still writes is thrown away.

        Raises:
            Unusable: It ended with an error, hung, or took too long.
            RetryLater: The file cannot be read now.
        """
        while self._open:
            self.read(PIPE_BYTES)
            if self._stdout not in self._open and self._stderr in self._open:
                self._wait([self._stderr])
                self._hear()
        try:
            code = self._process.wait(self._limits.silence_limit_s)
        except subprocess.TimeoutExpired:
            raise self._killed("ffmpeg did not end") from None
        if code or self._hearing.disk_fault:  # at which it may end as if all were well
            raise self._fault(last_words(self.complaints) or _by_code(code))

    def _wait(self, streams: list[int]) -> list[object]:
        began = time.monotonic()
        ready = wait(streams, max(0.0, min(self._left_s, self._limits.silence_limit_s)))
        self._left_s -= time.monotonic() - began
        if self._left_s <= 0:
            raise self._killed(f"took longer than {self._limits.time_limit_s:g} s to read")
        if not ready:
            raise self._killed(f"ffmpeg hung: no output for {self._limits.silence_limit_s:g} s")
        return list(ready)

    def _hear(self) -> None:
        heard = os.read(self._stderr, PIPE_BYTES)
        self._hearing.feed(heard)
        if not heard:
            self._open.remove(self._stderr)

    def _killed(self, reason: str) -> MediaIndexError:
        return self._fault(reason) if self._stop() else RetryLater("the disk does not answer")

    def _fault(self, reason: str) -> MediaIndexError:
        """Return whose fault it was: the disk's or the network's, if the file cannot be read."""
        if self._hearing.disk_fault:
            return RetryLater(f"cannot be read to its end: {self._hearing.disk_fault}")
        try:
            with open_to_read(self._path) as file:
                file.seek(-min(1, file.seek(0, os.SEEK_END)), os.SEEK_END)
                file.read(1)
        except MediaIndexError as error:
            return error
        return Unusable(reason)

    def _stop(self) -> bool:
        """Kill it with its children; return whether it is gone."""
        process = self._process
        if process.returncode is None:  # else its number may be another's by now
            os.killpg(process.pid, signal.SIGKILL)
        try:
            process.wait(KILL_WAIT_S)
        except subprocess.TimeoutExpired:
            return False
        finally:
            self._open.clear()
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                stream.close()
        return True


class _Hearing:
    """Parts what a program says on its standard error into marks and complaints."""

    def __init__(self, mark: re.Pattern[str] | None) -> None:
        self.marks: deque[str] = deque()
        self.lines: deque[str] = deque(maxlen=MOST_LINES)
        #: What the disk or the network failed with, however long ago.
        self.disk_fault: str | None = None
        self._mark = mark
        self._rest = b""

    def feed(self, heard: bytes) -> None:
        *lines, rest = (self._rest + heard).replace(b"\r", b"\n").split(b"\n")
        # At its end there is nothing more to wait for; nor after a line without end.
        is_whole = not heard or len(rest) > MOST_LINE_BYTES
        self._rest = b"" if is_whole else rest
        for line in [*lines, rest] if is_whole else lines:
            self._take(line.decode(errors="replace")[:MOST_LINE_BYTES])

    def _take(self, line: str) -> None:
        # Anywhere in the line: a decoder's thread may have begun one of its own.
        found = self._mark.search(line) if self._mark else None
        if found is None:
            if line.strip():
                self.lines.append(line)
                fault = DISK_FAULT.search(line.rstrip())
                self.disk_fault = self.disk_fault or (fault[1] if fault else None)
        elif found[1] is not None:
            self.marks.append(found[1])


def last_words(complaints: Sequence[str]) -> str:
    """Return the last complaint that says something, in plain words; "" if there is none."""
    telling = [line for line in complaints if not SAYS_LITTLE.match(line)]
    said = (telling or list(complaints) or [""])[-1]
    memory = next((line for line in complaints if "Cannot allocate memory" in line), said)
    return next((plain for sign, plain in IN_PLAIN_WORDS.items() if sign in memory), said)


def _plain(lines: Sequence[str], command: Sequence[str]) -> tuple[str, ...]:
    """Return lines without the addresses of decoders and the name of the file."""
    text = "\n".join(PREFIX.sub("", line.strip()) for line in lines)
    for word in command:
        if word.startswith(("file:", "subfile,")):
            text = text.replace(f"{word}: ", "").replace(word, "the file")
    return tuple(line for line in text.splitlines() if line.strip())


def _by_code(code: int) -> str:
    if code < 0:
        return f"the decoder was ended by {signal.Signals(-code).name} at this file"
    return f"the decoder ended with code {code} at this file"


@cache
def _tied_to_us() -> tuple[str, ...]:
    """Return what starts a program that the kernel kills when the thread that started it is gone.

    After `kill -9` nobody else is left to end one that hangs. Where nothing can tie it, it ends
    when it next writes.
    """
    # Not in Python: code that runs between fork and exec is not safe beside threads.
    tie = (shutil.which("setpriv") or "setpriv", "--pdeathsig", "KILL", "--")
    with suppress(OSError):  # Busybox has one that cannot do it
        if subprocess.run([*tie, "true"], capture_output=True, check=False).returncode == 0:
            return tie
    return ()


def _started(command: Sequence[str], limits: RunLimits) -> "subprocess.Popen[bytes]":
    environment = {name: value for name, value in os.environ.items() if name != "FFREPORT"}
    need(command[0])
    try:
        process = subprocess.Popen(
            [*_tied_to_us(), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            env={**environment, "AV_LOG_FORCE_NOCOLOR": "1"},
        )
    except OSError as error:
        raise RetryLater(f"{command[0]} cannot be started: {error.strerror}") from error
    if limits.memory_limit_bytes and hasattr(resource, "prlimit"):  # Linux alone has it
        # From outside: code that runs between fork and exec is not safe beside threads.
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_AS)
        unlimited = hard == resource.RLIM_INFINITY
        most = limits.memory_limit_bytes if unlimited else min(hard, limits.memory_limit_bytes)
        resource.prlimit(process.pid, resource.RLIMIT_AS, (most, hard))
    return process
