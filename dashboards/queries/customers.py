"""Customers by id: who they are as a whole, listed page by page, one of them, and whether they come back. Asked through
reading.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from dashboards.queries.behind import Behind
from dashboards.queries.query import Column
from dashboards.queries.reading import ask, cached

PAGE_ROWS: Final = 50
WHO: Final[dict[str, str]] = {"again": "bookings > 1", "once": "bookings = 1"}
#: Code → the order; the first is the usual one.
SORTS: Final[dict[str, str]] = {
    "spent": "spent_idr DESC",
    "last": "last_booking_at DESC",
    "bookings": "bookings DESC",
    "new": "first_booking_at DESC",
}
COHORTS_SHOWN: Final = 12
COLUMNS: Final = (
    Column("customer_id", "customers.customer_id"),
    Column("bookings", "customers.bookings"),
    Column("completed", "customers.completed"),
    Column("spent_idr", "customers.spent_idr"),
    Column("unknown_amounts", "customers.unknown"),
    Column("last_booking_at", "customers.last_booking_at"),
    Column("first_booking_at", "customers.first_booking_at"),
    Column("first_source", "customers.first_source", words="source"),
    Column("declined", "customers.declined"),
    Column("reassigned", "customers.reassigned"),
)
_COLUMNS: Final = """customer_id, bookings, completed, spent_idr, unknown_amounts, first_booking_at, last_booking_at,
    first_source, declined, reassigned"""


@dataclass(frozen=True)
class Asked:
    """Which customers are asked for. ``search``: an id or its beginning; ``who``: a code of WHO; ``sort``: of SORTS."""

    search: str = ""
    who: str = ""
    sort: str = ""

    def condition(self) -> tuple[str, list[Any]]:
        conditions, parameters = ["true"], list[Any]()
        if self.search:
            conditions.append("starts_with(customer_id, ?)")
            parameters.append(self.search)
        if self.who:
            conditions.append(WHO[self.who])
        return " AND ".join(conditions), parameters


@dataclass(frozen=True)
class Listing:
    """One page of the customers asked for, and all of them for a download. ``name``: of its file and of its place on
    the page. Raises what reading.ask raises."""

    name: str
    asked: Asked
    page: int
    columns: tuple[Column, ...] = COLUMNS

    def first(self, path: str, limit: int) -> pl.DataFrame:
        return _page(path, self.asked, self.page)

    def all(self, path: str) -> pl.DataFrame:
        return _rows(path, self.asked, "")

    def count(self, path: str) -> int:
        return total(path, self.asked)


@cached
def _page(path: str, asked: Asked, page: int) -> pl.DataFrame:
    return _rows(path, asked, f"LIMIT {PAGE_ROWS} OFFSET {PAGE_ROWS * (page - 1)}")


def _rows(path: str, asked: Asked, limit: str) -> pl.DataFrame:
    condition, parameters = asked.condition()
    order = SORTS.get(asked.sort, next(iter(SORTS.values())))
    return ask(
        path,
        f"SELECT {_COLUMNS} FROM marts.customers WHERE {condition} ORDER BY {order}, customer_id {limit}",
        parameters,
    )


@cached
def total(path: str, asked: Asked) -> int:
    """How many customers are asked for."""
    condition, parameters = asked.condition()
    return int(ask(path, f"SELECT count(*) AS n FROM marts.customers WHERE {condition}", parameters)["n"][0])


@cached
def summary(path: str) -> dict[str, Any]:
    """customers, again (who booked more than once), spent_idr, unknown_amounts, is_complete (with all bookings)."""
    return ask(
        path,
        f"""SELECT count(*)::BIGINT AS customers, count(*) FILTER ({WHO["again"]})::BIGINT AS again,
                  coalesce(sum(spent_idr), 0)::BIGINT AS spent_idr,
                  coalesce(sum(unknown_amounts), 0)::BIGINT AS unknown_amounts,
                  coalesce(bool_and(coalesce(is_complete, false)), false) AS is_complete
           FROM marts.customers""",
    ).to_dicts()[0]


@cached
def customer(path: str, customer_id: str) -> dict[str, Any] | None:
    """A customer's row of marts.customers: under this id, else under another spelling of it, where that is one's."""
    rows = ask(
        path,
        f"SELECT {_COLUMNS} FROM marts.customers WHERE lower(customer_id) = lower(?)",
        [customer_id],
    ).to_dicts()
    exactly = [row for row in rows if row["customer_id"] == customer_id]
    return next(iter(exactly), rows[0] if len(rows) == 1 else None)


@cached
def spellings(path: str, customer_id: str) -> tuple[str, ...]:
    """The ids under which this customer booked: the mart has one row for all of them. Two customers whose ids are the
    same but for case have two, and then each spelling is its own. Looked for as written, and all in small or capital
    letters."""
    alike = ask(
        path, "SELECT customer_id FROM marts.customers WHERE lower(customer_id) = lower(?)", [customer_id]
    )["customer_id"].to_list()
    known = {customer_id}
    if len(alike) == 1:
        known |= {alike[0], customer_id.lower(), customer_id.upper()}
    found = ask(
        path,
        """SELECT DISTINCT customer_id FROM core.bookings WHERE customer_id IN (SELECT unnest(?::VARCHAR[]))
           ORDER BY customer_id""",
        [sorted(known)],
    )
    return tuple(found["customer_id"].to_list())


@cached
def retention(path: str) -> list[dict[str, Any]]:
    """cohort_month, customers and, by months_after, returned, share and is_complete: the newest cohorts first."""
    rows = ask(
        path,
        """SELECT cohort_month, months_after, customers, returned, share, is_complete FROM marts.customer_retention
           ORDER BY cohort_month DESC, months_after""",
    ).to_dicts()
    cohorts: dict[Any, dict[str, Any]] = {}
    for row in rows:
        cohort = cohorts.setdefault(
            row["cohort_month"],
            {"cohort_month": row["cohort_month"], "customers": row["customers"], "after": {}},
        )
        cohort["after"][int(row["months_after"])] = row
    return list(cohorts.values())[:COHORTS_SHOWN]


def came_back(cohort: dict[str, Any], months: int) -> Behind:
    """The customers of a cohort who came back that many months later."""
    month = cohort["cohort_month"]
    return Behind(
        f"returned_{month:%Y_%m}_{months}",
        "marts.customer_retention.returned",
        f"cohort_month = DATE '{month.isoformat()}' AND months_after = {months}",
    )
