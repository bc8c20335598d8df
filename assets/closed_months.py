"""Compares the figures of closed months with those of a snapshot before, and enters what changed in ledger.sqlite.

Both sides are the small mart month_figures, made from scans that came to their end: a run whose own did not compares
nothing, and a snapshot made from such is passed over for the one before it. The entry is made before anything is
published and says what it was compared with: a run killed before it compares again, one killed after it finds the
entry there. Only the marts closed_month_changes and closed_month_gaps tell people; they are made from the ledger.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import duckdb
import orjson

from marketplace.closed_months import MONTH_COLLECTIONS, finding_id, newest_closed_month
from marketplace.events import NOT_THERE, ScanOutcome
from marketplace.rules import RULES_VERSION
from messages.catalogue import say
from messages.message import Message
from resources.errors import BookwatchError
from resources.home import Home
from resources.ledger import ClosedChange, ClosedGap, Ledger
from resources.run_report import Run
from resources.snapshots import open_snapshot, published_snapshots

#: The marts that are made after comparing.
OF_CLOSED_MONTHS: Final = ("closed_month_changes", "closed_month_gaps")

Figures = dict[tuple[date, str], int]


class _Uncompared(Exception):
    """Why nothing was compared, as a message."""

    def __init__(self, code: str, **args: str | list[str]) -> None:
        super().__init__(code)
        self.message = Message(f"gap.{code}", args)


class _Incomparable(_Uncompared):
    """Why the snapshot before says nothing about the figures now."""


class _Incomplete(_Uncompared):
    """Why figures may lack what was there."""


def zone_offset(run: Run) -> timedelta:
    """The marketplace's zone now, as an offset from UTC."""
    offset = run.clock.now().astimezone(ZoneInfo(run.settings.timezone)).utcoffset()
    assert offset is not None
    return offset


def compare_closed_months(con: duckdb.DuckDBPyConnection, run: Run) -> ClosedGap | None:
    """Enter every figure of a month closed at the snapshot before that differs now; returns the gap where nothing could
    be compared.

    A month that was still open then is not compared: its figures could rightly move until it closed.
    """
    ledger = Ledger(run.home.ledger)
    now = run.clock.naive_now()
    try:
        previous_id, published_at, before = _previous(con, run.home)
    except (_Incomparable, _Incomplete) as why:
        message = why.message
        gap = ClosedGap(
            run.run_id, newest_complete(run.home), now, say(message), message.code, message.args_json
        )
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


def newest_complete(home: Home) -> str | None:
    """The id of the newest snapshot that later ones may be compared with (or that cannot be read); None: there is none.
    While it is the newest such it must not be dropped."""
    for path in published_snapshots(home):
        try:
            with open_snapshot(path) as snapshot:
                _made_from(snapshot)
        except _Incomplete:
            continue
        except (duckdb.Error, BookwatchError):
            pass
        return path.stem
    return None


def _previous(con: duckdb.DuckDBPyConnection, home: Home) -> tuple[str, datetime, Figures]:
    """Id, instant and figures of the newest snapshot that was made from complete scans. Raises _Incomparable where they
    mean nothing, _Incomplete where those of this run do."""
    made_from = _made_from(con)
    passed_over: _Incomparable | None = None
    for path in published_snapshots(home):
        try:
            with open_snapshot(path) as snapshot:
                described = snapshot.execute(
                    "SELECT snapshot_id, published_at, rules_version FROM ops.snapshot"
                ).fetchone()
                zone = snapshot.execute("SELECT timezone FROM core.state").fetchone()
                if described is None or described[2] != RULES_VERSION:
                    made_by = described[2] if described else "none"
                    raise _Incomparable("rules", before=made_by, now=RULES_VERSION)
                if zone != con.execute("SELECT timezone FROM core.state").fetchone():
                    raise _Incomparable("zone")
                bounds = "SELECT amount_min, amount_max FROM core.state"
                if snapshot.execute(bounds).fetchone() != con.execute(bounds).fetchone():
                    raise _Incomparable("amounts")
                before = _made_from(snapshot)
                if before != made_from:
                    other = _Incomparable("other", collections=sorted(before ^ made_from, key=_place))
                    if not (before ^ made_from) <= set(MONTH_COLLECTIONS):
                        # References that were not read for a run or two hide no change from the next.
                        passed_over = passed_over or other
                        continue
                    raise other
                return str(described[0]), described[1], _figures(snapshot)
        except _Incomplete:
            continue
        except (duckdb.Error, BookwatchError):
            raise _Incomparable("unreadable") from None
    raise passed_over or _Incomparable("no_complete" if published_snapshots(home) else "none")


def _made_from(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """The collections whose rows the figures are made from, and (``collection.attribute``) the relationship columns of
    theirs that Appwrite did not hand out. Raises _Incomplete where a collection was not read to its end in the run that
    made them, or a row is in no local day.

    A collection that is not there, or was always forbidden, is none of them. One that has been read and no longer can
    be has rows here that nobody keeps up to date. Where references come and go, what is expected and owed does too.
    """
    scans = {
        collection: (outcome, completed_at, unread)
        for collection, outcome, completed_at, unread in con.execute(
            "SELECT collection, outcome, completed_at, unread FROM ops.scans"
        ).fetchall()
    }
    made_from: set[str] = set()
    for collection in MONTH_COLLECTIONS:
        outcome, completed_at, unread = scans.get(collection, (ScanOutcome.MISSING.value, None, None))
        if outcome == ScanOutcome.COMPLETE:
            made_from.add(collection)
            made_from.update(f"{collection}.{attribute}" for attribute in orjson.loads(unread or "[]"))
        elif outcome not in NOT_THERE or completed_at is not None:
            raise _Incomplete("incomplete", collection=collection, outcome=outcome)
    unplaced = con.execute(
        "(SELECT 1 FROM core.bookings WHERE utc_offset_minutes IS NULL LIMIT 1)"
        " UNION ALL (SELECT 1 FROM core.commissions WHERE utc_offset_minutes IS NULL LIMIT 1)"
    ).fetchone()
    if unplaced is not None:
        raise _Incomplete("unplaced")
    return frozenset(made_from)


def _place(name: str) -> tuple[int, str]:
    """In which order what figures are made from is named."""
    return MONTH_COLLECTIONS.index(name.partition(".")[0]), name


def _figures(con: duckdb.DuckDBPyConnection) -> Figures:
    rows = con.execute("SELECT local_month, figure, value FROM marts.month_figures").fetchall()
    return {(month, figure): int(value) for month, figure, value in rows}
