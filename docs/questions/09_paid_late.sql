-- How much commission was paid after its deadline, and how late?
-- By local month of accrual: paid records whose deadline is known, those paid late, their rupiah,
-- and the median of how many hours after the deadline.
SELECT
    date_trunc('month', local_date)::DATE AS local_month,
    count(*) AS paid,
    count(*) FILTER (paid_at > deadline_at) AS late,
    coalesce(sum(actual_idr) FILTER (paid_at > deadline_at), 0)::BIGINT AS late_idr,
    round(median(epoch(paid_at - deadline_at) / 3600) FILTER (paid_at > deadline_at), 1)
        AS median_hours_late
FROM marts.commission_reconciliation
WHERE commission_status = 'paid' AND paid_at IS NOT NULL AND deadline_at IS NOT NULL
GROUP BY local_month
ORDER BY local_month;
