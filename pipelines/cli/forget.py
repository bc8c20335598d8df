"""`bookwatch forget --customer ID`: erases a person's data and keeps it from coming back."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.printed import echo, echo_json
from resources.errors import DONE, FAILED
from resources.settings import load_settings

if TYPE_CHECKING:
    from pipelines.forget import Forgetting


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def forget(
    customer: Annotated[
        str,
        typer.Option(
            "--customer", metavar="ID", help="The customer's id, as in core.bookings or as the app has it."
        ),
    ],
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Who asks for it; your login by default.")
    ] = "",
    rewrite: Annotated[
        bool,
        typer.Option(
            "--rewrite", help="Write kept snapshots, exports and backups anew that hold a trace of them."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> int:
    """Erase a person's names, phones, texts and whereabouts. Bookings and money stay; needs no server."""
    settings = load_settings()
    os.umask(0o077)
    from pipelines.forget import forget_customer

    done = forget_customer(settings, customer, by=by.strip() or _operator(), anew=rewrite)
    status = FAILED if rewrite and done.left else DONE
    if json:
        from dataclasses import asdict

        import orjson

        echo_json(orjson.dumps({**asdict(done), "total": done.total}, option=orjson.OPT_INDENT_2).decode())
        return status
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
    if done.ledger:
        echo(f"Texts of the ledger lost theirs: {_places(done.ledger)}.")
    echo("The next runs keep them out. Bookings and money stay; erase the person in the app as well.")
    _say_kept(done, asked=rewrite)
    for folder in done.gone:
        echo(f"A report was written to {folder} and is not there any more: whoever has it, has what it said.")
    for path in done.backups:
        echo(f"A backup may still hold them: {path}")
    return status


def _places(where: dict[str, int]) -> str:
    told = ", ".join(f"{place} {count:,}" for place, count in sorted(where.items()))
    return told or "published after one that held a trace"


def _say_kept(done: Forgetting, *, asked: bool) -> None:
    for kept in done.kept:
        if kept.rewritten:
            was = f" It was {kept.sha256_before}." if kept.sha256_before else ""
            echo(f"Written anew: {kept.path} ({_places(kept.where)}).{was}")
        elif kept.why is None:
            echo(f"A trace of them is in {kept.path} ({_places(kept.where)}).")
        else:
            echo(f"Left as it is: {kept.path}. {kept.why}")
    if any(kept.why is None for kept in done.left) and not asked:
        echo("`bookwatch forget … --rewrite` writes these files anew without them; no figure changes.")
