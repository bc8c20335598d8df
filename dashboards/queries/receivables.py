"""What is owed and until when, by whom, since when, and whose account is restricted. Asked through reading.py."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import polars as pl

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached
from marketplace.commission import AGE_WORDS, SUBMITTED_STATUS, age_column

_OPEN = """SELECT commission_id, booking_id, booking_ref, provider_id, provider_name, status, owed_idr, fee_idr,
                  service_ended_at, deadline_at, is_overdue, restriction_at, age, is_due, is_unpaid
           FROM marts.commission_open"""
_SOONEST = " ORDER BY deadline_at NULLS LAST, commission_id"

#: Which open records a list may show → the condition on marts.commission_open. Each is a fact of the mart.
RECORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "all": "true",
        "overdue": "is_overdue",
        "due_next": "NOT is_overdue AND is_unpaid AND is_due AND deadline_at IS NOT NULL",
        "awaiting": f"status = '{SUBMITTED_STATUS}'",
        "not_due": "NOT is_due",
        "unknown": "(is_overdue IS NULL OR owed_idr IS NULL)",
    }
)
_RECORD_COLUMNS: Final = (
    Column("commission_id", "col.commission_id"),
    Column("booking_id", "col.booking_id"),
    Column("provider_name", "col.provider_name"),
    Column("status", "col.status", words="commission_status"),
    Column("owed_idr", "commissions.commission_owed"),
    Column("fee_idr", "receivables.fee"),
    Column("deadline_at", "col.deadline"),
    Column("is_overdue", "receivables.overdue"),
    Column("age", "receivables.age", stretches="age"),
    Column("restriction_at", "receivables.restriction_from"),
)


def records(which: str = "all", search: str = "", provider: str = "") -> Query:
    """The open records of a kind (RECORDS), the earliest deadline first. ``search``: part of an id, a reference or a
    provider's name; ``provider``: of this one alone."""
    return Query(
        "open_commissions",
        f"""{_OPEN} WHERE {RECORDS[which]} AND (? = '' OR provider_id = ?)
            AND (? = '' OR contains(lower(concat_ws(' ', commission_id, booking_id, booking_ref, provider_id,
                                                    provider_name)), lower(?))){_SOONEST}""",
        (provider, provider, search, search),
        columns=_RECORD_COLUMNS,
    )


#: The open records that will be overdue if nobody pays, the earliest deadline first. Not among them: one whose proof
#: came in time, one that is not due, one of which neither can be told.
DUE_NEXT = Query(
    "due_next", f"{_OPEN} WHERE NOT is_overdue AND is_unpaid AND is_due AND deadline_at IS NOT NULL{_SOONEST}"
)
#: The overdue ones, the longest overdue first.
OVERDUE = Query("overdue", f"{_OPEN} WHERE is_overdue{_SOONEST}")


@cached
def open_totals(path: str) -> dict[str, Any]:
    """records, owed_idr, fees_idr, both together (with_fees_idr) and of the overdue ones the same (overdue_…); the
    records of which it can't be told whether they are overdue or how much is owed (unknown_records), those not due."""
    return ask(
        path,
        """SELECT count(*)::BIGINT AS records, coalesce(sum(owed_idr), 0)::BIGINT AS owed_idr,
                  coalesce(sum(fee_idr), 0)::BIGINT AS fees_idr,
                  count(*) FILTER (is_overdue)::BIGINT AS overdue_records,
                  coalesce(sum(owed_idr) FILTER (is_overdue), 0)::BIGINT AS overdue_idr,
                  coalesce(sum(fee_idr) FILTER (is_overdue), 0)::BIGINT AS overdue_fees_idr,
                  coalesce(sum(coalesce(owed_idr, 0) + coalesce(fee_idr, 0)), 0)::BIGINT AS with_fees_idr,
                  coalesce(sum(coalesce(owed_idr, 0) + coalesce(fee_idr, 0)) FILTER (is_overdue), 0)::BIGINT
                      AS overdue_with_fees_idr,
                  count(*) FILTER (fee_idr > 0)::BIGINT AS fee_records,
                  count(*) FILTER (is_overdue IS NULL OR owed_idr IS NULL)::BIGINT AS unknown_records,
                  count(*) FILTER (NOT is_due)::BIGINT AS not_due_records,
                  min(deadline_at) FILTER (is_overdue) AS overdue_since,
                  min(service_ended_at) AS oldest_service_at,
                  count(*) FILTER (owed_idr IS NULL)::BIGINT AS unknown_amounts,
                  count(DISTINCT provider_id)::BIGINT AS providers,
                  count(DISTINCT provider_id) FILTER (is_overdue)::BIGINT AS overdue_providers
           FROM marts.commission_open""",
    ).to_dicts()[0]


@cached
def awaiting_totals(path: str) -> dict[str, Any]:
    """Of the open records whose proof of payment nobody checked yet: records, owed_idr, with_fees_idr, unknown_amounts,
    since (the earliest proof; null where no record says), overdue_records (their proof came late: they are among the
    overdue) and past_records (their proof came in time and the deadline has passed: not paid, and not overdue)."""
    return ask(
        path,
        """SELECT count(*)::BIGINT AS records, coalesce(sum(o.owed_idr), 0)::BIGINT AS owed_idr,
                  coalesce(sum(coalesce(o.owed_idr, 0) + coalesce(o.fee_idr, 0)), 0)::BIGINT AS with_fees_idr,
                  count(*) FILTER (o.owed_idr IS NULL)::BIGINT AS unknown_amounts, min(c.proof_at) AS since,
                  count(*) FILTER (o.is_overdue)::BIGINT AS overdue_records,
                  count(*) FILTER (NOT o.is_unpaid AND o.is_due AND o.deadline_at < s.as_of)::BIGINT AS past_records
           FROM marts.commission_open o
           LEFT JOIN (SELECT commission_id, proof_at FROM core.commissions WHERE commission_id IN (
                        SELECT commission_id FROM marts.commission_open WHERE status = $1)) c USING (commission_id)
           CROSS JOIN (SELECT max(as_of) AS as_of FROM marts.commission_summary) s
           WHERE o.status = $1""",
        [SUBMITTED_STATUS],
    ).to_dicts()[0]


@cached
def missing_totals(path: str) -> dict[str, Any]:
    """Of the bookings that earn and have no record: bookings, expected_idr, unknown_amounts (what is expected of them
    is not known), since (when the first of them accrued)."""
    return ask(
        path,
        """SELECT count(*)::BIGINT AS bookings, coalesce(sum(expected_idr), 0)::BIGINT AS expected_idr,
                  count(*) FILTER (expected_idr IS NULL)::BIGINT AS unknown_amounts, min(accrued_at) AS since
           FROM marts.commission_reconciliation WHERE state = 'missing'""",
    ).to_dicts()[0]


@cached
def open_by_age(path: str) -> pl.DataFrame:
    """age, records, owed_idr, fees_idr: since the service ended, in the order of AGE_WORDS."""
    frame = ask(
        path,
        """SELECT coalesce(age, 'unknown') AS age, count(*)::BIGINT AS records,
                  coalesce(sum(owed_idr), 0)::BIGINT AS owed_idr, coalesce(sum(fee_idr), 0)::BIGINT AS fees_idr
           FROM marts.commission_open GROUP BY 1""",
    )
    places = {age: place for place, age in enumerate(AGE_WORDS)}
    order = pl.col("age").replace_strict(places, default=len(AGE_WORDS), return_dtype=pl.Int64)
    return frame.sort(order, "age")


#: Which accounts the list may show → the condition on marts.commission_balances; what cannot be told has its own.
ACCOUNTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "overdue": "overdue_records > 0",
        "in_time": "overdue_records = 0",
        "restriction_due": "restriction_due",
        "restricted": "restriction_actual",
        "unknown": "(restriction_due IS NULL OR restriction_actual IS NULL OR unknown_amount_records > 0)",
    }
)
#: How the list may be sorted.
ORDERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "owed": "with_fees_idr DESC NULLS LAST, provider_id",
        "overdue": "overdue_idr DESC NULLS LAST, with_fees_idr DESC NULLS LAST, provider_id",
        "since": "overdue_since NULLS LAST, with_fees_idr DESC NULLS LAST, provider_id",
        "name": "lower(provider_name) NULLS LAST, provider_id",
    }
)
#: One id may be a therapist's and a place's.
_CITIES: Final = """(SELECT provider_id, min(city) AS city FROM core.providers
                     WHERE deleted_at IS NULL GROUP BY provider_id)"""


def balances(search: str = "", city: str = "", state: str = "", order: str = "owed") -> Query:
    """Who owes what now and since when, one row a provider with anything open. ``overdue_since``: the first deadline
    that passed unpaid; ``state``: one of ACCOUNTS, or all of them; ``order``: one of ORDERS."""
    return Query(
        "balances",
        f"""SELECT provider_id, provider_name, city, owed_idr + fees_idr AS with_fees_idr, overdue_idr, owed_idr,
                   fees_idr, overdue_since, records,
                   overdue_records, {", ".join(age_column(word) for word in AGE_WORDS)},
                   oldest_deadline_at, not_due_idr, unknown_amount_records, restriction_due, restriction_due_at,
                   restriction_actual, provider_status
            FROM marts.commission_balances LEFT JOIN {_CITIES} USING (provider_id)
            LEFT JOIN (SELECT provider_id, min(deadline_at) AS overdue_since FROM marts.commission_open
                       WHERE is_overdue GROUP BY provider_id) USING (provider_id)
            WHERE {ACCOUNTS.get(state, "true")} AND (? = '' OR city = ?)
              AND (? = '' OR contains(lower(concat_ws(' ', provider_name, provider_id)), lower(?)))
            ORDER BY {ORDERS[order]}""",
        (city, city, search, search),
        columns=(
            Column("provider_name", "col.provider_name"),
            Column("city", "col.city"),
            Column("with_fees_idr", "commissions.owed_with_fees"),
            Column("overdue_idr", "commissions.overdue_with_fees"),
            Column("overdue_since", "commissions.overdue_since"),
            Column("fees_idr", "commissions.of_it_fees"),
            Column("records", "receivables.records"),
            *(Column(age_column(word), "age", written=word) for word in AGE_WORDS),
            Column("not_due_idr", "receivables.not_due"),
            Column("unknown_amount_records", "receivables.unknown_amounts"),
            Column("oldest_deadline_at", "receivables.oldest"),
            Column("provider_id", "col.provider_id"),
        ),
    )


@cached
def cities(path: str) -> list[str]:
    """Where those who owe anything are."""
    frame = ask(
        path,
        f"""SELECT DISTINCT city FROM marts.commission_balances JOIN {_CITIES} USING (provider_id)
            WHERE city IS NOT NULL ORDER BY city""",
    )
    return frame["city"].to_list()


#: Every provider that should be restricted or is: provider_id, provider_name, due, actual (null = not known),
#: restriction_due_at, overdue_records, overdue_idr, verdict (agrees, not_restricted, restricted_wrongly, unknown); the
#: differing ones first.
RESTRICTIONS = Query(
    "restrictions",
    """SELECT provider_id, provider_name, due, actual, restriction_due_at, overdue_records, overdue_idr, verdict
       FROM marts.commission_restrictions
       ORDER BY CASE verdict WHEN 'agrees' THEN 2 WHEN 'unknown' THEN 1 ELSE 0 END, restriction_due_at NULLS LAST,
                provider_id""",
    columns=(
        Column("provider_name", "col.provider_name"),
        Column("verdict", "commissions.verdict", words="restriction"),
        Column("due", "restriction.due"),
        Column("actual", "restriction.actual"),
        Column("restriction_due_at", "receivables.restriction_from"),
        Column("overdue_idr", "commissions.overdue_with_fees"),
        Column("overdue_records", "field.overdue_records"),
        Column("provider_id", "col.provider_id"),
    ),
)


@cached
def balance(path: str, provider_id: str) -> dict[str, Any] | None:
    """The row of BALANCES of one provider, or None where nothing of it is open."""
    rows = ask(path, f"SELECT * FROM ({balances().sql}) WHERE provider_id = ?", ["", "", "", "", provider_id])
    return rows.row(0, named=True) if rows.height else None


@cached
def restriction(path: str, provider_id: str) -> str | None:
    """Whether an account is restricted as it should be (a verdict); None where it neither should be nor is."""
    rows = ask(
        path, "SELECT verdict FROM marts.commission_restrictions WHERE provider_id = ? LIMIT 1", [provider_id]
    )
    return None if rows.is_empty() else str(rows["verdict"][0])


@cached
def restriction_verdicts(path: str) -> dict[str, int]:
    """verdict → providers."""
    rows = ask(path, "SELECT verdict, count(*) AS n FROM marts.commission_restrictions GROUP BY 1").rows()
    return dict(rows)
