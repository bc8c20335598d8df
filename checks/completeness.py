"""That every row of the mirror is accounted for once, in the figures of a month or out of them for a reason, and that
what is in makes up those figures.

In and out are told apart by marts that do not read each other; here they are held against the mirror's own count, each
other, the daily figures and the ledger.
"""

from __future__ import annotations

from typing import Final

from checks.check import Check
from marketplace.collections import BOOKING_COLLECTIONS, RECORDS
from marketplace.commission import REVENUE_STATUSES
from marketplace.exclusions import IN
from marketplace.findings import Severity
from messages.message import Message

#: A row that is told twice and one that is told never are not made up for by each other.
_RULES: Final = f"""
WITH told AS (SELECT collection, sum(rows)::BIGINT AS rows FROM marts.completeness GROUP BY collection),
out AS (
    SELECT collection, reason, count(*) AS rows, coalesce(sum(amount_idr), 0)::BIGINT AS idr
    FROM marts.exclusions GROUP BY ALL
),
bookings AS (
    SELECT origin AS collection, booking_id AS row_id FROM marts.commission_reconciliation
    WHERE booking_status IN {REVENUE_STATUSES} AND booking_amount_idr IS NOT NULL AND local_date IS NOT NULL
),
records AS NOT MATERIALIZED (
    SELECT commission_id AS row_id, actual_idr FROM marts.commission_reconciliation
    WHERE commission_id IS NOT NULL AND actual_idr IS NOT NULL AND local_date IS NOT NULL
),
counted AS (
    SELECT collection, sum(amount_idr)::BIGINT AS idr FROM marts.completeness WHERE reason = '{IN}' GROUP BY ALL
),
charged AS (
    SELECT (SELECT coalesce(sum(actual_idr), 0) FROM records WHERE actual_idr >= 0)
        + (SELECT coalesce(sum(amount_idr), 0) FROM marts.exclusions
           WHERE collection = '{RECORDS}' AND in_ledger AND amount_idr >= 0) AS told,
        (SELECT coalesce(sum(amount_idr), 0) FROM marts.commission_entries WHERE kind = 'accrual') AS ledger
),
booked AS (
    SELECT (SELECT coalesce(sum(idr), 0) FROM counted WHERE collection IN {BOOKING_COLLECTIONS}) AS told,
        (SELECT coalesce(sum(booked_idr), 0) FROM marts.revenue_daily) AS daily
)
SELECT 'broken.rows_unaccounted' AS code, {{'told': coalesce(t.rows, 0), 'mirror': coalesce(m.rows, 0)}} AS args,
       m.collection AS row_id
FROM ops.mirror_rows AS m LEFT JOIN told AS t ON t.collection = m.collection
WHERE coalesce(t.rows, 0) <> m.rows
UNION ALL
SELECT 'broken.row_twice', {{'told': 2, 'mirror': 1}}, e.row_id
FROM marts.exclusions AS e
SEMI JOIN (FROM bookings WHERE row_id IN (SELECT row_id FROM marts.exclusions)) AS b
    ON b.row_id = e.row_id AND b.collection = e.collection
UNION ALL
SELECT 'broken.row_twice', {{'told': 2, 'mirror': 1}}, e.row_id
FROM marts.exclusions AS e
SEMI JOIN (FROM records WHERE row_id IN (SELECT row_id FROM marts.exclusions)) AS r ON r.row_id = e.row_id
WHERE e.collection = '{RECORDS}'
UNION ALL
SELECT 'broken.exclusions_summed', {{'told': coalesce(c.rows, 0), 'mirror': coalesce(o.rows, 0)}},
       coalesce(o.collection, c.collection) || ' ' || coalesce(o.reason, c.reason)
FROM out AS o FULL JOIN (FROM marts.completeness WHERE reason NOT IN ('{IN}', 'no_figure')) AS c
    ON c.collection = o.collection AND c.reason = o.reason
WHERE (coalesce(o.rows, 0), coalesce(o.idr, 0)) <> (coalesce(c.rows, 0), coalesce(c.amount_idr, 0))
UNION ALL
SELECT 'broken.booked_unaccounted', {{'told': told::BIGINT, 'mirror': daily::BIGINT}}, NULL FROM booked
WHERE told <> daily
UNION ALL
SELECT 'broken.charged_unaccounted', {{'told': told::BIGINT, 'mirror': ledger::BIGINT}}, NULL FROM charged
WHERE told <> ledger
"""
#: Collections of which the mirror's count is not known, as in a snapshot that was put together by hand.
_UNCOUNTED: Final = """
SELECT 'broken.mirror_uncounted' AS code, {'collection': collection} AS args
FROM (SELECT DISTINCT collection FROM marts.completeness WHERE rows > 0) ANTI JOIN ops.mirror_rows USING (collection)
ORDER BY ALL
"""

CHECKS: Final = (
    Check(
        "every_row_accounted_for",
        "marts/completeness",
        f"SELECT * FROM ({_RULES}) ORDER BY ALL",
        level=Severity.CRITICAL,
        severity="ERROR",
        looks_for="a collection whose rows in the figures and out of them are not all rows of the mirror; a row that is"
        " both; sums of reasons that are not those of their rows; amounts in the figures that are not what is booked by"
        " day, nor, with the records that are out, what the ledger charges",
        unknown=_UNCOUNTED,
        of_rows=True,
        what_to_do=Message("check.accounted_do"),
    ),
)
