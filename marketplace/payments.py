"""What placed a payment, or a refund, on its day, and what the app said was due with it.

The order of a record's instants is commission.PAYMENT_MOMENTS; the days themselves are the ledger's.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from marketplace.commission import PAYMENT_MOMENTS, EntryKind
from marketplace.statuses import NOT_LIVE_STATUSES

#: Of money that went back because its record does not stand any more: by its last change, by when it was found gone,
#: or, as none is dated before what it takes back, by that.
BY_CHANGE: Final = "$updatedAt"
BY_LOSS: Final = "found_gone"
BY_WHAT_IT_UNDOES: Final = "not_before"
UNDONE_RULES: Final = (BY_CHANGE, BY_LOSS, BY_WHAT_IT_UNDOES)


def day_rules() -> pl.Expr:
    """Of what moved (kind, local_date; of its record the instants, status, is_negative, utc_offset_minutes) → what told
    its day: words of PAYMENT_RULES and UNDONE_RULES."""
    ended = pl.col("status").is_in(NOT_LIVE_STATUSES)
    undone = (
        pl.when(ended)
        .then(pl.coalesce("updated_at", "deleted_at", "created_at"))
        .otherwise(pl.col("deleted_at"))
    )
    day = (undone + pl.duration(minutes="utc_offset_minutes")).dt.date()
    paid: pl.Expr = pl.lit(None, dtype=pl.String)
    for column, word in reversed(tuple(PAYMENT_MOMENTS.items())):
        paid = pl.when(pl.col(column).is_not_null()).then(pl.lit(word)).otherwise(paid)
    return (
        pl.when((pl.col("kind") == EntryKind.PAYMENT.value) | pl.col("is_negative"))
        .then(paid)
        .when(day.ne_missing(pl.col("local_date")))
        .then(pl.lit(BY_WHAT_IT_UNDOES))
        .when(ended)
        .then(pl.lit(BY_CHANGE))
        .otherwise(pl.lit(BY_LOSS))
    )


def total_due() -> pl.Expr:
    """What the record of a payment says was due in all. A record without a base is read in thousands where that gives
    what its booking owes; so is its due, where it is then what was paid."""
    due = pl.col("due_idr")
    paid = (pl.col("commission_idr"), pl.col("commission_idr") + pl.col("fee_idr"))
    in_thousands = (due * 1_000 == paid[0]) | (due * 1_000 == paid[1])
    return pl.when(pl.col("kind") == EntryKind.PAYMENT.value).then(
        pl.when(in_thousands.fill_null(False)).then(due * 1_000).otherwise(due)
    )
