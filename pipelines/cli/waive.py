"""`bookwatch waive`: acknowledges a finding, or takes that back. It stays visible and stops alarming."""

from __future__ import annotations

import os
import sqlite3
from typing import Annotated, Any

import typer

from marketplace.closed_months import CLOSED_MONTH_CHANGED
from pipelines.cli.printed import echo, echo_json
from resources.errors import BookwatchError, UsageError
from resources.ledger import Ledger, LedgerTooNew, Waiver
from resources.settings import Settings, load_settings
from resources.snapshots import open_snapshot, require_snapshot

_SHOWN = (
    "finding_id",
    "finding",
    "severity",
    "booking_id",
    "booking_ref",
    "commission_id",
    "provider_id",
    "expected_idr",
    "actual_idr",
    "variance_idr",
    "detail",
)


#: A change of a closed month is a finding of another table.
_SHOWN_CHANGE = (
    "finding_id",
    "finding",
    "local_month",
    "figure",
    "previous_value",
    "current_value",
    "previous_snapshot_id",
    "detail",
)


def find(settings: Settings, finding_id: str) -> dict[str, Any] | None:
    """The finding in the newest snapshot. Raises BookwatchError without one."""
    import duckdb

    changed_month = finding_id.startswith(f"{CLOSED_MONTH_CHANGED}:")
    table = "closed_month_changes" if changed_month else "commission_findings"
    shown = _SHOWN_CHANGE if changed_month else _SHOWN
    path = require_snapshot(settings.home)
    with open_snapshot(path) as con:
        try:
            row = con.execute(
                f"SELECT {', '.join(shown)} FROM marts.{table} WHERE finding_id = ? LIMIT 1", [finding_id]
            ).fetchone()
        except duckdb.Error:
            raise BookwatchError(
                f"The snapshot {path.stem} holds no readable marts.{table}.",
                "Run `bookwatch run --full-refresh` to publish a new one.",
            ) from None
    return None if row is None else dict(zip(shown, row, strict=True))


def _say(finding: dict[str, Any]) -> None:
    for name, value in finding.items():
        if value is not None:
            echo(f"  {name}: {value:,}" if isinstance(value, int) else f"  {name}: {value}")


def _words(waiver: Waiver) -> str:
    return f"by {waiver.waived_by} at {waiver.waived_at:%Y-%m-%d %H:%M} UTC: {waiver.reason}"


def waive(
    finding_id: Annotated[
        str,
        typer.Argument(
            metavar="FINDING_ID",
            help="As in marts.commission_findings or closed_month_changes.",
            show_default=False,
        ),
    ],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who acknowledges it.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; no personal data. Needed unless --undo.")
    ] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take the waiver back.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Acknowledge a finding: still shown, no longer alarming, from the next run on."""
    finding_id, by, reason = finding_id.strip(), by.strip(), reason.strip()
    if not by:
        raise UsageError("--by is empty.", "Give the name of who acknowledges the finding.")
    if not reason and not undo:
        raise UsageError("--reason is missing.", "Say why the finding may stand.")
    settings = load_settings()
    finding = find(settings, finding_id)
    ledger = Ledger(settings.home.ledger)
    os.umask(0o077)
    now = settings.clock.now()
    try:
        if undo:
            before = ledger.withdraw_waiver(finding_id, reason=reason, by=by, at=now)
            if before is None:
                raise UsageError(
                    f"{finding_id!r} is not waived, so there is nothing to undo.",
                    '`bookwatch sql "SELECT finding_id FROM marts.commission_findings WHERE waived"` lists what is.',
                )
            outcome = "withdrawn"
        else:
            if finding is None:
                raise UsageError(
                    f"There is no finding {finding_id!r} in the newest snapshot.",
                    '`bookwatch sql "SELECT finding_id, detail FROM marts.commission_findings"` lists them.',
                )
            before = ledger.waiver(finding_id)
            if before is not None and (before.reason, before.waived_by) == (reason, by):
                outcome = "unchanged"
            else:
                before = ledger.waive(finding_id, reason=reason, by=by, at=now)
                outcome = "waived" if before is None else "replaced"
    except LedgerTooNew:
        raise
    except sqlite3.Error:
        raise BookwatchError(
            f"The ledger {ledger.path} could not be written.",
            "Make it writable for this user, or wait for the process that holds it, and try again.",
        ) from None
    if json:
        import orjson

        content = {
            "outcome": outcome,
            "finding": finding or {"finding_id": finding_id},
            "reason": reason,
            "by": by,
            "before": before and {"reason": before.reason, "by": before.waived_by, "at": before.waived_at},
        }
        echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        return
    sentences = {
        "waived": f"Waived {finding_id}. It stays visible and stops alarming from the next run on.",
        "replaced": f"The waiver of {finding_id} has a new reason from now on.",
        "unchanged": f"{finding_id} is waived with these words already; nothing was changed.",
        "withdrawn": f"The waiver of {finding_id} is withdrawn: it alarms again from the next run on.",
    }
    echo(sentences[outcome])
    if before is not None and outcome != "unchanged":
        echo(f"  it was waived {_words(before)}")
    if finding is None:
        echo("  The newest snapshot no longer has this finding.")
    else:
        _say(finding)
