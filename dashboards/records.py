"""A finding's two records, field by field: what stands beside what, and where they differ. Pure; asks nothing and draws
nothing.

Compared is what the snapshot holds: a field only one side has, or that is not known, is shown and never marked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from marketplace.commission import DEADLINE_TOLERANCE

Record = dict[str, Any]
Kind = Literal["text", "source", "idr", "instant", "rate", "yes"]


def _unequal(left: Any, right: Any) -> bool:
    return left != right


def _far(left: datetime, right: datetime) -> bool:
    """As reconciliation judges deadlines: apart by more than the tolerance."""
    return abs(left - right) > DEADLINE_TOLERANCE


@dataclass(frozen=True)
class Field:
    """A line of the comparison: the columns it takes from either side (None: that side has no such thing).
    ``differs``: when two known values are not the same; None where they are no two values of one thing. ``or_left``: a
    further value of the left side that is as good as the first."""

    name: str
    kind: Kind
    left: str | None
    right: str | None
    differs: Callable[[Any, Any], bool] | None = None
    optional: bool = False
    or_left: str | None = None


@dataclass(frozen=True)
class Line:
    """A field with both its values."""

    name: str
    kind: Kind
    left: Any
    right: Any
    differs: bool


# A booking beside a commission record. The words of a status are each side's own, so they are never marked.
BOOKING_AND_COMMISSION: Final[tuple[Field, ...]] = (
    Field("id", "text", "booking_id", "commission_id"),
    Field("reference", "text", "business_id", "booking_ref"),
    Field("document", "text", None, "booking_doc_ref", optional=True),
    Field("provider_id", "text", "provider_id", "provider_id", _unequal),
    Field("provider_name", "text", "provider_name", "provider_name"),
    Field("source", "source", "source", "source", _unequal),
    Field("status", "text", "status", "status"),
    Field("as_written", "text", "raw_status", "raw_status"),
    Field("amount", "idr", "amount_idr", "booking_amount_idr", _unequal),
    Field("rate", "rate", "policy_rate_ppm", "rate_ppm", _unequal),
    Field("commission", "idr", "expected_idr", "commission_idr", _unequal),
    Field("policy", "text", "policy_version", None),
    Field("created", "instant", "created_at", "created_at"),
    Field("accepted", "instant", "accepted_at", None),
    Field("starts", "instant", "starts_at", None),
    Field("ended", "instant", "ends_at", None),
    Field("deadline", "instant", "due_at", "deadline_at", _far, or_left="due_by_start_at"),
    Field("paid", "instant", None, "paid_at"),
    Field("proof", "instant", None, "proof_at"),
    Field("fee", "idr", None, "fee_idr"),
    Field("records", "text", "records", None),
    Field("test", "yes", "is_test", "is_test", optional=True),
    Field("gone", "instant", "deleted_at", "deleted_at", optional=True),
)

# A provider beside what it owes: for findings about an account.
PROVIDER_AND_BALANCE: Final[tuple[Field, ...]] = (
    Field("id", "text", "provider_id", "provider_id"),
    Field("provider_name", "text", "provider_name", "provider_name"),
    Field("status", "text", "status", None),
    Field("restricted", "yes", "restricted", "restriction_due", _unequal),
    Field("restriction_since", "instant", None, "restriction_due_at"),
    Field("owed", "idr", None, "owed_idr"),
    Field("overdue", "idr", None, "overdue_idr"),
    Field("overdue_records", "text", None, "overdue_records"),
    Field("deadline", "instant", None, "oldest_deadline_at"),
    Field("city", "text", "city", None),
    Field("plan", "text", "commission_plan", None, optional=True),
    Field("gone", "instant", "deleted_at", None, optional=True),
)

# Two commission records of one booking.
TWO_COMMISSIONS: Final[tuple[Field, ...]] = tuple(
    Field(field.name, field.kind, field.right, field.right, field.differs, field.optional)
    for field in BOOKING_AND_COMMISSION
    if field.right is not None
)


def compared(fields: tuple[Field, ...], left: Record | None, right: Record | None) -> list[Line]:
    """The lines of two records; an optional one is left out where neither side says anything."""
    lines = []
    for field in fields:
        a = None if left is None or field.left is None else left.get(field.left)
        b = None if right is None or field.right is None else right.get(field.right)
        if field.optional and not a and not b:
            continue
        also = None if left is None or field.or_left is None else left.get(field.or_left)
        lines.append(Line(field.name, field.kind, a, b, _apart(field.differs, [a, also], b)))
    return lines


def _apart(differs: Callable[[Any, Any], bool] | None, lefts: list[Any], right: Any) -> bool:
    known = [left for left in lefts if left is not None]
    if differs is None or right is None or not known:
        return False
    return all(differs(left, right) for left in known)
