"""`bookwatch sql`: prints what one SELECT finds in the published snapshot.

What may be asked, and how much of the machine it may take, is resources/questions.py's.
"""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer

from pipelines.cli.printed import echo_csv, echo_json
from resources.questions import Bounds, answer
from resources.settings import load_settings
from resources.snapshots import open_snapshot, require_snapshot
from resources.visible import visible


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


#: DuckDB counts in up to 128 bits, which JSON readers do not.
_LARGEST_INTEGER = 2**63 - 1


def plain(value: Any) -> Any:
    """A value as JSON holds it: instants as UTC with Z, dates ISO, exact decimals and integers over 64 bits as text."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds") + (
            "" if value.tzinfo else "Z"
        )
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, int) and not -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER:
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return value


def cell(value: Any) -> str:
    """A value as a cell of a CSV file or a table."""
    held = plain(value)
    if held is None:
        return ""
    if isinstance(held, bool):
        return "true" if held else "false"
    if isinstance(held, dict | list):
        import orjson

        return orjson.dumps(held).decode()
    return str(held)


def as_json(names: list[str], rows: list[tuple[Any, ...]]) -> str:
    """Rows as a JSON list of objects."""
    import orjson

    data = [dict(zip(names, map(plain, row), strict=True)) for row in rows]
    return orjson.dumps(data, option=orjson.OPT_INDENT_2, default=str).decode()


def sql(
    query: Annotated[
        str, typer.Argument(help="A SELECT; tables are core.*, marts.* and ops.*.", show_default=False)
    ],
    format: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.table,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Read-only SQL on the published snapshot."""
    settings = load_settings()
    bounds = Bounds(settings.sql_seconds, settings.sql_memory)
    path = require_snapshot(settings.home)
    with open_snapshot(path, memory_limit=f"{bounds.memory} bytes") as con:
        names, rows = answer(con, query, bounds)
    chosen = Format.json if json else format
    if chosen is Format.json:
        echo_json(as_json(names, rows))
    elif chosen is Format.csv:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(names)
        writer.writerows([cell(value) for value in row] for row in rows)
        echo_csv(text.getvalue())
    else:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table
        from rich.text import Text

        table = Table(*(escape(visible(name)) for name in names), header_style="bold")
        for row in rows:
            # Text, not markup: a value in brackets is a value.
            table.add_row(*(Text(visible(cell(value))) for value in row))
        terminal = Console()
        # Piped, a table is as wide as its rows: a cut value would be a wrong value.
        console = terminal if terminal.is_terminal else Console(width=100_000)
        console.print(table)
        console.print(f"{len(rows):,} row{'s' if len(rows) != 1 else ''} · snapshot {path.stem}", style="dim")
