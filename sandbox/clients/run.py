"""The process: reads who there is, lets them act until told to stop, keeps what came of it in clients.json."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from sandbox.clients.market import Giver, Market, Person
from sandbox.clients.pace import Pace
from sandbox.clients.server import Server
from sandbox.clients.service import Service

_CUSTOMERS = 300
_WRITTEN_EVERY_S = 5.0
_READ_EVERY_S = 60.0
# What a form takes; the simulation has phones that nobody could ever have called, too.
_PHONE = re.compile(r"\+[1-9]\d{9,14}|08\d{8,12}")


@dataclass(frozen=True)
class Options:
    """What ``python -m sandbox clients`` was told. ``seconds``: then it ends, 0: when it is told to."""

    server: str
    project: str
    database: str
    services: str
    seed: int = 7
    gap_s: float = 120.0
    visits: int | None = None
    seconds: float = 0.0
    hurry: float = 1.0
    data: Path | None = None
    die_with_parent: bool = False


def run(options: Options) -> int:
    """Until SIGTERM or SIGINT, or until all is over where the visits or the time are limited. Prints what was answered
    how often, as one line of JSON."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = Server(options.server, options.project, options.database)
    server.enter()
    pace = Pace(stop, options.hurry)
    service = Service(options.services, server, stop)
    market = Market(
        service,
        server,
        pace,
        _customers(server),
        Providers(server),
        seed=options.seed,
        gap_s=options.gap_s,
        visits=options.visits,
    )
    began, parent = time.monotonic(), os.getppid()
    written = began

    def told() -> dict[str, Any]:
        return {"bookings": market.bookings, "failed": pace.failed, "answers": service.counted()}

    def over() -> bool:
        late = options.seconds and time.monotonic() - began > options.seconds
        return bool(late) or market.is_over or (options.die_with_parent and os.getppid() != parent)

    def each_step() -> None:
        nonlocal written
        if options.data is not None and time.monotonic() - written > _WRITTEN_EVERY_S:
            write(options.data, told())
            written = time.monotonic()

    market.open()
    pace.run(over, each_step)
    if options.data is not None:
        write(options.data, told())
    sys.stdout.write(json.dumps(told()) + "\n")
    return 0


def write(folder: Path, content: dict[str, Any]) -> None:
    """clients.json: which bookings came to be, how often each call was answered how. No name, no phone, no text."""
    new = folder / "clients.json.new"
    new.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    new.replace(folder / "clients.json")


def _customers(server: Server) -> list[Person]:
    found = [
        Person(row["$id"], row["name"], row["phone"])
        for row in server.rows("users", 2 * _CUSTOMERS)
        if row["role"] == "customer" and row["name"] and _PHONE.fullmatch(row["phone"] or "")
    ]
    return found[:_CUSTOMERS]


class Providers:
    """Those who may work, as the app shows them: read again after a while, for who is there changes."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._found, self._until = self._read(), time.monotonic() + _READ_EVERY_S

    def __call__(self) -> list[Giver]:
        if time.monotonic() > self._until:
            with contextlib.suppress(requests.RequestException):  # who was there a minute ago will do
                self._found = self._read()
            self._until = time.monotonic() + _READ_EVERY_S
        return self._found

    def _read(self) -> list[Giver]:
        found: list[Giver] = []
        for table in ("therapists", "places"):
            for row in self._server.rows(table, 1000):
                prices = _prices(row["pricing"])
                if row["status"] != "RESTRICTED" and prices.keys() >= {60, 90, 120}:
                    found.append(Giver(row["$id"], prices, row["status"] == "AVAILABLE"))
        return found


def _prices(written: str | None) -> dict[int, int]:
    """Rupiah by minutes; a row has thousands of them."""
    try:
        return {
            int(minutes): int(thousands) * 1000 for minutes, thousands in json.loads(written or "{}").items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}
