"""`bookwatch alerts`: the alerts there are, and a test of where they go. Silences: alert_silences.py beside it."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer

from pipelines.cli import alert_silences
from pipelines.cli.printed import echo, echo_json
from resources.errors import FAILED, BookwatchError, UsageError
from resources.ledger import LedgerTooNew
from resources.ledger.alerts import Alert, AlertStore, Delivery, Silence
from resources.settings import Settings, load_settings

app = typer.Typer(help="What fires, who stays silent, and where alerts go.", no_args_is_help=True)
app.command("silence")(alert_silences.silence)
app.command("end-silence")(alert_silences.end_silence)


def _known(settings: Settings) -> tuple[list[Alert], list[Silence]]:
    """The alerts and the silences there are. Raises BookwatchError where there is no ledger or it can't be read."""
    if not settings.home.ledger.exists():
        raise BookwatchError(
            f"There has been no run in {settings.home.root}.",
            "Run `bookwatch run` (or `bookwatch demo`) first, or set BOOKWATCH_HOME to where it was run.",
        )
    store = AlertStore(settings.home.ledger)
    try:
        return store.alerts(), store.silences()
    except LedgerTooNew:
        raise
    except (sqlite3.Error, ValueError):
        raise alert_silences.unreadable(settings) from None


def as_json(alerts: list[Alert], silences: list[Silence], now: datetime) -> dict[str, Any]:
    """Alerts and silences for programs."""
    return {
        "alerts": [
            {
                "alert_id": alert.alert_id,
                "name": alert.name,
                "labels": dict(alert.labels),
                "state": alert.state,
                "severity": alert.severity,
                "summary": alert.summary,
                "detail": alert.detail,
                "figure": alert.figure,
                "limit_value": alert.limit,
                "unit": alert.unit,
                "page": alert.page,
                "active_since": alert.active_since,
                "fired_at": alert.fired_at,
                "last_sent_at": alert.last_sent_at,
                "resolved_at": alert.resolved_at,
                "silenced_by": alert.silenced_by,
                "inhibited_by": alert.inhibited_by,
            }
            for alert in alerts
        ],
        "silences": [alert_silences.as_json(silence, now) for silence in silences],
    }


def _print(alerts: list[Alert], silences: list[Silence], now: datetime, *, everything: bool) -> None:
    from pipelines.alerting.message import number, span

    order = {"firing": 0, "pending": 1, "resolved": 2}
    shown = [a for a in alerts if everything or a.state != "resolved"]
    if not shown:
        echo("No alert is open.")
    for alert in sorted(shown, key=lambda a: (order[a.state], a.active_since, a.alert_id)):
        ended = f", over since {alert.resolved_at:%Y-%m-%d %H:%M} UTC" if alert.state == "resolved" else ""
        echo(f"{alert.state} · {alert.severity} · {alert.alert_id}: {alert.summary}")
        figure = (
            ""
            if alert.figure is None
            else f"{number(alert.figure, alert.unit)}"
            + (f", limit {number(alert.limit, alert.unit)}" if alert.limit is not None else "")
            + " · "
        )
        echo(
            f"  {figure}since {alert.active_since:%Y-%m-%d %H:%M} UTC ({span(now - alert.active_since)}){ended}"
            f" · page {alert.page}"
        )
        if alert.silenced_by:
            echo(f"  silenced by {alert.silenced_by}")
        if alert.inhibited_by:
            echo(f"  quiet while {alert.inhibited_by} fires")
        if alert.state == "firing" and not (alert.told or alert.silenced_by or alert.inhibited_by):
            echo("  nobody was told yet")
    for silence in silences:
        if silence.holds(now) or everything:
            echo(alert_silences.sentence(silence, now))


def list_alerts(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that are over (30 days), and every silence.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print alerts and silences as JSON.")] = False,
) -> None:
    """The alerts that fire or are about to, and the silences in force."""
    settings = load_settings()
    alerts, silences = _known(settings)
    now = settings.clock.now()
    if json:
        import orjson

        listed = alerts if everything else [a for a in alerts if a.state != "resolved"]
        held = silences if everything else [s for s in silences if s.holds(now)]
        echo_json(
            orjson.dumps(as_json(listed, held, now), option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode()
        )
    else:
        _print(alerts, silences, now, everything=everything)


app.command("list")(list_alerts)


def full_length(fits: Callable[[str], bool]) -> str:
    """A test message as long as a channel takes, which says where it ends: a channel that cuts is seen to cut."""
    first = "This is a test: nothing is wrong. Alerts of bookwatch arrive here."
    last = "This is the end of the test: all of it arrived."
    if not fits(f"{first}\n{last}"):
        return first

    def of(lines: int) -> str:
        return "\n".join(
            [first, *(f"Line {n:,} shows how much this channel takes." for n in range(1, lines + 1)), last]
        )

    most = 1
    while fits(of(most)):
        most *= 2
    return of(bisect_left(range(most), True, key=lambda lines: not fits(of(lines))) - 1)


def send_test(
    severity: Annotated[
        str | None,
        typer.Option("--severity", metavar="SEVERITY", help="Only the channels that take it (default: all)."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Send a test message, as long as each takes, to every channel of BOOKWATCH_ALERT_URLS."""
    from marketplace.findings import SEVERITIES
    from resources.notifier import Notifier

    if severity is not None and severity not in SEVERITIES:
        raise UsageError(f"{severity!r} is no severity.", f"It is one of {', '.join(SEVERITIES)}.")
    settings = load_settings()
    chosen = [c for c in settings.alert_channels if severity is None or c.takes(severity)]
    if not chosen:
        raise UsageError(
            "No channel is set" + (f" that takes {severity}." if settings.alert_channels else "."),
            "BOOKWATCH_ALERT_URLS holds Apprise URLs, such as critical,high=ntfys://ntfy.sh/my-topic (.env.example).",
        )
    sends = dict(Notifier().send_all([(channel, "bookwatch: test", full_length) for channel in chosen]))
    outcomes = [(position + 1, channel, sends[position]) for position, channel in enumerate(chosen)]
    if settings.home.root.exists():
        now = settings.clock.now()
        deliveries = [Delivery(now, "test", 0, c.scheme, s.delivered, s.attempts) for _, c, s in outcomes]
        try:
            AlertStore(settings.home.ledger).record_sent([], deliveries)
        except sqlite3.Error:
            echo("The test could not be recorded in ledger.sqlite.", err=True)
    if json:
        import orjson

        content = [
            {
                "position": number,
                "channel": channel.scheme,
                "severities": sorted(channel.severities) if channel.severities is not None else None,
                "delivered": sent.delivered,
                "usable": sent.usable,
                "attempts": sent.attempts,
                "letters": sent.length,
                "shortened": sent.shortened,
            }
            for number, channel, sent in outcomes
        ]
        echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
    else:
        for number, channel, sent in outcomes:
            takes = "all severities" if channel.severities is None else ", ".join(sorted(channel.severities))
            if sent.delivered:
                ended = "delivered"
                if sent.shortened:
                    ended += f", but only {sent.length:,} letters: it refused a longer message"
            elif sent.usable:
                ended = f"not delivered ({sent.attempts} tries)"
            else:
                ended = "not an address Apprise can use"
            echo(f"{number}. {channel.scheme} ({takes}): {ended}")
    return 0 if all(sent.delivered for _, _, sent in outcomes) else FAILED


app.command("test")(send_test)
