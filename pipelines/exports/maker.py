"""Who makes a report, and how that is known. A name is told or signed in with; an account is the system's."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from typing import Final, Literal

from resources.errors import UsageError

How = Literal["signed-in", "self-declared"]

HOW: Final[dict[How, str]] = {
    "signed-in": "signed in on the dashboards under this name",
    "self-declared": "self-declared: no login vouches for this name",
}


@dataclass(frozen=True)
class Maker:
    """``name`` as the report says it; ``how`` it is known; ``under``: the operating system's account that the process
    ran as, which nobody types."""

    name: str
    how: How
    under: str


def account() -> str:
    """The operating system's account of this process, else its number."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def require_name(name: str, whose: str) -> None:
    """Raises UsageError for a name that is empty, or holds what begins a new line or steers a terminal: what is printed
    and signed beside it must not be its words."""
    if not name:
        raise UsageError("--by is empty.", f"Give the name of {whose}.")
    if not name.isprintable():
        raise UsageError("--by is not a name on one line.", f"Give the name of {whose}, in letters alone.")


def maker(declared: str | None, signed_in: str | None = None) -> Maker:
    """Who makes a report: ``signed_in`` where there is a login, which no declared name overrides; else who says so.

    Raises UsageError for a name that is empty or not of one line, and for a declared one that differs from the login.
    """
    under = account()
    told = None if declared is None else declared.strip()
    if told is not None:
        require_name(told, "who makes the report")
    if signed_in is not None:
        if told not in (None, signed_in):
            raise UsageError(
                f"You are signed in as {signed_in}; the report cannot say that {told} made it.",
                "Leave the name out.",
            )
        return Maker(signed_in, "signed-in", under)
    return Maker(told or under, "self-declared", under)
