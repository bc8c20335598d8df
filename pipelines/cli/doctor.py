"""`bookwatch doctor`: what is missing between bookwatch and what it needs, and what to do; how this machine publishes.

Changes nothing."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.printed import echo, echo_json
from resources.doctor_answers import keep
from resources.settings import load_settings
from resources.visible import visible_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resources.appwrite.examination import Line

STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red", "could not tell": "magenta"}


def verdict(lines: Sequence[Line]) -> str:
    """The last line: how many of what."""
    counts = {name: sum(line.verdict == name for line in lines) for name in STYLES}
    if counts["ok"] == len(lines):
        return "Nothing is wrong."
    words = (("problem", "problems"), ("warning", "warnings"), ("could not tell", "could not be told"))
    told = ", ".join(
        f"{counts[name]} {name if counts[name] == 1 and name != 'could not tell' else many}"
        for name, many in words
        if counts[name]
    )
    ends = " Runs cannot work like this." if any(line.blocking for line in lines) else ""
    return f"{told}; {counts['ok']} ok.{ends}"


def _print_table(lines: Sequence[Line]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("", "", "", show_header=False, box=None, pad_edge=False)
    topic = ""
    for line in lines:
        style = STYLES[line.verdict]
        todo = f"\n[dim]→ {escape(line.what_to_do)}[/]" if line.what_to_do else ""
        table.add_row(
            f"[bold]{line.topic if line.topic != topic else ''}[/]",
            f"[{style}]{line.verdict}[/]",
            f"{escape(line.sentence)}{todo}",
        )
        topic = line.topic
    console = Console()
    console.print(table)
    console.print(verdict(lines))


def _print_plain(lines: Sequence[Line]) -> None:
    for line in lines:
        todo = f" -> {line.what_to_do}" if line.what_to_do else ""
        echo(f"{line.verdict}: {line.topic}: {line.sentence}{todo}")
    echo(verdict(lines))


def doctor(json: Annotated[bool, typer.Option("--json", help="Print the lines as JSON.")] = False) -> int:
    """Examine endpoint, key, collections, attributes, indexes and clock: what is missing and what to do."""
    settings = load_settings().require_appwrite()
    from pipelines.dagster_storage import examine_storage
    from pipelines.store_examination import examine_store
    from resources.appwrite.acting_key import examine_acting_key
    from resources.appwrite.examination import examine, exit_status
    from resources.appwrite.gateway import Gateway
    from resources.snapshot_space import examine_space
    from services.examining import examine_services

    with Gateway(settings, settings.clock, lambda event: None) as gateway:
        lines = [*examine(gateway), *examine_acting_key(settings, settings.clock)]
    if not any(line.blocking for line in lines):
        lines += examine_services(settings)
    if settings.engine != "duckdb":  # which is always there, and whose dialect nothing here has to load
        from assets.engines.examining import examine_engine

        lines += examine_engine(settings)
    lines += examine_storage(settings)
    lines += examine_store(settings)
    lines += examine_space(settings.home)
    status = exit_status(lines)
    with suppress(OSError):  # what is examined is told all the same
        keep(settings.home, [(line.topic, line.verdict, line.about) for line in lines], settings.clock.now())
    if json:
        from dataclasses import asdict

        import orjson

        content = {
            "exit_status": status,
            "verdict": verdict(lines),
            "lines": [asdict(line) for line in lines],
        }
        echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
    elif sys.stdout.isatty():
        _print_table(visible_in(lines))
    else:
        _print_plain(lines)
    return status
