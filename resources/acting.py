"""The switch that ends all acting on the marketplace: a file of the home. While it is there, whatever stands in it, no
call that writes is made; who put it there stands in it and in the ledger.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from resources.home import Home
from resources.instants import optional_instant_of, text_of
from resources.ledger.actions import Actions
from resources.own_files import no_link, replace, sync


@dataclass(frozen=True)
class Stop:
    """That acting is stopped. ``by`` is '' and ``at`` None where the file was put there by hand."""

    by: str = ""
    reason: str = ""
    at: datetime | None = None


def is_stopped(home: Home) -> bool:
    """Whether acting is stopped now: asked before each call."""
    try:
        home.operations_stop.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True  # who cannot look does not act
    return True


def stopped(home: Home) -> Stop | None:
    """Who stopped acting, and why; None where it goes on."""
    if not is_stopped(home):
        return None
    try:
        with open(home.operations_stop, encoding="utf-8", opener=no_link) as file:
            held: object = json.load(file)
        told = cast("dict[str, Any]", held if isinstance(held, dict) else {})
        return Stop(str(told.get("by", "")), str(told.get("reason", "")), optional_instant_of(told.get("at")))
    except (OSError, ValueError, TypeError):
        return Stop()


def stop(home: Home, *, by: str, reason: str, at: datetime) -> None:
    """End all acting at once: a run that is at it makes no further call. Raises OSError where the file cannot be
    written, sqlite3.Error where the ledger cannot; the file is there by then."""
    home.create()
    said = {"by": by, "reason": reason, "at": text_of(at)}
    replace(home.operations_stop, json.dumps(said, ensure_ascii=False).encode())
    Actions(home.ledger).log_switch("stopped", by=by, reason=reason, at=at)


def resume(home: Home, *, by: str, reason: str, at: datetime) -> bool:
    """Let acting go on; whether it was stopped. Raises OSError, sqlite3.Error: then it stays stopped."""
    if not is_stopped(home):
        return False
    Actions(home.ledger).log_switch("resumed", by=by, reason=reason, at=at)
    home.operations_stop.unlink(missing_ok=True)
    sync(home.operations_stop.parent)
    return True
