-- Can today's figures be trusted, and what is left out of them?
-- What the checks of its run found, the values that could not be read and the rows without a local
-- day, each with how many rows it concerns; and the collections that were not read to their end
-- (how many rows that concerns is not known). No line: nothing is known against them.
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
UNION ALL
SELECT 'collection not read to its end', collection, outcome, NULL
FROM ops.scans
WHERE outcome <> 'complete'
ORDER BY what, rows DESC, which;
