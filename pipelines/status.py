"""What status.json says: freshness, checks, health, commission, the run. Gathers; computes no figure."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

import duckdb

from marketplace.health import DAY, HEALTH_POINTS, PointStatus, SystemState, system_state
from marketplace.rules import RULES_VERSION
from messages.catalogue import english
from messages.figures import counted_in
from messages.message import as_message
from messages.rules import component
from pipelines.health_fallback import unmeasured
from resources.errors import BookwatchError
from resources.instants import z_text_of
from resources.ledger import Ledger
from resources.run_report import RunReport
from resources.snapshots import current_snapshot, open_snapshot
from resources.status_file import read_status

SHOWN_ERRORS = 20


def _instant(value: datetime | None) -> str | None:
    return z_text_of(value, "seconds")


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    result = con.execute(query)
    names = [column[0] for column in result.description or ()]
    return [
        {
            name: _instant(value) if isinstance(value, datetime) else value
            for name, value in zip(names, row, strict=True)
        }
        for row in result.fetchall()
    ]


def _figures(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Health, commission, freshness and quarantine as the warehouse (or a snapshot) now holds them."""
    points = _rows(con, "SELECT * FROM marts.health_points ORDER BY point")
    commission = _rows(con, "SELECT * FROM marts.commission_summary")
    newest = con.execute(
        "SELECT max(created_at) FROM core.bookings WHERE NOT is_test AND deleted_at IS NULL"
    ).fetchone()
    quarantine = con.execute("SELECT count(*), min(first_seen_at) FROM ops.quarantine").fetchone() or (
        0,
        None,
    )
    reasons = con.execute(
        """SELECT reason, count(*)
           FROM (SELECT unnest(from_json(reasons, '["VARCHAR"]')) AS reason FROM ops.quarantine)
           GROUP BY 1 ORDER BY 2 DESC, 1"""
    ).fetchall()
    return {
        "freshness": {
            "newest_booking_at": _instant(newest[0]) if newest else None,
            "collections": _rows(con, "SELECT * FROM ops.scans ORDER BY collection"),
        },
        "health": {
            "system": system_state([(p["point"], p["status"]) for p in points]).value,
            "points": points,
        },
        "commission": commission[0] if commission else None,
        "quarantine": {
            "count": quarantine[0],
            "oldest_first_seen_at": _instant(quarantine[1]),
            "reasons": dict(reasons),
        },
    }


def _errors(con: duckdb.DuckDBPyConnection, now: datetime) -> dict[str, Any]:
    """The error events of the last 24 hours: how many, of which severity, and the newest."""
    since = f"called_at > TIMESTAMP '{now - DAY}'"
    counts = con.execute(
        f"SELECT severity, count(*) FROM ops.errors WHERE {since} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return {
        "last_24h": sum(count for _, count in counts),
        "by_severity": dict(counts),
        "recent": _rows(
            con,
            "SELECT called_at, severity, category, operation, collection, reason, status FROM ops.errors"
            f" WHERE {since} ORDER BY called_at DESC, call_number DESC LIMIT {SHOWN_ERRORS}",
        ),
    }


def _unmeasured(run: RunReport, before: dict[str, Any]) -> dict[str, Any]:
    """The last figures, with health unknown: what could not be measured is never shown as the last good verdict."""
    told = {point["point"]: point for point in before.get("health", {}).get("points", [])}
    said = unmeasured(run.failure)
    points = [
        {
            "name": point.name,
            "limit_value": point.limit,
            "severity": point.severity.value,
            "evidence_at": None,
            "component": english(component(number)),
            "unit": counted_in(point.metric),
            **told.get(number, {}),
            "point": number,
            "status": PointStatus.UNKNOWN.value,
            "figure": None,
            "message": english(said),
            "code": said.code,
            "args": said.args_json,
        }
        for number, point in HEALTH_POINTS.items()
    ]
    kept = {part: before[part] for part in ("freshness", "commission", "quarantine") if part in before}
    return {**kept, "health": {"system": SystemState.UNKNOWN.value, "points": points}}


def _measure(run: RunReport, before: dict[str, Any]) -> dict[str, Any]:
    """This run's figures, or those of what is there where it stopped before its marts
    (pipelines/health_fallback.py), each point with the instant since when it is so."""
    found = None
    if run.points_judged and not run.stopped:
        try:
            with run.warehouse.open() as con:
                found = {**_figures(con), "errors": _errors(con, run.clock.naive_now())}
        except (duckdb.Error, OSError, BookwatchError):
            found = None
    found = found or _unmeasured(run, before)
    try:
        since = Ledger(run.home.ledger).health_since()
    except sqlite3.Error:
        since = {}  # the run says itself that its ledger cannot be read
    for point in found["health"]["points"]:
        point["since"] = _instant(since.get(point["point"]))
    return found


def _snapshot(run: RunReport) -> dict[str, Any] | None:
    """The newest snapshot and its age; None where there is none that can be read."""
    if run.published and run.published.published_at:
        return _shown(run, run.published.snapshot_id, run.published.published_at)
    current = current_snapshot(run.home)
    if current is None:
        return None
    try:
        with open_snapshot(current) as con:
            row = con.execute("SELECT snapshot_id, published_at FROM ops.snapshot").fetchone()
    except (duckdb.Error, BookwatchError):
        return None  # damaged: readers are told by themselves; that a run failed must be told all the same
    if row is None:
        return None
    return _shown(run, row[0], row[1])


def _shown(run: RunReport, snapshot_id: str, published_at: datetime) -> dict[str, Any]:
    age = (run.clock.naive_now() - published_at).total_seconds()
    return {
        "snapshot_id": snapshot_id,
        "published_at": _instant(published_at),
        "age_s": max(0, round(age)),
    }


def run_status(run: RunReport) -> dict[str, Any]:
    """The content of status.json after this run, whether it published or failed; its alerts are alerting/turn.py's."""
    now = run.clock.now()
    before = read_status(run.home) or {}
    outcome = "unchanged"
    if run.failure:
        outcome = "failed"
    elif run.snapshot_changed:
        outcome = "published"
    elif run.postponed:
        outcome = "postponed"
    status: dict[str, Any] = {
        "version": 1,
        "written_at": _instant(now),
        "run_id": run.run_id,
        "run": {
            "outcome": outcome,
            "exit_status": run.exit_status,
            "message": str(run.failure) if run.failure else "",
            "said": [sentence.plain for sentence in run.failure.said] if run.failure else [],
            # What failed after the snapshot was published.
            "warnings": [
                {
                    "step": warning.step,
                    "problem": warning.problem,
                    "said": as_message(warning.words).plain,
                }
                for warning in run.warnings
            ],
            "started_at": _instant(run.started_at),
            "finished_at": _instant(now),
            # Of the newest copy, also where this run made none: it says how soon the next may follow.
            "publishing_seconds": round(run.published.seconds, 3)
            if run.published and run.published.changed
            else before.get("run", {}).get("publishing_seconds", 0),
        },
        "snapshot": _snapshot(run),
        "freshness": {"newest_booking_at": None, "collections": []},
        "health": {"system": SystemState.UNKNOWN.value, "points": []},
        "commission": None,
        "quarantine": {"count": 0, "oldest_first_seen_at": None, "reasons": {}},
        # Null: they could not be counted.
        "errors": None,
        "rules_version": RULES_VERSION,
    }
    status.update(_measure(run, before))
    if run.scans:
        marks = {c["collection"]: c for c in status["freshness"].get("collections", [])}
        status["freshness"]["collections"] = [
            {
                "watermark": None,
                "completed_at": None,
                **marks.get(scan.collection, {}),
                "collection": scan.collection,
                "required": scan.required,
                "outcome": scan.outcome,
                "detail": scan.detail,
                "said": as_message(scan.why).plain if scan.why else None,
            }
            for scan in run.scans
        ]
    failing = run.failed_checks
    status["checks"] = {
        "passed": len(run.checks) - len(failing),
        "failed": len(failing),
        "failing": [
            {
                "check_name": check.check_name,
                "asset": check.asset,
                "severity": check.severity,
                "failed_rows": check.failed_rows,
                "detail": check.detail,
            }
            for check in failing
        ],
    }
    return status
