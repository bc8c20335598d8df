"""The mart marts.commission_findings.

A rule is a record of RULES: when it holds, what was expected, what is, and the message. No message depends
on the clock's minute, so an unchanged finding stays the same row from run to run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from assets.marts.behind import itself
from assets.marts.expressions import interval, read_until, written_after
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.said import Said, Written, either, minute, rupiah, said, written
from assets.marts.tables import Instants
from checks.schemas.commission import CommissionFindings
from marketplace.collections import PROVIDER_TYPES
from marketplace.commission import (
    COMMISSION_COLLECTION,
    DEADLINE_TOLERANCE,
    ENDED_STATUSES,
    OVERDUE_STATUS,
    PAID_STATUS,
    RowState,
)
from marketplace.findings import FINDINGS, AmountFinding
from marketplace.policy import Policy
from marketplace.registry import Registry
from marketplace.statuses import ProviderStatus, Source


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
    joined = joined.mutate(waived=joined.acknowledged.notnull()).drop("acknowledged")
    return joined.relocate("code", "args", after="waived")


def _row(rows: Any, code: str, row_id: Any, message: Said, **values: Any) -> Any:
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
    return _row(
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
    return _row(
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
    restricted = rows.status == ProviderStatus.RESTRICTED.value
    wrongly = restricted & (rows.possible.fill_null(0) == 0) & rows.moved.isnull()
    rightly = ~restricted & (rows.due.fill_null(0) == 1)
    rows = rows.filter((wrongly | rightly) & at.judged_at.notnull())
    # An id may stand for a therapist and for a place.
    rank: Any = ibis.row_number().over(group_by=rows.provider_id, order_by=rows.provider_type.desc())
    twin = rank > 0
    rows = rows.mutate(
        row_id=ibis.cases((twin, rows.provider_id + ":" + rows.provider_type), else_=rows.provider_id)
    )
    return _row(
        rows,
        "restriction_mismatch",
        rows.row_id,
        either(
            (
                rows.status == ProviderStatus.RESTRICTED.value,
                said("finding.restricted", provider=rows.provider_id),
            ),
            else_=said(
                "finding.not_restricted", provider=rows.provider_id, owed=rows.owed, status=rows.status
            ),
        ),
        provider_id=rows.provider_id,
    )


itself(commission_findings)
