-- How does this week go beside the one before?
-- One line a local week (by its Monday), the last eight; booked, completed and collected are three
-- figures and never added. Compare only weeks that are complete: the newest may not be over.
-- $until: the day up to which, that day not included.
SELECT
    local_week,
    bookings,
    booked_idr,
    completed_idr,
    collected_idr,
    booked_idr - previous_booked_idr AS booked_change_idr,
    is_complete
FROM marts.revenue_weekly
WHERE local_week >= date_trunc('week', $until - INTERVAL 1 DAY) - INTERVAL 49 DAY
    AND local_week < $until
ORDER BY local_week DESC;
