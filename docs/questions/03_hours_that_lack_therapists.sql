-- Which hours lack therapists, and where?
-- By city and local hour of the day: requests and those nobody answered, beside how many providers
-- were on line and free in such an hour on average. Null: no status was known of any.
-- $from and $until: local days, $until not included.
SELECT
    city,
    hour(local_hour) AS hour_of_day,
    sum(requests)::BIGINT AS asked,
    sum(unanswered)::BIGINT AS nobody_answered,
    round(sum(unanswered) / nullif(sum(requests), 0), 3) AS unanswered_share,
    round(avg(providers_online), 1) AS online,
    round(avg(providers_free), 1) AS free
FROM marts.capacity
WHERE local_hour >= $from AND local_hour < $until
GROUP BY city, hour_of_day
ORDER BY nobody_answered DESC, asked DESC, city, hour_of_day;
