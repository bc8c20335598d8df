-- Is anything unusual, and since when?
-- Hours whose figure lies outside of what the same weekday and hour of the last eight weeks lets
-- expect, the newest first. `unknown` is not `usual`: a holiday, too little history, or not read.
SELECT
    series,
    source,
    hour_start,
    figure,
    round(expected, 2) AS expected,
    low,
    high,
    state,
    why,
    since
FROM marts.unusual
WHERE state <> 'usual'
ORDER BY hour_start DESC, likelihood NULLS LAST, series, source
LIMIT 100;
