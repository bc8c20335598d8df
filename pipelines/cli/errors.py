"""`bookwatch errors`: the error events of the published snapshot and those that still wait in the ledger, for people, a
spreadsheet or a program. They hold no personal data."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from pipelines.cli.printed import echo_csv, echo_json
from pipelines.cli.query import Format, as_json, cell
from resources.errors import UsageError
from resources.ledger import Ledger
from resources.settings import Settings, load_settings
from resources.snapshots import current_snapshot, open_snapshot
from resources.visible import visible

COLUMNS = (
    "called_at",
    "severity",
    "category",
    "operation",
    "collection",
    "reason",
    "status",
    "error_type",
    "host",
    "attempts",
    "run_id",
    "call_number",
    "source",
    "context",
)
_KEY = COLUMNS.index("run_id")
_EVENTS = (
    "(SELECT ''::VARCHAR AS error_type, ''::VARCHAR AS host, 'appwrite' AS source, ''::VARCHAR AS context WHERE false"
    " UNION ALL BY NAME FROM ops.errors)"
)
"""A snapshot of before has none of these columns."""
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def length(written: str) -> timedelta:
    """30m, 24h or 7d as a time. Raises UsageError for anything else."""
    found = re.fullmatch(r"(\d{1,5})([mhd])", written.strip().lower())
    if not found:
        raise UsageError(f"{written!r} is no length of time.", "Write it as 30m, 24h or 7d.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def error_rows(settings: Settings, since: datetime) -> list[tuple[Any, ...]]:
    """Every error event since an instant (naive UTC), newest first, each once. Columns: ``COLUMNS``."""
    from resources.questions import answer

    found: dict[tuple[str, int], tuple[Any, ...]] = {}
    snapshot = current_snapshot(settings.home)
    if snapshot is not None:
        with open_snapshot(snapshot) as con:
            _, rows = answer(
                con, f"SELECT {', '.join(COLUMNS)} FROM {_EVENTS} WHERE called_at >= TIMESTAMP '{since}'"
            )
        found = {(row[_KEY], row[_KEY + 1]): row for row in rows}
    if settings.home.ledger.exists():
        # Those of runs that failed: in an outage nothing is published.
        for call in Ledger(settings.home.ledger).waiting_errors(since):
            reason = call.reason or ("slow" if call.slow else "retried")
            found.setdefault(
                (call.run_id, call.number),
                (
                    call.at,
                    call.severity,
                    call.category,
                    call.operation,
                    call.collection,
                    reason,
                    call.status,
                    call.error_type,
                    call.host,
                    call.attempts,
                    call.run_id,
                    call.number,
                    call.source,
                    call.context or None,
                ),
            )
    return sorted(found.values(), key=lambda row: (row[0], row[_KEY], row[_KEY + 1]), reverse=True)


def errors(
    since: Annotated[str, typer.Option(help="How far back: 30m, 24h, 7d.")] = "24h",
    format: Annotated[Format, typer.Option("--format", help="How to print the events.")] = Format.table,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Errors, retried and slow calls: severity, category, operation, reason."""
    settings = load_settings()
    rows = error_rows(settings, settings.clock.naive_now() - length(since))
    chosen = Format.json if json else format
    if chosen is Format.json:
        echo_json(as_json(list(COLUMNS), rows))
    elif chosen is Format.csv:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        writer.writerows([cell(value) for value in row] for row in rows)
        echo_csv(text.getvalue())
    else:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        shown = COLUMNS[: _KEY + 1]
        table = Table(*shown, header_style="bold")
        for row in rows:
            table.add_row(*(Text(visible(cell(value))) for value in row[: _KEY + 1]))
        terminal = Console()
        console = terminal if terminal.is_terminal else Console(width=100_000)
        console.print(table)
        console.print(f"{len(rows):,} event{'s' if len(rows) != 1 else ''} in the last {since}", style="dim")
