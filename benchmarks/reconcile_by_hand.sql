-- marts.commission_reconciliation as an engineer who knows docs/domain.md would write it for DuckDB and one policy
-- (30 %, 3 hours, 2 minutes of grace). No code of the marts is used. $judged: the instant states are judged at.
CREATE OR REPLACE TABLE by_hand.commission_reconciliation AS
WITH
keys AS (
    SELECT booking_id AS key, booking_id AS target, origin, CASE WHEN deleted_at IS NULL THEN 0 ELSE 2 END AS kind,
        coalesce(is_test, false) AS test
    FROM core.bookings
    UNION ALL
    SELECT business_id, booking_id, origin, CASE WHEN deleted_at IS NULL THEN 0 ELSE 2 END, coalesce(is_test, false)
    FROM core.bookings WHERE business_id <> booking_id
    UNION ALL
    SELECT row_id, row_id, collection, 1, false
    FROM core.quarantined WHERE collection IN ('bookings', 'hotel_bookings') AND row_id IS NOT NULL
    UNION ALL
    SELECT business_id, row_id, collection, 1, false
    FROM core.quarantined WHERE collection IN ('bookings', 'hotel_bookings') AND business_id <> row_id
),
exact AS (
    SELECT commission_id, 1 AS attempt, c.booking_ref AS ref, k.*
    FROM core.commissions c JOIN keys k ON k.key = c.booking_ref
    UNION ALL
    SELECT commission_id, 2, c.booking_doc_ref, k.*
    FROM core.commissions c JOIN keys k ON k.key = c.booking_doc_ref
),
-- What fits nothing that is there exactly may fit except for case.
loose AS (
    SELECT commission_id, unnest([3, 4]) AS attempt, unnest([booking_ref, booking_doc_ref]) AS ref
    FROM core.commissions ANTI JOIN (FROM exact WHERE kind < 2) USING (commission_id)
),
fits AS (
    FROM exact
    UNION ALL
    SELECT commission_id, attempt, ref, k.* FROM loose l JOIN keys k ON lower(k.key) = lower(l.ref)
),
-- The first reference that fits anything that is not deleted is the one that counts; a test only where no real one fits.
meant AS (
    SELECT * FROM fits WHERE kind < 2
    QUALIFY dense_rank() OVER (PARTITION BY commission_id ORDER BY attempt, test) = 1
),
chosen AS (
    SELECT commission_id, count(DISTINCT origin || target) AS bookings, any_value(target) AS target,
        any_value(origin) AS origin, any_value(ref) AS ref, min(kind) AS kind, bool_and(test) AS test
    FROM meant GROUP BY commission_id
),
gone AS (SELECT commission_id, bool_and(test) AS test FROM fits WHERE kind = 2 GROUP BY commission_id),
bookings_read AS (
    SELECT CASE WHEN bool_or(collection = 'bookings') THEN min(watermark) END AS until FROM ops.scans
    WHERE collection IN ('bookings', 'hotel_bookings') AND watermark IS NOT NULL
),
records AS (
    SELECT c.*,
        h.ref AS matched_ref,
        coalesce(h.test, g.test, false) OR coalesce(c.is_test, false) AS test,
        CASE
            WHEN h.bookings > 1 THEN 'ambiguous'
            WHEN h.bookings = 1 THEN CASE h.kind WHEN 0 THEN 'booking' ELSE 'quarantined' END
            WHEN g.commission_id IS NOT NULL THEN 'deleted'
            WHEN (c.booking_ref IS NOT NULL OR c.booking_doc_ref IS NOT NULL)
                AND coalesce(coalesce(c.updated_at, c.created_at) > bookings_read.until, true) THEN 'unread'
            ELSE 'none'
        END AS link,
        CASE WHEN link = 'booking' THEN h.target END AS target,
        CASE WHEN link = 'booking' THEN h.origin END AS target_origin
    FROM core.commissions c LEFT JOIN chosen h USING (commission_id) LEFT JOIN gone g USING (commission_id),
        bookings_read
    WHERE c.is_live AND c.deleted_at IS NULL
),
-- A booking's own record is the paid one of the live ones, then the one in verification, then the earliest. A refund
-- is none, and stands by itself only where it has no booking.
own AS (
    SELECT *, count(*) OVER same AS records
    FROM records
    WHERE NOT test AND NOT (target IS NOT NULL AND coalesce(commission_idr < 0, written_commission < 0, false))
    WINDOW same AS (PARTITION BY coalesce(target, commission_id), target_origin)
    QUALIFY row_number() OVER (PARTITION BY coalesce(target, commission_id), target_origin
        ORDER BY CASE status WHEN 'paid' THEN 0 WHEN 'awaiting_verification' THEN 1 ELSE 2 END,
            created_at, commission_id) = 1
),
doubted AS (
    SELECT DISTINCT m.target, m.origin
    FROM records r JOIN meant m USING (commission_id)
    WHERE r.link = 'ambiguous' AND NOT r.test AND NOT coalesce(r.commission_idr < 0, r.written_commission < 0, false)
),
pairs AS (
    SELECT
        b.booking_id, b.provider_id AS b_provider, b.source AS b_source, b.status AS b_status, b.amount_idr AS b_amount,
        b.accepted_at, b.created_at AS b_created, b.starts_at, b.service_minutes, b.completed_at,
        b.utc_offset_minutes AS b_offset, b.origin,
        coalesce(b.status IN ('accepted', 'confirmed', 'completed'), false) AS earning,
        b.deleted_at IS NULL AND NOT coalesce(b.is_test, false) AS counted,
        e.commission_id, coalesce(e.matched_ref, e.booking_ref, e.booking_doc_ref) AS ref, e.provider_id AS e_provider,
        e.rate, e.rate_ppm, e.commission_idr AS written_idr, e.written_commission, e.booking_amount_idr AS base,
        e.amount_rule, e.fee_idr, e.due_idr, coalesce(e.is_implausible, false) AS not_believed, e.status AS e_status,
        e.source AS e_source, e.created_at AS e_created, e.deadline_at AS e_deadline, e.paid_at, e.records, e.link,
        e.utc_offset_minutes AS e_offset
    FROM core.bookings b FULL JOIN own e ON e.target = b.booking_id AND e.target_origin = b.origin
),
priced AS (
    SELECT *,
        coalesce(accepted_at, b_created, e_created) AS accrued_at,
        CASE WHEN b_created IS NULL THEN e_offset ELSE b_offset END AS utc_offset,
        -- Without a local day no deadline is known.
        CASE WHEN utc_offset IS NOT NULL THEN coalesce(completed_at + INTERVAL 3 HOUR,
            starts_at + to_minutes(service_minutes) + INTERVAL 3 HOUR, e_deadline) END AS due,
        CASE WHEN b_amount BETWEEN 0 AND 10000000000000 THEN (b_amount * 300000 + 500000) // 1000000 END AS cost,
        CASE WHEN earning THEN cost END AS owed,
        -- A record without a base is in thousands where that is what its booking owes.
        coalesce(base, 0) = 0 AND NOT not_believed AS no_base,
        coalesce(written_commission, written_idr) AS written,
        coalesce(no_base AND cost > 0 AND written BETWEEN 0 AND 1e9 AND round(written * 1000) = cost, false) AS is_small,
        coalesce(no_base AND b_created IS NOT NULL AND fee_idr = 25, false)
            OR coalesce(no_base AND cost > 0 AND due_idr BETWEEN 0 AND 1000000000
                AND due_idr * 1000 IN (cost, cost + 25000), false) AS beside_is_small,
        CASE WHEN is_small THEN cost ELSE written_idr END AS commission_idr
    FROM pairs
    WHERE commission_id IS NOT NULL OR (earning AND counted)
),
judged AS (
    SELECT *,
        CASE WHEN coalesce(base, b_amount) BETWEEN 0 AND 10000000000000 AND rate_ppm BETWEEN 0 AND 100000000
            THEN (coalesce(base, b_amount)::HUGEINT * rate_ppm + 500000) // 1000000 END AS at_its_rate,
        CASE WHEN b_amount = 0 THEN commission_idr IS DISTINCT FROM 0
            ELSE not_believed OR coalesce(amount_rule = 'thousands', false) OR is_small OR beside_is_small
                OR commission_idr IS DISTINCT FROM owed OR coalesce(base <> b_amount, false) END AS wrong
    FROM priced
),
stated AS (
    SELECT j.*,
        CASE
            WHEN NOT earning THEN CASE
                WHEN link IN ('none', 'deleted') THEN 'orphan'
                WHEN b_status IN ('cancelled', 'declined', 'expired', 'reassigned') THEN 'not_due'
                ELSE 'unknown' END
            WHEN commission_id IS NOT NULL THEN CASE WHEN owed IS NULL THEN 'unknown' WHEN wrong THEN 'mismatched'
                WHEN b_amount = 0 THEN 'free' ELSE 'matched' END
            WHEN b_amount = 0 THEN 'free'
            WHEN d.target IS NOT NULL THEN 'unknown'
            WHEN $judged IS NULL THEN 'unknown'
            WHEN $judged < accrued_at + INTERVAL 2 MINUTE THEN 'awaiting'
            ELSE 'missing'
        END AS state,
        d.target IS NOT NULL AS doubted
    FROM judged j LEFT JOIN doubted d ON d.target = j.booking_id AND d.origin = j.origin
)
SELECT
    booking_id,
    commission_id,
    ref AS booking_ref,
    CASE WHEN earning THEN b_provider ELSE coalesce(b_provider, e_provider) END AS provider_id,
    CASE WHEN earning THEN b_source ELSE coalesce(b_source, e_source) END AS source,
    b_status AS booking_status,
    b_amount AS booking_amount_idr,
    rate,
    CASE WHEN earning THEN owed WHEN state IN ('orphan', 'not_due') THEN 0 END AS expected_idr,
    CASE WHEN commission_id IS NULL AND NOT doubted AND $judged IS NOT NULL THEN 0 ELSE commission_idr END AS actual_idr,
    actual_idr - expected_idr AS variance_idr,
    state,
    CAST(accrued_at + to_minutes(utc_offset) AS DATE) AS local_date,
    accrued_at,
    utc_offset AS utc_offset_minutes,
    'standard-30' AS policy_version,
    300000::BIGINT AS policy_rate_ppm,
    due AS deadline_at,
    e_status AS commission_status,
    paid_at,
    coalesce(records, 0) AS records,
    origin
FROM stated
