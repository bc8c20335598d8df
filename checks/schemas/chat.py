"""How messages and notifications arrive."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from checks.schemas.figures import ratio
from checks.schemas.table import MartTable, column


class DeliveryRates(MartTable, id_column="channel"):
    """A channel and a kind of recipient, over the notifications health point 6 judges; sent = delivered + failed +
    pending."""

    channel: pl.String = column("how they were sent; unknown where not written", key=True)
    recipient_type: pl.String = column("to whom; unknown where not written", key=True)
    sent: pl.Int64 = column("notifications sent", unit="notifications", ge=1)
    delivered: pl.Int64 = column("that arrived", unit="notifications", ge=0)
    failed: pl.Int64 = column("that failed", unit="notifications", ge=0)
    pending: pl.Int64 = column("of which nothing is known yet", unit="notifications", ge=0)
    rate: pl.Float64 = column(
        "delivered among sent", unit="share", ge=0, le=1, figure=ratio("delivered", "sent")
    )

    @pa.dataframe_check
    def sent_is_the_sum_of_its_parts(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("sent") == pl.sum_horizontal("delivered", "failed", "pending"))
