"""Every command with its arguments and options, as ``--help`` says them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer.main

from pipelines.cli import app
from pipelines.reference.layout import bullets, code, heading, paragraph, sentence, whole

_OPENING = """
What they are for, what they promise and how they end is in [contract.md](../contract.md) and
[operations.md](../operations.md). `--debug`, on any command, shows the details of an error.
"""


def page() -> str:
    """The page, in Markdown."""
    return whole(
        "Commands",
        "the commands in `pipelines/cli/`",
        paragraph(_OPENING),
        *(
            _command(words, command)
            for words, command in _commands(typer.main.get_command(app), ["bookwatch"])
        ),
    )


def _commands(command: Any, words: list[str]) -> Iterator[tuple[str, Any]]:
    """(the words that call it, the command), depth first, in the order of ``--help``."""
    within = getattr(command, "commands", None)
    if within is None:
        yield " ".join(words), command
    else:
        for name, one in within.items():
            yield from _commands(one, [*words, name])


def _command(words: str, command: Any) -> str:
    shown = [one for one in command.params if not getattr(one, "hidden", False)]
    usage = " ".join([words, *(_used(one) for one in shown if one.required)])
    told = [
        heading(words),
        *([paragraph(code(usage))] if usage != words else []),
        paragraph(command.help or ""),
    ]
    return "\n".join([*told, bullets(map(_parameter, shown))] if shown else told)


def _is_option(parameter: Any) -> bool:
    return parameter.param_type_name == "option"


def _used(parameter: Any) -> str:
    """How it stands in a call."""
    if not _is_option(parameter):
        return _value(parameter)
    return parameter.opts[0] if parameter.is_flag else f"{parameter.opts[0]} {_value(parameter)}"


def _value(parameter: Any) -> str:
    """What stands for its value."""
    kind = parameter.type_descriptor.annotation
    if parameter.metavar:
        return parameter.metavar
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(word.value) for word in kind)
    if not _is_option(parameter):
        return parameter.name.upper()
    return {int: "N", float: "NUMBER"}.get(kind, "TEXT")


def _parameter(parameter: Any) -> str:
    names = " / ".join(code(name) for name in (*parameter.opts, *parameter.secondary_opts))
    if not _is_option(parameter):
        return f"{code(_value(parameter))}: {sentence(parameter.help or '')}"
    told = [sentence(parameter.help or "")]
    if not parameter.is_flag:
        names = code(_used(parameter))
    least, most = getattr(parameter, "min", None), getattr(parameter, "max", None)
    if least is not None or most is not None:
        told.append(f"At least {least}." if most is None else f"From {least} to {most}.")
    default = parameter.default
    if parameter.required:
        told.append("Required.")
    elif isinstance(default, bool) and parameter.secondary_opts:
        told.append(f"Default: {code((parameter.opts if default else parameter.secondary_opts)[0])}.")
    elif default not in (None, "", False) and not parameter.is_flag:
        told.append(f"Default: {code(default.value if isinstance(default, Enum) else default)}.")
    return f"{names}: {' '.join(told)}"
