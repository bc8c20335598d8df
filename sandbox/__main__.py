"""``python -m sandbox serve``: the command line of the stand-in. Starts it, does nothing else."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit status (2: wrong usage or a port that is taken)."""
    from sandbox.options import options_from, read_instant, read_level, read_outage
    from sandbox.serve import serve

    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="An Appwrite stand-in on loopback."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("serve", help="serve a simulated marketplace (or nothing) until stopped")
    add = command.add_argument
    add("--port", type=int, default=0, help="0 takes a free one (default)")
    add("--host", default="127.0.0.1", help="a loopback address (default 127.0.0.1)")
    add("--seed", type=int, default=7, help="of the simulation (default 7)")
    add("--days", type=int, default=60, help="of history (default 60)")
    add(
        "--until", type=read_instant, default=None, metavar="T", help="where history ends, ISO (default: now)"
    )
    add("--live", action="store_true", help="go on in real time after that")
    add("--empty", action="store_true", help="start without any database")
    add("--json", action="store_true", help="print one line of JSON first")
    add(
        "--data",
        type=Path,
        default=None,
        metavar="DIR",
        help="keep the data there (default: a temporary folder)",
    )
    add("--die-with-parent", action="store_true", help="end when the process that started this ends")
    add(
        "--bookings",
        type=int,
        default=0,
        metavar="N",
        help="fill up to N bookings with made-up ones (benchmarks)",
    )
    add("--messages", type=int, default=0, metavar="N", help="fill up to N chat messages (benchmarks)")
    for name, kind, what in (
        ("outage", read_outage, "nobody can book by an entry point (SOURCE: a canonical source, or all)"),
        ("acceptance", read_level, "so much of the bookings are accepted that would be"),
        ("demand", read_level, "so much of the bookings are made that would be (a holiday week)"),
    ):
        metavar = f"{'SOURCE' if name == 'outage' else 'FACTOR'}:FROM/TO"
        add(f"--{name}", type=kind, action="append", default=[], metavar=metavar, help=what)
    add_clients(commands)
    arguments = parser.parse_args(argv)
    try:
        if arguments.command == "clients":
            return run_clients(arguments)
        return serve(options_from(arguments))
    except (OSError, ValueError) as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2


def add_clients(commands: Any) -> None:
    """The command ``clients``, with its options."""
    command = commands.add_parser("clients", help="customers and providers who use the booking services")
    add = command.add_argument
    add("--server", required=True, metavar="URL", help="the stand-in's endpoint, with /v1")
    add("--project", required=True)
    add("--database", required=True)
    add("--services", required=True, metavar="URL", help="where the booking services answer")
    add("--seed", type=int, default=7, help="of what they have in mind (default 7)")
    add("--gap", type=float, default=120.0, metavar="S", help="seconds between two who book, in the mean")
    add("--visits", type=int, default=None, metavar="N", help="so many who book, then end")
    add("--for", type=float, default=0.0, dest="seconds", metavar="S", help="end after so many seconds")
    add("--hurry", type=float, default=1.0, metavar="F", help="every pause is F times shorter")
    add("--data", type=Path, default=None, metavar="DIR", help="keep clients.json there")
    add("--die-with-parent", action="store_true", help="end when the process that started this ends")


def run_clients(arguments: argparse.Namespace) -> int:
    """Let them act, as the command line says."""
    from sandbox.clients.run import Options, run

    return run(
        Options(
            arguments.server, arguments.project, arguments.database, arguments.services, arguments.seed,
            arguments.gap, arguments.visits, arguments.seconds, arguments.hurry, arguments.data,
            arguments.die_with_parent,
        )
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
