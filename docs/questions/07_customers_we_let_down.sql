-- Which good customers were let down and have not booked since?
-- Customers with at least $least completed bookings, one of theirs declined or handed on, whose
-- newest booking is over two weeks older than the snapshot; who spent most first. Ids, no names.
-- $least: how many completed bookings.
SELECT
    customer_id,
    completed,
    spent_idr,
    declined,
    reassigned,
    last_booking_at
FROM marts.customers
WHERE completed >= $least
    AND declined + reassigned > 0
    AND last_booking_at < (SELECT published_at FROM ops.snapshot) - INTERVAL 14 DAY
ORDER BY spent_idr DESC, customer_id
LIMIT 100;
