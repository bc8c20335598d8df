"""`bookwatch explain`: the rows behind a figure of the newest snapshot, or the facts that led to a finding.

What they are is found by resources/explanations.py and pipelines/chains.py; here it is printed.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipelines.cli.printed import echo, echo_json
from pipelines.cli.query import cell, plain
from resources.errors import UsageError
from resources.settings import load_settings
from resources.snapshots import open_snapshot, require_snapshot

#: So many rows go on a screen; --json has the first 1,000.
_SHOWN = 20


def explain(
    figure: Annotated[
        str, typer.Argument(help="marts.<table>.<column>, or finding:<finding_id>.", show_default=False)
    ],
    where: Annotated[
        str | None,
        typer.Option(
            "--where", help="A condition on the table's rows, such as \"local_date = '2026-11-20'\"."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with the first 1,000 rows.")] = False,
) -> None:
    """The rows behind a figure, what each adds, and the total they make; of a finding why it stands."""
    from messages.catalogue import say
    from pipelines.chains import FINDING, explain_finding
    from resources.explanations import explain as explained
    from resources.policy_file import load_policy
    from resources.questions import Bounds

    settings = load_settings()
    bounds = Bounds(settings.sql_seconds, settings.sql_memory)
    path = require_snapshot(settings.home)
    chain: list[dict[str, str]] | None = None
    with open_snapshot(path, memory_limit=f"{bounds.memory} bytes") as con:
        if figure.startswith(FINDING):
            if where is not None:
                raise UsageError.of("explain.finding_where")
            found, steps = explain_finding(con, figure.removeprefix(FINDING), load_policy())
            chain = [{"fact": step.fact, "rule": say(step.rule), "from": step.source} for step in steps]
        else:
            found = explained(con, figure, where, bounds=bounds)
    told: dict[str, Any] = {
        "figure": found.figure,
        "where": found.where,
        "kind": found.kind,
        "what": found.what,
        "unit": found.unit,
        "value": found.value,
        "total": found.total,
        "count": found.count,
        "untold": found.untold,
        "unread": list(found.unread),
        "complete": found.complete,
        "snapshot": path.stem,
        **(found.parts or {}),
        **({"level": found.level} if found.level is not None else {}),
        **({"inputs": list(found.inputs)} if found.inputs else {}),
        "rows": found.rows,
        **({} if chain is None else {"chain": chain}),
    }
    if json:
        import orjson

        echo_json(orjson.dumps(plain(told), option=orjson.OPT_INDENT_2).decode())
    else:
        _print(told)


def _print(told: dict[str, Any]) -> None:
    """For a person: the figure, what it is made of, the first rows."""
    unit = f" ({told['unit']})" if told["unit"] else ""
    where = f" where {told['where']}" if told["where"] else ""
    echo(f"{told['figure']}{where}: {told['what']}{unit}")
    echo(f"value  {_said(told['value'])}")
    if "numerator" in told:
        low, high = told["numerator"], told["denominator"]
        echo(f"       {_said(low['total'])} {low['of']} ÷ {_said(high['total'])} {high['of']}")
    elif "level" in told:
        echo(f"       the quantile {told['level']:g} of {told['count']:,} values")
    if told["kind"] == "other" and "chain" not in told:
        inputs = f": it follows from {', '.join(told['inputs'])}" if told.get("inputs") else ""
        echo(f"       it adds up to nothing{inputs}")
    else:
        echo(f"total  {_said(told['total'])}")
    if told["untold"]:
        echo(f"       {told['untold']:,} rows of the table do not tell it")
    if told["unread"]:
        echo(f"       not all may be in it: {', '.join(told['unread'])} not read to the end yet")
    for number, step in enumerate(told.get("chain", ()), start=1):
        echo(f"{number:>3}. {step['fact']}")
        echo(f"     {step['rule']}")
        echo(f"     {step['from']}")
    _print_rows(told)


def _print_rows(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    from resources.visible import visible

    rows = told["rows"][:_SHOWN]
    # Columns that say nothing of these rows are left out; JSON has them.
    names = [name for name in (rows[0] if rows else ()) if any(row[name] is not None for row in rows)]
    table = Table(*(escape(visible(name)) for name in names), header_style="bold")
    for row in rows:
        table.add_row(*(Text(visible(cell(row[name], name))) for name in names))
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=100_000)
    if rows:
        console.print(table)
    more = "all of them" if len(rows) == told["count"] else f"the first {len(rows)}; --json has up to 1,000"
    console.print(f"{told['count']:,} rows, {more} · snapshot {told['snapshot']}", style="dim")


def _said(value: Any) -> str:
    if value is None:
        return "cannot be told"
    return f"{value:,}" if isinstance(value, int) else cell(value)
