"""What the data itself is worth."""

from __future__ import annotations

import polars as pl

from checks.schemas.table import MESSAGE_ARGS, MESSAGE_CODE, MartTable, column


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
