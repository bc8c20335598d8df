"""The mart marts.commission_findings.

A rule is a record of RULES: when it holds, what was expected, what is, and the message. No message depends
on the clock's minute, so an unchanged finding stays the same row from run to run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from assets.marts.behind import itself
from assets.marts.expressions import interval
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.links import BY_EITHER, or_always
from assets.marts.said import Said, Written, either, minute, rupiah, said, written
from assets.marts.tables import Instants
from checks.schemas.commission import CommissionFindings
from marketplace.commission import (
    DEADLINE_TOLERANCE,
    ENDED_STATUSES,
    OVERDUE_STATUS,
    PAID_STATUS,
    RowState,
)
from marketplace.findings import FINDINGS, AmountFinding
from marketplace.registry import Registry
from marketplace.statuses import Source

RESTRICTION_MISMATCH: Final = "restriction_mismatch"


def _charged(r: Any) -> Any:
    return r.commission


def _owed(r: Any) -> Any:
    return r.expected_idr


def _zero(r: Any) -> Any:
    return ibis.literal(0).cast("int64")


@dataclass(frozen=True)
class RecordRule:
    """A finding on a record: ``holds`` and ``message`` take a review row and the instants.

    ``of_pair``: it rests on what the record's booking says, and is not told where the two are of different moments.
    Raises ValueError for a code that is no finding.
    """

    code: str
    holds: Callable[[Any, Instants], Any]
    message: Callable[[Any], Said]
    expected: Callable[[Any], Any] = _owed
    actual: Callable[[Any], Any] = _charged
    of_pair: bool = True

    def __post_init__(self) -> None:
        if self.code not in FINDINGS:
            raise ValueError(f"{self.code!r} is no finding")

    def stands(self, r: Any, at: Instants) -> Any:
        """Whether the finding is on a review row: never null."""
        held = self.holds(r, at).fill_null(False)
        return held & ~r.unsettled if self.of_pair else held


def _verdict(code: AmountFinding) -> Callable[[Any, Instants], Any]:
    return lambda r, at: r.live & (r.verdict == code.value)


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


def _on(r: Any, code: str, **values: Any) -> Said:
    """A message on a record, which names it and what it charges where the sentence does."""
    return said(f"finding.{code}", commission=r.commission_id, amount=_money(r, "commission"), **values)


def spoken(r: Any) -> Any:
    """Add the texts that many sentences name, written once."""
    return r.mutate(
        commission_said=rupiah(r.commission),
        expected_idr_said=rupiah(r.expected_idr),
        due_said=minute(r.due_at, r.offset),
        written_base_said=written(r.written_base),
        written_commission_said=written(r.written_commission),
    )


def _money(r: Any, column: str) -> Written:
    return Written(r[column], r[f"{column}_said"])


def _in_thousands(r: Any) -> Said:
    """As written, with the fee and the total where the record has them."""

    def variant(code: str) -> Said:
        return _on(
            r,
            code,
            booking=r.booking_id,
            base=r.written_base_said,
            written=r.written_commission_said,
            fee=r.written_fee.cast("string"),
            due=r.written_due.cast("string"),
            expected=_money(r, "expected_idr"),
        )

    fee, due = r.written_fee.notnull(), r.written_due.notnull()
    return either(
        (fee & due, variant("unit_error_fee_due")),
        (fee, variant("unit_error_fee")),
        (due, variant("unit_error_due")),
        else_=variant("unit_error"),
    )


def _other_amount(r: Any) -> Said:
    booking = {"booking": r.booking_id, "booked": r.b_amount, "expected": _money(r, "expected_idr")}
    return either(
        (
            r.is_implausible,
            _on(
                r,
                "not_believed",
                base=r.written_base_said,
                written=r.written_commission_said,
                **booking,
            ),
        ),
        else_=_on(r, "wrong_amount", base=r.base, **booking),
    )


RULES: Final[Registry[str, RecordRule]] = Registry(
    (
        RecordRule(
            "duplicate",
            lambda r, at: r.live & (r.link == "booking") & (r.rank > 1),
            lambda r: either(
                (r.needless, _on(r, "duplicate_paid", booking=r.booking_id, own=r.own_id)),
                else_=_on(r, "duplicate", booking=r.booking_id, own=r.own_id),
            ),
            expected=_zero,
            of_pair=False,
        ),
        RecordRule(
            "orphan",
            lambda r, at: r.live & r.link.isin(("none", "deleted")),
            lambda r: either(
                (r.link == "deleted", _on(r, "orphan_deleted", ref=r.booking_ref)),
                (r.booking_ref.isnull(), _on(r, "orphan_unnamed")),
                else_=_on(r, "orphan", ref=r.booking_ref),
            ),
            expected=_zero,
            of_pair=False,
        ),
        RecordRule(
            "not_due",
            lambda r, at: r.live & r.b_status.isin(ENDED_STATUSES) & ~r.is_refund & ~r.needless,
            lambda r: _on(r, "not_due", booking=r.booking_id, status=r.b_status),
            expected=_zero,
        ),
        RecordRule(AmountFinding.UNIT_ERROR.value, _verdict(AmountFinding.UNIT_ERROR), _in_thousands),
        RecordRule(
            AmountFinding.WRONG_RATE.value,
            _verdict(AmountFinding.WRONG_RATE),
            lambda r: _on(
                r,
                "wrong_rate",
                booking=r.booking_id,
                rate=r.rate_ppm,
                policy=r.policy_rate_ppm,
                expected=_money(r, "expected_idr"),
            ),
        ),
        RecordRule(AmountFinding.WRONG_AMOUNT.value, _verdict(AmountFinding.WRONG_AMOUNT), _other_amount),
        RecordRule(
            "wrong_provider",
            lambda r, at: r.live & (r.link == "booking") & (r.record_provider != r.b_provider),
            lambda r: _on(
                r, "wrong_provider", charged=r.record_provider, booking=r.booking_id, owner=r.b_provider
            ),
        ),
        RecordRule(
            "source_mismatch",
            lambda r, at: (
                r.live
                & (r.link == "booking")
                & ~r.is_refund
                & (r.record_source != r.b_source)
                & (r.record_source != Source.UNKNOWN.value)
                & (r.b_source != Source.UNKNOWN.value)
            ),
            lambda r: _on(
                r, "source_mismatch", source=r.record_source, booking=r.booking_id, origin=r.b_source
            ),
        ),
        RecordRule(
            "ambiguous_reference",
            lambda r, at: r.live & (r.link == "ambiguous"),
            lambda r: _on(r, "ambiguous_reference", ref=r.booking_ref),
            expected=lambda r: ibis.null("int64"),
            of_pair=False,
        ),
        RecordRule(
            "late_record",
            _late,
            lambda r: _on(
                r,
                "late_record",
                created=minute(r.created_at, r.offset),
                booking=r.booking_id,
                accepted=minute(r.accepted_explicitly, r.offset),
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
            lambda r: _on(
                r, "deadline_mismatch", written=minute(r.record_deadline, r.offset), due=r.due_said
            ),
        ),
        RecordRule(
            "overdue_unmarked",
            lambda r, at: _past_due(r, at) & (r.status != OVERDUE_STATUS),
            lambda r: _on(r, "overdue_unmarked", due=r.due_said, status=r.status),
        ),
        RecordRule(
            "overdue_premature",
            lambda r, at: r.live & r.is_due & (r.status == OVERDUE_STATUS) & (at.judged_at < r.due_at),
            lambda r: _on(r, "overdue_premature", due=r.due_said),
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
            lambda r: _on(r, "fee_missing", due=r.due_said, fee=r.policy_fee),
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
            lambda r: either(
                (r.is_free, _on(r, "fee_free", fee=r.fee_idr, booking=r.booking_id)),
                ((r.fee_due == 0) & (r.policy_fee != 0), _on(r, "fee_early", fee=r.fee_idr, due=r.due_said)),
                else_=_on(r, "fee_wrong", fee=r.fee_idr, policy=r.policy_fee),
            ),
            expected=lambda r: r.fee_due,
            actual=lambda r: r.fee_idr,
        ),
        RecordRule(
            "refund_record",
            lambda r, at: r.is_refund & r.gone_at.isnull(),
            lambda r: _on(r, "refund_record", status=r.status, ref=r.booking_ref),
            expected=_zero,
            of_pair=False,
        ),
        RecordRule(
            "paid_without_proof",
            # (A proof is of what the provider paid.)
            lambda r, at: r.live & (r.status == PAID_STATUS) & r.proof_is_empty & ~r.is_refund,
            lambda r: _on(r, "paid_without_proof"),
            of_pair=False,
        ),
        RecordRule(
            "vanished",
            lambda r, at: r.gone_at.notnull(),
            lambda r: _on(r, "vanished", ref=r.booking_ref),
            expected=_charged,
            actual=_zero,
            of_pair=False,
        ),
    ),
    key=lambda rule: rule.code,
)


@mart(CommissionFindings, part=or_always(BY_EITHER, f"finding = '{RESTRICTION_MISMATCH}'"))
def commission_findings(
    commission_reconciliation: Any,
    commission_suspects: Any,
    restriction_findings: Any,
    waivers: Any,
    at: Instants,
) -> ir.Table:
    """Everything that is wrong with commissions, one row a finding, each with one sentence a
    bookkeeper understands. ``origin``: the collection its booking stands in; ``waived`` where a
    person acknowledged it."""
    parts = [
        _missing(commission_reconciliation),
        *(_on_records(commission_suspects, at, rule) for rule in RULES.values()),
        restriction_findings,
    ]
    found = ibis.union(*parts, distinct=False)
    acknowledged = waivers.select(acknowledged="finding_id").distinct()
    joined = found.left_join(acknowledged, found.finding_id == acknowledged.acknowledged)
    joined = joined.mutate(waived=joined.acknowledged.notnull()).drop("acknowledged")
    return joined.relocate("code", "args", after="waived")


def finding_row(rows: Any, code: str, row_id: Any, message: Said, **values: Any) -> Any:
    text, number = ibis.null("string"), ibis.null("int64")
    expected, actual = values.get("expected", number), values.get("actual", number)
    return rows.select(
        finding_id=ibis.literal(f"{code}:") + row_id,
        finding=ibis.literal(code),
        severity=ibis.literal(FINDINGS[code].severity.value),
        booking_id=values.get("booking_id", text),
        booking_ref=values.get("booking_ref", text),
        commission_id=values.get("commission_id", text),
        provider_id=values.get("provider_id", text),
        expected_idr=expected,
        actual_idr=actual,
        variance_idr=actual - expected,
        detail=message.text,
        origin=values.get("origin", text),
        code=message.code,
        args=message.args,
    )


def _on_records(commission_suspects: Any, at: Instants, rule: RecordRule) -> Any:
    r = commission_suspects
    held = r.filter(rule.stands(r, at))
    return finding_row(
        held,
        rule.code,
        held.commission_id,
        rule.message(held),
        booking_id=held.booking_id,
        booking_ref=held.booking_ref,
        commission_id=held.commission_id,
        provider_id=held.provider_id,
        expected=rule.expected(held),
        actual=rule.actual(held),
        origin=held.origin,
    )


def _missing(commission_reconciliation: Any) -> Any:
    r = commission_reconciliation
    r = r.filter(r.state == RowState.MISSING.value)
    # Ids are unique in a collection, not across bookings and hotel_bookings: only such a twin gets a
    # longer finding id.
    rank: Any = ibis.row_number().over(group_by=r.booking_id, order_by=r.origin)
    twin = rank > 0
    r = r.mutate(row_id=ibis.cases((twin, r.booking_id + ":" + r.origin), else_=r.booking_id))
    return finding_row(
        r,
        "missing",
        r.row_id,
        said("finding.missing", booking=r.booking_id, amount=r.booking_amount_idr, expected=r.expected_idr),
        booking_id=r.booking_id,
        provider_id=r.provider_id,
        expected=r.expected_idr,
        actual=r.actual_idr,
        origin=r.origin,
    )


itself(commission_findings)
