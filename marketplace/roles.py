"""Who may do what: the roles of people who look at bookwatch, what each may see and do, and which one a person has of
whom an identity provider says something. Who that is stands elsewhere (dashboards/viewer.py); every page, action and
download asks here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final, cast


class Role(StrEnum):
    """What a person is here for."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    SUPPORT = "support"
    AUDITOR = "auditor"
    ADMIN = "admin"
    PROVIDER = "provider"
    """A therapist or a place, who sees what is theirs alone: which one is said with the role."""


class Right(StrEnum):
    """One thing that a role allows or does not."""

    SEE = "see"
    """Figures, lists and records, without a customer's name, phone or words."""
    MINE = "mine"
    """See what one provider has: who may SEE of any, a provider of themselves."""
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
    OPERATE = "operate"
    """Have a plan applied to the marketplace, or one action on one row; stop all acting."""
    UNDO = "undo"
    """Take back what was done to the marketplace; let acting go on after a stop."""


REVEALED_FOR: Final = timedelta(minutes=10)
"""How long what somebody asked to see stays on the page: who walks away leaves it masked."""

_LOOK: Final = frozenset({Right.SEE})
_CARE: Final = frozenset({Right.MINE})
_WORK: Final = frozenset({Right.ACKNOWLEDGE, Right.SILENCE, Right.WAIVE, Right.SWEEP, Right.OPERATE})

RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    Role.VIEWER: _LOOK,
    Role.OPERATOR: _LOOK | _CARE | _WORK | {Right.DOWNLOAD, Right.REPORT},
    Role.SUPPORT: _LOOK | _CARE | {Right.ACKNOWLEDGE, Right.CONTACT, Right.READ},
    Role.AUDITOR: _LOOK | {Right.DOWNLOAD, Right.REPORT, Right.SIGN_OFF, Right.WAIVE},
    Role.ADMIN: frozenset(Right),
    Role.PROVIDER: _CARE,
}
GIVEN: Final = tuple(role for role in Role if role is not Role.PROVIDER)
"""Roles that an e-mail, a group or a claim may have; a provider's takes the provider's id, and so an e-mail."""


def allows(role: Role, right: Right) -> bool:
    """Whether a role has a right."""
    return right in RIGHTS[role]


@dataclass(frozen=True)
class RoleRules:
    """Who has which role. An e-mail wins over a group, a group over another claim; of two groups or claims that fit,
    the one that stands first. Whom none fits has no role, and sees nothing.

    ``emails`` are in lower case, and count only where the provider says that it verified them, unless ``unverified``;
    so are those of ``providers``, each with the id of the therapist or place that somebody is.
    ``group_claim`` names the claim that lists a person's groups; a name with dots leads into claims
    (``realm_access.roles``).
    """

    emails: Mapping[str, Role] = field(default_factory=dict[str, Role])
    groups: tuple[tuple[str, Role], ...] = ()
    claims: tuple[tuple[str, str, Role], ...] = ()
    group_claim: str = "groups"
    unverified: bool = False
    providers: Mapping[str, str] = field(default_factory=dict[str, str])

    def role_of(self, said: Mapping[str, object]) -> Role | None:
        """The role of a person, by the claims of a token that was proven; None for who has none."""
        if (email := self.email_of(said)) is not None and email in self.emails:
            return self.emails[email]
        if email is not None and email in self.providers:
            return Role.PROVIDER
        theirs = _values(said, self.group_claim)
        for group, role in self.groups:
            if group in theirs:
                return role
        for claim, value, role in self.claims:
            if value in _values(said, claim):
                return role
        return None

    def provider_of(self, said: Mapping[str, object]) -> str | None:
        """The provider that a person of that role is; None for who has another."""
        email = self.email_of(said)
        return self.providers.get(email) if email is not None and email not in self.emails else None

    def email_of(self, said: Mapping[str, object]) -> str | None:
        """The e-mail that a person may be known by, in lower case."""
        email = said.get("email")
        if not isinstance(email, str) or not (self.unverified or said.get("email_verified") is True):
            return None
        return email.strip().lower() or None


def _inside(claims: object, name: str) -> object:
    return cast("dict[str, object]", claims).get(name) if isinstance(claims, dict) else None


def _values(said: Mapping[str, object], name: str) -> tuple[str, ...]:
    """What a claim says, as words: of a list each, of yes and no "true" and "false", of anything else nothing."""
    found: object = said.get(name)
    if found is None:  # no claim of that very name: a way into others
        found = dict(said)
        for part in name.split("."):
            found = _inside(found, part)
    values = cast("list[object]", found) if isinstance(found, list) else [found]
    return tuple(
        str(value).lower() if isinstance(value, bool) else str(value)
        for value in values
        if isinstance(value, bool | str | int)
    )
