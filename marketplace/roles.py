"""Who may do what: the roles of people who look at bookwatch, and what each may see and do. How a person is told
to have one stands elsewhere (dashboards/viewer.py); every page, action and download asks here."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a person is here for."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    SUPPORT = "support"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Right(StrEnum):
    """One thing that a role allows or does not."""

    SEE = "see"
    """Figures, lists and records, without a customer's name, phone or words."""
    DOWNLOAD = "download"
    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"
    WAIVE = "waive"
    CONTACT = "contact"
    """See the name and phone of one customer or provider, and write to them. Each look is a line in the ledger."""
    READ = "read"
    """See the words of one conversation, and search in words. Each look is a line in the ledger."""
    REPORT = "report"
    """Have an auditor's report made."""
    SIGN_OFF = "sign_off"
    SWEEP = "sweep"
    FORGET = "forget"


_LOOK: Final = frozenset({Right.SEE})
_WORK: Final = frozenset({Right.ACKNOWLEDGE, Right.SILENCE, Right.WAIVE, Right.SWEEP})

RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    Role.VIEWER: _LOOK,
    Role.OPERATOR: _LOOK | _WORK | {Right.DOWNLOAD, Right.REPORT},
    Role.SUPPORT: _LOOK | {Right.ACKNOWLEDGE, Right.CONTACT, Right.READ},
    Role.AUDITOR: _LOOK | {Right.DOWNLOAD, Right.REPORT, Right.SIGN_OFF, Right.WAIVE},
    Role.ADMIN: frozenset(Right),
}


def allows(role: Role, right: Right) -> bool:
    """Whether a role has a right."""
    return right in RIGHTS[role]
