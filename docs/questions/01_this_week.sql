-- How does this week go beside the one before?
-- One line a local week (by its Monday), the last eight; booked, completed and collected are three
-- figures and never added. The newest week may not be over: compare it with care.
-- $until: the day up to which, that day not included.
WITH weeks AS (
    SELECT
        date_trunc('week', local_date)::DATE AS local_week,
        sum(bookings)::BIGINT AS bookings,
        sum(booked_idr)::BIGINT AS booked_idr,
        sum(completed_idr)::BIGINT AS completed_idr,
        sum(collected_idr)::BIGINT AS collected_idr
    FROM marts.revenue_daily
    WHERE local_date >= date_trunc('week', $until) - INTERVAL 56 DAY AND local_date < $until
    GROUP BY ALL
)
SELECT
    *,
    booked_idr - lag(booked_idr) OVER (ORDER BY local_week) AS booked_change_idr
FROM weeks
ORDER BY local_week DESC;
