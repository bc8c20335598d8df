-- How much commission is missing, and from which entry points?
-- Bookings that earn and have no record, by source, with what the policy expects of them; of
-- `missing_unpriced` of them that is not known, so it is not in missing_idr. `unknown` are bookings
-- of which nobody can tell whether a record is missing: they are in no sum of money.
-- $from and $until: local accrual days (acceptance, else creation), $until not included.
SELECT
    source,
    count(*) FILTER (state = 'missing') AS missing,
    coalesce(sum(expected_idr) FILTER (state = 'missing'), 0)::BIGINT AS missing_idr,
    count(*) FILTER (state = 'missing' AND expected_idr IS NULL) AS missing_unpriced,
    count(*) FILTER (state = 'awaiting') AS awaiting,
    count(*) FILTER (state = 'unknown') AS unknown,
    count(*) FILTER (state IN ('matched', 'mismatched')) AS tracked
FROM marts.commission_reconciliation
WHERE local_date >= $from AND local_date < $until
GROUP BY source
ORDER BY missing_idr DESC, source;
