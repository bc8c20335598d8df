"""The API as a process: it listens, says where, runs the loops, and ends in good order when it is told to."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

import uvicorn

from resources.errors import UsageError
from resources.own_hosts import is_loopback
from services.api import at_the_edge, inner_app
from services.context import Services
from services.health import Examiner
from services.looping import Loops
from services.warming import warm

ENDS_WITHIN_S: Final = 5
"""Requests under way are answered within so long after it was told to end; streams are cut off."""
BACKLOG: Final = 256


def listening(host: str, port: int) -> socket.socket:
    """A socket that is bound, to a free port for 0. Raises UsageError where it cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as refused:
        listener.close()
        why = "in_use" if refused.errno == errno.EADDRINUSE else "unusable"
        raise UsageError.of(f"services.port_{why}", port=str(port), host=host) from None
    except OverflowError:
        listener.close()
        raise UsageError.of("services.port_none", port=str(port)) from None
    return listener


def _ended(signum: int, frame: object) -> None:
    """What a signal does that has done its work."""


class _Server(uvicorn.Server):
    """Says when it listens, and when it is to end."""

    def __init__(self, config: uvicorn.Config, told: Callable[[], None], ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._told, self._ending = told, ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._told()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending()
        await super().shutdown(sockets)


def serve(
    services: Services, listener: socket.socket, hosts: Iterable[str], tell: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or SIGINT. ``tell`` is told the endpoint as soon as it listens; ``hosts``: own names beside
    those of loopback."""
    host, port = listener.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    own = () if is_loopback(host) or host in ("0.0.0.0", "::") else (host,)
    app = inner_app(services)
    warm(services, app)
    config = uvicorn.Config(
        cast("Any", at_the_edge(app, services, (*hosts, *own))),
        log_level="error",
        access_log=False,  # a path may hold what nobody is to read
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=ENDS_WITHIN_S,
        lifespan="off",
    )
    loops = Loops(services)
    services.one(Examiner, Examiner).loops = loops
    server = _Server(config, lambda: tell(f"http://{name}:{port}"), services.ending)
    # uvicorn raises again what ended it: told to end, it has ended well.
    before = signal.signal(signal.SIGTERM, _ended)
    loops.start()
    try:
        server.run(sockets=[listener])
    finally:
        loops.stop()
        services.close()
        listener.close()
        signal.signal(signal.SIGTERM, before)
