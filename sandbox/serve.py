"""Starts the stand-in: binds loopback, fills it, says where it is, serves until told to stop."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

import uvicorn
from starlette.middleware.trustedhost import TrustedHostMiddleware

from sandbox.options import DATABASE, Options
from sandbox.server.app import Api
from sandbox.server.control.control import Control
from sandbox.server.keys import ALL_SCOPES, READ_SCOPES
from sandbox.storage.clock import Clock
from sandbox.storage.store import Store

PROJECT = "lab"


class _Announcing(uvicorn.Server):
    """Says where it is once it answers, on the first line of standard output."""

    def __init__(self, config: uvicorn.Config, told: dict[str, str], as_json: bool) -> None:
        super().__init__(config)
        self.told, self.as_json = told, as_json

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        if self.as_json:
            sys.stdout.write(json.dumps(self.told) + "\n")
        else:
            sys.stdout.write("".join(f"{name:14} {value}\n" for name, value in self.told.items()))
        sys.stdout.flush()


def bind(host: str, port: int) -> socket.socket:
    """A socket on loopback. Raises ValueError for any other address, OSError if the port is taken."""
    address = "127.0.0.1" if host == "localhost" else host
    if not ipaddress.ip_address(address).is_loopback:
        raise ValueError(f"The sandbox serves loopback only, not {host}.")
    listening = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address, port))
    except OSError:
        listening.close()
        raise
    return listening


def serve(options: Options) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit status."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    if options.die_with_parent:
        threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()
    listening = bind(options.host, options.port)
    folder = options.data or Path(tempfile.mkdtemp(prefix="bookwatch-sandbox-"))
    store = Store(folder, Clock(options.until if not options.empty else None))
    stop = threading.Event()
    try:
        api = Api(store, PROJECT)
        keys = store.meta("keys") or {
            "full": api.keys.add(ALL_SCOPES),
            "read_only": api.keys.add(READ_SCOPES),
        }
        store.set_meta("keys", keys)
        api.keys.add(ALL_SCOPES, keys["full"])
        api.keys.add(READ_SCOPES, keys["read_only"])
        disturb = None
        if not options.empty:
            from sandbox.marketplace import open_marketplace  # 50 ms that an empty start is spared

            disturb = open_marketplace(store, options, stop)
        address, port = listening.getsockname()[:2]
        name = f"[{address}]" if ":" in address else address
        told = {
            "endpoint": f"http://{name}:{port}/v1",
            "project": PROJECT,
            "key": keys["full"],
            "read_only_key": keys["read_only"],
            "database": DATABASE,
            "data": str(folder),
        }
        config = uvicorn.Config(
            # A page whose own name points to loopback could read it all.
            TrustedHostMiddleware(
                Control(api, disturb),
                ["localhost", "127.0.0.1", "[::1]", name],
                www_redirect=False,
            ),
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            http="httptools",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
            lifespan="off",
        )
        server = _Announcing(config, told, options.as_json)
        server.run(sockets=[listening])
        return 0
    finally:
        stop.set()
        listening.close()
        store.close()
        if options.data is None:
            shutil.rmtree(folder, ignore_errors=True)


def _stop(number: int, _frame: object) -> None:
    """End by unwinding, so that the temporary folder goes; uvicorn raises its signals again at its end."""
    raise SystemExit(0)


def _follow(parent: int) -> None:
    """End with the process that started this one."""
    while os.getppid() == parent:
        time.sleep(0.5)  # a parent that dies tells nobody: its number is looked at
    os.kill(os.getpid(), signal.SIGTERM)
