"""Compares the figures of closed months with those of the snapshot before, and enters what changed in ledger.sqlite.

Both sides are the small mart month_figures. The entry is made before anything is published and says what it was
compared with: a run killed before it compares again, one killed after it finds the entry there. Only the marts
closed_month_changes and closed_month_gaps tell people; they are made from the ledger.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import duckdb

from marketplace.closed_months import finding_id, newest_closed_month
from marketplace.rules import RULES_VERSION
from resources.errors import BookwatchError
from resources.ledger import ClosedChange, ClosedGap, Ledger
from resources.run_context import RunContext
from resources.snapshots import current_snapshot, open_snapshot

#: The marts that are made after comparing.
OF_CLOSED_MONTHS: Final = ("closed_month_changes", "closed_month_gaps")

Figures = dict[tuple[date, str], int]


class _Incomparable(Exception):
    """Why the snapshot before says nothing about the figures now."""


def zone_offset(run: RunContext) -> timedelta:
    """The marketplace's zone now, as an offset from UTC."""
    offset = run.clock.now().astimezone(ZoneInfo(run.settings.bookwatch_timezone)).utcoffset()
    assert offset is not None
    return offset


def compare_closed_months(con: duckdb.DuckDBPyConnection, run: RunContext) -> ClosedGap | None:
    """Enter every figure of a month closed at the snapshot before that differs now; returns the gap where nothing could
    be compared.

    A month that was still open then is not compared: its figures could rightly move until it closed.
    """
    ledger = Ledger(run.home.ledger)
    now = run.clock.naive_now()
    previous_id: str | None = None
    try:
        previous_id, published_at, before = _previous(con, run)
    except _Incomparable as why:
        path = current_snapshot(run.home)
        gap = ClosedGap(run.run_id, path.stem if path else None, now, str(why))
        ledger.record_closed_gap(gap)
        return gap
    newest = newest_closed_month(min(now, published_at), zone_offset(run))
    current = _figures(con)
    changes = [
        ClosedChange(finding_id(figure, month, previous_id), month, figure, was, value, previous_id, now)
        for month, figure in sorted(before.keys() | current.keys())
        if month <= newest
        and (was := before.get((month, figure), 0)) != (value := current.get((month, figure), 0))
    ]
    ledger.record_closed_changes(previous_id, changes, run_id=run.run_id)
    return None


def _previous(con: duckdb.DuckDBPyConnection, run: RunContext) -> tuple[str, datetime, Figures]:
    """Id, instant and figures of the newest snapshot. Raises _Incomparable where they mean nothing."""
    path = current_snapshot(run.home)
    if path is None:
        raise _Incomparable("there was no snapshot before")
    try:
        with open_snapshot(path) as snapshot:
            described = snapshot.execute(
                "SELECT snapshot_id, published_at, rules_version FROM ops.snapshot"
            ).fetchone()
            zone = snapshot.execute("SELECT timezone FROM core.state").fetchone()
            if described is None or described[2] != RULES_VERSION:
                made_by = described[2] if described else "none"
                raise _Incomparable(
                    f"the snapshot before was made by rules version {made_by}, this one by {RULES_VERSION}"
                )
            if zone != con.execute("SELECT timezone FROM core.state").fetchone():
                raise _Incomparable("the snapshot before was made in another time zone")
            bounds = "SELECT amount_min, amount_max FROM core.state"
            if snapshot.execute(bounds).fetchone() != con.execute(bounds).fetchone():
                raise _Incomparable(
                    "the snapshot before believed other amounts (BOOKWATCH_AMOUNT_MIN and _MAX)"
                )
            return str(described[0]), described[1], _figures(snapshot)
    except (duckdb.Error, BookwatchError):
        raise _Incomparable("the snapshot before holds no readable figures by month") from None


def _figures(con: duckdb.DuckDBPyConnection) -> Figures:
    rows = con.execute("SELECT local_month, figure, value FROM marts.month_figures").fetchall()
    return {(month, figure): int(value) for month, figure, value in rows}
