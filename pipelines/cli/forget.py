"""`bookwatch forget --customer ID`: erases a person's data and keeps it from coming back."""

from __future__ import annotations

import getpass
import os
from typing import Annotated

import typer

from pipelines.cli.printed import echo, echo_json
from resources.settings import load_settings


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def forget(
    customer: Annotated[
        str, typer.Option("--customer", metavar="ID", help="The customer's id, as in core.bookings.")
    ],
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Who asks for it; your login by default.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Erase a person's names, phones, texts and whereabouts. Bookings and money stay; needs no server."""
    settings = load_settings()
    os.umask(0o077)
    from pipelines.forget import forget_customer

    done = forget_customer(settings, customer, by=by.strip() or _operator())
    if json:
        from dataclasses import asdict

        import orjson

        echo_json(orjson.dumps({**asdict(done), "total": done.total}, option=orjson.OPT_INDENT_2).decode())
        return
    if done.total or done.quarantined:
        told = ", ".join(f"{collection} {count:,}" for collection, count in sorted(done.rows.items()))
        echo(
            f"Forgot the customer {done.customer_id}: {done.total:,} rows lost their personal values ({told}),"
            f" {done.versions:,} versions with their history."
        )
    else:
        echo(f"Nothing personal of the customer {done.customer_id} was left in the mirror.")
    if done.rewritten:
        echo("raw.duckdb and private.duckdb were written anew: their files no longer hold the values.")
    echo("The next runs keep them out. Bookings and money stay; erase the person in the app as well.")
    for path in done.backups:
        echo(f"A backup may still hold them: {path}")
