"""Raw commission records → core.commissions. What a record should be is the marts' business."""

from __future__ import annotations

import polars as pl

from assets.core.batch import EMPTY, NOT_A_WORD, NOT_RUPIAH, Batch, Derived, Reader, constant, outside
from marketplace.aliases import ALIASES
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.commission import PAYMENT_RULES
from marketplace.money import MICRO, NOT_A_NUMBER, RECORD_AMOUNTS, commission_amounts
from marketplace.proofs import proof_keys, proof_kinds
from marketplace.statuses import (
    COMMISSION_STATUS,
    NOT_LIVE_STATUSES,
    PARTLY_REFUNDED,
    SOURCE,
    UNKNOWN,
    canonical,
)

PROOF_ATTRIBUTES = ALIASES["commission.proof"]
FEE_ATTRIBUTES = ALIASES["commission.fee"]


def derive_commissions(batch: Batch) -> Derived:
    """A batch of ``commission_records`` → rows of core.commissions and their data findings."""
    read = Reader(batch)
    a = read.attributes
    provider_id = read.provider(*ALIASES["commission.provider_id"])
    offsets = read.offsets(provider_id)
    created, _ = read.created(offsets)

    raw_status = read.text(*ALIASES["commission.status"])
    status = canonical(raw_status, COMMISSION_STATUS)
    read.note(
        "status_unknown",
        status.is_null() & raw_status.is_not_null(),
        ALIASES["commission.status"],
        NOT_A_WORD,
    )
    read.note("status_unknown", raw_status.is_null(), "paymentStatus", EMPTY)
    status = status.fill_null(UNKNOWN)

    read.note(
        "refund_amount_unknown",
        canonical(raw_status, PARTLY_REFUNDED).is_not_null(),
        ALIASES["commission.status"],
        "noted.partly_refunded",
    )
    amounts = commission_amounts(a, batch.amounts)
    for kind, where in amounts.unreadable.items():
        read.note("number_unreadable", where, RECORD_AMOUNTS[kind], NOT_A_NUMBER)
    for kind, where in amounts.implausible.items():
        found = "noted.over_base" if kind == "commission" else outside(batch.amounts)
        read.note("amount_implausible", where, RECORD_AMOUNTS[kind], found)
    for name, where in amounts.currency.items():
        read.note("amount_currency", where, RECORD_AMOUNTS.get(name, name), NOT_RUPIAH)
    read.note("rate_unreadable", amounts.rate_unreadable, "commissionRate", "noted.no_rate")

    written_source = a.text("source")
    source = canonical(written_source, SOURCE)
    read.note("source_unknown", written_source.is_not_null() & source.is_null(), "source", NOT_A_WORD)
    source = source.set(written_source.is_not_null() & source.is_null(), UNKNOWN)

    proof = read.text(*PROOF_ATTRIBUTES)
    fee_text = read.text(*FEE_ATTRIBUTES)
    paid_at, verified_at = read.instant(offsets, "paidAt"), read.instant(offsets, "verifiedAt")
    rows = pl.DataFrame(
        {
            "commission_id": read.ids,
            "booking_ref": read.identifier(*ALIASES["commission.booking_ref"], of=BOOKING_COLLECTIONS),
            "booking_doc_ref": read.identifier(
                *ALIASES["commission.booking_doc_ref"], of=BOOKING_COLLECTIONS
            ),
            "provider_id": provider_id,
            "provider_name": read.business(*ALIASES["commission.provider_name"]),
            "booking_amount_idr": amounts.booking_amount_idr,
            "rate": amounts.rate_ppm / MICRO,
            "rate_ppm": amounts.rate_ppm,
            "commission_idr": amounts.commission_idr,
            "amount_rule": amounts.amount_rule,
            "written_booking_amount": amounts.written_booking_amount,
            "written_commission": amounts.written_commission,
            "is_implausible": amounts.is_implausible,
            "status": status,
            "raw_status": read.code(*ALIASES["commission.status"], words=COMMISSION_STATUS),
            "is_live": ~status.is_in(NOT_LIVE_STATUSES),
            "source": source,
            "created_at": created,
            "deadline_at": read.instant(offsets, "paymentDeadline"),
            "paid_at": paid_at,
            "verified_at": verified_at,
            "proof_at": read.instant(offsets, "paymentProofUploadedAt"),
            "proof_state": _state(read, proof, PROOF_ATTRIBUTES),
            "fee_idr": amounts.fee_idr,
            "fee_state": _state(read, fee_text, FEE_ATTRIBUTES),
            "fee_required": read.flag("reactivationFeeRequired"),
            "due_idr": amounts.due_idr,
            "restricted_at": read.instant(offsets, "restrictedAt"),
            "utc_offset_minutes": offsets,
            "is_test": read.flag("isTest").fill_null(False),
            **read.bookkeeping(),
            "paid_rule": _paid_rule(paid_at, verified_at),
            "verified_by": read.identifier(*ALIASES["commission.verified_by"]),
            "proof_kind": proof_kinds(proof),
            "proof_key": proof_keys(proof, batch.names.key),
        }
    )
    return Derived(rows, read.findings())


def _paid_rule(paid_at: pl.Series, verified_at: pl.Series) -> pl.Series:
    """What tells the day of a payment: the first instant that is known, creation being known of every row."""
    by_payment, by_verification, by_creation = PAYMENT_RULES
    rule = constant(by_creation, pl.String(), len(paid_at))
    rule = rule.set(verified_at.is_not_null(), by_verification)
    return rule.set(paid_at.is_not_null(), by_payment)


def _state(read: Reader, value: pl.Series, names: tuple[str, ...]) -> pl.Series:
    """present, empty, or absent where the deployment has none of the attributes."""
    without = "empty" if any(read.attributes.exists(name) for name in names) else "absent"
    column = constant(without, pl.String(), read.height)
    return column.set(value.is_not_null(), "present")
