"""Listens and answers, in a thread of its own, until it is told to end."""

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from mediaindex.api.app import build
from mediaindex.api.auth import Guard, token
from mediaindex.api.house import House
from mediaindex.api.metrics import Metrics
from mediaindex.api.sockets import split_listen, tcp_socket, unix_socket
from mediaindex.api.turns import AT_ONCE
from mediaindex.daemon.service import Service

log = logging.getLogger(__name__)

THREADS_BESIDE = 16
"""For all that is asked besides questions: these never wait for one."""

MOST_CONNECTIONS = 256
"""On TCP: whoever opens more without saying anything must not take our open files."""

SPEAKS_WITHIN_S = 20.0

GRACE_S = 1
"""So long may answers take that are being given when the door closes."""

LEAVES_WITHIN_S = 5.0


@dataclass(frozen=True)
class Doors:
    """Where the daemon is asked."""

    socket: Path
    #: Host and port; None: TCP is not open.
    listen: tuple[str, int] | None
    _thread: threading.Thread

    @property
    def are_open(self) -> bool:
        """Whether somebody stands at them."""
        return self._thread.is_alive()


@contextmanager
def serve(
    service: Service,
    *,
    is_alive: Callable[[], bool] = lambda: True,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[Doors]:
    """Answer at the Unix socket, and on TCP if the settings say so, until the end of the block.

    What the settings say of `serve` holds until then; a change takes another start.

    Args:
        service: Who is asked.
        is_alive: Whether its work goes on; False makes `/health` say that it hangs.
        environ: The environment, for the token that systemd hands over.

    Raises:
        AlreadyRunning: Another daemon answers at the socket.
        ConfigError: There is no token for TCP, or nobody can listen where the settings say.
    """
    house = House(service, is_alive, Metrics(service))
    app = build(house)
    section = service.config.settings.serve
    with ExitStack() as stack:
        servers = []
        listen = None
        if section.listen is not None:
            host, port = split_listen(section.listen)
            guarded = Guard(app, token(service.config, environ), [host.lower()])
            opened = stack.enter_context(tcp_socket(host, port))
            listen = (host, int(opened.getsockname()[1]))
            servers.append((_server(guarded, Wary), opened))
        path = service.config.socket_path
        # Elsewhere its folder was made for those who may ask: /run/mediaindex for a group.
        mode = 0o600 if path.parent == service.config.state_dir else 0o660
        servers.append((_server(app, H11Protocol), stack.enter_context(unix_socket(path, mode))))
        thread = threading.Thread(target=_run, args=[servers], name="api", daemon=True)
        thread.start()
        stack.callback(_close, house, [server for server, _ in servers], thread)
        yield Doors(path, listen, thread)


class Wary(H11Protocol):
    """Bounds how many are connected, and how long one may say nothing at first."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or hang up."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._hang_up = self.loop.call_later(SPEAKS_WITHIN_S, self._hang_up_on_silence)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        super().connection_lost(exc)
        if hasattr(self, "_hang_up"):
            self._hang_up.cancel()

    def _hang_up_on_silence(self) -> None:
        if self.cycle is None:  # no request has come in whole
            self.transport.close()


def _server(app: ASGIApp, protocol: type[asyncio.Protocol]) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
        )
    )


def _run(servers: list[tuple[uvicorn.Server, socket.socket]]) -> None:
    try:
        asyncio.run(_serve(servers))
    except Exception:
        log.exception("the daemon cannot be asked any more")
        raise


async def _serve(servers: list[tuple[uvicorn.Server, socket.socket]]) -> None:
    threads = anyio.to_thread.current_default_thread_limiter()
    threads.total_tokens = AT_ONCE + THREADS_BESIDE
    await asyncio.gather(*(server.serve([opened]) for server, opened in servers))
    for server, _ in servers:  # whoever is still connected has had the time of grace
        for connection in list(server.server_state.connections):
            connection.transport.abort()
    await asyncio.sleep(0)  # and is let go of


def _close(house: House, servers: list[uvicorn.Server], thread: threading.Thread) -> None:
    house.closing.set()
    for server in servers:
        server.should_exit = True
    thread.join(LEAVES_WITHIN_S)
    if thread.is_alive():
        log.warning("the doors do not close within %.0f s", LEAVES_WITHIN_S)
