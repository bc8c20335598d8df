"""`bookwatch orders`: what was ordered in the dashboards and how it stands; ``--work`` does what waits."""

from __future__ import annotations

import os
import sqlite3
from typing import Annotated, Any

import typer

from messages.catalogue import english
from pipelines.cli.printed import echo, echo_json
from resources.errors import DONE, FAILED, BookwatchError
from resources.ledger import Ledger, LedgerTooNew, Order
from resources.settings import load_settings

SHOWN = 20


def as_json(order: Order) -> dict[str, Any]:
    """An order for programs."""
    return {
        "order_id": order.order_id,
        "kind": order.kind,
        "arguments": dict(order.arguments),
        "ordered_by": order.ordered_by,
        "role": order.role,
        "ordered_at": order.ordered_at,
        "state": order.state,
        "attempts": order.attempts,
        "started_at": order.started_at,
        "ended_at": order.ended_at,
        "progress": None if order.progress is None else english(order.progress),
        "outcome": [english(said) for said in order.outcome],
    }


def sentence(order: Order) -> str:
    """An order for a person."""
    about = " ".join(f"{name}={value}" for name, value in order.arguments.items() if value)
    said = " ".join(english(part) for part in order.outcome) or (
        english(order.progress) if order.progress is not None else ""
    )
    told = f"{order.order_id} · {order.kind} {about}".rstrip()
    who = f"by {order.ordered_by} at {order.ordered_at:%Y-%m-%d %H:%M} UTC"
    return f"{told} · {who} · {order.state}{f': {said}' if said else ''}"


def orders(
    do: Annotated[bool, typer.Option("--work", help="Do the orders that wait, one after the other.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the orders as JSON.")] = False,
) -> int:
    """What was ordered in the dashboards (forget, report, package, sign off, sweep, act), and how it stands."""
    settings = load_settings()
    os.umask(0o077)
    ledger = Ledger(settings.home.ledger)
    try:
        if do and ledger.path.exists():
            from pipelines.environment import prepare
            from pipelines.orders import work

            prepare(settings)
            listed = work(settings)
        else:
            listed = ledger.orders(limit=SHOWN)
    except LedgerTooNew:
        raise
    except sqlite3.Error:
        raise BookwatchError(
            f"The ledger {ledger.path} could not be read or written.",
            "Make it writable for this user, or wait for the process that holds it, and try again.",
        ) from None
    if json:
        import orjson

        content = [as_json(order) for order in listed]
        echo_json(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
    else:
        for order in listed:
            echo(sentence(order))
        if not listed:
            echo("No order waits." if do else "Nothing was ordered yet.")
    return FAILED if do and any(order.state == "failed" for order in listed) else DONE
