"""The little of HTTP that one program needs to ask another on the same machine, over a Unix socket.

`http.client` would do, but loading it, with all of TLS and e-mail, takes longer than an answer.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

LONGEST_PATH_BYTES = 107
"""What the kernel's `sun_path` holds beside its NUL; unix(7)."""

LONGEST_LINE_BYTES = 65536

AGAIN_S = 0.05


class Broken(OSError):  # noqa: N818 - what it is
    """What came is no whole answer of HTTP."""


@dataclass(frozen=True)
class Response:
    """An answer whose body is still to be read."""

    status: int
    #: Names in small letters.
    headers: dict[str, str]
    _file: BufferedReader

    def read(self) -> bytes:
        """Return the whole body.

        Raises:
            OSError: It broke off.
        """
        return b"".join(self.parts())

    def parts(self) -> Iterator[bytes]:
        """Yield the body as it comes.

        Raises:
            OSError: It broke off.
        """
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            yield from self._chunks()
        elif "content-length" in self.headers:
            yield self._exactly(_number(self.headers["content-length"], 10))
        else:
            while some := self._file.read1():
                yield some

    def _chunks(self) -> Iterator[bytes]:
        while size := _number(_line(self._file).partition(";")[0], 16):
            yield self._exactly(size)
            _line(self._file)

    def _exactly(self, size: int) -> bytes:
        body = self._file.read(size)
        if len(body) < size:
            raise Broken("the answer broke off")
        return body


def connected(path: Path, limit_s: float) -> socket.socket:
    """Return a connection to a socket; the caller closes it.

    Args:
        path: The socket, its path of any length.
        limit_s: How long connecting, and later each wait for bytes, may take.

    Raises:
        OSError: Nobody listens there, or not to us.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(limit_s)
    try:
        with short_address(path) as address:
            _connect(connection, address, time.monotonic() + limit_s)
    except OSError:
        connection.close()
        raise
    return connection


def _connect(connection: socket.socket, address: str, end_s: float) -> None:
    while True:
        try:
            connection.connect(address)
        except BlockingIOError:  # so many wait already to be let in; the kernel does not queue us
            if time.monotonic() >= end_s:
                raise
            time.sleep(AGAIN_S)
        else:
            return


@contextmanager
def answered(
    connection: socket.socket, method: str, target: str, body: bytes | None
) -> Iterator[Response]:
    """Send a request, with JSON if there is a body, and give the answer; then close the connection.

    Raises:
        OSError: There was no answer, or none of HTTP.
    """
    head = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close"]
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    with connection, connection.makefile("rb") as file:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may say why it hung up
            connection.sendall("\r\n".join([*head, "", ""]).encode("ascii") + (body or b""))
        yield _begun(file)


def _begun(file: BufferedReader) -> Response:
    version, _, status = _line(file).partition(" ")
    if not version.startswith("HTTP/1."):
        raise Broken("that was no answer of HTTP")
    headers = {}
    while line := _line(file):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Response(_number(status.partition(" ")[0], 10), headers, file)


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError as error:
        raise Broken("that was no answer of HTTP") from error


def _line(file: BufferedReader) -> str:
    line = file.readline(LONGEST_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise Broken("the answer broke off")
    return line.decode("latin-1").rstrip("\r\n")


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """Give a name of a socket that the kernel takes, however long its path is."""
    if len(os.fsencode(path)) <= LONGEST_PATH_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
