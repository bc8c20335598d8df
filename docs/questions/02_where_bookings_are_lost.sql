-- Where are bookings lost, by entry point?
-- Of the bookings made in the days asked for: how far they came, and where the others went. Each
-- step is some of the one before. Days that are not complete are still under way: `open_days`.
-- $from and $until: local days of creation, $until not included.
SELECT
    source,
    sum(created)::BIGINT AS made,
    sum(answered)::BIGINT AS answered,
    sum(accepted)::BIGINT AS accepted,
    sum(completed)::BIGINT AS completed,
    sum(recorded)::BIGINT AS recorded,
    sum(paid)::BIGINT AS paid,
    sum(declined)::BIGINT AS declined,
    sum(unanswered)::BIGINT AS unanswered,
    sum(cancelled)::BIGINT AS cancelled,
    sum(reassigned)::BIGINT AS reassigned,
    round(sum(completed) / sum(created), 3) AS completed_share,
    count(*) FILTER (is_complete IS DISTINCT FROM true) AS open_days
FROM marts.booking_funnel
WHERE local_date >= $from AND local_date < $until
GROUP BY source
ORDER BY made DESC, source;
