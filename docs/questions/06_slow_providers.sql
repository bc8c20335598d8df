-- Which providers answer slowly, or not at all?
-- Requests are bookings whose provider it is now. Seconds from creation to the answer; quantiles
-- over answered ones only. Providers with fewer than $least requests are left out: a median of two
-- says nothing.
-- $least: how many requests a provider must have had.
SELECT
    provider_id,
    any_value(provider_name) AS provider_name,
    count(*) AS requests,
    count(responded_at) AS answered,
    count(*) FILTER (status = 'expired') AS expired,
    median(date_diff('second', created_at, responded_at)) FILTER (responded_at >= created_at)
        AS p50_response_s,
    quantile_cont(date_diff('second', created_at, responded_at), 0.95)
        FILTER (responded_at >= created_at) AS p95_response_s
FROM core.bookings
WHERE NOT is_test AND deleted_at IS NULL AND provider_id IS NOT NULL
GROUP BY provider_id
HAVING requests >= $least
ORDER BY expired / requests DESC, p50_response_s DESC, provider_id
LIMIT 50;
