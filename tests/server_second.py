"""Which servers were written to since their last run: a scan without a safety lag ends at the latest whole second that
the server told, so the server's clock is moved past what was written instead of waited for. Holds no test."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sandbox_server import SandboxProcess

_written: dict[str, SandboxProcess] = {}


def after_this_second() -> None:
    """Wait until the second of what was just written is over: for a server that starts again, with its own clock."""
    time.sleep(1.05 - time.time() % 1)  # seconds are what its clock counts in


def wrote(server: SandboxProcess) -> None:
    """A row was written now, which the next run is to read."""
    _written[server.endpoint] = server


def settled(endpoint: str) -> None:
    """Let the second of what was written to this server be over."""
    server = _written.pop(endpoint, None)
    if server is not None:
        server.a_second_passes()
