"""`bookwatch adopt`: takes a mirror along when the server moved, once rows prove that it is the same database."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from resources.settings import load_settings


def adopt(
    json: Annotated[bool, typer.Option("--json", help="Print what was compared and done as JSON.")] = False,
) -> None:
    """Take the mirror along after the server moved: compares rows first; changes nothing unless they are the same."""
    settings = load_settings()
    os.umask(0o077)
    from pipelines.adopt import NAMES, adopt_mirror

    done = adopt_mirror(settings)
    if json:
        from dataclasses import asdict

        import orjson

        report: dict[str, Any] = {
            "adopted": done.adopted,
            "from": dict(zip(NAMES, done.before, strict=True)),
            "to": dict(zip(NAMES, done.after, strict=True)),
            "compared": [asdict(one) for one in done.compared],
            "message": done.refused.problem if done.refused else "",
        }
        typer.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode())
    else:
        for one in done.compared:
            typer.echo(f"{one.sentence}.")
    if done.refused is not None:
        raise done.refused
    if json:
        return
    if not done.adopted:
        typer.echo("The mirror is of this server already; nothing was changed.")
        return
    pairs = {name: (was, now) for name, was, now in zip(NAMES, done.before, done.after, strict=True)}
    for name in done.moved:
        was, now = pairs[name]
        typer.echo(f"The mirror's {name} was {was} and is {now} now.")
    typer.echo(
        "It is the same database. `bookwatch run` goes on where it was; the next sweep compares every row."
    )
