-- Who owes commission, and for how long?
-- Providers with something overdue, the largest debt first: owed_idr is commission, fees_idr the
-- late fees beside it, overdue_idr what of both is late.
SELECT
    provider_id,
    provider_name,
    records,
    owed_idr,
    fees_idr,
    overdue_idr,
    age_over_7d_idr,
    oldest_deadline_at
FROM marts.commission_balances
WHERE overdue_idr > 0
ORDER BY overdue_idr DESC, provider_id
LIMIT 50;
