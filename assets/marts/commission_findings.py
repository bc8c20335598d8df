"""The mart marts.commission_findings.

A rule is a record of RULES: when it holds, what was expected, what is, and the sentence. No sentence depends
on the clock's minute, so an unchanged finding stays the same row from run to run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from assets.marts.expressions import (
    interval,
    moment,
    percent,
    read_until,
    rupiah,
    shown,
    written,
    written_after,
)
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.commission import CommissionFindings
from marketplace.collections import PROVIDER_TYPES
from marketplace.commission import (
    COMMISSION_COLLECTION,
    DEADLINE_TOLERANCE,
    ENDED_STATUSES,
    OVERDUE_STATUS,
    PAID_STATUS,
)
from marketplace.findings import FINDINGS
from marketplace.policy import Policy
from marketplace.registry import Registry


def _charged(r: Any) -> Any:
    return r.commission


def _owed(r: Any) -> Any:
    return r.expected_idr


def _zero(r: Any) -> Any:
    return ibis.literal(0).cast("int64")


@dataclass(frozen=True)
class RecordRule:
    """A finding on a record: ``holds`` and ``sentence`` take a review row and the instants.

    ``of_pair``: it rests on what the record's booking says, and is not told where the two are of different moments.
    """

    code: str
    holds: Callable[[Any, Instants], Any]
    sentence: Callable[[Any], Any]
    expected: Callable[[Any], Any] = _owed
    actual: Callable[[Any], Any] = _charged
    of_pair: bool = True

    def stands(self, r: Any, at: Instants) -> Any:
        """Whether the finding is on a review row: never null."""
        held = self.holds(r, at).fill_null(False)
        return held & ~r.unsettled if self.of_pair else held


def _verdict(code: str) -> Callable[[Any, Instants], Any]:
    return lambda r, at: r.live & (r.verdict == code)


def _past_due(r: Any, at: Instants) -> Any:
    return r.live & r.is_due & r.unpaid & (r.due_at < at.judged_at)


def _far(r: Any, policy_deadline: Any) -> Any:
    """Whether the record's deadline is over the tolerance from one of the policy's (true if that one is not
    known)."""
    slack = interval(DEADLINE_TOLERANCE)
    away = (r.record_deadline > policy_deadline + slack) | (r.record_deadline < policy_deadline - slack)
    return policy_deadline.isnull() | away


def _late(r: Any, at: Instants) -> Any:
    return r.live & r.owing & (r.created_at > r.late_after)


def _record(r: Any) -> Any:
    return ibis.literal("Commission ") + r.commission_id


def _ref(r: Any) -> Any:
    return shown(r.booking_ref, "nothing")


def _booking(r: Any) -> Any:
    return ibis.literal("booking ") + shown(r.booking_id)


RULES: Final[Registry[str, RecordRule]] = Registry(
    (
        RecordRule(
            "duplicate",
            lambda r, at: r.live & (r.link == "booking") & (r.rank > 1),
            lambda r: (
                _record(r)
                + " over "
                + rupiah(r.commission)
                + " is a further record of "
                + _booking(r)
                + ", whose own is "
                + shown(r.own_id)
                + ibis.cases((r.needless, ", which is paid."), else_=".")
            ),
            expected=_zero,
            of_pair=False,
        ),
        RecordRule(
            "orphan",
            lambda r, at: r.live & r.link.isin(("none", "deleted")),
            lambda r: (
                _record(r)
                + " over "
                + rupiah(r.commission)
                + " refers to "
                + _ref(r)
                + ibis.cases(
                    (r.link == "deleted", ", a booking that was deleted."),
                    (r.booking_ref.isnull(), ": it names no booking."),
                    else_=", which is no booking.",
                )
            ),
            expected=_zero,
            of_pair=False,
        ),
        RecordRule(
            "not_due",
            lambda r, at: r.live & r.b_status.isin(ENDED_STATUSES) & ~r.is_refund & ~r.needless,
            lambda r: (
                _record(r)
                + " charges "
                + rupiah(r.commission)
                + " for "
                + _booking(r)
                + ", which ended as "
                + shown(r.b_status)
                + " and owes nothing."
            ),
            expected=_zero,
        ),
        RecordRule(
            "unit_error",
            _verdict("unit_error"),
            lambda r: (
                _record(r)
                + " of "
                + _booking(r)
                + " is written in thousands: amount "
                + written(r.written_base)
                + ", commission "
                + written(r.written_commission)
                + ibis.cases(
                    (r.written_fee.notnull(), ibis.literal(", fee ") + r.written_fee.cast("string")), else_=""
                )
                + ibis.cases(
                    (r.written_due.notnull(), ibis.literal(", due ") + r.written_due.cast("string")), else_=""
                )
                + "; read as "
                + rupiah(r.commission)
                + ", expected "
                + rupiah(r.expected_idr)
                + "."
            ),
        ),
        RecordRule(
            "wrong_rate",
            _verdict("wrong_rate"),
            lambda r: (
                _record(r)
                + " of "
                + _booking(r)
                + " charges "
                + percent(r.rate_ppm)
                + " ("
                + rupiah(r.commission)
                + ") where the policy says "
                + percent(r.policy_rate_ppm)
                + " ("
                + rupiah(r.expected_idr)
                + ")."
            ),
        ),
        RecordRule(
            "wrong_amount",
            _verdict("wrong_amount"),
            lambda r: (
                _record(r)
                + " of "
                + _booking(r)
                + ibis.cases(
                    (
                        r.is_implausible,
                        ibis.literal(" carries amounts that are not believed: amount ")
                        + written(r.written_base)
                        + ", commission "
                        + written(r.written_commission),
                    ),
                    else_=ibis.literal(" says ")
                    + rupiah(r.commission)
                    + " on "
                    + ibis.cases((r.base.isnull(), "no written amount"), else_=rupiah(r.base)),
                )
                + "; the booking's amount is "
                + rupiah(r.b_amount)
                + " and "
                + rupiah(r.expected_idr)
                + " is expected."
            ),
        ),
        RecordRule(
            "wrong_provider",
            lambda r, at: r.live & (r.link == "booking") & (r.record_provider != r.b_provider),
            lambda r: (
                _record(r)
                + " over "
                + rupiah(r.commission)
                + " charges provider "
                + shown(r.record_provider)
                + "; "
                + _booking(r)
                + " belongs to provider "
                + shown(r.b_provider)
                + "."
            ),
        ),
        RecordRule(
            "source_mismatch",
            lambda r, at: (
                r.live
                & (r.link == "booking")
                & ~r.is_refund
                & (r.record_source != r.b_source)
                & (r.record_source != "unknown")
                & (r.b_source != "unknown")
            ),
            lambda r: (
                _record(r)
                + " over "
                + rupiah(r.commission)
                + " says its source is "
                + shown(r.record_source)
                + "; "
                + _booking(r)
                + " came from "
                + shown(r.b_source)
                + "."
            ),
        ),
        RecordRule(
            "ambiguous_reference",
            lambda r, at: r.live & (r.link == "ambiguous"),
            lambda r: (
                _record(r)
                + " over "
                + rupiah(r.commission)
                + " refers to "
                + _ref(r)
                + ", which fits two bookings; which one is meant cannot be told."
            ),
            expected=lambda r: ibis.null("int64"),
            of_pair=False,
        ),
        RecordRule(
            "late_record",
            _late,
            lambda r: (
                _record(r)
                + " over "
                + rupiah(r.commission)
                + " was created at "
                + moment(r.created_at, r.offset)
                + "; "
                + _booking(r)
                + " was accepted at "
                + moment(r.accepted_explicitly, r.offset)
                + "."
            ),
        ),
        RecordRule(
            "deadline_mismatch",
            lambda r, at: (
                r.live
                & r.owing
                & r.record_deadline.notnull()
                & (r.by_completion.notnull() | r.by_start.notnull())
                & _far(r, r.by_completion)
                & _far(r, r.by_start)
            ),
            lambda r: (
                _record(r)
                + " over "
                + rupiah(r.commission)
                + " is due at "
                + moment(r.record_deadline, r.offset)
                + "; by the policy it is due at "
                + moment(r.due_at, r.offset)
                + "."
            ),
        ),
        RecordRule(
            "overdue_unmarked",
            lambda r, at: _past_due(r, at) & (r.status != OVERDUE_STATUS),
            lambda r: (
                _record(r)
                + " over "
                + rupiah(r.commission)
                + " was due at "
                + moment(r.due_at, r.offset)
                + ", is unpaid ("
                + shown(r.status)
                + ") and not marked overdue."
            ),
        ),
        RecordRule(
            "overdue_premature",
            lambda r, at: r.live & r.is_due & (r.status == OVERDUE_STATUS) & (at.judged_at < r.due_at),
            lambda r: (
                _record(r)
                + " over "
                + rupiah(r.commission)
                + " is marked overdue before it is due at "
                + moment(r.due_at, r.offset)
                + "."
            ),
        ),
        RecordRule(
            "fee_missing",
            lambda r, at: (
                r.live
                & r.is_due
                & r.unpaid
                & (r.fee_from < at.judged_at)
                & r.fees_are_kept
                & (r.fee_idr.fill_null(0) == 0)
                & (r.policy_fee > 0)
            ),
            lambda r: (
                _record(r)
                + " over "
                + rupiah(r.commission)
                + " was due at "
                + moment(r.due_at, r.offset)
                + " and is unpaid; the late fee of "
                + rupiah(r.policy_fee)
                + " is not on it."
            ),
            expected=lambda r: r.policy_fee,
            actual=_zero,
        ),
        RecordRule(
            "fee_wrong",
            lambda r, at: (
                r.live
                & (r.is_due | (r.is_free & ~r.is_refund))
                & r.fees_are_kept
                & (r.fee_idr != 0)
                & (r.fee_idr != r.fee_due)
            ),
            lambda r: (
                _record(r)
                + " carries a fee of "
                + rupiah(r.fee_idr)
                + ibis.cases(
                    (r.is_free, ibis.literal("; ") + _booking(r) + " is free and owes none."),
                    (
                        (r.fee_due == 0) & (r.policy_fee != 0),
                        ibis.literal("; none is due before the deadline at ")
                        + moment(r.due_at, r.offset)
                        + ".",
                    ),
                    else_=ibis.literal("; the policy's is ") + rupiah(r.policy_fee) + ".",
                )
            ),
            expected=lambda r: r.fee_due,
            actual=lambda r: r.fee_idr,
        ),
        RecordRule(
            "refund_record",
            lambda r, at: r.is_refund & r.gone_at.isnull(),
            lambda r: (
                _record(r)
                + " over "
                + rupiah(r.commission)
                + " is a refund ("
                + shown(r.status)
                + ") that refers to "
                + _ref(r)
                + "; it is no record of a booking's own."
            ),
            expected=_zero,
            of_pair=False,
        ),
        RecordRule(
            "paid_without_proof",
            # (A proof is of what the provider paid.)
            lambda r, at: r.live & (r.status == PAID_STATUS) & r.proof_is_empty & ~r.is_refund,
            lambda r: (
                _record(r)
                + " over "
                + rupiah(r.commission)
                + " is marked paid and carries no proof of payment."
            ),
            of_pair=False,
        ),
        RecordRule(
            "vanished",
            lambda r, at: r.gone_at.notnull(),
            lambda r: (
                _record(r)
                + " over "
                + rupiah(r.commission)
                + " for "
                + _ref(r)
                + " was seen before and is gone from the app."
            ),
            expected=_charged,
            actual=_zero,
            of_pair=False,
        ),
    ),
    key=lambda rule: rule.code,
)


@mart(CommissionFindings)
def commission_findings(
    commission_reconciliation: Any,
    commission_suspects: Any,
    commission_reviews: Any,
    providers: Any,
    scans: Any,
    commissions: Any,
    waivers: Any,
    at: Instants,
    policy: Policy,
) -> ir.Table:
    """Everything that is wrong with commissions, one row a finding, each with one sentence a
    bookkeeper understands. ``origin``: the collection its booking stands in; ``waived`` where a
    person acknowledged it."""
    parts = [
        _missing(commission_reconciliation),
        *(_on_records(commission_suspects, at, rule) for rule in RULES.values()),
        _restrictions(commission_reviews, providers, scans, commissions, at),
    ]
    found = ibis.union(*parts, distinct=False)
    acknowledged = waivers.select(acknowledged="finding_id").distinct()
    joined = found.left_join(acknowledged, found.finding_id == acknowledged.acknowledged)
    return joined.mutate(waived=joined.acknowledged.notnull()).drop("acknowledged")


def _row(rows: Any, code: str, row_id: Any, **values: Any) -> Any:
    text, number = ibis.null("string"), ibis.null("int64")
    expected, actual = values.get("expected", number), values.get("actual", number)
    return rows.select(
        finding_id=ibis.literal(f"{code}:") + row_id,
        finding=ibis.literal(code),
        severity=ibis.literal(FINDINGS[code].severity),
        booking_id=values.get("booking_id", text),
        booking_ref=values.get("booking_ref", text),
        commission_id=values.get("commission_id", text),
        provider_id=values.get("provider_id", text),
        expected_idr=expected,
        actual_idr=actual,
        variance_idr=actual - expected,
        detail=values["detail"],
        origin=values.get("origin", text),
    )


def _on_records(commission_suspects: Any, at: Instants, rule: RecordRule) -> Any:
    r = commission_suspects
    held = r.filter(rule.stands(r, at))
    return _row(
        held,
        rule.code,
        held.commission_id,
        booking_id=held.booking_id,
        booking_ref=held.booking_ref,
        commission_id=held.commission_id,
        provider_id=held.provider_id,
        expected=rule.expected(held),
        actual=rule.actual(held),
        detail=rule.sentence(held),
        origin=held.origin,
    )


def _missing(commission_reconciliation: Any) -> Any:
    r = commission_reconciliation
    r = r.filter(r.state == "missing")
    # Ids are unique in a collection, not across bookings and hotel_bookings: only such a twin gets a
    # longer finding id.
    rank: Any = ibis.row_number().over(group_by=r.booking_id, order_by=r.origin)
    twin = rank > 0
    r = r.mutate(row_id=ibis.cases((twin, r.booking_id + ":" + r.origin), else_=r.booking_id))
    return _row(
        r,
        "missing",
        r.row_id,
        booking_id=r.booking_id,
        provider_id=r.provider_id,
        expected=r.expected_idr,
        actual=r.actual_idr,
        detail=ibis.literal("Booking ")
        + r.booking_id
        + " earns "
        + rupiah(r.booking_amount_idr)
        + " and has no commission record; "
        + rupiah(r.expected_idr)
        + " should have been recorded.",
        origin=r.origin,
    )


def _restrictions(commission_reviews: Any, providers: Any, scans: Any, commissions: Any, at: Instants) -> Any:
    """Providers whose account is restricted without reason, or not restricted with one.

    RESTRICTED is only called wrong if no unpaid record of a booking that earns could be overdue: one whose deadline
    is unknown may be the reason. What is not due is none.
    """
    r = commission_reviews
    unpaid = r.filter(r.live & r.unpaid & (r.is_due | r.unsettled))
    owner = ibis.coalesce(unpaid.record_provider, unpaid.b_provider)
    debts = (
        unpaid.select(
            owner=owner,
            commission=unpaid.commission,
            possible=(unpaid.due_at.isnull() | unpaid.unsettled | (unpaid.due_at < at.judged_at))
            .fill_null(True)
            .cast("int64"),
            due=((unpaid.fee_from < at.judged_at).fill_null(False) & ~unpaid.unsettled).cast("int64"),
        )
        .filter(lambda d: d.owner.notnull())
        .group_by("owner")
        .aggregate(
            lambda d: d.possible.max().name("possible"),
            lambda d: d.due.max().name("due"),
            lambda d: d.commission.sum(where=d.due == 1).name("owed"),
        )
    )
    p = providers.filter(lambda p: p.deleted_at.isnull() & p.status.notnull())
    # A provider who was written after what was read of the records may have been (un)restricted for one that changed.
    p = p.filter(~written_after(p.updated_at, read_until(scans, COMMISSION_COLLECTION), at))
    rows = p.left_join(debts, p.provider_id == debts.owner)
    # A record that was written after what was read of the providers may have been the reason until then.
    # (After those of its own kind: places may have been read long ago, where a deployment has none any more.)
    c = commissions
    younger: Any = ibis.union(
        *(
            c.filter(written_after(c.updated_at, read_until(scans, collection), at)).select(
                "commission_id", moved_type=ibis.literal(kind)
            )
            for collection, kind in PROVIDER_TYPES.items()
        ),
        distinct=False,
    )
    owners = r.select("commission_id", moved=ibis.coalesce(r.record_provider, r.b_provider))
    moved = younger.inner_join(owners, "commission_id").select("moved", "moved_type").distinct()
    rows = rows.left_join(moved, [rows.provider_id == moved.moved, rows.provider_type == moved.moved_type])
    restricted = rows.status == "RESTRICTED"
    wrongly = restricted & (rows.possible.fill_null(0) == 0) & rows.moved.isnull()
    rightly = ~restricted & (rows.due.fill_null(0) == 1)
    rows = rows.filter((wrongly | rightly) & at.judged_at.notnull())
    # An id may stand for a therapist and for a place.
    rank: Any = ibis.row_number().over(group_by=rows.provider_id, order_by=rows.provider_type.desc())
    twin = rank > 0
    rows = rows.mutate(
        row_id=ibis.cases((twin, rows.provider_id + ":" + rows.provider_type), else_=rows.provider_id)
    )
    who = ibis.literal("Provider ") + rows.provider_id
    return _row(
        rows,
        "restriction_mismatch",
        rows.row_id,
        provider_id=rows.provider_id,
        detail=ibis.cases(
            (rows.status == "RESTRICTED", who + " is RESTRICTED and no commission of theirs is overdue."),
            else_=who
            + " owes "
            + rupiah(rows.owed)
            + " past the time of restriction and is not RESTRICTED ("
            + shown(rows.status)
            + ").",
        ),
    )
