"""`bookwatch alerts silence` and `end-silence`: alerts that say nothing for a time, who wanted it, and its end."""

from __future__ import annotations

import os
import sqlite3
from datetime import datetime
from typing import Annotated, Any

import typer

from pipelines.cli.printed import echo, echo_json
from resources.errors import BookwatchError, UsageError
from resources.ledger import LedgerTooNew
from resources.ledger.alerts import AlertStore, Silence
from resources.settings import Settings, load_settings


def unreadable(settings: Settings) -> BookwatchError:
    """What to say where the ledger can't be read or written."""
    return BookwatchError(
        f"The ledger {settings.home.ledger} could not be read or written.",
        "Make it writable for this user, or wait for the process that holds it, and try again.",
    )


def as_json(silence: Silence, now: datetime) -> dict[str, Any]:
    """A silence for programs."""
    return {
        "silence_id": silence.silence_id,
        "matcher": silence.matcher,
        "author": silence.author,
        "reason": silence.reason,
        "created_at": silence.created_at,
        "ends_at": silence.ends_at,
        "ended_at": silence.ended_at,
        "ended_by": silence.ended_by,
        "active": silence.holds(now),
    }


def sentence(silence: Silence, now: datetime) -> str:
    """A silence for a person."""
    if silence.ended_at is not None:
        end = f"ended {silence.ended_at:%Y-%m-%d %H:%M} UTC by {silence.ended_by}"
    elif silence.holds(now):
        end = f"until {silence.ends_at:%Y-%m-%d %H:%M} UTC"
    else:
        end = f"over since {silence.ends_at:%Y-%m-%d %H:%M} UTC"
    return f"silence {silence.silence_id}: {silence.matcher} {end}, by {silence.author}: {silence.reason}"


def _print(silence: Silence, now: datetime, *, json: bool) -> None:
    if json:
        import orjson

        echo_json(orjson.dumps(as_json(silence, now), option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
    else:
        echo(sentence(silence, now))


def silence(
    matcher: Annotated[
        str,
        typer.Argument(
            metavar="MATCHER",
            help="An alert's name (* and ? stand for letters), or label=value; several, separated by commas.",
            show_default=False,
        ),
    ],
    lasts: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long: 30m, 2h, 1d; 30 days at most.")
    ],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who wants it.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; no personal data.")],
    json: Annotated[bool, typer.Option("--json", help="Print the silence as JSON.")] = False,
) -> None:
    """Let alerts that match say nothing for a time. The end of one that people were told of is told all the same."""
    from pipelines.alerting.silences import duration, terms

    matcher, by, reason = matcher.strip(), by.strip(), reason.strip()
    terms(matcher)
    length = duration(lasts)
    if not by:
        raise UsageError("--by is empty.", "Give the name of who wants the silence.")
    if not reason:
        raise UsageError("--reason is empty.", "Say why these alerts may stay silent.")
    settings = load_settings()
    os.umask(0o077)
    now = settings.clock.now()
    if not settings.home.root.is_dir():
        raise BookwatchError(
            f"There is no {settings.home.root}.",
            "Run `bookwatch run` first, or set BOOKWATCH_HOME to where it was run.",
        )
    try:
        entered = AlertStore(settings.home.ledger).silence(
            matcher, author=by, reason=reason, created_at=now, ends_at=now + length
        )
    except LedgerTooNew:
        raise
    except sqlite3.Error:
        raise unreadable(settings) from None
    _print(entered, now, json=json)


def end_silence(
    silence_id: Annotated[
        str,
        typer.Argument(metavar="SILENCE", help="Its number, as `alerts list` shows it.", show_default=False),
    ],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who ends it.")],
    json: Annotated[bool, typer.Option("--json", help="Print the silence as JSON.")] = False,
) -> None:
    """End a silence before its time. What still fires is told at the next turn."""
    by = by.strip()
    if not by:
        raise UsageError("--by is empty.", "Give the name of who ends the silence.")
    settings = load_settings()
    now = settings.clock.now()
    store = AlertStore(settings.home.ledger)
    try:
        before = store.end_silence(silence_id, by=by, at=now) if settings.home.ledger.exists() else None
        ended = next((s for s in store.silences() if s.silence_id == silence_id), None) if before else None
    except LedgerTooNew:
        raise
    except sqlite3.Error:
        raise unreadable(settings) from None
    if before is None or ended is None:
        raise UsageError(f"There is no silence {silence_id!r}.", "`bookwatch alerts list --all` shows them.")
    if not before.holds(now):
        raise UsageError(f"The silence {silence_id} is over already.", "Nothing was changed.")
    _print(ended, now, json=json)
