"""A closed month is signed off on a snapshot: from the command line (pipelines/cli/close.py) or by an order of the
dashboards (pipelines/orders.py). Signing changes no figure and no mart."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from marketplace.closed_months import CLOSED_AFTER
from resources.errors import BookwatchError, UsageError
from resources.ledger import ExportEntry, Ledger, LedgerTooNew, SignOff
from resources.settings import Settings
from resources.snapshots import open_snapshot, require_snapshot


@dataclass(frozen=True)
class SignedOff:
    """What was signed. ``before``: the same sign-off stood already, and nothing was entered. ``signed``: all that stand
    now. ``report``: the newest report of the month. ``open_changes``: its figures that changed since it closed and
    nobody acknowledged; ``compared``: whether that could be told; ``unread``: collections not read to their end."""

    snapshot_id: str
    before: SignOff | None
    signed: list[SignOff]
    report: ExportEntry | None
    open_changes: int
    compared: bool
    unread: int | None


def sign_month_off(
    settings: Settings, month: date, *, by: str, reason: str, snapshot_id: str | None = None
) -> SignedOff:
    """Sign a closed month off as a kept snapshot (the newest, where none is named) shows it; it is kept for good.

    Raises UsageError where the month is not closed by what the snapshot knows, BookwatchError where the snapshot or the
    ledger cannot serve.
    """
    path = require_snapshot(settings.home, snapshot_id)
    changes, compared, unread = _require_closed(settings, path, month)
    ledger = Ledger(settings.home.ledger)
    with written(ledger):
        # From here on no run may drop the snapshot that is signed.
        with ledger.pinned(path.stem):
            require_snapshot(settings.home, path.stem)
            report = _newest_report(ledger, month)
            before = ledger.sign_off(
                month,
                by=by,
                at=settings.clock.now(),
                reason=reason,
                snapshot_id=path.stem,
                manifest_sha256=report and report.manifest_sha256,
            )
        signed = ledger.sign_offs(month)
    open_changes = sum(not change["waived"] for change in changes)
    return SignedOff(path.stem, before, signed, report, open_changes, compared, unread)


def _require_closed(
    settings: Settings, path: Path, month: date
) -> tuple[list[dict[str, Any]], bool, int | None]:
    """The changes of the month that the snapshot tells of, whether it was compared with the one before, and how many
    collections were not read to their end (None: not told). Raises UsageError where it is not closed by what the
    snapshot knows."""
    import duckdb

    from pipelines.exports.month.figures import OF_SCANS
    from pipelines.months import closing_instant, judged_at, told_of

    (figure,) = OF_SCANS
    closes = closing_instant(month, settings.timezone)
    now = settings.clock.naive_now()
    if now < closes:
        raise UsageError(
            f"{month:%Y-%m} is not closed yet: it closes at {_local(closes, settings)},"
            f" {CLOSED_AFTER / timedelta(hours=1):g} hours after it ended.",
            "Sign it off then; an open month can be exported, and is marked open.",
        )
    with open_snapshot(path) as con:
        try:
            known = judged_at(now, *told_of(con))
            rows = con.execute(
                "SELECT waived FROM marts.closed_month_changes WHERE local_month = ?", [month]
            ).fetchall()
            gaps = con.execute("SELECT count(*) FROM marts.closed_month_gaps WHERE is_newest").fetchone()
            unread = con.execute(f"SELECT {figure.sql} FROM ops.scans").fetchone()
        except duckdb.Error:
            raise BookwatchError(
                f"The snapshot {path.stem} does not tell what became of closed months.",
                "Run `bookwatch run` to publish a new one, and sign the month off then.",
            ) from None
    if known is None or known < closes:
        raise UsageError(
            f"The newest snapshot {path.stem} knows {month:%Y-%m} as an open month:"
            + (
                " commission records were never read."
                if known is None
                else f" it was read at {_local(known, settings)}, the month closed at {_local(closes, settings)}."
            ),
            "Run `bookwatch run`, and sign off what it publishes.",
        )
    return [{"waived": waived} for (waived,) in rows], gaps == (0,), unread[0] if unread else None


def _newest_report(ledger: Ledger, month: date) -> ExportEntry | None:
    from pipelines.months import reports_of

    return next(reversed(reports_of(ledger.exports(), month)), None)


@contextmanager
def written(ledger: Ledger) -> Generator[None]:
    """What is written to a ledger in the block. Raises BookwatchError where it cannot be."""
    try:
        yield
    except LedgerTooNew:
        raise
    except sqlite3.Error:
        raise BookwatchError(
            f"The ledger {ledger.path} could not be written.",
            "Make it writable for this user, or wait for the process that holds it, and try again.",
        ) from None


def _local(at: datetime, settings: Settings) -> str:
    from datetime import UTC
    from zoneinfo import ZoneInfo

    return f"{at.replace(tzinfo=UTC).astimezone(ZoneInfo(settings.timezone)):%Y-%m-%d %H:%M} ({settings.timezone})"
