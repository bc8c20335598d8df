"""`bookwatch sandbox serve`: the Appwrite stand-in, a process of its own that takes this one's place."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

app = typer.Typer(help="The Appwrite stand-in on loopback.", no_args_is_help=True)


@app.command("serve")
def serve(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the simulated marketplace.")] = 7,
    days: Annotated[int, typer.Option(help="Days of history.")] = 60,
    until: Annotated[
        str | None, typer.Option(help="Instant the history ends at (ISO 8601; default: now).")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Go on in real time.")] = False,
    empty: Annotated[bool, typer.Option("--empty", help="Start without a database.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line first: endpoint, project, keys.")
    ] = False,
    data: Annotated[str | None, typer.Option(help="Folder for its data (default: a temporary one).")] = None,
) -> None:
    """Serve the stand-in until it is stopped."""
    words = ["serve", "--port", str(port), "--seed", str(seed), "--days", str(days)]
    words += ["--until", until] if until else []
    words += ["--data", data] if data else []
    words += [flag for flag, given in (("--live", live), ("--empty", empty), ("--json", json)) if given]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "sandbox", *words])
