"""How a command prints what may hold text from outside: sentences for people, JSON and CSV for programs.

Nothing printed here steers the terminal it lands on (resources/visible.py). Colours are Rich's; what it is given to
colour is made visible before.
"""

from __future__ import annotations

import sys

import typer

from resources.visible import visible, visible_json


def echo(sentence: str, *, err: bool = False) -> None:
    """A line for a person."""
    typer.echo(visible(sentence), err=err)


def echo_json(text: str) -> None:
    """JSON: the same value for any reader, and safe on a terminal."""
    typer.echo(visible_json(text))


def echo_csv(text: str) -> None:
    """CSV: raw for a program, visible on a terminal."""
    # color: else a pipe is given the text without what looks like a colour, and that is data here.
    typer.echo(visible(text) if sys.stdout.isatty() else text, nl=False, color=True)
