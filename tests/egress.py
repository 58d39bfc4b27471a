"""Runs a program with every connection that it, or anything it starts, tries to make on record.

The kernel itself hands over each `connect` and each datagram that names an address (seccomp user
notification), so it does not matter who tries: Python, a native library, Rust, ffmpeg, or a child
of a child that has left its session. What is not allowed is refused.

What is seen was read from the memory of the program, which could change it before the kernel reads
it again (the manual's warning in `man seccomp_unotify`). So this shows what a program does that
does not hide; it is no sandbox for one that does.
"""

import ctypes
import errno
import fcntl
import ipaddress
import os
import platform
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NoReturn

# Machine: (AUDIT_ARCH_*, number of `seccomp`, {number: name of each call that is handed over}).
MACHINES = {
    "x86_64": (0xC000003E, 317, {42: "connect", 44: "sendto", 46: "sendmsg", 307: "sendmmsg"}),
    "aarch64": (0xC00000B7, 277, {203: "connect", 206: "sendto", 211: "sendmsg", 269: "sendmmsg"}),
}
IO_URING_SETUP = 425
X32_BIT = 0x40000000
"""From here on numbers of x86_64 mean calls of another form, which we would not recognise."""

PR_SET_NO_NEW_PRIVS = 38
SET_MODE_FILTER, NEW_LISTENER = 1, 8
RET_ALLOW, RET_USER_NOTIF, RET_ERRNO = 0x7FFF0000, 0x7FC00000, 0x00050000
NOTIF_RECV, NOTIF_SEND, NOTIF_ID_VALID = 0xC0502100, 0xC0182101, 0x40082102
CONTINUE = 1
# id, pid, flags; the call's number, arch, instruction pointer, six arguments.
NOTICE = struct.Struct("=QIIiIQ6Q")
# id, value, error, flags.
ANSWER = struct.Struct("=QqiI")
MESSAGE_BYTES = 64
"""Size of `struct mmsghdr`, which begins with a `struct msghdr`."""

MOST_MESSAGES = 1024
"""The kernel itself takes no more in one `sendmmsg`."""


class CannotWatch(Exception):  # noqa: N818 - a fact of the machine, not a failure of the test
    """This kernel, or the container around us, hands no calls over."""


@dataclass(frozen=True)
class Attempt:
    """A connection or a datagram that was tried."""

    pid: int
    #: The program's short name, as `ps` shows it.
    program: str
    call: str
    #: inet, inet6, unix, or the number of another family.
    family: str
    #: An IP address, a path (`@...` in the abstract space), or bytes in hexadecimal digits.
    address: str
    #: None where the family has no ports.
    port: int | None

    def __str__(self) -> str:
        where = self.address if self.port is None else f"{self.address} port {self.port}"
        return f"{self.program}[{self.pid}] {self.call} {self.family} {where}"


class Recorder:
    """Runs commands and notes where they connect to.

    What was started and is not seen to its end runs on. Talk with the kernel (netlink) and the end
    of a connection (an address of no family) go nowhere and are not noted.
    """

    def __init__(
        self, hosts: Collection[tuple[str, int]] = (), folders: Collection[Path] = ()
    ) -> None:
        """Take who may be connected to: IP addresses with their ports, and sockets in folders."""
        self._hosts = {(ipaddress.ip_address(host), port) for host, port in hosts}
        self._folders = [folder.resolve() for folder in folders]
        self._watchers: list[threading.Thread] = []
        self.allowed: list[Attempt] = []
        self.refused: list[Attempt] = []

    def wait(self, limit_s: float) -> bool:
        """Wait until all that was started, and was started by that, is gone; False if it is not."""
        end = time.monotonic() + limit_s
        for watcher in self._watchers:
            watcher.join(timeout=max(0.0, end - time.monotonic()))
        return not self.has_survivors

    @property
    def has_survivors(self) -> bool:
        """Whether anything that was started, or was started by that, still runs."""
        return any(watcher.is_alive() for watcher in self._watchers)

    def start(self, command: Sequence[str], **options: Any) -> "subprocess.Popen[str]":
        """Start a command as `subprocess.Popen` does, watched.

        Raises:
            CannotWatch: It cannot be; nothing was started.
        """
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", __file__, str(theirs.fileno()), *command],
                    pass_fds=[theirs.fileno()],
                    text=True,
                    **options,
                )
            told, listeners, _, _ = socket.recv_fds(ours, 1024, 1)
        if not listeners:
            process.communicate()
            raise CannotWatch(told.decode())
        watcher = threading.Thread(target=self._watch, args=(listeners[0],), daemon=True)
        watcher.start()
        self._watchers.append(watcher)
        return process

    def run(
        self, command: Sequence[str], limit_s: float = 60, **options: Any
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, watched."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with self.start(command, **pipes, **options) as process:
            try:
                out, err = process.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def _watch(self, listener: int) -> None:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        try:
            while not poll.poll()[0][1] & (select.POLLHUP | select.POLLERR | select.POLLNVAL):
                # The caller may have been killed meanwhile: then there is nothing to answer.
                with suppress(FileNotFoundError, InterruptedError):
                    self._answer(listener)
        finally:
            os.close(listener)

    def _answer(self, listener: int) -> None:
        notice = bytearray(NOTICE.size)
        fcntl.ioctl(listener, NOTIF_RECV, notice)
        call_id, pid, _, number, _, _, *arguments = NOTICE.unpack(notice)
        name = _calls()[number]
        try:
            attempts = [_attempt(pid, name, raw) for raw in _addresses(pid, name, arguments)]
        except OSError as error:
            attempts = [Attempt(pid, "?", name, "unreadable", str(error), None)]
        # Another process may have got the number of one that died; then this raises.
        fcntl.ioctl(listener, NOTIF_ID_VALID, struct.pack("=Q", call_id))
        refused = [one for one in attempts if one is not None and not self._may(one)]
        self.refused += refused
        self.allowed += [one for one in attempts if one is not None and one not in refused]
        reply = (0, 0, -errno.ENETUNREACH, 0) if refused else (0, 0, 0, CONTINUE)
        fcntl.ioctl(listener, NOTIF_SEND, bytearray(ANSWER.pack(call_id, *reply[1:])))

    def _may(self, attempt: Attempt) -> bool:
        if attempt.family == "unix":
            path = Path(attempt.address).resolve()
            return any(path.is_relative_to(folder) for folder in self._folders)
        if attempt.port is None:
            return False
        return (ipaddress.ip_address(attempt.address), attempt.port) in self._hosts


def watching(hosts: Collection[tuple[str, int]] = (), folders: Collection[Path] = ()) -> Recorder:
    """Return a recorder; where there can be none, the test that asks for it is skipped."""
    try:
        Recorder().run(["true"])
    except CannotWatch as error:
        # Not above, where the program that is to be watched begins with this file.
        import pytest

        from tests.ci_skips import NO_WATCHING

        pytest.skip(f"{NO_WATCHING}: {error}")
    return Recorder(hosts, folders)


def _calls() -> dict[int, str]:
    return MACHINES[platform.machine()][2]


def _addresses(pid: int, name: str, arguments: Sequence[int]) -> Iterator[bytes]:
    """Yield each address that a call names, as the bytes of a `sockaddr`."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:

        def read(at: int, count: int) -> bytes:
            memory.seek(at)
            return memory.read(count)

        def of_message(at: int) -> Iterator[bytes]:
            address, length = struct.unpack("=QI", read(at, 12))
            if address and length:
                yield read(address, min(length, 128))

        if name == "connect":
            yield read(arguments[1], min(arguments[2], 128))
        elif name == "sendto":
            yield read(arguments[4], min(arguments[5], 128))
        elif name == "sendmsg":
            yield from of_message(arguments[1])
        else:
            for number in range(min(arguments[2], MOST_MESSAGES)):
                yield from of_message(arguments[1] + number * MESSAGE_BYTES)


def _attempt(pid: int, call: str, raw: bytes) -> Attempt | None:
    """Return what a `sockaddr` means; None where it goes nowhere."""
    family = int.from_bytes(raw[:2], sys.byteorder)
    if family in (socket.AF_UNSPEC, socket.AF_NETLINK):
        return None
    port: int | None = None
    if family == socket.AF_INET:
        kind, address, port = "inet", socket.inet_ntop(family, raw[4:8]), _port(raw)
    elif family == socket.AF_INET6:
        full = ipaddress.IPv6Address(raw[8:24])
        kind, address, port = "inet6", str(full.ipv4_mapped or full), _port(raw)
    elif family == socket.AF_UNIX:
        kind, address = "unix", _unix_path(pid, raw[2:])
    else:
        kind, address = str(family), raw[2:].hex()
    program = Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    return Attempt(pid, program, call, kind, address, port)


def _port(raw: bytes) -> int:
    return int.from_bytes(raw[2:4], "big")


def _unix_path(pid: int, raw: bytes) -> str:
    if raw[:1] == b"\0":
        return "@" + raw[1:].decode(errors="replace")
    path = os.fsdecode(raw.split(b"\0")[0])
    return str(Path(f"/proc/{pid}/cwd").readlink() / path)


def _filter(audit_arch: int, calls: dict[int, str]) -> bytes:
    """Return the filter: hand over the calls that name an address, and have no io_uring."""
    numbers = {name: number for number, name in calls.items()}
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    # Code, jump if true, jump if false, value. Jumps are to these three lines, counted from there.
    allow, notify, refuse = 13, 14, 15
    lines = [
        (load, 0, 0, 4),  # the architecture
        (equal, 2, refuse, audit_arch),
        (load, 0, 0, 0),  # the call
        (at_least, refuse, 4, X32_BIT),
        (equal, refuse, 5, IO_URING_SETUP),
        (equal, notify, 6, numbers["connect"]),
        (equal, notify, 7, numbers["sendmsg"]),
        (equal, notify, 8, numbers["sendmmsg"]),
        (equal, 9, allow, numbers["sendto"]),
        (load, 0, 0, 48),  # its address: two halves; none where the socket is connected
        (equal, 11, notify, 0),
        (load, 0, 0, 52),
        (equal, allow, notify, 0),
        (give, 0, 0, RET_ALLOW),
        (give, 0, 0, RET_USER_NOTIF),
        (give, 0, 0, RET_ERRNO | errno.ENOSYS),
    ]
    packed = b""
    for here, (code, yes, no, value) in enumerate(lines):
        jumps = (yes - here - 1, no - here - 1) if code in (equal, at_least) else (0, 0)
        packed += struct.pack("=HBBI", code, *jumps, value)
    return packed


def _install() -> int:
    """Have the calls of this thread, and of all that it starts, handed over; return the listener.

    Raises:
        OSError: It cannot be done here.
    """
    if platform.machine() not in MACHINES:
        raise OSError(errno.ENOSYS, f"numbers of calls are not known for {platform.machine()}")
    audit_arch, seccomp, calls = MACHINES[platform.machine()]
    lines = _filter(audit_arch, calls)
    text = ctypes.create_string_buffer(lines, len(lines))
    program = struct.pack("@HxxxxxxQ", len(lines) // 8, ctypes.addressof(text))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    listener: int = libc.syscall(seccomp, SET_MODE_FILTER, NEW_LISTENER, program)
    if listener < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return listener


def _become(channel: int, command: Sequence[str]) -> NoReturn:
    """Become the command, watched by whoever holds the other end of the channel."""
    with socket.socket(fileno=channel) as to_watcher:
        made: SimpleQueue[int] = SimpleQueue()
        # The listener is passed on by a call that is handed over too, and nobody listens yet; so a
        # thread does it that is older than the filter and therefore free of it.
        teller = threading.Thread(
            target=lambda: socket.send_fds(to_watcher, [b"watched"], [made.get()]), daemon=True
        )
        teller.start()
        try:
            made.put(_install())
        except OSError as error:
            to_watcher.send(str(error).encode())
            os._exit(os.EX_UNAVAILABLE)
        teller.join()
    os.execvp(command[0], list(command))


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
