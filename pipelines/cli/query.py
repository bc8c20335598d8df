"""`bookwatch sql`: prints what one SELECT finds in the published snapshot, or writes it as Parquet.

What may be asked, and how much of the machine it may take, is resources/questions.py's.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from pipelines.cli.printed import echo, echo_csv, echo_json
from resources.errors import UsageError
from resources.settings import load_settings
from resources.snapshots import open_snapshot, require_snapshot
from resources.visible import visible


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


#: More is no query that a person wrote.
_LONGEST_QUERY: Final = 1 << 20
_PARAMETER: Final = re.compile(r"\$?(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)", re.DOTALL)
_FRACTION: Final = re.compile(r"[+-]?\d{1,20}\.\d{1,15}", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII
)

#: DuckDB counts in up to 128 bits, which JSON readers do not.
_LARGEST_INTEGER = 2**63 - 1


#: How a column of local times is named: they are in no zone, so nothing says UTC of them.
_LOCAL = "local_"


def plain(value: Any, column: str = "") -> Any:
    """A value as JSON holds it: instants as UTC with Z (those of a column of local times without), dates ISO, exact
    decimals and integers over 64 bits as text."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds") + (
            "" if value.tzinfo or column.startswith(_LOCAL) else "Z"
        )
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, int) and not -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER:
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, column) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return value


def cell(value: Any, column: str = "") -> str:
    """A value of a column as a cell of a CSV file or a table."""
    held = plain(value, column)
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

    data = [dict(zip(names, map(plain, row, names), strict=True)) for row in rows]
    return orjson.dumps(data, option=orjson.OPT_INDENT_2, default=str).decode()


def bound(text: str) -> object:
    """The value that a parameter's text is bound as.

    A day, an instant (in UTC, as every column is; without an offset it is UTC) and a number with a fraction are bound
    as such: as text DuckDB drops an instant's offset and rounds 1.4 to compare it with whole numbers. Everything else
    stays text, which DuckDB reads as what it is compared with: bound as a number, the id 00042 would equal 42.
    """
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        if _INSTANT.fullmatch(text):
            instant = datetime.fromisoformat(text)
            return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
    except (ValueError, OverflowError):
        return text  # reads like one and is none: DuckDB says so where a day is asked for
    return Decimal(text) if _FRACTION.fullmatch(text) else text


def parameters_of(words: list[str]) -> dict[str, object]:
    """``name=value`` words as what is bound. Raises UsageError."""
    found: dict[str, object] = {}
    for word in words:
        told = _PARAMETER.fullmatch(word)
        if told is None:
            raise UsageError(
                "A --param is not of the form name=value.",
                "Write --param day=2026-11-01 for $day in the query.",
            )
        if told["name"].lower() in (name.lower() for name in found):
            raise UsageError(f"--param {told['name']} is given twice.", "Give each parameter once.")
        found[told["name"]] = bound(told["value"])
    return found


def _query_in(file: Path) -> str:
    """The query that a file holds; ``-`` is standard input. Raises UsageError."""
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(_LONGEST_QUERY + 1)
        else:
            with file.expanduser().open("rb") as opened:
                data = opened.read(_LONGEST_QUERY + 1)
    except OSError as refused:
        raise UsageError(
            f"{file} cannot be read ({refused.strerror or type(refused).__name__}).",
            "Give a file with one query as --file, or - for standard input.",
        ) from None
    if len(data) > _LONGEST_QUERY:
        raise UsageError(f"{file} is larger than any query (1 MiB).", "Give a file with one query as --file.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text.", "Save the query as UTF-8.") from None


def sql(
    query: Annotated[
        str | None, typer.Argument(help="A SELECT; tables are core.*, marts.* and ops.*.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="PATH", help="Read the query from a file; - is standard input."),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="A value for $NAME in the query; once for each."),
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", help="How to print the rows; parquet is written to --out.")
    ] = Format.table,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The file that --format parquet writes.")
    ] = None,
) -> None:
    """Read-only SQL on the published snapshot."""
    if (query is None) == (file is None):
        raise UsageError(
            "There is no query."
            if query is None
            else "The query is given twice, as an argument and as --file.",
            'Give one: `bookwatch sql "FROM marts.revenue_daily"`, or --file PATH. `bookwatch sql --help` says more.',
        )
    chosen = Format.json if json else format
    if (out is None) == (chosen is Format.parquet):
        raise UsageError(
            "--format parquet needs --out." if out is None else "--out goes with --format parquet.",
            "Add --out FILE." if out is None else "Redirect the output of the other formats with >.",
        )
    query = query if query is not None else _query_in(file or Path("-"))
    parameters = parameters_of(param or [])
    from resources.questions import Bounds, answer

    settings = load_settings()
    bounds = Bounds(settings.sql_seconds, settings.sql_memory)
    path = require_snapshot(settings.home)
    if out is not None:
        from pipelines.exports.parquet_file import write_answer

        rows_written = write_answer(path, query, parameters, bounds, out.expanduser())
        echo(f"{out}: {rows_written:,} row{'s' if rows_written != 1 else ''} · snapshot {path.stem}")
        return
    with open_snapshot(path, memory_limit=f"{bounds.memory} bytes") as con:
        names, rows = answer(con, query, bounds, parameters)
    if chosen is Format.json:
        echo_json(as_json(names, rows))
    elif chosen is Format.csv:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(names)
        writer.writerows(list(map(cell, row, names)) for row in rows)
        echo_csv(text.getvalue())
    else:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table
        from rich.text import Text

        table = Table(*(escape(visible(name)) for name in names), header_style="bold")
        for row in rows:
            # Text, not markup: a value in brackets is a value.
            table.add_row(*(Text(visible(cell(value, name))) for value, name in zip(row, names, strict=True)))
        terminal = Console()
        # Piped, a table is as wide as its rows: a cut value would be a wrong value.
        console = terminal if terminal.is_terminal else Console(width=100_000)
        console.print(table)
        console.print(f"{len(rows):,} row{'s' if len(rows) != 1 else ''} · snapshot {path.stem}", style="dim")
