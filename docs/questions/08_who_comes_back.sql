-- Do customers come back within 30 days?
-- Customers by the local month of their first booking: how many booked again within 30 days of it.
-- Only those whose 30 days are over when the snapshot was made can tell; the others are `too_young`
-- and in no share.
WITH bookings AS (
    SELECT customer_id, created_at, created_at + to_minutes(utc_offset_minutes) AS local_at,
        row_number() OVER (PARTITION BY customer_key ORDER BY created_at, booking_id) AS nth,
        lead(created_at) OVER (PARTITION BY customer_key ORDER BY created_at, booking_id) AS next_at
    FROM core.bookings
    WHERE NOT is_test AND deleted_at IS NULL AND customer_key LIKE 'c:%'
        AND utc_offset_minutes IS NOT NULL
), firsts AS (
    SELECT date_trunc('month', local_at)::DATE AS first_month,
        created_at <= (SELECT published_at FROM ops.snapshot) - INTERVAL 30 DAY AS old_enough,
        coalesce(next_at <= created_at + INTERVAL 30 DAY, false) AS again
    FROM bookings WHERE nth = 1
)
SELECT
    first_month,
    count(*) AS customers,
    count(*) FILTER (NOT old_enough) AS too_young,
    count(*) FILTER (old_enough AND again) AS came_back,
    round(came_back / nullif(customers - too_young, 0), 3) AS share
FROM firsts
GROUP BY first_month
ORDER BY first_month;
