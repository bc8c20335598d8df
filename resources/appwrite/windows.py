"""The windows of $updatedAt in which pages are read, as queries."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from datetime import datetime, timedelta

from appwrite.query import Query

from resources.appwrite.order import following
from resources.raw.column_types import Order, Position


def instant_text(moment: datetime) -> str:
    """A naive UTC instant as Appwrite writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+00:00"


def window_queries(
    lower: datetime | None,
    bound: datetime | None,
    after: Position | None,
    limit: int,
    order: Order = "$sequence",
) -> list[str]:
    """The queries of one page. ``bound`` None: whatever was written since ``lower``, to the very last row."""
    window: list[str] = []
    if lower is not None and bound is not None:
        window = [Query.between("$updatedAt", instant_text(lower), instant_text(bound))]
    elif bound is not None:
        window = [Query.less_than_equal("$updatedAt", instant_text(bound))]
    elif lower is not None:
        window = [Query.greater_than_equal("$updatedAt", instant_text(lower))]
    return [*window, *following(order, after, limit)]


def newest_queries(upto: datetime) -> list[str]:
    """The queries for the row that was written last, not after a moment."""
    return [
        Query.less_than_equal("$updatedAt", instant_text(upto)),
        Query.order_desc("$updatedAt"),
        Query.limit(1),
    ]


def made_query(upto: datetime) -> str:
    """The query for rows that were made not after a moment, whenever they were written."""
    return Query.less_than_equal("$createdAt", instant_text(upto))


def upper_bound(server_now: datetime, safety_lag: float) -> datetime:
    """The newest $updatedAt a scan reads: the server's clock minus the lag, in whole milliseconds, naive UTC."""
    bound = (server_now - timedelta(seconds=safety_lag)).replace(tzinfo=None)
    return bound.replace(microsecond=bound.microsecond // 1000 * 1000)
