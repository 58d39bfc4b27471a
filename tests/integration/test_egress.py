"""The recorder of connections itself: whoever tries, and however, is seen and refused."""

import errno
import socket
import sys
from pathlib import Path

import pytest

from tests.egress import Recorder, watching

# Addresses that the standards keep for documentation: nobody is there.
NOWHERE, NOWHERE6 = "192.0.2.1", "2001:db8::1"

C_LEVEL = f"""
import ctypes, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
plug = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
where = struct.pack("!H4s8x", 82, socket.inet_aton("{NOWHERE}"))
address = struct.pack("=H", socket.AF_INET) + where
libc.connect(plug, address, len(address))
sys.exit(ctypes.get_errno())
"""

DATAGRAMS = f"""
import ctypes, errno, socket, struct
plug = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
to = ("{NOWHERE}", 53)
raw = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", 54, socket.inet_aton("{NOWHERE}"))
libc = ctypes.CDLL(None, use_errno=True)
name = ctypes.create_string_buffer(raw, len(raw))
one = struct.pack("@PI4xPNPNi4x", ctypes.addressof(name), len(raw), 0, 0, 0, 0, 0) + bytes(8)
for send in (
    lambda: plug.sendto(b"?", to),
    lambda: plug.sendmsg([b"?"], [], 0, to),
):
    try:
        send()
    except OSError as error:
        assert error.errno == errno.ENETUNREACH, error
    else:
        raise AssertionError("it was sent")
assert libc.sendmmsg(plug.fileno(), bytes(64) + one, 2, 0) == -1
"""

IO_URING = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall(425, 1, ctypes.create_string_buffer(256))
sys.exit(ctypes.get_errno())
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def connect(address: str, port: int) -> list[str]:
    family = "AF_INET6" if ":" in address else "AF_INET"
    made = f"socket.socket(socket.{family}).connect_ex(('{address}', {port}))"
    return python(f"import socket, sys; sys.exit({made})")


def where(recorder: Recorder) -> set[tuple[str, str, str, int | None]]:
    return {(one.program, one.call, one.address, one.port) for one in recorder.refused}


@pytest.fixture
def recorder() -> Recorder:
    return watching()


def test_command_runs_as_it_would_alone(recorder: Recorder) -> None:
    done = recorder.run(["sh", "-c", "echo out; echo err >&2; exit 7"])

    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    assert recorder.refused == recorder.allowed == []


@pytest.mark.parametrize("address", [NOWHERE, NOWHERE6, "127.0.0.1"])
def test_python_is_seen_and_refused(recorder: Recorder, address: str) -> None:
    done = recorder.run(connect(address, 81))

    assert done.returncode == errno.ENETUNREACH
    assert [(one.address, one.port) for one in recorder.refused] == [(address, 81)]


def test_native_code_is_seen(recorder: Recorder) -> None:
    assert recorder.run(python(C_LEVEL)).returncode == errno.ENETUNREACH
    assert [(one.address, one.port) for one in recorder.refused] == [(NOWHERE, 82)]


def test_ffmpeg_is_seen(recorder: Recorder) -> None:
    recorder.run(["ffmpeg", "-v", "error", "-i", f"http://{NOWHERE}:83/a.mp4", "-f", "null", "-"])

    assert where(recorder) == {("ffmpeg", "connect", NOWHERE, 83)}


def test_child_of_a_child_that_left_is_seen(recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "far.py").write_text(C_LEVEL)

    done = recorder.run(
        ["sh", "-c", f"setsid sh -c '(sleep 0.1; {sys.executable} {tmp_path}/far.py) &' >&- 2>&-"]
    )

    assert done.returncode == 0
    assert recorder.has_survivors
    assert recorder.wait(30)
    assert [(one.address, one.port) for one in recorder.refused] == [(NOWHERE, 82)]


def test_looking_up_a_name_is_seen(recorder: Recorder) -> None:
    recorder.run(
        python("import socket\ntry: socket.getaddrinfo('nas.example', 80)\nexcept OSError: 0")
    )

    assert recorder.refused


def test_datagrams_are_seen(recorder: Recorder) -> None:
    done = recorder.run(python(DATAGRAMS))

    assert done.returncode == 0, done.stderr
    assert [(one.call, one.port) for one in recorder.refused] == [
        ("sendto", 53),
        ("sendmsg", 53),
        ("sendmmsg", 54),
    ]


def test_there_is_no_way_around_by_io_uring(recorder: Recorder) -> None:
    assert recorder.run(python(IO_URING)).returncode == errno.ENOSYS


def test_sockets_of_other_programs_are_refused(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    codes = []
    recorder = watching(folders=[ours])
    for folder in (ours, theirs):
        folder.mkdir()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "s"))
            listener.listen()
            code = "import socket, sys; p = socket.socket(socket.AF_UNIX); "
            code += f"sys.exit(p.connect_ex('{ours}/../{folder.name}/s'))"
            codes.append(recorder.run(python(code)).returncode)

    assert codes == [0, errno.ENETUNREACH]
    assert [one.address for one in recorder.allowed] == [f"{ours}/../ours/s"]
    assert [one.address for one in recorder.refused] == [f"{ours}/../theirs/s"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_allowed_host_is_reached_and_no_other_port_of_it(address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        recorder = watching(hosts=[("127.0.0.1", port)])
        codes = [recorder.run(connect(address, to)).returncode for to in (port, port ^ 1)]

    assert codes == [0, errno.ENETUNREACH]
    assert [one.port for one in recorder.allowed] == [port]
    assert [one.port for one in recorder.refused] == [port ^ 1]
