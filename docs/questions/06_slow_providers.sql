-- Which providers answer slowly, or not at all?
-- Requests are bookings whose provider it is now. Seconds from creation to the answer; `responses`
-- says of how many these are known. Providers with fewer than $least requests are left out.
-- $least: how many requests a provider must have had.
SELECT
    provider_id,
    provider_name,
    city,
    requests,
    unanswered,
    round(unanswered / requests, 3) AS unanswered_share,
    acceptance_rate,
    responses,
    p50_response_s,
    p95_response_s
FROM marts.providers
WHERE requests >= $least
ORDER BY unanswered_share DESC, p50_response_s DESC NULLS LAST, provider_id
LIMIT 100;
