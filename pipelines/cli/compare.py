"""`bookwatch compare REPORT REPORT`: tells what differs between two reports. How that is found is
pipelines/exports/compare.py's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.printed import echo, echo_json

if TYPE_CHECKING:
    from pipelines.exports.compare import Comparison, Report, TableDifference

_SHOWN = 20


def compare(
    first: Annotated[
        Path, typer.Argument(metavar="REPORT", help="The folder of the earlier report.", show_default=False)
    ],
    second: Annotated[
        Path, typer.Argument(metavar="REPORT", help="The folder of the later one.", show_default=False)
    ],
    json: Annotated[
        bool, typer.Option("--json", help="Print what differs as JSON, up to 1,000 rows a table.")
    ] = False,
) -> None:
    """Say what differs between two reports: figures, and rows added, gone and changed.

    Whether each is what was handed out is `bookwatch verify`'s; files that are not are not compared.
    """
    from pipelines.exports.compare import compare as compared
    from pipelines.exports.compare import report_in

    found = compared(report_in(first), report_in(second))
    if json:
        import orjson

        echo_json(orjson.dumps(_content(found), option=orjson.OPT_INDENT_2).decode())
        return
    for number, report in (("First ", found.first), ("Second", found.second)):
        echo(f"{number}: {_report(report)}")
    if found.supersedes:
        echo("The second says that it supersedes the first.")
    for name, (ours, theirs) in found.heads.items():
        if name not in ("snapshot", "filters"):
            echo(f"  {name}: {_said(ours)} -> {_said(theirs)}")
    if found.figures:
        echo("Figures that differ:")
        for name, (ours, theirs) in found.figures.items():
            apart = "" if ours is None or theirs is None else f" ({theirs - ours:+,})"
            echo(f"  {name}: {_said(ours)} -> {_said(theirs)}{apart}")
    for table in found.tables:
        _tell(table)
    for note in found.notes:
        echo(f"Note: {note}")
    if found.same:
        echo("Every figure and every row is the same.")


def _tell(table: TableDifference) -> None:
    if table.same:
        echo(f"{table.table}: {table.first_rows:,} rows, the same.")
        return
    echo(
        f"{table.table}: {table.first_rows:,} -> {table.second_rows:,} rows; {table.changed:,} changed,"
        f" {table.added:,} added, {table.gone:,} gone."
    )
    for column, (ours, theirs) in table.totals.items():
        echo(f"  {column} of these rows: {ours:,} -> {theirs:,} ({theirs - ours:+,})")
    for row in table.rows[:_SHOWN]:
        if row["what"] == "changed":
            values = "; ".join(
                f"{name} {was or '-'} -> {now or '-'}" for name, (was, now) in row["values"].items()
            )
        else:
            values = "; ".join(f"{name} {value}" for name, value in row["values"].items())
        echo(f"  {row['what']} {row['key']}: {values}")
    more = table.changed + table.added + table.gone - _SHOWN
    if more > 0:
        echo(f"  … and {more:,} more (--json).")


def _report(report: Report) -> str:
    manifest = report.manifest
    days = " to ".join(manifest.filters[name] for name in ("from", "to") if name in manifest.filters)
    what = manifest.filters.get("table") or f"{manifest.report} {days}"
    whose = f" of {manifest.filters['provider']}" if "provider" in manifest.filters else ""
    return (
        f"{what}{whose}, snapshot {manifest.snapshot}, made {manifest.created_at} by {manifest.made_by}"
        f" ({report.folder})"
    )


def _said(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "unknown" if value is None else str(value)


def _content(found: Comparison) -> dict[str, Any]:
    return {
        "same": found.same,
        "supersedes": found.supersedes,
        "reports": [
            {
                "folder": str(report.folder),
                "manifest_sha256": report.manifest_sha256,
                "report": report.manifest.report,
                "filters": report.manifest.filters,
                "snapshot": report.manifest.snapshot,
                "created_at": report.manifest.created_at,
                "made_by": report.manifest.made_by,
            }
            for report in (found.first, found.second)
        ],
        "heads": {name: list(both) for name, both in found.heads.items()},
        "figures": {
            name: {
                "first": ours,
                "second": theirs,
                "change": None if ours is None or theirs is None else theirs - ours,
            }
            for name, (ours, theirs) in found.figures.items()
        },
        "tables": [
            {
                "table": table.table,
                "rows": [table.first_rows, table.second_rows],
                "added": table.added,
                "gone": table.gone,
                "changed": table.changed,
                "totals": {
                    name: {"first": ours, "second": theirs, "change": theirs - ours}
                    for name, (ours, theirs) in table.totals.items()
                },
                "columns": table.columns,
                "differing": table.rows,
            }
            for table in found.tables
        ],
        "notes": list(found.notes),
    }
