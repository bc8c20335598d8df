-- Can today's figures be trusted, and what is left out of them?
-- What the checks of its run found, the values that could not be read and the rows without a local
-- day, each with how many rows it concerns. No line: nothing is known against them.
SELECT
    'check that does not hold' AS what,
    check_name AS which,
    severity AS more,
    failed_rows AS rows
FROM ops.check_results
WHERE NOT passed AND run_id = (SELECT run_id FROM ops.snapshot)
UNION ALL
SELECT 'value that could not be read', finding, collection, count(*)
FROM marts.data_findings
GROUP BY finding, collection
UNION ALL
SELECT 'rows in no local day', collection, NULL, rows
FROM marts.undated_rows
WHERE rows > 0
ORDER BY what, rows DESC, which;
