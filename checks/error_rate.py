"""That calls and runs do not fail in numbers."""

from __future__ import annotations

from typing import Final

from checks.check import Check
from marketplace.durations import spelled
from marketplace.error_rate import ERROR_RATE_WINDOW, ERRORS_A_MINUTE, NOT_COUNTED
from marketplace.findings import Severity
from messages.message import Message

_WINDOW_S: Final = int(ERROR_RATE_WINDOW.total_seconds())

# The instant is this run's: the newest verdict on health. Each event counts those of the minute that ends with it.
_OF_THE_BUSIEST_MINUTE: Final = f"""
WITH clock AS (
    SELECT coalesce((SELECT max(evaluated_at) FROM ops.health_changes), (SELECT max(called_at) FROM ops.errors))
        AS now),
recent AS (
    SELECT called_at, category, operation FROM ops.errors, clock
    WHERE reason NOT IN {NOT_COUNTED} AND called_at <= clock.now
      AND called_at > clock.now - INTERVAL {_WINDOW_S + 60} SECOND),
rated AS (
    SELECT called_at, count(*) OVER (ORDER BY called_at RANGE BETWEEN INTERVAL 59999999 MICROSECONDS PRECEDING
        AND CURRENT ROW) AS events FROM recent),
busiest AS (
    SELECT called_at, events FROM rated, clock
    WHERE called_at > clock.now - INTERVAL {_WINDOW_S} SECOND
    ORDER BY events DESC, called_at DESC LIMIT 1),
bad AS (
    SELECT recent.category, recent.operation, busiest.called_at AS until, busiest.events FROM recent, busiest
    WHERE busiest.events >= {ERRORS_A_MINUTE} AND recent.called_at <= busiest.called_at
      AND recent.called_at > busiest.called_at - INTERVAL 1 MINUTE),
kinds AS (
    SELECT category, operation, count(*) AS kind_events FROM bad
    GROUP BY ALL ORDER BY kind_events DESC, category, operation LIMIT 3),
told AS (
    SELECT string_agg(category || ' ' || operation || ' ' || kind_events, ', '
        ORDER BY kind_events DESC, category, operation) AS what FROM kinds)
SELECT 'broken.error_rate' AS code,
    {{'events': events, 'until': strftime(until, '%H:%M:%S'), 'limit': {ERRORS_A_MINUTE}, 'what': what}} AS args
FROM bad, told
"""

CHECKS: Final = (
    Check(
        "error_rate",
        "ops/errors",
        _OF_THE_BUSIEST_MINUTE,
        level=Severity.MEDIUM,
        looks_for=f"{ERRORS_A_MINUTE} errors or more within a minute, of calls and runs of the last"
        f" {spelled(ERROR_RATE_WINDOW)}",
        what_to_do=Message("check.error_rate_do", {"n": ERRORS_A_MINUTE}),
    ),
)
