"""Listens and answers, in a thread of its own, until it is told to end."""

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio.to_thread
import uvicorn
from starlette.types import ASGIApp

from mediaindex.api.app import build
from mediaindex.api.auth import Guard
from mediaindex.api.complaints import Complaints, is_news
from mediaindex.api.house import House
from mediaindex.api.metrics import Metrics
from mediaindex.api.slots import Slots, allow_open_files
from mediaindex.api.sockets import BACKLOG, tcp_socket, unix_socket
from mediaindex.api.turns import AT_ONCE
from mediaindex.api.wary import Wary
from mediaindex.daemon.service import Service
from mediaindex.listening import split_listen, token

log = logging.getLogger(__name__)

THREADS_BESIDE = 16
"""For all that is asked besides questions: these never wait for one."""

MOST_CONNECTIONS = 256
"""On TCP, of which one address may hold a quarter: whoever opens more without saying anything must
not take our open files."""

MOST_ON_SOCKET = 1024

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
        files = allow_open_files()
        if section.listen is not None:
            host, port = split_listen(section.listen)
            guarded = Guard(
                app,
                token(service.config, environ),
                [host.lower()],
                lambda: service.hook_secret,
            )
            opened = stack.enter_context(tcp_socket(host, port))
            listen = (host, int(opened.getsockname()[1]))
            most = min(MOST_CONNECTIONS, files // 8)
            servers.append((_server(guarded, Slots(most, max(1, most // 4))), opened))
        path = service.config.socket_path
        local = Slots(min(MOST_ON_SOCKET, files // 4))
        # Elsewhere its folder was made for those who may ask: /run/mediaindex for a group.
        mode = 0o600 if path.parent == service.config.state_dir else 0o660
        servers.append((_server(app, local), stack.enter_context(unix_socket(path, mode))))
        thread = threading.Thread(target=_run, args=[servers], name="api", daemon=True)
        thread.start()
        stack.callback(_close, house, [server for server, _ in servers], thread)
        yield Doors(path, listen, thread)


def _server(app: ASGIApp, slots: Slots) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            http=partial(Wary, slots),  # type: ignore[arg-type]
            # So many are taken in before the first of them can be hung up on.
            backlog=BACKLOG,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.ERROR,  # what is below is for whoever sends nonsense
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
    asyncio.get_running_loop().set_exception_handler(Complaints())
    logging.getLogger("uvicorn.error").addFilter(is_news)
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
