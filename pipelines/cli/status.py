"""`bookwatch status`: freshness, health, commission state, quarantine, open alerts, from status.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from marketplace.difference import Difference
from marketplace.health import UNMEASURED_AFTER
from pipelines.cli.printed import echo_json
from pipelines.stopped import Stopped, names, stopped
from resources.clock import Clock
from resources.errors import BookwatchError
from resources.instants import instant_of
from resources.settings import Settings, load_settings
from resources.status_file import read_status
from resources.visible import visible_in

_STATES = {"working": "[green]● working[/]", "broken": "[red]● broken [/]", "unknown": "[yellow]○ unknown[/]"}
"""A point's state: a word first, so that nobody needs the colour or the sign."""


def _age(clock: Clock, instant: str | None) -> str:
    """How long ago, in words."""
    if not instant:
        return "never"
    seconds = (clock.now() - instant_of(instant)).total_seconds()
    if seconds < 90:
        return f"{max(0, round(seconds))} s ago"
    if seconds < 5400:
        return f"{round(seconds / 60)} min ago"
    if seconds < 172_800:
        return f"{round(seconds / 3600)} h ago"
    return f"{round(seconds / 86400)} days ago"


def _print(content: dict[str, Any], clock: Clock) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, emoji=False)
    run = content["run"]
    console.print(
        f"[bold]Last run[/] {run['outcome']}, {_age(clock, run['finished_at'])} ({content['run_id']})"
    )
    if run["message"]:
        console.print(f"  [red]{escape(run['message'])}[/]")
    snapshot = content.get("snapshot")
    if snapshot:
        console.print(f"[bold]Snapshot[/] {snapshot['snapshot_id']}, {_age(clock, snapshot['published_at'])}")
    else:
        console.print("[bold]Snapshot[/] none published yet")
    freshness = content["freshness"]
    console.print(f"[bold]Newest booking[/] {_age(clock, freshness.get('newest_booking_at'))}")
    for scan in freshness.get("collections", []):
        if scan["outcome"] != "complete":
            console.print(
                f"  [yellow]{scan['collection']}: {scan['outcome']}[/] {escape(scan.get('detail') or '')}"
            )
    _print_health(console, content, clock)
    commission = content.get("commission")
    if commission:
        console.print(
            f"[bold]Commission[/] {commission['state']}: {commission['missing']} missing, "
            f"{commission['awaiting']} awaiting, {commission['unknown']} unknown, {commission.get('free', 0)} free"
            f" of {commission['eligible']} that earn"
        )
        difference = Difference.read(commission)
        if difference is not None:
            console.print(f"  {difference}")
    quarantine = content["quarantine"]
    if quarantine["count"]:
        console.print(
            f"[bold]Quarantine[/] {quarantine['count']:,} {'row' if quarantine['count'] == 1 else 'rows'}, "
            f"oldest {_age(clock, quarantine['oldest_first_seen_at'])}"
        )
        for reasons, count in quarantine["reasons"].items():
            console.print(f"  {count} × {escape(reasons)}")
    checks = content["checks"]
    console.print(f"[bold]Checks[/] {checks['passed']} hold, {checks['failed']} found problems")
    for check in checks["failing"]:
        rows = f" ({check['failed_rows']} rows)" if check["failed_rows"] else ""
        console.print(f"  {check['severity']}: {check['check_name']}{rows}")
    _print_alerts(console, content, clock)


def _print_health(console: Any, content: dict[str, Any], clock: Clock) -> None:
    """The seven points. A verdict speaks for a while only: of an old one it is said what it was, and when."""
    from rich.markup import escape

    judged = content["run"]["finished_at"]
    old = clock.now() - instant_of(judged) > UNMEASURED_AFTER
    system = content["health"]["system"]
    if old:
        console.print(
            f"[bold]Health[/] unknown: last judged {_age(clock, judged)}, {system} then. Run `bookwatch run`."
        )
    else:
        console.print(f"[bold]Health[/] {system}")
    for point in content["health"]["points"]:
        state = _STATES.get("unknown" if old else point["status"]) or f"○ {escape(point['status'])}"
        then = f"({point['status']} then) " if old else ""
        console.print(f"  {state}  {point['point']} {point['name']}: {then}{escape(point['message'] or '')}")


def _print_alerts(console: Any, content: dict[str, Any], clock: Clock) -> None:
    """The open alerts, why one is quiet, and the silences. A status of an earlier version says less."""
    from rich.markup import escape

    for alert in content["alerts"]:
        quiet = ""
        if alert.get("silenced_by"):
            quiet = f", silenced by {alert['silenced_by']}"
        elif alert.get("inhibited_by"):
            quiet = f", quiet while {alert['inhibited_by']} fires"
        elif not alert["announced"]:
            quiet = ", nobody was told"
        severity = f"{alert['severity']}: " if "severity" in alert else ""
        name = escape(alert.get("alert_id", alert["name"]))
        console.print(f"[bold]Alert[/] {severity}{name} since {_age(clock, alert['since'])}{quiet}")
        if alert.get("summary"):
            console.print(f"  {escape(alert['summary'])}")
    for alert in content.get("alerts_pending", ()):
        console.print(f"[bold]Soon[/] {escape(alert['alert_id'])} since {_age(clock, alert['since'])}")
    for silence in content.get("silences", ()):
        console.print(
            f"[bold]Silence[/] {escape(silence['matcher'])} until {silence['ends_at']}, by {escape(silence['author'])}"
        )


def _print_stopped(settings: Settings, found: Sequence[Stopped] | None) -> None:
    """The schedules that stand still, and how each goes on. Plain: a command line is copied as it stands."""
    if found is None:
        typer.echo(
            "Schedules: it could not be told whether they run, what Dagster keeps of them cannot be read."
        )
        return
    if found:
        typer.echo(
            f"Schedules: stopped in Dagster: {names(found)}. While `bookwatch serve` runs, start again with"
        )
    for one in found:
        typer.echo(f"  {one.start_again(settings)}")


def status(json: Annotated[bool, typer.Option("--json", help="Print status.json.")] = False) -> None:
    """Freshness, health, commission state, open alerts."""
    settings = load_settings()
    content = read_status(settings.home)
    still = stopped(settings)
    if content is None or not json:
        _print_stopped(settings, still)
    if content is None and settings.home.status.exists():
        raise BookwatchError(f"{settings.home.status} is damaged.", "Run `bookwatch run`: it writes it anew.")
    if content is None:
        raise BookwatchError(
            f"There has been no run in {settings.home.root}.",
            "Run `bookwatch run` (or `bookwatch demo`) first, or set BOOKWATCH_HOME to where it was run.",
        )
    if json:
        import orjson

        content["schedules_stopped"] = (
            None
            if still is None
            else [{"name": one.name, "start_again": one.start_again(settings)} for one in still]
        )
        echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(visible_in(content), settings.clock)
