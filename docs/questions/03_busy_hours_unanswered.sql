-- At which local hours do requests stay unanswered?
-- By local hour of creation: requests, those that expired, and their share. Where the share is high
-- and the requests are many, therapists are lacking. Tests and deleted rows are left out.
-- $from and $until: days of creation, $until not included.
SELECT
    hour(created_at + to_minutes(utc_offset_minutes)) AS local_hour,
    count(*) AS requests,
    count(*) FILTER (status = 'expired') AS expired,
    round(expired / requests, 3) AS expired_share
FROM core.bookings
WHERE NOT is_test AND deleted_at IS NULL
    AND (created_at + to_minutes(utc_offset_minutes))::DATE >= $from
    AND (created_at + to_minutes(utc_offset_minutes))::DATE < $until
GROUP BY local_hour
ORDER BY expired_share DESC, requests DESC, local_hour;
