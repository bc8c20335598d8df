"""The seven health points, zero missing commission, each finding code and the rate of errors as Pandera checks.
They never block publishing."""

from __future__ import annotations

from typing import Final

import pandera.polars as pa
import polars as pl

from marketplace.error_rate import ERRORS_A_MINUTE
from marketplace.findings import FINDINGS
from marketplace.health import HEALTH_POINTS


def _one_row(data: pa.PolarsData) -> pl.LazyFrame:
    return data.lazyframe.select(pl.len() == 1)


def point_schema(point: int) -> pa.DataFrameSchema:
    """Holds for the one row of a health point that is working or unknown (unknown is no failure, and not
    shown as working)."""
    return pa.DataFrameSchema(
        {
            "point": pa.Column(pl.Int32, pa.Check.eq(point)),
            "status": pa.Column(
                pl.String, pa.Check.isin(("working", "unknown"), name=f"point_{point}_is_not_broken")
            ),
        },
        checks=[pa.Check(_one_row, name="point_was_measured")],
    )


#: Holds when no commission is missing that nobody has acknowledged.
ZERO_MISSING: Final = pa.DataFrameSchema(
    {
        "missing": pa.Column(pl.Int64, pa.Check.ge(0)),
        "unwaived_missing": pa.Column(pl.Int64, pa.Check.eq(0, name="zero_missing_commission")),
    },
    checks=[pa.Check(_one_row, name="commission_was_summarised")],
)

POINT_SCHEMAS: Final = {point: point_schema(point) for point in HEALTH_POINTS}


#: Holds while the busiest of the last minutes has fewer error events than the limit.
ERROR_RATE: Final = pa.DataFrameSchema(
    {
        "events": pa.Column(
            pl.Int64, pa.Check.lt(ERRORS_A_MINUTE, name=f"fewer_than_{ERRORS_A_MINUTE}_errors_a_minute")
        )
    },
    checks=[pa.Check(_one_row, name="errors_were_counted")],
)


def finding_schema(code: str) -> pa.DataFrameSchema:
    """Holds when no finding of this code is open: every row of it was acknowledged."""
    return pa.DataFrameSchema(
        {
            "finding_id": pa.Column(pl.String),
            "finding": pa.Column(pl.String, pa.Check.eq(code)),
            "waived": pa.Column(pl.Boolean, pa.Check.eq(True, name=f"no_open_{code}")),
        }
    )


FINDING_SCHEMAS: Final = {code: finding_schema(code) for code in FINDINGS}
