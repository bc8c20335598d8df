-- Where are bookings lost, by entry point?
-- Of the bookings made in the days asked for: how many were accepted and completed, and where the
-- others went. A share is null where nothing was made. Days since yesterday are still under way.
-- $from and $until: days of creation, $until not included.
SELECT
    source,
    sum(created)::BIGINT AS created,
    sum(accepted)::BIGINT AS accepted,
    sum(completed)::BIGINT AS completed,
    sum(declined)::BIGINT AS declined,
    sum(expired)::BIGINT AS expired,
    sum(cancelled)::BIGINT AS cancelled,
    round(sum(accepted) / nullif(sum(created), 0), 3) AS accepted_share,
    round(sum(completed) / nullif(sum(created), 0), 3) AS completed_share
FROM marts.source_conversion
WHERE local_date >= $from AND local_date < $until
GROUP BY source
ORDER BY created DESC, source;
