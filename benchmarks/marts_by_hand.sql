-- The dearest marts as an engineer who knows docs/domain.md would write them for DuckDB and one policy (30 %, 3 hours,
-- 2 minutes of grace, 25,000 a late fee). No code of the marts is used. What a mart makes first is a temporary table
-- that later ones read as well, as the marts share their steps; marts.reassignments is there. $now: the clock; $judged:
-- the instant states are judged at; $local_month: the first day of the clock's month. `-- mart: NAME` begins what is
-- counted for a mart.

-- mart: commission_reconciliation
CREATE OR REPLACE TEMP TABLE fits AS
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
)
FROM fits;
CREATE OR REPLACE TEMP TABLE linked AS
WITH
-- The first reference that fits anything that is not deleted counts; a test only where no real one fits.
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
)
SELECT c.commission_id,
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
FROM core.commissions c LEFT JOIN chosen h USING (commission_id) LEFT JOIN gone g USING (commission_id), bookings_read;
-- Every record that is no test beside its booking, in rupiah, with what the account of commissions needs.
CREATE OR REPLACE TEMP TABLE reviewed AS
SELECT *,
    coalesce(base, 0) = 0 AND NOT not_believed AS no_base,
    CASE WHEN b_amount BETWEEN 0 AND 10000000000000 THEN (b_amount * 300000 + 500000) // 1000000 END AS cost,
    coalesce(written_commission, written_idr) AS written,
    CASE WHEN no_base AND cost > 0 AND written BETWEEN 0 AND 1e9 AND round(written * 1000) = cost
        THEN cost ELSE written_idr END AS commission,
    CASE WHEN no_base AND b_created IS NOT NULL AND fee_idr = 25 THEN 25000 ELSE fee_idr END AS fee,
    CASE WHEN b_created IS NULL THEN e_offset ELSE b_offset END AS utc_offset,
    CAST(coalesce(b_accepted, b_created, e_created) + to_minutes(utc_offset) AS DATE) AS accrual_day,
    coalesce(e_status = 'paid' OR (e_status = 'unknown' AND paid_at IS NOT NULL)
        OR (is_refund AND e_status = 'reversed'), false) AS settled,
    CAST(coalesce(paid_at, verified_at, e_created) + to_minutes(utc_offset) AS DATE) AS paid_day,
    CASE WHEN accrual_day IS NOT NULL THEN coalesce(b_completed + INTERVAL 3 HOUR,
        b_starts + to_minutes(b_minutes) + INTERVAL 3 HOUR, e_deadline) END AS due_at
FROM (
    SELECT c.commission_id, l.link, l.target, l.target_origin,
        coalesce(l.matched_ref, c.booking_ref, c.booking_doc_ref) AS ref, c.provider_id AS e_provider, c.rate,
        c.rate_ppm, c.commission_idr AS written_idr, c.written_commission, c.booking_amount_idr AS base, c.amount_rule,
        c.fee_idr, c.due_idr, coalesce(c.is_implausible, false) AS not_believed, c.status AS e_status,
        c.source AS e_source, c.created_at AS e_created, c.updated_at, c.restricted_at, c.deadline_at AS e_deadline,
        c.paid_at, c.verified_at, c.deleted_at AS gone_at, c.utc_offset_minutes AS e_offset,
        c.is_live AND c.deleted_at IS NULL AS live,
        coalesce(c.commission_idr < 0, c.written_commission < 0, false) AS is_refund,
        b.provider_id AS b_provider, b.status AS b_status, b.amount_idr AS b_amount, b.accepted_at AS b_accepted,
        b.created_at AS b_created, b.starts_at AS b_starts, b.service_minutes AS b_minutes,
        b.completed_at AS b_completed, b.utc_offset_minutes AS b_offset, b.provider_type AS b_type,
        -- What findings ask beside.
        c.written_booking_amount AS written_base, c.proof_at, c.proof_state, c.fee_state, b.source AS b_source,
        b.accepted_rule
    FROM core.commissions c JOIN linked l USING (commission_id)
    LEFT JOIN core.bookings b ON b.booking_id = l.target AND b.origin = l.target_origin
    WHERE NOT l.test
);
CREATE OR REPLACE TEMP TABLE doubted AS
SELECT DISTINCT f.target, f.origin
FROM fits f JOIN reviewed r USING (commission_id)
WHERE r.link = 'ambiguous' AND r.live AND NOT r.is_refund AND f.kind < 2
QUALIFY dense_rank() OVER (PARTITION BY commission_id ORDER BY attempt, test) = 1;
CREATE OR REPLACE TABLE by_hand.commission_reconciliation AS
WITH
-- A booking's own record is the paid one of the live ones, then the one in verification, then the earliest. A refund
-- is none, and stands by itself only where it has no booking.
own AS (
    SELECT *, count(*) OVER same AS records
    FROM reviewed
    WHERE live AND NOT (target IS NOT NULL AND is_refund)
    WINDOW same AS (PARTITION BY coalesce(target, commission_id), target_origin)
    QUALIFY row_number() OVER (PARTITION BY coalesce(target, commission_id), target_origin
        ORDER BY CASE e_status WHEN 'paid' THEN 0 WHEN 'awaiting_verification' THEN 1 ELSE 2 END,
            e_created, commission_id) = 1
),
pairs AS (
    SELECT
        b.booking_id, b.provider_id AS b_provider, b.source AS b_source, b.status AS b_status, b.amount_idr AS b_amount,
        b.accepted_at, b.created_at AS b_created, b.starts_at, b.service_minutes, b.completed_at,
        b.utc_offset_minutes AS b_offset, b.origin,
        coalesce(b.status IN ('accepted', 'confirmed', 'completed'), false) AS earning,
        b.deleted_at IS NULL AND NOT coalesce(b.is_test, false) AS counted,
        e.commission_id, e.ref, e.e_provider, e.rate, e.rate_ppm, e.written_idr, e.written_commission, e.base,
        e.amount_rule, e.fee_idr, e.due_idr, coalesce(e.not_believed, false) AS not_believed, e.e_status, e.e_source,
        e.e_created, e.e_deadline, e.paid_at, e.records, e.link, e.e_offset
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
FROM stated;

-- mart: commission_entries
CREATE OR REPLACE TABLE by_hand.commission_entries AS
WITH records AS (
    SELECT *, coalesce(e_provider, b_provider, 'none') AS charged,
        coalesce(settled OR (e_status IN ('cancelled', 'reversed') AND paid_at IS NOT NULL), false) AS paid,
        coalesce(e_status = 'paid' OR (e_status IN ('cancelled', 'reversed') AND paid_at IS NOT NULL), false)
            AS fee_paid,
        coalesce(e_status IN ('cancelled', 'reversed'), false) AS ended,
        ended OR gone_at IS NOT NULL AS undone,
        coalesce(fee <> 0, false) AS has_fee
    FROM reviewed WHERE accrual_day IS NOT NULL
),
-- Few have a fee or an end, and days of these.
special AS (
    SELECT *,
        coalesce(updated_at, gone_at, e_created) AS changed,
        CASE WHEN paid THEN least(changed, coalesce(paid_at, verified_at, e_created)) ELSE changed END AS latest,
        greatest(CAST(least(coalesce(restricted_at, due_at + INTERVAL 30 MINUTE, changed), latest)
            + to_minutes(utc_offset) AS DATE), accrual_day) AS fee_day,
        CASE WHEN undone THEN greatest(
            CAST(CASE WHEN ended THEN changed ELSE gone_at END + to_minutes(utc_offset) AS DATE),
            CASE WHEN paid THEN greatest(accrual_day, paid_day) ELSE accrual_day END) END AS undone_day,
        CASE WHEN undone THEN greatest(undone_day, fee_day) END AS fee_undone_day,
        CASE WHEN e_status = 'cancelled' THEN 'cancelled' WHEN e_status = 'reversed' THEN 'reversed' ELSE 'gone' END
            AS why
    FROM records WHERE NOT is_refund AND (undone OR has_fee)
),
lines AS (
    SELECT 'accrual' AS kind, commission_id, target AS booking_id, charged, accrual_day AS local_date,
        commission AS amount_idr, 'commission' AS part, 'charged' AS why
    FROM records WHERE NOT is_refund AND commission IS NOT NULL
    UNION ALL
    SELECT 'payment', commission_id, target, charged, paid_day, -commission, 'commission', 'paid'
    FROM records WHERE NOT is_refund AND commission IS NOT NULL AND paid
    UNION ALL
    SELECT 'refund', commission_id, target, charged, paid_day, -commission, 'commission', 'given_back'
    FROM records WHERE is_refund AND settled AND gone_at IS NULL AND commission IS NOT NULL
    UNION ALL
    SELECT 'reversal', commission_id, target, charged, undone_day, -commission, 'commission', why
    FROM special WHERE undone AND commission IS NOT NULL
    UNION ALL
    SELECT 'refund', commission_id, target, charged, undone_day, commission, 'commission', why
    FROM special WHERE undone AND commission IS NOT NULL AND paid
    UNION ALL
    SELECT 'fee', commission_id, target, charged, fee_day, fee, 'fee', 'fee' FROM special WHERE has_fee
    UNION ALL
    SELECT 'payment', commission_id, target, charged, paid_day, -fee, 'fee', 'fee_paid'
    FROM special WHERE has_fee AND fee_paid
    UNION ALL
    SELECT 'reversal', commission_id, target, charged, fee_undone_day, -fee, 'fee', why
    FROM special WHERE has_fee AND undone
    UNION ALL
    SELECT 'refund', commission_id, target, charged, fee_undone_day, fee, 'fee', why
    FROM special WHERE has_fee AND undone AND fee_paid
)
SELECT kind || ':' || commission_id || CASE WHEN part = 'fee' AND kind <> 'fee' THEN ':fee' ELSE '' END AS entry_id,
    kind, commission_id, booking_id, charged AS provider_id, local_date, amount_idr,
    CASE why WHEN 'charged' THEN 'charged by the app' WHEN 'paid' THEN 'commission paid'
        WHEN 'given_back' THEN 'given back by a refund record' WHEN 'fee' THEN 'late fee on the record'
        WHEN 'fee_paid' THEN 'late fee paid with the commission' WHEN 'cancelled' THEN 'the app cancelled the record'
        WHEN 'reversed' THEN 'the app reversed the record' ELSE 'the record is gone from the app' END AS detail,
    part, 'entry.' || why AS code, '{}' AS args
FROM lines;

-- mart: commission_ledger
CREATE OR REPLACE TABLE by_hand.commission_ledger AS
WITH moved AS (
    SELECT provider_id, date_trunc('month', local_date)::DATE AS month,
        sum(amount_idr) FILTER (kind = 'accrual') AS accrued_idr, sum(amount_idr) FILTER (kind = 'fee') AS fees_idr,
        -sum(amount_idr) FILTER (kind IN ('payment', 'refund')) AS paid_idr,
        -sum(amount_idr) FILTER (kind = 'reversal') AS reversed_idr,
        NULL AS expected_idr, NULL AS unrecorded_idr, NULL AS unknown_amount_records,
        count(*) AS lines
    FROM by_hand.commission_entries GROUP BY ALL
    UNION ALL
    SELECT coalesce(provider_id, 'none'), date_trunc('month', local_date)::DATE, NULL, NULL, NULL, NULL,
        sum(expected_idr), sum(expected_idr) FILTER (state IN ('missing', 'awaiting')), NULL, count(*)
    FROM by_hand.commission_reconciliation WHERE local_date IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT coalesce(e_provider, b_provider, 'none'), date_trunc('month', accrual_day)::DATE, NULL, NULL, NULL, NULL,
        NULL, NULL, count(*), count(*)
    FROM reviewed WHERE commission IS NULL AND NOT is_refund AND accrual_day IS NOT NULL GROUP BY ALL
),
months AS (
    SELECT provider_id,
        unnest(generate_series(min(month), greatest(max(month), $local_month), INTERVAL 1 MONTH))::DATE AS month
    FROM moved GROUP BY provider_id
),
sums AS (
    SELECT provider_id, month AS local_month,
        coalesce(sum(accrued_idr), 0)::BIGINT AS accrued_idr, coalesce(sum(fees_idr), 0)::BIGINT AS fees_idr,
        coalesce(sum(paid_idr), 0)::BIGINT AS paid_idr, coalesce(sum(reversed_idr), 0)::BIGINT AS reversed_idr,
        coalesce(sum(expected_idr), 0)::BIGINT AS expected_idr,
        coalesce(sum(unrecorded_idr), 0)::BIGINT AS unrecorded_idr,
        coalesce(sum(unknown_amount_records), 0)::BIGINT AS unknown_amount_records,
        coalesce(sum(lines), 0)::BIGINT AS lines
    FROM months LEFT JOIN moved USING (provider_id, month) GROUP BY ALL
),
closed AS (
    SELECT *, sum(accrued_idr + fees_idr - paid_idr - reversed_idr)
        OVER (PARTITION BY provider_id ORDER BY local_month)::BIGINT AS closing_idr
    FROM sums
),
names AS (SELECT provider_id, min(provider_name) AS provider_name FROM core.providers GROUP BY provider_id)
SELECT provider_id, provider_name, local_month,
    closing_idr - (accrued_idr + fees_idr - paid_idr - reversed_idr) AS opening_idr,
    accrued_idr, fees_idr, paid_idr, reversed_idr, closing_idr, expected_idr, unrecorded_idr, unknown_amount_records,
    coalesce(opening_idr + accrued_idr + fees_idr - paid_idr - reversed_idr = closing_idr, false) AS holds, lines
FROM closed LEFT JOIN names USING (provider_id);

-- mart: source_conversion
CREATE OR REPLACE TABLE by_hand.source_conversion AS
SELECT CAST(b.created_at + to_minutes(b.utc_offset_minutes) AS DATE) AS local_date, b.source, count(*) AS created,
    count(*) FILTER (b.status IN ('accepted', 'confirmed', 'completed') OR b.accepted_at IS NOT NULL) AS accepted,
    count(*) FILTER (b.status = 'completed') AS completed, count(*) FILTER (b.status = 'declined') AS declined,
    count(*) FILTER (b.status = 'expired') AS expired, count(*) FILTER (b.status = 'cancelled') AS cancelled,
    coalesce(sum(b.amount_idr) FILTER (b.status IN ('accepted', 'confirmed', 'completed')), 0)::BIGINT AS booked_idr,
    coalesce(sum(b.amount_idr) FILTER (b.status = 'completed'), 0)::BIGINT AS completed_idr,
    count(r.booking_id) AS commissions,
    count(*) FILTER (b.status IN ('accepted', 'confirmed', 'completed', 'declined', 'expired')
        OR b.accepted_at IS NOT NULL) AS decided
FROM core.bookings b LEFT JOIN (
    SELECT DISTINCT booking_id, origin FROM by_hand.commission_reconciliation WHERE commission_id IS NOT NULL
) r USING (booking_id, origin)
WHERE b.deleted_at IS NULL AND NOT coalesce(b.is_test, false) AND b.utc_offset_minutes IS NOT NULL
GROUP BY ALL;

-- mart: booking_funnel
CREATE OR REPLACE TABLE by_hand.booking_funnel AS
WITH is_read AS (
    SELECT coalesce(bool_or(collection = 'bookings' AND completed_at IS NOT NULL), false)
        AND NOT coalesce(bool_or(completed_at IS NULL AND outcome IN ('partial', 'failed')
            AND collection IN ('bookings', 'hotel_bookings', 'therapists', 'places')), false) AS whole
    FROM ops.scans
),
own AS (
    SELECT target, target_origin, e_created AS recorded_at, coalesce(paid_at, verified_at) AS collected_at, settled
    FROM reviewed
    WHERE live AND NOT is_refund AND link = 'booking' AND b_status IN ('accepted', 'confirmed', 'completed')
    QUALIFY row_number() OVER (PARTITION BY target, target_origin
        ORDER BY CASE e_status WHEN 'paid' THEN 0 WHEN 'awaiting_verification' THEN 1 ELSE 2 END,
            e_created, commission_id) = 1
),
unsure AS (
    SELECT booking_id, origin FROM by_hand.commission_reconciliation
    WHERE commission_id IS NULL AND booking_id IS NOT NULL AND state = 'unknown'
),
steps AS (
    SELECT CAST(b.created_at + to_minutes(b.utc_offset_minutes) AS DATE) AS local_date, b.source, b.status,
        b.status IN ('accepted', 'confirmed', 'completed') AS earns,
        earns OR b.accepted_at IS NOT NULL AS accepted,
        (earns OR b.accepted_at IS NOT NULL) OR b.responded_at IS NOT NULL OR b.status = 'declined' AS answered,
        NOT answered AND (b.status = 'expired'
            OR (b.status = 'pending' AND coalesce(b.response_deadline < $now, false))) AS ignored,
        b.status = 'completed' AS completed,
        o.target IS NOT NULL AS recorded, coalesce(o.settled, false) AS settled, u.booking_id IS NOT NULL AS doubtful,
        coalesce(b.amount_idr = 0, false) AS free,
        CASE WHEN b.status IN ('cancelled', 'declined', 'expired', 'reassigned') THEN b.created_at
            ELSE least(coalesce(b.ends_at, b.created_at + INTERVAL 7 DAY), b.created_at + INTERVAL 90 DAY) END
            AS settles_at,
        CASE WHEN b.responded_at >= b.created_at
            THEN date_diff('microsecond', b.created_at, b.responded_at) / 1e6 END AS answer_s,
        CASE WHEN b.accepted_at >= b.created_at
            THEN date_diff('microsecond', b.created_at, b.accepted_at) / 1e6 END AS acceptance_s,
        CASE WHEN b.status = 'completed' AND b.completed_at >= b.accepted_at
            THEN date_diff('microsecond', b.accepted_at, b.completed_at) / 1e6 END AS completion_s,
        CASE WHEN b.status = 'completed' AND o.recorded_at >= coalesce(b.accepted_at, b.created_at)
            THEN date_diff('microsecond', coalesce(b.accepted_at, b.created_at), o.recorded_at) / 1e6 END AS record_s,
        CASE WHEN b.status = 'completed' AND o.settled AND o.collected_at >= o.recorded_at
            THEN date_diff('microsecond', o.recorded_at, o.collected_at) / 1e6 END AS payment_s
    FROM core.bookings b
    LEFT JOIN own o ON o.target = b.booking_id AND o.target_origin = b.origin
    LEFT JOIN unsure u ON u.booking_id = b.booking_id AND u.origin = b.origin
    WHERE b.deleted_at IS NULL AND NOT coalesce(b.is_test, false) AND b.utc_offset_minutes IS NOT NULL
)
SELECT local_date, source, count(*) AS created, count(*) FILTER (answered) AS answered,
    count(*) FILTER (accepted) AS accepted, count(*) FILTER (completed) AS completed,
    CASE WHEN $judged IS NOT NULL THEN count(*) FILTER (completed AND recorded) END AS recorded,
    CASE WHEN $judged IS NOT NULL THEN count(*) FILTER (completed AND recorded AND settled) END AS paid,
    CASE WHEN greatest(local_date + INTERVAL 1 DAY - INTERVAL 7 HOUR, max(settles_at)) + INTERVAL 24 HOUR > $now
        THEN false WHEN (SELECT whole FROM is_read) AND $judged IS NOT NULL THEN true END AS is_complete,
    count(*) FILTER (status = 'declined') AS declined, count(*) FILTER (ignored) AS unanswered,
    count(*) FILTER (status = 'expired' AND NOT ignored) AS expired_answered,
    count(*) FILTER (status = 'cancelled') AS cancelled, count(*) FILTER (status = 'reassigned') AS reassigned,
    count(*) FILTER ((earns AND NOT completed) OR (status = 'pending' AND NOT ignored)) AS still_open,
    count(*) FILTER (status = 'unknown') AS unknown, count(*) FILTER (completed AND free) AS free,
    CASE WHEN $judged IS NOT NULL THEN count(*) FILTER (completed AND doubtful) END AS record_unknown,
    CASE WHEN $judged IS NOT NULL THEN count(*) FILTER (earns AND NOT completed AND recorded) END AS recorded_early,
    CASE WHEN $judged IS NOT NULL THEN count(*) FILTER (earns AND NOT completed AND recorded AND settled) END
        AS paid_early,
    count(answer_s) AS answer_times, quantile_cont(answer_s, 0.5) AS p50_answer_s,
    quantile_cont(answer_s, 0.95) AS p95_answer_s,
    count(acceptance_s) AS acceptance_times, quantile_cont(acceptance_s, 0.5) AS p50_acceptance_s,
    quantile_cont(acceptance_s, 0.95) AS p95_acceptance_s,
    count(completion_s) AS completion_times, quantile_cont(completion_s, 0.5) AS p50_completion_s,
    quantile_cont(completion_s, 0.95) AS p95_completion_s,
    count(record_s) AS record_times, quantile_cont(record_s, 0.5) AS p50_record_s,
    quantile_cont(record_s, 0.95) AS p95_record_s,
    count(payment_s) AS payment_times, quantile_cont(payment_s, 0.5) AS p50_payment_s,
    quantile_cont(payment_s, 0.95) AS p95_payment_s, max(settles_at) AS settles_at
FROM steps GROUP BY local_date, source;

-- mart: revenue_by_kind
CREATE OR REPLACE TABLE by_hand.revenue_by_kind AS
WITH kinds AS (
    SELECT provider_id, min(provider_type) AS kind FROM core.providers GROUP BY provider_id
    HAVING min(provider_type) = max(provider_type)
),
amounts AS (
    SELECT CAST(b.created_at + to_minutes(b.utc_offset_minutes) AS DATE) AS local_date,
        CASE WHEN b.origin = 'hotel_bookings' THEN 'hotel' ELSE coalesce(k.kind, b.provider_type, 'unknown') END AS kind,
        1 AS bookings,
        CASE WHEN b.status IN ('accepted', 'confirmed', 'completed') THEN coalesce(b.amount_idr, 0) ELSE 0 END
            AS booked_idr,
        CASE WHEN b.status = 'completed' THEN coalesce(b.amount_idr, 0) ELSE 0 END AS completed_idr, 0 AS collected_idr
    FROM core.bookings b LEFT JOIN kinds k USING (provider_id)
    WHERE b.deleted_at IS NULL AND NOT coalesce(b.is_test, false)
    UNION ALL
    SELECT r.paid_day,
        CASE WHEN r.target_origin = 'hotel_bookings' THEN 'hotel' ELSE coalesce(k.kind, r.b_type, 'unknown') END,
        0, 0, 0, coalesce(r.commission, 0)
    FROM reviewed r LEFT JOIN kinds k ON k.provider_id = coalesce(r.b_provider, r.e_provider)
    WHERE r.settled AND r.gone_at IS NULL
)
SELECT local_date, kind, sum(bookings)::BIGINT AS bookings, sum(booked_idr)::BIGINT AS booked_idr,
    sum(completed_idr)::BIGINT AS completed_idr, sum(collected_idr)::BIGINT AS collected_idr
FROM amounts WHERE local_date IS NOT NULL GROUP BY ALL;

-- mart: chat_rooms_daily
CREATE OR REPLACE TEMP TABLE rooms AS
WITH tests AS (
    SELECT unnest([booking_id, business_id]) AS key FROM core.bookings WHERE deleted_at IS NULL AND is_test
),
test_keys AS (
    SELECT key FROM tests
    ANTI JOIN (
        SELECT unnest([booking_id, business_id]) AS key FROM core.bookings WHERE deleted_at IS NULL AND NOT is_test
    ) USING (key)
),
-- What fits no booking exactly may mean a test one except for case.
loose AS (
    SELECT DISTINCT booking_ref AS key FROM core.chat_rooms
    ANTI JOIN (SELECT booking_id AS booking_ref FROM core.bookings UNION ALL
        SELECT business_id FROM core.bookings WHERE business_id IS NOT NULL) USING (booking_ref)
    WHERE booking_ref IS NOT NULL
),
loose_tests AS (
    SELECT l.key FROM loose l JOIN (
        SELECT booking_id AS key, coalesce(is_test, false) AS test FROM core.bookings WHERE deleted_at IS NULL
        UNION ALL SELECT business_id, coalesce(is_test, false) FROM core.bookings
        WHERE deleted_at IS NULL AND business_id IS NOT NULL
    ) b ON lower(b.key) = lower(l.key)
    GROUP BY l.key HAVING bool_and(b.test)
)
SELECT room_id, booking_ref, created_at, utc_offset_minutes FROM core.chat_rooms r
ANTI JOIN (FROM test_keys UNION ALL FROM loose_tests) t ON t.key = r.booking_ref
WHERE deleted_at IS NULL;
CREATE OR REPLACE TABLE by_hand.chat_rooms_daily AS
WITH said AS (
    SELECT conversation_id, count(*) AS messages, count(*) FILTER (NOT coalesce(is_read, true)) AS unread,
        min(coalesce(sent_at, created_at)) FILTER (sender_role = 'customer' AND kind NOT IN ('system', 'status-update'))
            AS customer_at,
        min(coalesce(sent_at, created_at)) FILTER (sender_role = 'therapist' AND kind NOT IN ('system', 'status-update'))
            AS therapist_at
    FROM core.messages WHERE deleted_at IS NULL AND conversation_id IS NOT NULL GROUP BY conversation_id
),
unmatched AS (
    SELECT DISTINCT conversation_id FROM said
    ANTI JOIN (SELECT room_id AS conversation_id FROM core.chat_rooms) USING (conversation_id)
),
named AS (
    SELECT room_id AS called, room_id FROM rooms
    UNION ALL
    SELECT u.conversation_id, any_value(r.room_id)
    FROM unmatched u JOIN core.chat_rooms a ON lower(a.room_id) = lower(u.conversation_id) AND a.deleted_at IS NULL
    JOIN rooms r ON r.room_id = a.room_id
    GROUP BY u.conversation_id HAVING count(DISTINCT a.room_id) = 1
),
talks AS (
    SELECT room_id, sum(messages)::BIGINT AS messages, sum(unread)::BIGINT AS unread, min(customer_at) AS customer_at,
        min(therapist_at) AS therapist_at
    FROM said JOIN named ON called = conversation_id GROUP BY room_id
),
is_read AS (
    SELECT min(coalesce(read_until, watermark)) FILTER (collection = 'chat_messages' AND watermark IS NOT NULL) AS until,
        NOT coalesce(bool_or(completed_at IS NULL AND outcome IN ('partial', 'failed')
            AND collection IN ('chat_rooms', 'therapists', 'places')), false) AS whole
    FROM ops.scans
),
told AS (
    SELECT CAST(r.created_at + to_minutes(r.utc_offset_minutes) AS DATE) AS local_date, r.booking_ref,
        coalesce(t.messages, 0) AS messages, coalesce(t.unread, 0) AS unread,
        least(t.customer_at, t.therapist_at) AS first_at,
        CASE WHEN t.customer_at IS NOT NULL AND t.therapist_at IS NOT NULL
            THEN greatest(t.customer_at, t.therapist_at) END AS reply_at,
        coalesce(coalesce(reply_at, least($now, i.until)) > first_at + INTERVAL 10 MINUTE, false) AS slow
    FROM rooms r LEFT JOIN talks t USING (room_id), is_read i
    WHERE r.utc_offset_minutes IS NOT NULL
),
opened AS (
    SELECT local_date, count(*) AS rooms, count(first_at) AS rooms_spoken, count(reply_at) AS rooms_replied,
        count(*) FILTER (first_at IS NOT NULL AND slow) AS slow,
        quantile_cont(date_diff('microsecond', first_at, reply_at) / 1e6, 0.5) AS p50_reply_s,
        quantile_cont(date_diff('microsecond', first_at, reply_at) / 1e6, 0.95) AS p95_reply_s,
        sum(messages)::BIGINT AS messages, count(DISTINCT booking_ref) AS bookings,
        coalesce(sum(messages) FILTER (booking_ref IS NOT NULL), 0)::BIGINT AS booking_messages,
        sum(unread)::BIGINT AS unread
    FROM told GROUP BY local_date
),
sent AS (
    SELECT CAST(coalesce(m.sent_at, m.created_at) + to_minutes(r.utc_offset_minutes) AS DATE) AS local_date,
        count(*) AS messages_sent
    FROM core.messages m JOIN named n ON n.called = m.conversation_id JOIN rooms r ON r.room_id = n.room_id
    WHERE m.deleted_at IS NULL AND r.utc_offset_minutes IS NOT NULL
        AND coalesce(m.sent_at, m.created_at) IS NOT NULL
    GROUP BY ALL
)
SELECT local_date, coalesce(rooms, 0) AS rooms, coalesce(rooms_spoken, 0) AS rooms_spoken,
    coalesce(rooms_replied, 0) AS rooms_replied,
    CASE WHEN i.until IS NOT NULL THEN coalesce(slow, 0) END AS unanswered,
    CASE WHEN i.until IS NOT NULL THEN coalesce(slow, 0) / nullif(rooms_spoken, 0) END AS unanswered_share,
    p50_reply_s, p95_reply_s, coalesce(messages, 0) AS messages, coalesce(bookings, 0) AS bookings,
    coalesce(booking_messages, 0) AS booking_messages,
    coalesce(booking_messages, 0) / nullif(bookings, 0) AS messages_per_booking,
    coalesce(unread, 0) AS unread, coalesce(messages_sent, 0) AS messages_sent,
    CASE WHEN local_date + INTERVAL 1 DAY - INTERVAL 7 HOUR + INTERVAL 24 HOUR > $now THEN false
        WHEN i.until IS NOT NULL AND i.whole THEN true END AS is_complete
FROM opened FULL JOIN sent USING (local_date), is_read i;

-- mart: customers
CREATE OR REPLACE TEMP TABLE of_customers AS
SELECT b.*, CAST(b.created_at + to_minutes(b.utc_offset_minutes) AS DATE) AS local_day,
    b.status = 'declined' OR coalesce(e.declined, false) AS ever_declined,
    b.status = 'reassigned' OR coalesce(e.reassigned, false) AS ever_reassigned
FROM (
    SELECT booking_id, origin, customer_key, customer_id, created_at, utc_offset_minutes, status, source, amount_idr
    FROM core.bookings
    WHERE deleted_at IS NULL AND NOT coalesce(is_test, false) AND customer_key LIKE 'c:%' AND customer_id IS NOT NULL
) b LEFT JOIN (
    SELECT booking_id, origin, bool_or(what = 'declined') AS declined, bool_or(what = 'reassigned') AS reassigned
    FROM (
        SELECT booking_id, origin, to_status AS what FROM core.booking_events
        WHERE to_status IN ('declined', 'reassigned')
        UNION ALL SELECT booking_id, origin, 'reassigned' FROM marts.reassignments
    ) GROUP BY ALL
) e USING (booking_id, origin);
CREATE OR REPLACE TABLE by_hand.customers AS
WITH is_read AS (
    SELECT coalesce(bool_or(collection = 'bookings' AND completed_at IS NOT NULL), false)
        AND NOT coalesce(bool_or(completed_at IS NULL AND outcome IN ('partial', 'failed')
            AND collection IN ('bookings', 'hotel_bookings')), false) AS whole
    FROM ops.scans
)
SELECT min(customer_id) AS customer_id, min(created_at) AS first_booking_at, max(created_at) AS last_booking_at,
    count(*) AS bookings, count(*) FILTER (status = 'completed') AS completed,
    coalesce(sum(amount_idr) FILTER (status = 'completed'), 0)::BIGINT AS spent_idr,
    count(*) FILTER (status = 'completed' AND amount_idr IS NULL) AS unknown_amounts,
    arg_min(source, epoch_us(created_at) * 8 + list_position(['bookingButton', 'chatWindow', 'menuSlider',
        'priceSlider', 'scheduled', 'direct', 'unknown'], source)) AS first_source,
    CASE WHEN min(created_at) FILTER (local_day IS NOT NULL) = min(created_at)
        THEN arg_min(local_day, created_at) END AS first_local_date,
    count(*) FILTER (ever_declined) AS declined, count(*) FILTER (ever_reassigned) AS reassigned,
    CASE WHEN (SELECT whole FROM is_read) THEN true END AS is_complete
FROM of_customers GROUP BY customer_key;

-- mart: customer_retention
CREATE OR REPLACE TABLE by_hand.customer_retention AS
WITH is_read AS (
    SELECT coalesce(bool_or(collection = 'bookings' AND completed_at IS NOT NULL), false)
        AND NOT coalesce(bool_or(completed_at IS NULL AND outcome IN ('partial', 'failed')
            AND collection IN ('bookings', 'hotel_bookings', 'therapists', 'places')), false) AS whole
    FROM ops.scans
),
months AS (
    SELECT DISTINCT customer_key, date_trunc('month', local_day)::DATE AS month FROM of_customers
    WHERE local_day IS NOT NULL
),
aged AS (
    SELECT min(month) OVER (PARTITION BY customer_key) AS cohort_month, date_diff('month', cohort_month, month) AS age
    FROM months
),
cohorts AS (
    SELECT cohort_month, n AS months_after, count(*) FILTER (age = 0) AS customers, count(*) FILTER (age = n) AS again
    FROM aged, (VALUES (1), (2), (3), (6)) t(n) GROUP BY ALL
)
SELECT cohort_month, months_after, customers,
    CASE WHEN again > 0 OR cohort_month + to_months(months_after) - INTERVAL 7 HOUR <= $now THEN again END AS returned,
    returned / customers AS share,
    CASE WHEN cohort_month + to_months(months_after + 1) - INTERVAL 7 HOUR > $now THEN false
        WHEN (SELECT whole FROM is_read) THEN true END AS is_complete
FROM cohorts;

-- mart: booking_anomalies
CREATE OR REPLACE TABLE by_hand.booking_anomalies AS
WITH counted AS (
    SELECT booking_id, origin, customer_key, customer_id, provider_id, provider_type, status, created_at, starts_at,
        ends_at, CASE WHEN customer_key LIKE 'c:%' THEN customer_id ELSE customer_key END AS customer
    FROM core.bookings WHERE deleted_at IS NULL AND NOT coalesce(is_test, false)
),
duplicates AS (
    SELECT *, lag(booking_id) OVER pair AS earlier, lag(created_at) OVER pair AS earlier_at
    FROM counted WHERE status <> 'cancelled' AND customer_key IS NOT NULL AND provider_id IS NOT NULL
    WINDOW pair AS (PARTITION BY customer_key, provider_id ORDER BY created_at, booking_id)
    QUALIFY created_at <= earlier_at + INTERVAL 5 MINUTE
),
-- A therapist takes one booking at a time, a place as many as it says.
accounts AS (
    SELECT provider_id, bool_or(provider_type = 'therapist') AS therapist, bool_or(provider_type = 'place') AS place,
        max(capacity) AS capacity
    FROM core.providers GROUP BY provider_id
),
limited AS (
    SELECT b.booking_id, b.origin, b.provider_id, b.starts_at, b.ends_at, b.created_at,
        CASE WHEN a.provider_id IS NULL THEN b.provider_type
            WHEN a.therapist AND a.place AND coalesce(b.provider_type = 'place', false) THEN 'place'
            WHEN a.therapist THEN 'therapist' ELSE 'place' END AS kind,
        CASE WHEN kind = 'therapist' THEN 1 ELSE a.capacity END AS takes
    FROM counted b LEFT JOIN accounts a USING (provider_id)
    WHERE b.status IN ('accepted', 'confirmed', 'completed') AND b.ends_at > b.starts_at
),
touching AS (
    SELECT * FROM limited WHERE kind IS NOT NULL AND takes IS NOT NULL
    QUALIFY starts_at < max(ends_at) OVER (PARTITION BY provider_id ORDER BY starts_at
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        OR lead(starts_at) OVER (PARTITION BY provider_id ORDER BY starts_at) < ends_at
),
numbered AS (
    SELECT *, row_number() OVER account AS number,
        max(ends_at) OVER (account ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS last_end,
        max(ends_at) OVER (account ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ended
    FROM touching WHERE lower(provider_id) NOT IN ('guest', 'admin', 'system', 'customer', 'therapist')
    WINDOW account AS (PARTITION BY provider_id, kind ORDER BY starts_at, booking_id, origin)
),
beside AS (
    SELECT *, CASE WHEN starts_at < ended THEN max(CASE WHEN ends_at = last_end THEN number END)
        OVER (PARTITION BY provider_id, kind ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ELSE number + 1 END AS other_number
    FROM numbered
),
instants AS (
    SELECT provider_id, kind, takes, instant, sum(change) AS change FROM (
        SELECT provider_id, kind, takes, starts_at AS instant, 1 AS change FROM numbered
        UNION ALL SELECT provider_id, kind, takes, ends_at, -1 FROM numbered
    ) GROUP BY ALL
),
loads AS (
    SELECT *, sum(change) OVER (PARTITION BY provider_id, kind ORDER BY instant)::BIGINT AS at_once FROM instants
),
crowds AS (
    SELECT *, min(CASE WHEN at_once > takes THEN instant END) OVER (PARTITION BY provider_id, kind ORDER BY instant
        ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS crowded_at
    FROM loads
),
crossing AS (
    SELECT b.booking_id, o.booking_id AS other, b.provider_id, b.created_at, b.kind, b.takes, t.at_once
    FROM beside b
    JOIN numbered o ON o.provider_id = b.provider_id AND o.kind = b.kind AND o.number = b.other_number
    JOIN crowds c ON c.provider_id = b.provider_id AND c.kind = b.kind AND c.instant = b.starts_at
    JOIN loads t ON t.provider_id = b.provider_id AND t.kind = b.kind AND t.instant = c.crowded_at
    WHERE c.crowded_at < b.ends_at
),
acts AS (
    SELECT 'bookings' AS what, 5 AS most, customer_key AS actor, customer AS name, created_at AS moment,
        booking_id AS row_id
    FROM counted WHERE customer_key IS NOT NULL
    UNION ALL
    SELECT 'messages', 30, sender_id, sender_id, coalesce(sent_at, created_at), message_id FROM core.messages
    WHERE sender_id IS NOT NULL AND deleted_at IS NULL AND coalesce(sender_role NOT IN ('system', 'admin'), true)
        AND lower(sender_id) NOT IN ('guest', 'admin', 'system', 'customer', 'therapist')
),
-- Of so many rows within an hour more than half lie in one clock hour: few actors have such an hour.
busy AS (
    SELECT DISTINCT what, actor FROM (
        SELECT what, actor FROM acts WHERE moment IS NOT NULL
        GROUP BY what, actor, most, date_trunc('hour', moment) HAVING count(*) > most // 2
    )
),
flagged AS (
    SELECT a.*, coalesce(moment < CASE what WHEN 'bookings' THEN lag(moment, 5) OVER of_actor
        ELSE lag(moment, 30) OVER of_actor END + INTERVAL 1 HOUR, false) AS beyond
    FROM acts a SEMI JOIN busy USING (what, actor) WHERE moment IS NOT NULL
    WINDOW of_actor AS (PARTITION BY what, actor ORDER BY moment, row_id)
),
begun AS (
    SELECT *, beyond AND NOT coalesce(lag(beyond) OVER (PARTITION BY what, actor ORDER BY moment, row_id), false)
        AS begins
    FROM flagged
),
burst AS (
    SELECT *, sum(begins::INT) OVER (PARTITION BY what, actor ORDER BY moment, row_id) AS nth FROM begun
),
bursts AS (
    SELECT what, most, min(name) AS name, min(moment) AS observed_at, count(*) + most AS n
    FROM burst WHERE beyond GROUP BY what, most, actor, nth
)
SELECT 'duplicate_booking' AS anomaly, booking_id, earlier AS other_booking_id, customer AS actor_id, provider_id,
    created_at AS observed_at, 2 AS count,
    'Booking ' || booking_id || ' follows booking ' || earlier
        || ' of the same customer and provider within 5 minutes.' AS detail,
    'anomaly.duplicate_booking' AS code,
    '{"booking":"' || booking_id || '","earlier":"' || earlier || '","span":300}' AS args
FROM duplicates WHERE lower(provider_id) NOT IN ('guest', 'admin', 'system', 'customer', 'therapist')
UNION ALL
SELECT 'overlapping_bookings', booking_id, other, provider_id, provider_id, created_at, at_once,
    'Booking ' || booking_id || ' overlaps booking ' || other || CASE kind
        WHEN 'place' THEN ': ' || at_once || ' at once at a place that takes ' || takes || '.'
        ELSE ' of the same therapist.' END,
    CASE kind WHEN 'place' THEN 'anomaly.overlap_at_place' ELSE 'anomaly.overlap_of_therapist' END,
    '{"booking":"' || booking_id || '","other":"' || other || '"' || CASE kind
        WHEN 'place' THEN ',"at_once":' || at_once || ',"takes":' || takes || '}' ELSE '}' END
FROM crossing
UNION ALL
SELECT 'abuse_' || what, NULL, NULL, name, NULL, observed_at, n,
    n || ' ' || what || ' of one user, more than ' || most || ' within an hour.', 'anomaly.abuse_' || what,
    '{"n":' || n || ',"limit":' || most || ',"span":3600}'
FROM bursts;

-- mart: capacity
-- A status lasts until the next one; the newest until its collection was last read whole. Time does not run backwards.
CREATE OR REPLACE TEMP TABLE spans AS
WITH ordered AS (
    SELECT provider_id, provider_type, status, change,
        max(observed_at) OVER (PARTITION BY provider_id, provider_type ORDER BY change
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS from_at
    FROM core.provider_states WHERE observed_at IS NOT NULL
)
SELECT o.provider_id, p.city, o.status, o.from_at,
    least(coalesce(o.next_at, r.until), $now) AS to_at, p.utc_offset_minutes AS utc_offset
FROM (
    SELECT *, lead(from_at) OVER (PARTITION BY provider_id, provider_type ORDER BY change) AS next_at FROM ordered
) o
JOIN core.providers p ON p.provider_id = o.provider_id AND p.provider_type = o.provider_type
LEFT JOIN (
    SELECT CASE collection WHEN 'therapists' THEN 'therapist' ELSE 'place' END AS provider_type,
        max(completed_at) AS until
    FROM ops.scans WHERE collection IN ('therapists', 'places') AND completed_at IS NOT NULL GROUP BY ALL
) r ON r.provider_type = o.provider_type
WHERE o.status IS NOT NULL AND coalesce(o.next_at, r.until) IS NOT NULL
    AND least(coalesce(o.next_at, r.until), $now) > o.from_at;
CREATE OR REPLACE TABLE by_hand.capacity AS
WITH homes AS (
    SELECT provider_id, arg_max(city, provider_type) FILTER (city IS NOT NULL) AS city FROM core.providers
    GROUP BY provider_id
),
asked AS (
    SELECT h.city, date_trunc('hour', b.created_at + to_minutes(b.utc_offset_minutes)) AS local_hour,
        b.status IN ('accepted', 'confirmed', 'completed') OR b.accepted_at IS NOT NULL AS accepted,
        b.status = 'pending' AND coalesce(b.response_deadline < $now, false) AS late,
        NOT (accepted OR b.responded_at IS NOT NULL OR b.status = 'declined') AND (b.status = 'expired' OR late)
            AS unanswered,
        b.status = 'pending' AND NOT late AS undecided
    FROM core.bookings b LEFT JOIN homes h USING (provider_id)
    WHERE b.deleted_at IS NULL AND NOT coalesce(b.is_test, false) AND b.utc_offset_minutes IS NOT NULL
),
requests AS (
    SELECT city, local_hour, count(*) AS requests, count(*) FILTER (accepted) AS accepted,
        count(*) FILTER (unanswered) AS unanswered, count(*) FILTER (undecided) AS undecided
    FROM asked GROUP BY ALL
),
hours AS (
    SELECT provider_id, city, status, from_at, date_trunc('hour', from_at + to_minutes(utc_offset)) AS first_hour,
        date_trunc('hour', to_at - INTERVAL 1 MICROSECOND + to_minutes(utc_offset)) AS last_hour
    FROM spans
),
-- Each provider once an hour: a span begins after what an earlier one of its kind reached into.
once AS (
    SELECT what, city, greatest(first_hour, coalesce(max(last_hour) OVER earlier + INTERVAL 1 HOUR, first_hour))
        AS first_hour, last_hour
    FROM hours, (VALUES ('seen'), ('online'), ('busy')) t(what)
    WHERE what = 'seen' OR (what = 'online' AND status IN ('AVAILABLE', 'BUSY')) OR (what = 'busy' AND status = 'BUSY')
    WINDOW earlier AS (PARTITION BY provider_id, what ORDER BY from_at, last_hour
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
changes AS (
    SELECT city, first_hour AS local_hour, what, 1 AS change FROM once WHERE last_hour >= first_hour
    UNION ALL
    SELECT city, last_hour + INTERVAL 1 HOUR, what, -1 FROM once WHERE last_hour >= first_hour
),
by_hour AS (
    SELECT city, local_hour, coalesce(sum(change) FILTER (what = 'seen'), 0) AS seen,
        coalesce(sum(change) FILTER (what = 'online'), 0) AS online,
        coalesce(sum(change) FILTER (what = 'busy'), 0) AS busy
    FROM changes GROUP BY ALL
),
every AS (
    SELECT city, unnest(generate_series(min(local_hour), max(local_hour), INTERVAL 1 HOUR)) AS local_hour
    FROM by_hour GROUP BY city
),
whole AS (
    SELECT city, local_hour, coalesce(sum(requests), 0)::BIGINT AS requests, coalesce(sum(accepted), 0)::BIGINT AS accepted,
        coalesce(sum(unanswered), 0)::BIGINT AS unanswered, coalesce(sum(undecided), 0)::BIGINT AS undecided,
        coalesce(sum(seen), 0) AS seen, coalesce(sum(online), 0) AS online, coalesce(sum(busy), 0) AS busy
    FROM (
        SELECT city, local_hour, requests, accepted, unanswered, undecided, NULL AS seen, NULL AS online, NULL AS busy
        FROM requests
        UNION ALL SELECT city, local_hour, NULL, NULL, NULL, NULL, seen, online, busy FROM by_hour
        UNION ALL SELECT city, local_hour, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM every
    ) GROUP BY ALL
),
counted AS (
    SELECT city, local_hour, requests, accepted, unanswered, undecided, sum(seen) OVER upto AS seen,
        sum(online) OVER upto AS online, sum(busy) OVER upto AS busy
    FROM whole WINDOW upto AS (PARTITION BY city ORDER BY local_hour)
),
is_read AS (
    SELECT coalesce(bool_or(collection = 'bookings' AND completed_at IS NOT NULL), false)
        AND NOT coalesce(bool_or(completed_at IS NULL AND outcome IN ('partial', 'failed')
            AND collection IN ('bookings', 'hotel_bookings', 'therapists', 'places')), false) AS whole
    FROM ops.scans
)
SELECT local_hour, city, requests, accepted, unanswered, undecided, seen::BIGINT AS providers_seen,
    CASE WHEN seen > 0 THEN online::BIGINT END AS providers_online,
    CASE WHEN seen > 0 THEN busy::BIGINT END AS providers_busy,
    CASE WHEN seen > 0 THEN (online - busy)::BIGINT END AS providers_free,
    CASE WHEN local_hour + INTERVAL 1 HOUR > $now + INTERVAL 7 HOUR OR undecided > 0 THEN false
        WHEN (SELECT whole FROM is_read) THEN true END AS is_complete
FROM counted WHERE requests > 0 OR seen > 0;

-- mart: providers
CREATE OR REPLACE TABLE by_hand.providers AS
WITH asked AS (
    SELECT provider_id,
        count(*) AS requests, count(*) FILTER (answered) AS answered, count(*) FILTER (accepted) AS accepted,
        count(*) FILTER (status = 'declined') AS declined, count(*) FILTER (status = 'expired') AS expired,
        count(*) FILTER (NOT answered AND (status = 'expired'
            OR (status = 'pending' AND coalesce(response_deadline < $now, false)))) AS unanswered,
        count(*) FILTER (accepted OR status IN ('declined', 'expired')) AS decided,
        count(response_s) AS responses, quantile_cont(response_s, 0.5) AS p50_response_s,
        quantile_cont(response_s, 0.95) AS p95_response_s, count(*) FILTER (status = 'completed') AS completed,
        count(*) FILTER (cancelled) AS cancelled,
        count(*) FILTER (cancelled AND cancelled_by = 'customer') AS cancelled_by_customer,
        count(*) FILTER (cancelled AND cancelled_by = 'therapist') AS cancelled_by_provider,
        count(*) FILTER (cancelled AND cancelled_by IN ('admin', 'system')) AS cancelled_by_admin,
        sum(service_minutes) FILTER (status IN ('accepted', 'confirmed', 'completed'))::BIGINT AS booked_minutes
    FROM (
        SELECT provider_id, status, response_deadline, service_minutes, cancelled_by,
            status IN ('accepted', 'confirmed', 'completed') OR accepted_at IS NOT NULL AS accepted,
            status IN ('accepted', 'confirmed', 'completed') OR accepted_at IS NOT NULL OR responded_at IS NOT NULL
                OR status = 'declined' AS answered,
            status = 'cancelled' AS cancelled,
            CASE WHEN responded_at >= created_at THEN date_diff('microsecond', created_at, responded_at) / 1e6 END
                AS response_s
        FROM core.bookings
        WHERE deleted_at IS NULL AND NOT coalesce(is_test, false) AND provider_id IS NOT NULL
            AND lower(provider_id) NOT IN ('guest', 'admin', 'system', 'customer', 'therapist')
    ) GROUP BY provider_id
),
-- An id may stand for a therapist and a place: what is known of the therapist counts.
accounts AS (
    SELECT provider_id, max(provider_type) AS provider_type,
        arg_max(provider_name, provider_type) FILTER (provider_name IS NOT NULL) AS provider_name,
        arg_max(city, provider_type) FILTER (city IS NOT NULL) AS city, bool_or(deleted_at IS NULL) AS there
    FROM core.providers GROUP BY provider_id
),
-- A review of a test booking is none; of a test booking and a real one of the same key the real one is meant.
tests AS (
    SELECT DISTINCT lower(unnest([booking_id, business_id])) AS key FROM core.bookings
    WHERE deleted_at IS NULL AND is_test
),
shared AS (
    SELECT key FROM (
        SELECT lower(unnest([booking_id, business_id])) AS key FROM core.bookings
        WHERE deleted_at IS NULL AND NOT coalesce(is_test, false)
    ) SEMI JOIN tests USING (key)
),
real_reviews AS (
    SELECT provider_id, booking_ref, rating FROM core.reviews
    WHERE deleted_at IS NULL AND rating IS NOT NULL
        AND coalesce(lower(booking_ref) NOT IN (SELECT key FROM tests ANTI JOIN shared USING (key)), true)
),
unnamed AS (SELECT DISTINCT booking_ref FROM real_reviews WHERE provider_id IS NULL AND booking_ref IS NOT NULL),
fitting AS (
    SELECT u.booking_ref, b.provider_id, b.key = u.booking_ref AS exact
    FROM unnamed u JOIN (
        SELECT unnest([booking_id, business_id]) AS key, provider_id FROM core.bookings
        WHERE deleted_at IS NULL AND NOT coalesce(is_test, false)
    ) b ON lower(b.key) = lower(u.booking_ref)
    QUALIFY exact = bool_or(exact) OVER (PARTITION BY u.booking_ref)
),
meant AS (
    SELECT booking_ref, min(provider_id) AS theirs FROM fitting GROUP BY booking_ref
    HAVING count(DISTINCT provider_id) = 1 AND count(provider_id) = count(*)
),
ratings AS (
    SELECT coalesce(r.provider_id, m.theirs) AS provider_id, count(*) AS ratings, avg(r.rating) AS rating
    FROM real_reviews r LEFT JOIN meant m USING (booking_ref)
    GROUP BY ALL
),
handed AS (
    SELECT provider_id, count(*) FILTER (away) AS away, count(*) FILTER (NOT away) AS got FROM (
        SELECT from_provider_id AS provider_id, true AS away FROM marts.reassignments
        UNION ALL SELECT to_provider_id, false FROM marts.reassignments
    ) GROUP BY provider_id
),
seen AS (
    SELECT provider_id, min(from_at) AS since, max(to_at) AS until,
        sum(date_diff('microsecond', from_at, to_at)) AS seen_us,
        sum(date_diff('microsecond', from_at, to_at)) FILTER (status IN ('AVAILABLE', 'BUSY')) AS available_us,
        sum(date_diff('microsecond', from_at, to_at)) FILTER (status = 'RESTRICTED') AS restricted_us
    FROM spans GROUP BY provider_id
),
served AS (
    SELECT provider_id, sum(greatest(0, date_diff('microsecond', greatest(b.starts_at, s.since),
        least(b.starts_at + to_minutes(b.service_minutes), s.until)))) AS served_us
    FROM core.bookings b JOIN seen s USING (provider_id)
    WHERE b.deleted_at IS NULL AND NOT coalesce(b.is_test, false)
        AND b.status IN ('accepted', 'confirmed', 'completed') AND b.starts_at IS NOT NULL
        AND b.service_minutes IS NOT NULL
    GROUP BY provider_id
),
paid AS (
    SELECT provider_id, count(*) FILTER (paid_at <= deadline_at) AS in_time,
        count(*) FILTER (paid_at > deadline_at) AS late,
        count(*) FILTER (paid_at IS NULL OR deadline_at IS NULL) AS undated
    FROM by_hand.commission_reconciliation
    WHERE state IN ('matched', 'mismatched') AND commission_status = 'paid'
    GROUP BY provider_id
),
fees AS (
    SELECT provider_id, sum(amount_idr)::BIGINT AS fees_idr FROM by_hand.commission_entries
    WHERE part = 'fee' AND kind IN ('fee', 'reversal') GROUP BY provider_id
),
is_read AS (
    SELECT coalesce(bool_or(collection = 'bookings' AND completed_at IS NOT NULL), false)
        AND NOT coalesce(bool_or(completed_at IS NULL AND outcome IN ('partial', 'failed')
            AND collection IN ('bookings', 'hotel_bookings', 'therapists', 'places')), false) AS whole,
        coalesce(bool_or(collection = 'reviews' AND completed_at IS NOT NULL), false) AS reviewed
    FROM ops.scans
)
SELECT provider_id, a.provider_type, a.provider_name, a.city,
    coalesce(q.requests, 0) AS requests, coalesce(q.answered, 0) AS answered, coalesce(q.accepted, 0) AS accepted,
    coalesce(q.declined, 0) AS declined, coalesce(q.expired, 0) AS expired, coalesce(q.unanswered, 0) AS unanswered,
    coalesce(q.decided, 0) AS decided, CASE WHEN i.whole THEN q.accepted / nullif(q.decided, 0) END AS acceptance_rate,
    coalesce(q.responses, 0) AS responses, q.p50_response_s, q.p95_response_s, coalesce(q.completed, 0) AS completed,
    coalesce(q.cancelled, 0) AS cancelled, coalesce(q.cancelled_by_customer, 0) AS cancelled_by_customer,
    coalesce(q.cancelled_by_provider, 0) AS cancelled_by_provider,
    coalesce(q.cancelled_by_admin, 0) AS cancelled_by_admin,
    coalesce(q.cancelled - q.cancelled_by_customer - q.cancelled_by_provider - q.cancelled_by_admin, 0)
        AS cancelled_by_unknown,
    coalesce(h.away, 0) AS reassigned_away, coalesce(h.got, 0) AS reassigned_to,
    CASE WHEN i.reviewed THEN coalesce(r.ratings, 0) END AS ratings,
    CASE WHEN i.reviewed AND r.ratings >= 3 THEN r.rating END AS rating,
    coalesce(q.booked_minutes, 0) AS booked_minutes, s.seen_us / 6e7 AS seen_minutes,
    CASE WHEN s.seen_us IS NOT NULL THEN coalesce(s.available_us, 0) / 6e7 END AS available_minutes,
    CASE WHEN s.seen_us IS NOT NULL THEN coalesce(v.served_us, 0) / 6e7 END AS booked_seen_minutes,
    CASE WHEN i.whole AND s.seen_us IS NOT NULL THEN coalesce(v.served_us, 0) / nullif(s.available_us, 0) END
        AS utilisation,
    CASE WHEN $judged IS NOT NULL THEN coalesce(p.in_time, 0) END AS paid_in_time,
    CASE WHEN $judged IS NOT NULL THEN coalesce(p.late, 0) END AS paid_late,
    CASE WHEN $judged IS NOT NULL THEN coalesce(p.undated, 0) END AS paid_undated,
    CASE WHEN $judged IS NOT NULL THEN coalesce(f.fees_idr, 0) END AS fees_idr,
    CASE WHEN s.seen_us IS NOT NULL THEN coalesce(s.restricted_us, 0) / 864e8 END AS restricted_days,
    CASE WHEN i.whole THEN true END AS is_complete
FROM accounts a FULL JOIN asked q USING (provider_id)
LEFT JOIN ratings r USING (provider_id) LEFT JOIN handed h USING (provider_id) LEFT JOIN seen s USING (provider_id)
LEFT JOIN served v USING (provider_id) LEFT JOIN paid p USING (provider_id) LEFT JOIN fees f USING (provider_id),
is_read i
WHERE coalesce(a.there, false) OR q.provider_id IS NOT NULL;

-- mart: commission_findings
CREATE OR REPLACE TEMP MACRO in_words(amount) AS coalesce(
    replace('Rp ' || replace(format('{:,}', amount), ',', '.'), 'Rp -', '-Rp '), 'an unknown amount');
CREATE OR REPLACE TEMP MACRO as_percent(ppm) AS CASE WHEN ppm IS NULL THEN 'no rate'
    WHEN ppm % 10000 = 0 THEN ppm // 10000 || ' %'
    ELSE ppm // 10000 || ',' || rtrim(printf('%04d', ppm % 10000), '0') || ' %' END;
CREATE OR REPLACE TEMP MACRO as_written(number) AS CASE WHEN number = round(number) AND abs(number) < 1e15
    THEN number::BIGINT::VARCHAR ELSE number::VARCHAR END;
CREATE OR REPLACE TEMP MACRO to_the_minute(instant, utc_offset) AS CASE
    WHEN utc_offset IS NULL THEN strftime(instant, '%Y-%m-%dT%H:%MZ')
    ELSE strftime(instant + to_minutes(utc_offset), '%Y-%m-%dT%H:%M') END;
CREATE OR REPLACE TEMP MACRO as_moment(told) AS CASE WHEN told IS NULL THEN 'an unknown time'
    WHEN ends_with(told, 'Z') THEN replace(left(told, -1), 'T', ' ') || ' UTC'
    ELSE replace(told, 'T', ' ') || ' local time' END;
-- Records here as of another moment than their booking: what rests on both is not told of them.
CREATE OR REPLACE TEMP TABLE apart AS
WITH read AS (
    SELECT min(coalesce(read_until, watermark)) FILTER (collection = 'commission_records') AS records,
        min(coalesce(read_until, watermark)) FILTER (collection = 'bookings') AS bookings,
        min(coalesce(read_until, watermark)) FILTER (collection = 'hotel_bookings') AS hotel_bookings
    FROM ops.scans WHERE watermark IS NOT NULL
),
later AS (
    SELECT booking_id AS target, origin AS target_origin FROM core.bookings, read
    WHERE updated_at > read.records AND updated_at <= $now + INTERVAL 1 MINUTE
)
SELECT commission_id FROM linked SEMI JOIN later USING (target, target_origin) WHERE link = 'booking'
UNION
SELECT l.commission_id FROM (
    SELECT commission_id, updated_at FROM core.commissions, read
    WHERE updated_at > least(read.bookings, read.hotel_bookings) AND updated_at <= $now + INTERVAL 1 MINUTE
) c JOIN linked l USING (commission_id), read
WHERE l.link = 'booking'
    AND c.updated_at > CASE l.target_origin WHEN 'bookings' THEN read.bookings ELSE read.hotel_bookings END;
-- Which record is the booking's own is asked only where there are several.
CREATE OR REPLACE TEMP TABLE further AS
SELECT commission_id, row_number() OVER same AS place, first(commission_id) OVER same AS own_id,
    first(e_status) OVER same = 'paid' AND place > 1
        AND e_status IN ('pending', 'rejected', 'overdue', 'awaiting_verification') AS needless
FROM reviewed SEMI JOIN (
    SELECT target, target_origin FROM reviewed WHERE live AND NOT is_refund AND link = 'booking'
    GROUP BY ALL HAVING count(*) > 1
) USING (target, target_origin)
WHERE live AND NOT is_refund AND link = 'booking'
WINDOW same AS (PARTITION BY target, target_origin
    ORDER BY CASE e_status WHEN 'paid' THEN 0 WHEN 'awaiting_verification' THEN 1 ELSE 2 END, e_created, commission_id);
CREATE OR REPLACE TEMP TABLE suspects AS
WITH facts AS (
    SELECT r.*, coalesce(f.place, 1) AS place, f.own_id, coalesce(f.needless, false) AS needless,
        a.commission_id IS NOT NULL AS unsettled,
        coalesce(r.b_status IN ('accepted', 'confirmed', 'completed'), false) AS earns,
        earns AND coalesce(r.b_amount = 0, false) AS is_free,
        CASE WHEN earns THEN r.cost END AS expected,
        coalesce(r.no_base AND r.cost > 0 AND r.written BETWEEN 0 AND 1e9 AND round(r.written * 1000) = r.cost, false)
            AS is_small,
        coalesce(r.no_base AND r.b_created IS NOT NULL AND r.fee_idr = 25, false) AS fee_is_small,
        coalesce(r.no_base AND r.cost > 0 AND r.due_idr BETWEEN 0 AND 1000000000
            AND r.due_idr * 1000 IN (r.cost, r.cost + 25000), false) AS due_is_small,
        coalesce(r.amount_rule = 'thousands', false) OR is_small OR fee_is_small OR due_is_small AS in_thousands,
        coalesce(r.commission = expected, false) AS as_expected,
        CASE WHEN coalesce(r.base, r.b_amount) BETWEEN 0 AND 10000000000000 AND r.rate_ppm BETWEEN 0 AND 100000000
            THEN (coalesce(r.base, r.b_amount)::HUGEINT * r.rate_ppm + 500000) // 1000000 END AS at_its_rate,
        CASE WHEN NOT (r.live AND earns AND NOT r.is_refund AND expected IS NOT NULL) OR (is_free AND as_expected)
                THEN NULL
            WHEN is_free OR r.not_believed THEN 'wrong_amount'
            WHEN in_thousands THEN 'unit_error'
            WHEN coalesce(r.rate_ppm <> 300000 AND r.commission = at_its_rate AND NOT as_expected, false)
                THEN 'wrong_rate'
            WHEN NOT as_expected OR coalesce(r.base <> r.b_amount, false) THEN 'wrong_amount' END AS verdict,
        earns AND NOT is_free AND NOT r.is_refund AS owing, owing AND NOT coalesce(f.needless, false) AS is_due,
        CASE WHEN r.accrual_day IS NOT NULL THEN r.b_completed + INTERVAL 3 HOUR END AS by_completion,
        CASE WHEN r.accrual_day IS NOT NULL THEN r.b_starts + to_minutes(r.b_minutes) + INTERVAL 3 HOUR END AS by_start,
        r.e_status IN ('pending', 'rejected', 'overdue')
            OR (r.e_status = 'awaiting_verification' AND NOT coalesce(r.proof_at < r.due_at, false)) AS unpaid,
        CASE WHEN is_free OR coalesce(r.due_at > $judged OR (r.e_status = 'paid' AND r.paid_at < r.due_at), false)
            THEN 0 ELSE 25000 END AS fee_due
    FROM reviewed r LEFT JOIN further f USING (commission_id) LEFT JOIN apart a USING (commission_id)
),
flagged AS (
    SELECT *,
        NOT unsettled AND live AS told,
        live AND link = 'booking' AND place > 1 AND NOT is_refund AS is_duplicate,
        live AND link IN ('none', 'deleted') AS is_orphan,
        told AND b_status IN ('cancelled', 'declined', 'expired', 'reassigned') AND NOT is_refund AND NOT needless
            AS is_not_due,
        told AND link = 'booking' AND e_provider <> b_provider AS of_another,
        told AND link = 'booking' AND NOT is_refund AND e_source <> b_source AND e_source <> 'unknown'
            AND b_source <> 'unknown' AS from_elsewhere,
        live AND link = 'ambiguous' AS is_ambiguous,
        told AND owing AND accepted_rule = 'explicit' AND utc_offset IS NOT NULL
            AND e_created > b_accepted + INTERVAL 2 MINUTE AS is_late,
        told AND owing AND e_deadline IS NOT NULL AND (by_completion IS NOT NULL OR by_start IS NOT NULL)
            AND coalesce(e_deadline NOT BETWEEN by_completion - INTERVAL 5 MINUTE AND by_completion + INTERVAL 5 MINUTE,
                true)
            AND coalesce(e_deadline NOT BETWEEN by_start - INTERVAL 5 MINUTE AND by_start + INTERVAL 5 MINUTE, true)
            AS has_other_deadline,
        told AND is_due AND unpaid AND due_at < $judged AND e_status <> 'overdue' AS is_unmarked,
        told AND is_due AND e_status = 'overdue' AND $judged < due_at AS is_premature,
        told AND is_due AND unpaid AND due_at + INTERVAL 30 MINUTE < $judged AND fee_state <> 'absent'
            AND coalesce(fee, 0) = 0 AS lacks_fee,
        told AND (is_due OR (is_free AND NOT is_refund)) AND fee_state <> 'absent' AND fee <> 0 AND fee <> fee_due
            AS has_wrong_fee,
        is_refund AND gone_at IS NULL AS gives_back,
        live AND e_status = 'paid' AND proof_state = 'empty' AND NOT is_refund AS lacks_proof
    FROM facts
)
SELECT *, coalesce(b_provider, e_provider) AS provider_id, in_words(commission) AS charges,
    in_words(expected) AS expects, to_the_minute(due_at, utc_offset) AS due_told,
    as_written(CASE WHEN in_thousands OR not_believed THEN written_base END) AS base_told,
    as_written(CASE WHEN in_thousands OR not_believed THEN written END) AS written_told,
    CASE WHEN fee_is_small THEN fee_idr::VARCHAR END AS fee_told,
    CASE WHEN due_is_small THEN due_idr::VARCHAR END AS total_told
FROM flagged
WHERE is_duplicate OR is_orphan OR is_not_due OR (verdict IS NOT NULL AND told) OR of_another OR from_elsewhere
    OR is_ambiguous OR is_late OR has_other_deadline OR is_unmarked OR is_premature OR lacks_fee OR has_wrong_fee
    OR gives_back OR lacks_proof OR gone_at IS NOT NULL;
CREATE OR REPLACE TABLE by_hand.commission_findings AS
WITH found AS (
    SELECT 'missing' AS finding, 'critical' AS severity,
        booking_id || CASE WHEN row_number() OVER (PARTITION BY booking_id ORDER BY origin) > 1
            THEN ':' || origin ELSE '' END AS row_id,
        booking_id, NULL AS booking_ref, NULL AS commission_id, provider_id, expected_idr, actual_idr, origin,
        'finding.missing' AS code,
        to_json({booking: booking_id, amount: booking_amount_idr, expected: expected_idr}) AS args,
        'Booking ' || booking_id || ' earns ' || in_words(booking_amount_idr) || ' and has no commission record; '
            || in_words(expected_idr) || ' should have been recorded.' AS detail
    FROM by_hand.commission_reconciliation WHERE state = 'missing'
    UNION ALL
    SELECT 'duplicate', 'high', commission_id, target, ref, commission_id, provider_id, 0, commission, target_origin,
        CASE WHEN needless THEN 'finding.duplicate_paid' ELSE 'finding.duplicate' END,
        to_json({commission: commission_id, amount: commission, booking: target, own: own_id}),
        'Commission ' || commission_id || ' over ' || charges || ' is a further record of booking ' || target
            || ', whose own is ' || own_id || CASE WHEN needless THEN ', which is paid.' ELSE '.' END
    FROM suspects WHERE is_duplicate
    UNION ALL
    SELECT 'orphan', 'high', commission_id, target, ref, commission_id, provider_id, 0, commission, target_origin,
        CASE WHEN link = 'deleted' THEN 'finding.orphan_deleted' WHEN ref IS NULL THEN 'finding.orphan_unnamed'
            ELSE 'finding.orphan' END,
        CASE WHEN link <> 'deleted' AND ref IS NULL THEN to_json({commission: commission_id, amount: commission})
            ELSE to_json({commission: commission_id, amount: commission, ref: ref}) END,
        'Commission ' || commission_id || ' over ' || charges || ' refers to ' || CASE
            WHEN link = 'deleted' THEN coalesce(ref, 'nothing') || ', a booking that was deleted.'
            WHEN ref IS NULL THEN 'nothing: it names no booking.' ELSE ref || ', which is no booking.' END
    FROM suspects WHERE is_orphan
    UNION ALL
    SELECT 'not_due', 'high', commission_id, target, ref, commission_id, provider_id, 0, commission, target_origin,
        'finding.not_due', to_json({commission: commission_id, amount: commission, booking: target, status: b_status}),
        'Commission ' || commission_id || ' charges ' || charges || ' for booking ' || target || ', which ended as '
            || b_status || ' and owes nothing.'
    FROM suspects WHERE is_not_due
    UNION ALL
    SELECT 'unit_error', 'high', commission_id, target, ref, commission_id, provider_id, expected, commission,
        target_origin,
        'finding.unit_error' || CASE WHEN fee_is_small THEN '_fee' ELSE '' END
            || CASE WHEN due_is_small THEN '_due' ELSE '' END,
        CASE WHEN fee_is_small AND due_is_small THEN to_json({commission: commission_id, booking: target,
                base: base_told, written: written_told, fee: fee_told, due: total_told, amount: commission,
                expected: expected})
            WHEN fee_is_small THEN to_json({commission: commission_id, booking: target, base: base_told,
                written: written_told, fee: fee_told, amount: commission, expected: expected})
            WHEN due_is_small THEN to_json({commission: commission_id, booking: target, base: base_told,
                written: written_told, due: total_told, amount: commission, expected: expected})
            ELSE to_json({commission: commission_id, booking: target, base: base_told, written: written_told,
                amount: commission, expected: expected}) END,
        'Commission ' || commission_id || ' of booking ' || target || ' is written in thousands: amount '
            || coalesce(base_told, 'nothing') || ', commission ' || coalesce(written_told, 'nothing')
            || coalesce(', fee ' || fee_told, '') || coalesce(', due ' || total_told, '') || '; read as ' || charges
            || ', expected ' || expects || '.'
    FROM suspects WHERE told AND verdict = 'unit_error'
    UNION ALL
    SELECT 'wrong_rate', 'high', commission_id, target, ref, commission_id, provider_id, expected, commission,
        target_origin, 'finding.wrong_rate',
        to_json({commission: commission_id, booking: target, rate: rate_ppm, amount: commission, policy: 300000,
            expected: expected}),
        'Commission ' || commission_id || ' of booking ' || target || ' charges ' || as_percent(rate_ppm) || ' ('
            || charges || ') where the policy says 30 % (' || expects || ').'
    FROM suspects WHERE told AND verdict = 'wrong_rate'
    UNION ALL
    SELECT 'wrong_amount', 'high', commission_id, target, ref, commission_id, provider_id, expected, commission,
        target_origin, CASE WHEN not_believed THEN 'finding.not_believed' ELSE 'finding.wrong_amount' END,
        CASE WHEN not_believed THEN to_json({commission: commission_id, booking: target, base: base_told,
                written: written_told, booked: b_amount, expected: expected})
            ELSE to_json({commission: commission_id, booking: target, amount: commission, base: base, booked: b_amount,
                expected: expected}) END,
        'Commission ' || commission_id || ' of booking ' || target || CASE
            WHEN not_believed THEN ' carries amounts that are not believed: amount '
                || coalesce(base_told, 'nothing') || ', commission ' || coalesce(written_told, 'nothing')
                || '; the booking''s amount is '
            ELSE ' says ' || charges || ' on ' || CASE WHEN base IS NULL THEN 'no written amount' ELSE in_words(base) END
                || '; the booking''s amount is ' END
            || in_words(b_amount) || ' and ' || expects || ' is expected.'
    FROM suspects WHERE told AND verdict = 'wrong_amount'
    UNION ALL
    SELECT 'wrong_provider', 'high', commission_id, target, ref, commission_id, provider_id, expected, commission,
        target_origin, 'finding.wrong_provider',
        to_json({commission: commission_id, amount: commission, charged: e_provider, booking: target,
            owner: b_provider}),
        'Commission ' || commission_id || ' over ' || charges || ' charges provider ' || e_provider || '; booking '
            || target || ' belongs to provider ' || b_provider || '.'
    FROM suspects WHERE of_another
    UNION ALL
    SELECT 'source_mismatch', 'medium', commission_id, target, ref, commission_id, provider_id, expected, commission,
        target_origin, 'finding.source_mismatch',
        to_json({commission: commission_id, amount: commission, source: e_source, booking: target, origin: b_source}),
        'Commission ' || commission_id || ' over ' || charges || ' says its source is ' || e_source || '; booking '
            || target || ' came from ' || b_source || '.'
    FROM suspects WHERE from_elsewhere
    UNION ALL
    SELECT 'ambiguous_reference', 'high', commission_id, target, ref, commission_id, provider_id, NULL, commission,
        target_origin, 'finding.ambiguous_reference',
        to_json({commission: commission_id, amount: commission, ref: ref}),
        'Commission ' || commission_id || ' over ' || charges || ' refers to ' || coalesce(ref, 'nothing')
            || ', which fits two bookings; which one is meant cannot be told.'
    FROM suspects WHERE is_ambiguous
    UNION ALL
    SELECT 'late_record', 'low', commission_id, target, ref, commission_id, provider_id, expected, commission,
        target_origin, 'finding.late_record',
        to_json({commission: commission_id, amount: commission, created: to_the_minute(e_created, utc_offset),
            booking: target, accepted: to_the_minute(b_accepted, utc_offset)}),
        'Commission ' || commission_id || ' over ' || charges || ' was created at '
            || as_moment(to_the_minute(e_created, utc_offset)) || '; booking ' || target || ' was accepted at '
            || as_moment(to_the_minute(b_accepted, utc_offset)) || '.'
    FROM suspects WHERE is_late
    UNION ALL
    SELECT 'deadline_mismatch', 'low', commission_id, target, ref, commission_id, provider_id, expected, commission,
        target_origin, 'finding.deadline_mismatch',
        to_json({commission: commission_id, amount: commission, written: to_the_minute(e_deadline, utc_offset),
            due: due_told}),
        'Commission ' || commission_id || ' over ' || charges || ' is due at '
            || as_moment(to_the_minute(e_deadline, utc_offset)) || '; by the policy it is due at '
            || as_moment(due_told) || '.'
    FROM suspects WHERE has_other_deadline
    UNION ALL
    SELECT 'overdue_unmarked', 'medium', commission_id, target, ref, commission_id, provider_id, expected, commission,
        target_origin, 'finding.overdue_unmarked',
        to_json({commission: commission_id, amount: commission, due: due_told, status: e_status}),
        'Commission ' || commission_id || ' over ' || charges || ' was due at ' || as_moment(due_told)
            || ', is unpaid (' || e_status || ') and not marked overdue.'
    FROM suspects WHERE is_unmarked
    UNION ALL
    SELECT 'overdue_premature', 'medium', commission_id, target, ref, commission_id, provider_id, expected, commission,
        target_origin, 'finding.overdue_premature',
        to_json({commission: commission_id, amount: commission, due: due_told}),
        'Commission ' || commission_id || ' over ' || charges || ' is marked overdue before it is due at '
            || as_moment(due_told) || '.'
    FROM suspects WHERE is_premature
    UNION ALL
    SELECT 'fee_missing', 'medium', commission_id, target, ref, commission_id, provider_id, 25000, 0, target_origin,
        'finding.fee_missing', to_json({commission: commission_id, amount: commission, due: due_told, fee: 25000}),
        'Commission ' || commission_id || ' over ' || charges || ' was due at ' || as_moment(due_told)
            || ' and is unpaid; the late fee of Rp 25.000 is not on it.'
    FROM suspects WHERE lacks_fee
    UNION ALL
    SELECT 'fee_wrong', 'medium', commission_id, target, ref, commission_id, provider_id, fee_due, fee, target_origin,
        CASE WHEN is_free THEN 'finding.fee_free' WHEN fee_due = 0 THEN 'finding.fee_early'
            ELSE 'finding.fee_wrong' END,
        CASE WHEN is_free THEN to_json({commission: commission_id, fee: fee, booking: target})
            WHEN fee_due = 0 THEN to_json({commission: commission_id, fee: fee, due: due_told})
            ELSE to_json({commission: commission_id, fee: fee, policy: 25000}) END,
        'Commission ' || commission_id || ' carries a fee of ' || in_words(fee) || CASE
            WHEN is_free THEN '; booking ' || target || ' is free and owes none.'
            WHEN fee_due = 0 THEN '; none is due before the deadline at ' || as_moment(due_told) || '.'
            ELSE '; the policy''s is Rp 25.000.' END
    FROM suspects WHERE has_wrong_fee
    UNION ALL
    SELECT 'refund_record', 'medium', commission_id, target, ref, commission_id, provider_id, 0, commission,
        target_origin, 'finding.refund_record',
        to_json({commission: commission_id, amount: commission, status: e_status, ref: ref}),
        'Commission ' || commission_id || ' over ' || charges || ' is a refund (' || e_status || ') that refers to '
            || coalesce(ref, 'nothing') || '; it is no record of a booking''s own.'
    FROM suspects WHERE gives_back
    UNION ALL
    SELECT 'paid_without_proof', 'medium', commission_id, target, ref, commission_id, provider_id, expected, commission,
        target_origin, 'finding.paid_without_proof', to_json({commission: commission_id, amount: commission}),
        'Commission ' || commission_id || ' over ' || charges || ' is marked paid and carries no proof of payment.'
    FROM suspects WHERE lacks_proof
    UNION ALL
    SELECT 'vanished', 'high', commission_id, target, ref, commission_id, provider_id, commission, 0, target_origin,
        'finding.vanished', to_json({commission: commission_id, amount: commission, ref: ref}),
        'Commission ' || commission_id || ' over ' || charges || ' for ' || coalesce(ref, 'nothing')
            || ' was seen before and is gone from the app.'
    FROM suspects WHERE gone_at IS NOT NULL
),
read AS (
    SELECT min(coalesce(read_until, watermark)) FILTER (collection = 'commission_records') AS records,
        min(coalesce(read_until, watermark)) FILTER (collection = 'therapists') AS therapists,
        min(coalesce(read_until, watermark)) FILTER (collection = 'places') AS places
    FROM ops.scans WHERE watermark IS NOT NULL
),
unpaid AS (
    SELECT coalesce(r.e_provider, r.b_provider) AS owner, r.commission,
        a.commission_id IS NOT NULL AS unsettled,
        r.due_at IS NULL OR unsettled OR coalesce(r.due_at < $judged, true) AS possible,
        coalesce(r.due_at + INTERVAL 30 MINUTE < $judged, false) AND NOT unsettled AS due
    FROM reviewed r LEFT JOIN further f USING (commission_id) LEFT JOIN apart a USING (commission_id)
    WHERE r.live AND (r.e_status IN ('pending', 'rejected', 'overdue')
            OR (r.e_status = 'awaiting_verification' AND NOT coalesce(r.proof_at < r.due_at, false)))
        AND ((r.b_status IN ('accepted', 'confirmed', 'completed') AND coalesce(r.b_amount <> 0, true)
            AND NOT r.is_refund AND NOT coalesce(f.needless, false)) OR a.commission_id IS NOT NULL)
),
debts AS (
    SELECT owner, bool_or(possible) AS possible, bool_or(due) AS due, sum(commission) FILTER (due)::BIGINT AS owed
    FROM unpaid WHERE owner IS NOT NULL GROUP BY owner
),
-- A record written after what was read of the providers may have been the reason until then.
moved AS (
    SELECT DISTINCT coalesce(r.e_provider, r.b_provider) AS provider_id,
        unnest(CASE WHEN c.updated_at > read.therapists AND c.updated_at > read.places THEN ['therapist', 'place']
            WHEN c.updated_at > read.therapists THEN ['therapist'] WHEN c.updated_at > read.places THEN ['place'] END)
            AS provider_type
    FROM core.commissions c JOIN reviewed r USING (commission_id), read
    WHERE c.updated_at <= $now + INTERVAL 1 MINUTE
        AND (c.updated_at > read.therapists OR c.updated_at > read.places)
),
restrictions AS (
    SELECT p.provider_id, p.provider_type, p.status, d.owed
    FROM core.providers p ANTI JOIN (
        SELECT provider_id, provider_type FROM core.providers, read
        WHERE updated_at > read.records AND updated_at <= $now + INTERVAL 1 MINUTE
    ) w USING (provider_id, provider_type)
    LEFT JOIN debts d ON d.owner = p.provider_id
    LEFT JOIN moved m ON m.provider_id = p.provider_id AND m.provider_type = p.provider_type
    WHERE p.deleted_at IS NULL AND p.status IS NOT NULL AND $judged IS NOT NULL
        AND CASE WHEN p.status = 'RESTRICTED' THEN NOT coalesce(d.possible, false) AND m.provider_id IS NULL
            ELSE coalesce(d.due, false) END
)
SELECT finding || ':' || row_id AS finding_id, finding, severity, booking_id, booking_ref, commission_id, provider_id,
    expected_idr::BIGINT AS expected_idr, actual_idr::BIGINT AS actual_idr,
    (actual_idr - expected_idr)::BIGINT AS variance_idr, detail, origin, false AS waived, code, args::VARCHAR AS args
FROM found
UNION ALL
SELECT 'restriction_mismatch:' || provider_id || CASE WHEN row_number() OVER (PARTITION BY provider_id
        ORDER BY provider_type DESC) > 1 THEN ':' || provider_type ELSE '' END,
    'restriction_mismatch', 'medium', NULL, NULL, NULL, provider_id, NULL, NULL, NULL,
    CASE status WHEN 'RESTRICTED' THEN 'Provider ' || provider_id
            || ' is RESTRICTED and no commission of theirs is overdue.'
        ELSE 'Provider ' || provider_id || ' owes ' || in_words(owed)
            || ' past the time of restriction and is not RESTRICTED (' || status || ').' END,
    NULL, false,
    CASE status WHEN 'RESTRICTED' THEN 'finding.restricted' ELSE 'finding.not_restricted' END,
    CASE status WHEN 'RESTRICTED' THEN to_json({provider: provider_id})
        ELSE to_json({provider: provider_id, owed: owed, status: status}) END::VARCHAR
FROM restrictions;

-- mart: unusual
-- What came by the hour; what is unusual of it benchmarks/unusual_by_hand.py says with scipy.
CREATE OR REPLACE TEMP TABLE arrived AS
WITH bounds AS (SELECT date_trunc('hour', $now) - INTERVAL 1538 HOUR AS since),
booked AS (
    SELECT * FROM core.bookings WHERE deleted_at IS NULL AND NOT coalesce(is_test, false)
),
answers AS (
    SELECT created_at, date_diff('microsecond', created_at, responded_at) AS took FROM booked, bounds
    WHERE created_at BETWEEN since AND $now AND responded_at >= created_at AND responded_at <= $now
),
things AS (
    SELECT 'bookings' AS series, source, created_at AS moment, NULL AS hit FROM booked
    UNION ALL
    SELECT 'acceptance', 'all', created_at, status IN ('accepted', 'confirmed', 'completed') OR accepted_at IS NOT NULL
    FROM booked
    WHERE status IN ('accepted', 'confirmed', 'completed', 'declined', 'expired') OR accepted_at IS NOT NULL
        OR (status = 'pending' AND response_deadline < $now)
    UNION ALL
    SELECT 'cancellation', 'all', CASE status WHEN 'cancelled' THEN cancelled_at ELSE completed_at END,
        status = 'cancelled'
    FROM booked WHERE status IN ('cancelled', 'completed')
    UNION ALL
    SELECT 'response_time', 'all', created_at, took > (SELECT median(took) FROM answers) FROM answers
    UNION ALL
    SELECT 'messages', 'all', coalesce(sent_at, created_at), NULL FROM core.messages WHERE deleted_at IS NULL
    UNION ALL
    SELECT 'delivery', 'all', coalesce(sent_at, created_at), delivered_at IS NOT NULL FROM core.notifications
    WHERE deleted_at IS NULL
    UNION ALL
    SELECT 'payments', 'all', greatest(paid_at, coalesce(verified_at, paid_at)), NULL FROM core.commissions
    WHERE deleted_at IS NULL AND NOT coalesce(is_test, false) AND paid_at IS NOT NULL
    UNION ALL SELECT 'rows', origin, created_at, NULL FROM core.bookings
    UNION ALL SELECT 'rows', 'chat_rooms', created_at, NULL FROM core.chat_rooms
    UNION ALL SELECT 'rows', 'chat_messages', created_at, NULL FROM core.messages
    UNION ALL SELECT 'rows', 'commission_records', created_at, NULL FROM core.commissions
    UNION ALL SELECT 'rows', 'notifications', created_at, NULL FROM core.notifications
    UNION ALL SELECT 'rows', 'reviews', created_at, NULL FROM core.reviews
)
SELECT series, source, date_trunc('hour', moment) AS hour_start, count(*) AS things, sum(hit::INT)::BIGINT AS hits,
    min(moment) AS first_at, max(moment) AS last_at
FROM things, bounds WHERE moment BETWEEN since AND $now
GROUP BY ALL;
