"""What can be said of the data before any figure is read: status.json, and whether it is empty, failed, stale
or fresh.

Pure but for read_status. Fields may be absent or of an older version: what is not there is unknown, never
fine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dashboards.wording import instant
from marketplace import health as rules
from marketplace.health import SCAN_AGE, SYSTEM_STATES
from messages.message import Message, messages_in


@dataclass(frozen=True)
class Condition:
    """The state of the data. ``state``: empty, fresh, stale, unknown; past where an older snapshot was asked for,
    damaged where the newest cannot be read; ``failed`` stands beside any, with what was ``said`` of the failure, which
    ``failure`` has in English."""

    state: str
    read_at: datetime | None
    age: timedelta | None
    behind: tuple[str, ...]
    failed: bool
    failure: str
    said: tuple[Message, ...]
    failed_at: datetime | None
    exit_status: int | None

    def counted_to(self, now: datetime) -> datetime:
        """The instant up to which ages of the data count: what is out of date grows no older on the page, for nobody
        knows what became of it since."""
        return now if self.state == "fresh" or self.read_at is None else min(now, self.read_at)


def read_status(path: Path) -> dict[str, Any] | None:
    """The content of status.json, or None where there is none or it is no JSON object (it is replaced by
    rename)."""
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError, UnicodeDecodeError):
        return None
    return content if isinstance(content, dict) else None


def part(status: dict[str, Any] | None, name: str) -> dict[str, Any]:
    """An object inside the status, empty where it is absent or something else."""
    value = (status or {}).get(name)
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[dict[str, Any]]:
    """The objects of a list, none where it is no list."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def collections(status: dict[str, Any] | None, scans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each collection and its latest scan: from the status where it says so, else from the snapshot's
    ops.scans."""
    return rows(part(status, "freshness").get("collections")) or scans


def points(status: dict[str, Any] | None, marts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The health points by number: from the status (it is younger, also after a failed run), else from the
    snapshot."""
    found = rows(part(status, "health").get("points")) or marts
    return sorted(found, key=lambda row: int(row.get("point") or 0))


def system_state(status: dict[str, Any] | None, health: list[dict[str, Any]]) -> str:
    """healthy, degraded, down or unknown: as the status says, else by the rule of the health points."""
    said = part(status, "health").get("system")
    if said in SYSTEM_STATES:
        return str(said)
    return rules.system_state((int(row.get("point") or 0), row.get("status")) for row in health).value


def judge(
    now: datetime, has_snapshot: bool, status: dict[str, Any] | None, scans: list[dict[str, Any]]
) -> Condition:
    """The condition of the data at ``now``: as old as the required collection that was completely read the
    longest ago."""
    required = [row for row in collections(status, scans) if row.get("required")]
    moments = {str(row.get("collection")): instant(row.get("completed_at")) for row in required}
    known = [moment for moment in moments.values() if moment is not None]
    read_at = min(known) if known else None
    behind = tuple(
        sorted(name for name, moment in moments.items() if moment is None or now - moment > SCAN_AGE)
    )
    if not has_snapshot:
        state = "empty"
    elif not moments:
        state = "unknown"
    else:
        state = "stale" if behind else "fresh"
    run = part(status, "run")
    exit_status = run.get("exit_status")
    return Condition(
        state=state,
        read_at=read_at,
        age=None if read_at is None else now - read_at,
        behind=behind,
        failed=run.get("outcome") == "failed",
        failure=str(run.get("message") or ""),
        said=messages_in(run.get("said")) or (),
        failed_at=instant(run.get("finished_at")) or instant((status or {}).get("written_at")),
        exit_status=exit_status if isinstance(exit_status, int) else None,
    )
