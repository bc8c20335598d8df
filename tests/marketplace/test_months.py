"""Whether a month is ready: each point by itself, and that what cannot be told is never ready."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import pytest

from marketplace.months import MonthFacts, Point, Standing, points_of, whole

CLOSES = datetime(2026, 11, 1, 16)
READY = MonthFacts(
    closes_at=CLOSES,
    judged_at=datetime(2026, 11, 5),
    compared=True,
    unacknowledged=0,
    since_report=0,
    reported=True,
    report_judged_at=datetime(2026, 11, 4),
    holds=True,
    signed=1,
    signed_report=True,
)


def test_a_month_is_ready_where_every_point_is_done() -> None:
    assert set(points_of(READY).values()) == {Standing.DONE}
    assert list(points_of(READY)) == list(Point)
    assert whole(points_of(READY)) is Standing.DONE


@pytest.mark.parametrize(
    ("facts", "point", "stands"),
    [
        ({"judged_at": datetime(2026, 11, 1, 15, 59)}, Point.CLOSED, Standing.OPEN),
        ({"judged_at": CLOSES}, Point.CLOSED, Standing.DONE),
        ({"judged_at": datetime(2026, 10, 30)}, Point.UNCHANGED, Standing.OPEN),
        ({"judged_at": None}, Point.UNCHANGED, Standing.UNKNOWN),
        ({"unacknowledged": 1}, Point.UNCHANGED, Standing.OPEN),
        ({"since_report": 1}, Point.UNCHANGED, Standing.OPEN),
        ({"compared": False}, Point.UNCHANGED, Standing.UNKNOWN),
        ({"compared": False, "unacknowledged": 2}, Point.UNCHANGED, Standing.OPEN),
        ({"reported": False}, Point.REPORTED, Standing.OPEN),
        ({"reported": False, "holds": None}, Point.VERIFIED, Standing.OPEN),
        ({"report_judged_at": datetime(2026, 11, 1, 15)}, Point.REPORTED, Standing.OPEN),
        ({"report_judged_at": None}, Point.REPORTED, Standing.UNKNOWN),
        ({"holds": False}, Point.VERIFIED, Standing.OPEN),
        ({"holds": None}, Point.VERIFIED, Standing.UNKNOWN),
        ({"signed": 0, "signed_report": None}, Point.SIGNED_OFF, Standing.OPEN),
        ({"signed_report": False}, Point.SIGNED_OFF, Standing.OPEN),
    ],
)
def test_each_point_stands_by_what_is_known(facts: dict[str, Any], point: Point, stands: Standing) -> None:
    points = points_of(replace(READY, **facts))
    assert points[point] is stands
    assert (whole(points) is Standing.DONE) == (stands is Standing.DONE)


@pytest.mark.parametrize("unknown", [field.name for field in fields(MonthFacts) if field.name != "closes_at"])
def test_what_cannot_be_told_is_never_called_ready(unknown: str) -> None:
    assert whole(points_of(replace(READY, **{unknown: None}))) is Standing.UNKNOWN
