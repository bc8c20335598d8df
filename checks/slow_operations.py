"""That nobody waits long for what the booking services do. A scan's slow pages are flagged, and keep nobody waiting."""

from __future__ import annotations

from typing import Final

from checks.check import Check
from marketplace.durations import spelled
from marketplace.error_rate import ERROR_RATE_WINDOW, SLOW_IN_WINDOW, SLOW_SECONDS
from marketplace.findings import Severity
from messages.message import Message

_WINDOW_S: Final = int(ERROR_RATE_WINDOW.total_seconds())

# The instant is this run's, as of the error rate.
_SLOW: Final = f"""
WITH clock AS (
    SELECT coalesce((SELECT max(evaluated_at) FROM ops.health_changes), (SELECT max(called_at) FROM ops.timings))
        AS now),
slow AS (
    SELECT operation, seconds FROM ops.timings, clock
    WHERE slow AND source <> 'appwrite' AND called_at <= clock.now
      AND called_at > clock.now - INTERVAL {_WINDOW_S} SECOND),
kinds AS (
    SELECT operation, count(*) AS calls FROM slow GROUP BY ALL ORDER BY calls DESC, operation LIMIT 3),
told AS (
    SELECT string_agg(operation || ' ' || calls, ', ' ORDER BY calls DESC, operation) AS what FROM kinds)
SELECT 'broken.slow_operations' AS code,
    {{'n': (SELECT count(*) FROM slow), 'longest': (SELECT round(max(seconds), 1) FROM slow),
      'length': {SLOW_SECONDS:g}, 'limit': {SLOW_IN_WINDOW}, 'what': what}} AS args
FROM slow, told
WHERE (SELECT count(*) FROM slow) >= {SLOW_IN_WINDOW}
"""

CHECKS: Final = (
    Check(
        "slow_operations",
        "ops/timings",
        _SLOW,
        level=Severity.MEDIUM,
        looks_for=f"{SLOW_IN_WINDOW} operations of the services or more, within the last {spelled(ERROR_RATE_WINDOW)},"
        f" that took over {SLOW_SECONDS:g} s",
        what_to_do=Message("check.slow_operations_do", {"n": SLOW_IN_WINDOW, "length": f"{SLOW_SECONDS:g}"}),
    ),
)
