"""That no health point is broken. One that is unknown is no failure, and not shown as working."""

from __future__ import annotations

from typing import Final

from checks.check import Check
from marketplace.findings import Severity
from marketplace.health import HEALTH_POINTS, HealthPoint
from messages.rules import look


def _not_broken(number: int, point: HealthPoint) -> Check:
    return Check(
        f"health_point_{number}_{point.name.replace(' ', '_').replace('-', '_')}",
        "marts/health_points",
        f"""
        SELECT 'status: isin' AS rule, point FROM marts.health_points
        WHERE point = {number} AND status NOT IN ('working', 'unknown')
        UNION ALL
        SELECT 'point_was_measured', NULL FROM (FROM marts.health_points WHERE point = {number}) HAVING count(*) <> 1
        """,
        level=point.severity,
        looks_for=f"point {number}, {point.name}, being broken or not measured",
        severity="ERROR" if point.severity is Severity.CRITICAL else "WARN",
        what_to_do=look(number),
    )


CHECKS: Final = tuple(_not_broken(number, point) for number, point in HEALTH_POINTS.items())
