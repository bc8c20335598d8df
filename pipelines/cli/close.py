"""`bookwatch close` and `bookwatch reopen`: who answers for a month that is closed, and who takes that back.

A month closes by itself (marketplace/closed_months.py). Signing it off changes no figure and no mart.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any

import typer

from pipelines.cli.printed import echo, echo_json
from pipelines.exports.maker import require_name
from pipelines.sign_offs import sign_month_off, written
from resources.errors import UsageError
from resources.instants import z_text_of
from resources.ledger import ExportEntry, Ledger, SignOff
from resources.settings import Settings, load_settings
from resources.snapshots import current_snapshot

_MONTH = typer.Argument(metavar="YYYY-MM", help="The month, such as 2026-10.", show_default=False)


def close(
    month: Annotated[str, _MONTH],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who signs it off.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="A remark to go with it; no personal data.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Sign off a month that is closed. It closes by itself, 24 hours after it ended; no figure changes.

    The newest snapshot is kept for good from then on, and a report made afterwards names who signed.
    """
    from pipelines.exports.month.package import a_month

    first, _ = a_month(month.strip())
    name, reason = _name(by, "who signs the month off"), reason.strip()
    settings = load_settings()
    os.umask(0o077)
    done = sign_month_off(settings, first, by=name, reason=reason)
    before, signed, report = done.before, done.signed, done.report
    compared, unread, open_changes = done.compared, done.unread, done.open_changes
    of_open = report and _of_open_month(report, first, settings)
    if json:
        content = {
            "outcome": "unchanged" if before else "closed",
            "month": f"{first:%Y-%m}",
            "snapshot": done.snapshot_id,
            "report": report and _report(report),
            "unacknowledged_changes": open_changes,
            "report_of_open_month": of_open,
            "compared": compared,
            "collections_not_read": unread,
            "signed_off": [_entry(entry) for entry in signed],
        }
        _print(content)
        return
    if before:
        echo(f"{first:%Y-%m} was signed off so already, {_words(before)}; nothing was entered.")
    else:
        echo(f"{first:%Y-%m} is signed off by {name}, as snapshot {done.snapshot_id} shows it.")
    for entry in signed[: len(signed) - (0 if before else 1)]:
        if entry != before:
            echo(f"  It was signed off before {_words(entry)}.")
    if report is None:
        echo(f"  No report of it was made yet: `bookwatch export month {first:%Y-%m} --out DIR` makes one.")
    else:
        echo(f"  The newest report of it lies in {report.folder} (snapshot {report.snapshot_id}).")
    if of_open:
        echo("  It is of the month as it was while it was OPEN: what it says is not what is signed off.")
    if report is not None and of_open is None:
        echo("  Whether it was made when the month had closed cannot be told: its manifest is not there.")
    if open_changes:
        echo(
            f"  {open_changes:,} of its figures changed after it had closed, and nobody acknowledged that:"
            " marts.closed_month_changes."
        )
    if unread:
        echo(
            f"  {unread:,} of the collections that figures are made of were not read to their end: rows may be missing."
        )
    if not compared:
        echo(
            "  Whether figures of it changed since the snapshot before cannot be told: marts.closed_month_gaps."
        )


def reopen(
    month: Annotated[str, _MONTH],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who takes the sign-off back.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; no personal data.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Take back the sign-off of a month. The log keeps both; no figure changes, and the month stays closed."""
    from pipelines.exports.month.package import a_month

    first, _ = a_month(month.strip())
    name, reason = _name(by, "who takes the sign-off back"), reason.strip()
    settings = load_settings()
    ledger = Ledger(settings.home.ledger)
    newest = current_snapshot(settings.home)
    os.umask(0o077)
    with written(ledger):
        taken_back = ledger.reopen(
            first, by=name, at=settings.clock.now(), reason=reason, snapshot_id=newest and newest.stem
        )
    if not taken_back:
        raise UsageError(
            f"{first:%Y-%m} is not signed off, so there is nothing to take back.",
            f"`bookwatch close {first:%Y-%m} --by NAME` signs it off.",
        )
    if json:
        _print(
            {
                "outcome": "reopened",
                "month": f"{first:%Y-%m}",
                "taken_back": [_entry(entry) for entry in taken_back],
            }
        )
        return
    echo(f"{first:%Y-%m} is signed off no more: taken back by {name}.")
    for entry in taken_back:
        echo(f"  It was signed off {_words(entry)}.")


def _of_open_month(report: ExportEntry, month: date, settings: Settings) -> bool | None:
    """Whether a report rests on what was known before the month closed; None where its manifest cannot be read."""
    from pipelines.months import closing_instant, found

    manifest = found(report, hashed=False).manifest
    if manifest is None:
        return None
    judged = manifest.as_of and datetime.fromisoformat(manifest.as_of).replace(tzinfo=None)
    return not judged or judged < closing_instant(month, settings.timezone)


def _name(by: str, what: str) -> str:
    name = by.strip()
    require_name(name, what)
    return name


def _words(entry: SignOff) -> str:
    remark = f": {entry.reason}" if entry.reason else ""
    return f"by {entry.by} at {entry.at:%Y-%m-%d %H:%M} UTC on snapshot {entry.snapshot_id}{remark}"


def _entry(entry: SignOff) -> dict[str, Any]:
    return {**asdict(entry), "local_month": f"{entry.local_month:%Y-%m}", "at": z_text_of(entry.at)}


def _report(entry: ExportEntry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "folder": entry.folder,
        "snapshot": entry.snapshot_id,
        "manifest_sha256": entry.manifest_sha256,
    }


def _print(content: dict[str, Any]) -> None:
    import orjson

    echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
