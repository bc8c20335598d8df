"""What the data itself is worth, and what of it is in the figures."""

from __future__ import annotations

import polars as pl

from checks.schemas.table import MESSAGE_ARGS, MESSAGE_CODE, MartTable, column
from marketplace.collections import INGESTED
from marketplace.exclusions import ACCOUNTED, EXCLUSIONS


class FoundInData(MartTable, name="data_findings", id_column="row_id"):
    """A value that could not be trusted (docs/data_findings.md): those of core, and reference_case of references to
    bookings and rooms."""

    finding: pl.String = column("what is wrong with it")
    collection: pl.String = column("where the row stands")
    row_id: pl.String = column("the row")
    attribute: pl.String = column("the attribute", null=True)
    detail: pl.String = column("what was found; never repeats a personal value", null=True)
    code: pl.String = column(MESSAGE_CODE)
    args: pl.String = column(MESSAGE_ARGS)


class Exclusions(MartTable, id_column="row_id"):
    """A row of the mirror that is in no figure of a month, and why: every such booking and commission record, and every
    quarantined row. It may have lines in the ledger all the same (a record that was cancelled has two)."""

    collection: pl.String = column("where the row stands", words=INGESTED, key=True)
    row_id: pl.String = column("the row as core publishes it; $sequence:<number> without a $id", key=True)
    reason: pl.String = column("why it is out: the first that holds, in their order", words=EXCLUSIONS)
    also: pl.String = column("the further reasons, in their order, after commas; null: none", null=True)
    local_date: pl.Date = column(
        "the day it would accrue: a booking's acceptance, else its creation; a record's as its booking's; of a test"
        " record its own creation; null: not known",
        null=True,
    )
    provider_id: pl.String = column("the provider; null: not known", null=True)
    booking_id: pl.String = column("of a record: the booking it refers to", null=True)
    status: pl.String = column("its status in our words; null of a quarantined row", null=True)
    amount_idr: pl.Int64 = column(
        "what is out: a booking's amount, a record's commission; null: not known", null=True
    )
    in_ledger: pl.Boolean = column("of a record: it has lines in marts.commission_entries", null=True)
    quarantined_for: pl.String = column("of a quarantined row: why, a JSON list", null=True)


class Completeness(MartTable, id_column="collection"):
    """A collection of the mirror and what became of its rows; of a collection they add up to ops.mirror_rows."""

    collection: pl.String = column("the collection", words=INGESTED, key=True)
    reason: pl.String = column("in the figures of a month, or why not", words=ACCOUNTED, key=True)
    rows: pl.Int64 = column("its rows", unit="rows", ge=0)
    amount_idr: pl.Int64 = column("bookings' amounts, records' commissions: the sum of what is known")
    unknown_amounts: pl.Int64 = column("of the rows, those whose amount is not known", unit="rows", ge=0)
