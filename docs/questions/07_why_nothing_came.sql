-- Why do bookings come to nothing?
-- The reasons written on declined, cancelled and expired bookings, by local month of creation.
-- `not_given`: declined without a reason. Cancelled and expired ones without a reason are not here.
SELECT
    date_trunc('month', local_date)::DATE AS local_month,
    reason,
    sum(bookings)::BIGINT AS lost,
    round(lost / sum(lost) OVER (PARTITION BY local_month), 3) AS share
FROM marts.decline_reasons
GROUP BY local_month, reason
ORDER BY local_month DESC, lost DESC, reason;
