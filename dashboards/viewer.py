"""Who is looking, and what they may: one record a drawing, which every page, action and download asks. No figure, no
widget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from marketplace.roles import Right, Role, allows


@dataclass(frozen=True)
class Viewer:
    """A person at a page. ``name``: who the ledger says did something; ``known``: whether an identity provider said
    so, else it is the local user of a server that only this machine reaches."""

    name: str
    role: Role
    known: bool

    def may(self, right: Right) -> bool:
        return allows(self.role, right)


#: Whoever is at this machine, where no identity provider is set up: works, and reveals nothing.
LOCAL: Final = Viewer("local user", Role.OPERATOR, known=False)
