"""The commission account: the ledger adds up and ties to what it was not made from, the state is that of the rows, no
figure of a closed month changed.

The ledger sums marts.commission_entries. What is owed is therefore added up here once more from core alone, with the
rule of which record belongs to whom written a second time.
"""

from __future__ import annotations

from typing import Final

from checks.check import Check
from marketplace.commission import LEDGER_CLOSING, REVENUE_STATUSES
from marketplace.findings import Severity
from messages.message import Message

#: What each provider's account stands at by core: live records that are not paid, with their fees, and what refunds
#: gave back; no tests, nothing whose local day is not known. A record without provider is its booking's, where exactly
#: one fits: by the first reference that fits exactly, else except for case, a real one before a test, else a deleted
#: one. One without a base is in thousands where that is what its booking owes at the rate of its reconciled row. (Of
#: the policy's fee core knows nothing: the fee of a record without a base may be so as well.)
_STOCK: Final = """
records AS MATERIALIZED (
    SELECT *, coalesce(coalesce(commission_idr, written_commission) < 0, false) AS is_refund,
           coalesce(booking_amount_idr, 0) = 0 AND NOT coalesce(is_implausible, false) AS no_base,
           coalesce(written_commission, commission_idr) AS written,
           status = 'unknown' AND paid_at IS NOT NULL AS came_in,
           CASE WHEN is_refund THEN commission_idr IS NOT NULL AND deleted_at IS NULL
                AND (status IN ('paid', 'reversed') OR (status = 'unknown' AND paid_at IS NOT NULL))
                ELSE true END AS counts
    FROM core.commissions
    WHERE NOT coalesce(is_test, false)
      AND (is_refund OR (is_live AND deleted_at IS NULL AND status <> 'paid'))
),
refs AS (
    SELECT commission_id, booking_ref AS ref, 1 AS attempt FROM records WHERE booking_ref IS NOT NULL
    UNION ALL
    SELECT commission_id, booking_doc_ref, 2 FROM records WHERE booking_doc_ref IS NOT NULL
),
named AS (
    SELECT booking_id AS ref, origin AS of, booking_id AS own, provider_id, is_test, deleted_at, false AS unread,
           booking_id, origin, utc_offset_minutes
    FROM core.bookings
    UNION ALL
    SELECT business_id, origin, booking_id, provider_id, is_test, deleted_at, false, booking_id, origin,
           utc_offset_minutes
    FROM core.bookings WHERE business_id <> booking_id
    UNION ALL
    SELECT unnest([row_id, business_id]), collection, row_id, NULL, false, NULL, true, NULL, NULL, NULL
    FROM core.quarantined WHERE collection IN ('bookings', 'hotel_bookings')
),
fitting AS (
    -- What only few rows are asked for is worked out of them, not of all bookings.
    SELECT r.*, n.* EXCLUDE (ref, is_test, deleted_at), n.ref = r.ref AS exactly, coalesce(n.is_test, false) AS test,
           n.deleted_at IS NOT NULL AS gone
    FROM refs r JOIN named n ON lower(n.ref) = lower(r.ref)
),
fits AS (
    SELECT commission_id, CASE WHEN gone THEN 5 WHEN exactly THEN attempt ELSE attempt + 2 END AS rank, test, gone,
           count(DISTINCT of || ':' || own) AS bookings, min(provider_id) AS provider_id, bool_and(unread) AS unread,
           min(booking_id) AS booking_id, min(origin) AS origin, min(utc_offset_minutes) AS utc_offset_minutes
    FROM fitting GROUP BY ALL
),
meant AS (
    SELECT *, bookings = 1 AND NOT gone AND NOT unread AS is_known FROM fits
    QUALIFY row_number() OVER (PARTITION BY commission_id ORDER BY rank, test) = 1
),
charged AS MATERIALIZED (
    SELECT r.* EXCLUDE (provider_id), coalesce(r.provider_id, CASE WHEN m.is_known THEN m.provider_id END, 'none')
               AS provider_id,
           coalesce(m.is_known, false) AS is_known, m.booking_id AS target, m.origin AS target_origin
    FROM records r LEFT JOIN meant m ON m.commission_id = r.commission_id
    WHERE NOT coalesce(m.test, false)
      AND CASE WHEN m.is_known THEN m.utc_offset_minutes ELSE r.utc_offset_minutes END IS NOT NULL
),
bare AS MATERIALIZED (SELECT * FROM charged WHERE no_base AND is_known),
reconciled AS MATERIALIZED (
    SELECT booking_id, origin, booking_amount_idr, policy_rate_ppm FROM marts.commission_reconciliation
    WHERE booking_id IN (SELECT target FROM bare)
),
small AS (
    SELECT c.commission_id, (r.booking_amount_idr::HUGEINT * r.policy_rate_ppm + 500000) // 1000000 AS owed
    FROM bare c JOIN reconciled r ON r.booking_id = c.target AND r.origin = c.target_origin
    WHERE c.written BETWEEN 0 AND 1000000000
      AND (r.booking_amount_idr::HUGEINT * r.policy_rate_ppm + 500000) // 1000000 = round(c.written * 1000)::BIGINT
),
small_fees AS (
    SELECT c.commission_id, e.amount_idr AS fee
    FROM bare c JOIN marts.commission_entries e ON e.commission_id = c.commission_id
    WHERE e.kind = 'fee' AND c.fee_idr BETWEEN 1 AND 1000000000 AND e.amount_idr = c.fee_idr * 1000
),
stock AS (
    SELECT c.provider_id, sum(CASE
        WHEN c.is_refund THEN -c.commission_idr
        WHEN c.came_in THEN coalesce(f.fee, c.fee_idr, 0)
        ELSE coalesce(s.owed, c.commission_idr, 0) + coalesce(f.fee, c.fee_idr, 0) END)::BIGINT AS owed
    FROM charged c LEFT JOIN small s ON s.commission_id = c.commission_id AND s.owed > 0
    LEFT JOIN small_fees f ON f.commission_id = c.commission_id
    WHERE c.counts GROUP BY 1
)
"""

#: What does not hold is told in this order.
_IN_ORDER: Final = [
    f"broken.ledger_{rule}"
    for rule in ("gap", "lines", "refund", "collected", "opening", "closing", "open", "core")
]

_COLLECTED: Final = "kind IN ('payment', 'refund') AND part = 'commission'"
_LEDGER_RULES: Final = f"""
WITH {_STOCK},
months AS (
    SELECT *, lag(closing_idr) OVER w AS closing_before, lag(local_month) OVER w AS month_before,
           lead(local_month) OVER w IS NULL AS is_last
    FROM marts.commission_ledger WINDOW w AS (PARTITION BY provider_id ORDER BY local_month)
),
closing AS (SELECT provider_id, local_month, closing_idr FROM months WHERE is_last),
summed AS MATERIALIZED (
    -- Months by number: of a column that holds millions of days to tell their first costs twice as much.
    SELECT provider_id, year(local_date) * 12 + month(local_date) - 1 AS number, sum(amount_idr) AS net,
           sum(amount_idr) FILTER ({_COLLECTED}) AS collected
    FROM marts.commission_entries GROUP BY ALL
),
lines AS (
    SELECT provider_id, make_date(number // 12, number % 12 + 1, 1) AS local_month, net::BIGINT AS net FROM summed
),
undone AS MATERIALIZED (SELECT DISTINCT commission_id FROM marts.commission_entries WHERE kind = 'reversal'),
given_back AS (
    SELECT * FROM marts.commission_entries ANTI JOIN undone USING (commission_id) WHERE kind = 'refund'
),
looked_at AS MATERIALIZED (
    SELECT commission_id, kind, part, local_date, amount_idr FROM marts.commission_entries
    SEMI JOIN (FROM undone UNION SELECT commission_id FROM charged WHERE is_refund) USING (commission_id)
),
listed AS (
    SELECT provider_id, sum(owed)::BIGINT AS owed FROM (
        SELECT provider_id, coalesce(owed_idr, 0) + fee_idr AS owed FROM marts.commission_open
        WHERE local_date IS NOT NULL
        UNION ALL
        SELECT provider_id, amount_idr FROM given_back
    ) GROUP BY ALL
),
paid AS (
    -- All that came in, less what of it was undone.
    SELECT make_date(number // 12, number % 12 + 1, 1) AS local_month, -sum(collected)::BIGINT AS idr FROM (
        SELECT number, collected FROM summed WHERE collected IS NOT NULL
        UNION ALL
        SELECT year(local_date) * 12 + month(local_date) - 1, -amount_idr
        FROM looked_at SEMI JOIN undone USING (commission_id) WHERE {_COLLECTED}
    ) GROUP BY ALL
),
refund_lines AS (
    SELECT commission_id, count(*) AS lines, count(*) FILTER (kind = 'refund' AND part = 'commission') AS refunds,
           sum(amount_idr) AS amount
    FROM looked_at SEMI JOIN (SELECT commission_id FROM charged WHERE is_refund) USING (commission_id)
    GROUP BY ALL
),
collected AS (
    SELECT date_trunc('month', local_date)::DATE AS local_month, sum(collected_idr)::BIGINT AS idr
    FROM marts.revenue_daily GROUP BY ALL
)
SELECT 'broken.ledger_closing' AS code, provider_id, local_month
FROM months WHERE {LEDGER_CLOSING} IS DISTINCT FROM closing_idr
UNION ALL
SELECT 'broken.ledger_opening', provider_id, local_month
FROM months WHERE opening_idr IS DISTINCT FROM coalesce(closing_before, 0)
UNION ALL
SELECT 'broken.ledger_gap', provider_id, local_month
FROM months WHERE month_before IS NOT NULL AND local_month <> month_before + INTERVAL 1 MONTH
UNION ALL
SELECT 'broken.ledger_lines', coalesce(m.provider_id, l.provider_id),
       coalesce(m.local_month, l.local_month)
FROM months m FULL JOIN lines l ON l.provider_id = m.provider_id AND l.local_month = m.local_month
WHERE m.provider_id IS NULL OR m.closing_idr - m.opening_idr <> coalesce(l.net, 0)
UNION ALL
SELECT 'broken.ledger_core', coalesce(c.provider_id, s.provider_id), c.local_month
FROM closing c FULL JOIN stock s ON s.provider_id = c.provider_id
WHERE coalesce(c.closing_idr, 0) <> coalesce(s.owed, 0)
UNION ALL
SELECT 'broken.ledger_open', coalesce(c.provider_id, o.provider_id), c.local_month
FROM closing c FULL JOIN listed o ON o.provider_id = c.provider_id
WHERE coalesce(c.closing_idr, 0) <> coalesce(o.owed, 0)
UNION ALL
SELECT 'broken.ledger_collected', 'all', coalesce(p.local_month, c.local_month)
FROM paid p FULL JOIN collected c ON c.local_month = p.local_month
WHERE coalesce(p.idr, 0) <> coalesce(c.idr, 0)
UNION ALL
SELECT 'broken.ledger_refund', c.provider_id, NULL
FROM charged c LEFT JOIN refund_lines l ON l.commission_id = c.commission_id
WHERE c.is_refund AND CASE WHEN c.counts
    THEN (coalesce(l.lines, 0), coalesce(l.refunds, 0), coalesce(l.amount, 0)) <> (1, 1, -c.commission_idr)
    ELSE l.lines IS NOT NULL END
"""

_STATE_RULES: Final = f"""
WITH counted AS (
    SELECT coalesce(sum(n) FILTER (state = 'missing'), 0) AS missing,
           coalesce(sum(n) FILTER (state = 'awaiting'), 0) AS awaiting,
           coalesce(sum(n) FILTER (state IN ('matched', 'mismatched')), 0) AS tracked,
           coalesce(sum(n) FILTER (state = 'free'), 0) AS free
    FROM (SELECT state, count(*) AS n FROM marts.commission_reconciliation GROUP BY state)
),
found AS (SELECT count(*) AS missing FROM marts.commission_findings WHERE finding = 'missing'),
told AS (
    SELECT s.*, CASE WHEN NOT EXISTS (FROM ops.scans WHERE collection = 'commission_records'
                                      AND completed_at IS NOT NULL) THEN 'unknown'
                     WHEN c.missing > 1 THEN 'critical' WHEN c.missing = 1 THEN 'warning'
                     WHEN NOT EXISTS (FROM ops.scans WHERE collection = 'bookings' AND completed_at IS NOT NULL)
                       OR EXISTS (FROM ops.scans WHERE collection IN ('hotel_bookings', 'therapists', 'places')
                                  AND completed_at IS NULL AND outcome IN ('partial', 'failed'))
                       OR EXISTS (FROM ops.scans WHERE collection = 'commission_records'
                                  AND regexp_matches(unread, '"booking(Id|DocId)"')) THEN 'unknown'
                     ELSE 'perfect' END AS by_rows,
           c.missing AS missing_rows, c.awaiting AS awaiting_rows, c.tracked AS tracked_rows,
           c.free AS free_rows, f.missing AS missing_findings
    FROM marts.commission_summary s, counted c, found f
)
SELECT 'broken.state_missing' AS code, state AS row_id FROM told
WHERE state IS DISTINCT FROM by_rows
UNION ALL
SELECT 'broken.state_counts', state FROM told
WHERE (missing, awaiting, tracked, free) IS DISTINCT FROM (missing_rows, awaiting_rows, tracked_rows, free_rows)
UNION ALL
SELECT 'broken.state_findings', state FROM told WHERE missing_rows <> missing_findings
UNION ALL
SELECT 'broken.state_free', booking_id FROM marts.commission_reconciliation
WHERE (booking_amount_idr = 0 OR state = 'free') AND booking_status IN {REVENUE_STATUSES}
  AND (state = 'free' AND booking_amount_idr IS DISTINCT FROM 0
       OR booking_amount_idr = 0 AND state NOT IN ('free', 'mismatched'))
UNION ALL
SELECT 'broken.state_none', 'none' WHERE NOT EXISTS (FROM marts.commission_summary)
"""

CHECKS: Final = (
    Check(
        "ledger_balance",
        "marts/commission_ledger",
        f"SELECT code, provider_id, strftime(local_month, '%Y-%m') FROM ({_LEDGER_RULES})"
        f" ORDER BY list_position({_IN_ORDER}, code), 2, 3",
        level=Severity.CRITICAL,
        severity="ERROR",
        looks_for="a rupiah by which a row does not add up or does not open with the closing before; a month that is"
        " left out or is not the sum of its lines; a newest closing that is not the stock added up from core, nor that"
        " of the open records; a month in which what was paid is not what revenue_daily collected",
        of_rows=True,
        what_to_do=Message("check.ledger_balance_do"),
    ),
    Check(
        "commission_state",
        "marts/commission_summary",
        _STATE_RULES,
        level=Severity.CRITICAL,
        severity="ERROR",
        looks_for="a state of the whole (perfect, warning, critical, unknown) or a count that is not what the rows say,"
        " and a missing booking without its finding",
        what_to_do=Message("check.commission_state_do"),
    ),
    Check(
        "no_closed_month_changed",
        "marts/closed_month_changes",
        "SELECT 'broken.closed_month' AS code, finding_id FROM marts.closed_month_changes"
        " WHERE NOT waived ORDER BY seen_at DESC, finding_id",
        level=Severity.HIGH,
        looks_for="a figure of a closed month that changed and was not waived; where nothing could be compared it does"
        " not fail, and says so",
        unknown="SELECT 'broken.uncompared' AS code, {'reason': reason} AS args FROM marts.closed_month_gaps"
        " WHERE is_newest",
        what_to_do=Message("check.closed_month_do"),
    ),
)
