"""The dated commission policy: who pays which rate, fee and deadline from when to when. Reading its file is
not done here."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final, Literal, cast

Scope = Literal["default", "plan", "provider"]


class PolicyError(ValueError):
    """The policy cannot be used: one sentence naming the version at fault."""


@dataclass(frozen=True)
class PolicyRule:
    """One version of what a provider owes.

    ``rate_ppm`` is the rate in millionths, ``fee_idr`` the late fee in rupiah; the validity is of local
    accrual days, half-open, None meaning without end. A rule with a provider goes before one with a plan,
    and that before the default.
    """

    version: str
    rate_ppm: int
    fee_idr: int
    deadline_hours: int
    grace_minutes: int
    restriction_minutes: int
    valid_from: date | None = None
    valid_to: date | None = None
    plan: str | None = None
    provider: str | None = None

    @property
    def scope(self) -> tuple[Scope, str]:
        """Whom this rule is for."""
        if self.provider is not None:
            return ("provider", self.provider)
        if self.plan is not None:
            return ("plan", self.plan)
        return ("default", "")

    def applies_on(self, day: date) -> bool:
        """Whether a local accrual day lies in this rule's validity."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )

    @property
    def grace(self) -> timedelta:
        return timedelta(minutes=self.grace_minutes)

    @property
    def deadline(self) -> timedelta:
        return timedelta(hours=self.deadline_hours)

    @property
    def restriction_delay(self) -> timedelta:
        return timedelta(minutes=self.restriction_minutes)


@dataclass(frozen=True)
class Policy:
    """A validated policy: rules in order of precedence. ``name`` is what reports cite."""

    name: str
    rules: tuple[PolicyRule, ...]

    def __post_init__(self) -> None:
        _validate(self.rules)
        order: dict[Scope, int] = {"provider": 0, "plan": 1, "default": 2}
        object.__setattr__(
            self,
            "rules",
            tuple(
                sorted(self.rules, key=lambda r: (order[r.scope[0]], r.scope[1], r.valid_from or date.min))
            ),
        )

    def rule(self, day: date, *, provider: str | None = None, plan: str | None = None) -> PolicyRule:
        """The rule that applies to a booking accrued on a local day."""
        for rule in self.rules:
            kind, name = rule.scope
            if (kind == "provider" and name != provider) or (kind == "plan" and name != plan):
                continue
            if rule.applies_on(day):
                return rule
        raise PolicyError(f"No rule applies on {day}.")  # unreachable: the default has no gap

    def numbers(self) -> dict[str, str]:
        """What a sentence says of grace_minutes, deadline_hours and restriction_minutes: the number, or where rules
        differ each of them (``3 / 4``)."""
        return {
            name: " / ".join(f"{number:,}" for number in sorted({getattr(rule, name) for rule in self.rules}))
            for name in ("grace_minutes", "deadline_hours", "restriction_minutes")
        }


def _validate(rules: Iterable[PolicyRule]) -> None:
    rules = tuple(rules)
    by_scope: dict[tuple[Scope, str], list[PolicyRule]] = {}
    versions: set[str] = set()
    for rule in rules:
        if not rule.version:
            raise PolicyError("A rule has no version name.")
        if rule.version in versions:
            raise PolicyError(f"Two rules are named {rule.version!r}.")
        versions.add(rule.version)
        if rule.provider is not None and rule.plan is not None:
            raise PolicyError(f"Rule {rule.version!r} names both a plan and a provider; name one.")
        if not 0 <= rule.rate_ppm <= 1_000_000:
            raise PolicyError(f"Rule {rule.version!r}: the rate must lie between 0 and 1,000,000 millionths.")
        if min(rule.fee_idr, rule.grace_minutes, rule.restriction_minutes) < 0 or rule.deadline_hours <= 0:
            raise PolicyError(
                f"Rule {rule.version!r}: fee, grace and delays cannot be negative, nor the deadline 0."
            )
        if rule.valid_from and rule.valid_to and rule.valid_from >= rule.valid_to:
            raise PolicyError(f"Rule {rule.version!r} ends before it begins.")
        by_scope.setdefault(rule.scope, []).append(rule)
    if ("default", "") not in by_scope:
        raise PolicyError("There is no default rule (one without plan and provider).")
    for (kind, name), scoped in by_scope.items():
        whom = f"the {kind} {name}".strip() if name else "the default"
        scoped.sort(key=lambda r: r.valid_from or date.min)
        for earlier, later in pairwise(scoped):
            if later.valid_from is None or earlier.valid_to is None or later.valid_from < earlier.valid_to:
                raise PolicyError(f"Rules {earlier.version!r} and {later.version!r} of {whom} overlap.")
            if later.valid_from > earlier.valid_to:
                raise PolicyError(
                    f"There is a gap in the rules of {whom} from {earlier.valid_to} to {later.valid_from}."
                )
        if kind == "default" and (scoped[0].valid_from is not None or scoped[-1].valid_to is not None):
            raise PolicyError(
                "The default must apply without beginning and end: there is a gap before or after it."
            )


_FIELDS: Final = frozenset(PolicyRule.__dataclass_fields__)


def parse_policy(text: str) -> Policy:
    """Read a policy from TOML: ``name`` and one ``[[rules]]`` table a rule. Raises PolicyError with one
    sentence."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as broken:
        raise PolicyError(f"The policy is not valid TOML: {broken}.") from None
    name = document.get("name")
    tables = document.get("rules")
    if not isinstance(name, str) or not name:
        raise PolicyError("The policy has no name.")
    if not isinstance(tables, list) or not tables:
        raise PolicyError("The policy has no rules.")
    return Policy(name, tuple(_rule(cast("Mapping[str, Any]", table)) for table in cast("list[Any]", tables)))


def _rule(table: Mapping[str, Any]) -> PolicyRule:
    if not isinstance(table, dict):
        raise PolicyError("Each rule must be a [[rules]] table.")
    version = str(table.get("version", "without a version"))
    unknown = sorted(set(table) - _FIELDS)
    if unknown:
        raise PolicyError(f"Rule {version!r} has unknown entries: {', '.join(unknown)}.")
    for field, kind in _KINDS.items():
        value = table.get(field)
        if value is None and field in _OPTIONAL:
            continue
        if type(value) is not kind:
            raise PolicyError(f"Rule {version!r}: {field} must be given as {_WORDS[kind]}.")
    return PolicyRule(**dict(table))


_OPTIONAL: Final = frozenset({"valid_from", "valid_to", "plan", "provider"})
_KINDS: Final[Mapping[str, type]] = {
    "version": str,
    "rate_ppm": int,
    "fee_idr": int,
    "deadline_hours": int,
    "grace_minutes": int,
    "restriction_minutes": int,
    "valid_from": date,
    "valid_to": date,
    "plan": str,
    "provider": str,
}
_WORDS: Final[Mapping[type, str]] = {str: "text", int: "a whole number", date: "a date such as 2026-01-01"}
