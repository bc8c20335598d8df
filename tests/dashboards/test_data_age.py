"""What may be believed: fresh, stale, unknown, empty; failed beside any of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards.data_age import judge, points, read_status, system_state

NOW = datetime(2026, 11, 22, 6, 5, 30, tzinfo=UTC)


def scan(name: str, ago: timedelta | None, required: bool = True) -> dict[str, Any]:
    at = None if ago is None else (NOW - ago).replace(tzinfo=None)
    return {
        "collection": name,
        "required": required,
        "outcome": "complete",
        "watermark": at,
        "completed_at": at,
        "detail": None,
    }


@pytest.mark.parametrize(
    ("age", "state"), [(timedelta(minutes=10), "fresh"), (timedelta(minutes=10, seconds=1), "stale")]
)
def test_data_is_as_old_as_the_required_collection_read_the_longest_ago(age: timedelta, state: str) -> None:
    condition = judge(NOW, True, None, [scan("bookings", timedelta(0)), scan("commission_records", age)])
    assert condition.state == state
    assert condition.age == age
    assert condition.behind == (("commission_records",) if state == "stale" else ())


def test_an_optional_collection_does_not_make_the_data_stale() -> None:
    condition = judge(
        NOW, True, None, [scan("bookings", timedelta(0)), scan("reviews", timedelta(days=3), required=False)]
    )
    assert condition.state == "fresh"


def test_a_required_collection_never_read_is_stale_and_named() -> None:
    condition = judge(NOW, True, None, [scan("bookings", timedelta(0)), scan("chat_messages", None)])
    assert (condition.state, condition.behind) == ("stale", ("chat_messages",))


def test_where_nothing_says_when_the_age_is_unknown_not_fine() -> None:
    assert judge(NOW, True, None, []).state == "unknown"
    assert judge(NOW, True, {"freshness": "nonsense"}, []).state == "unknown"


def test_the_status_wins_over_the_snapshot_because_it_is_younger() -> None:
    status = {
        "freshness": {
            "collections": [
                {"collection": "bookings", "required": True, "completed_at": "2026-11-22T06:05:00Z"}
            ]
        }
    }
    condition = judge(NOW, True, status, [scan("bookings", timedelta(hours=2))])
    assert (condition.state, condition.age) == ("fresh", timedelta(seconds=30))


def test_without_a_snapshot_it_is_empty_also_when_the_run_failed() -> None:
    status = {
        "run": {
            "outcome": "failed",
            "exit_status": 11,
            "message": "Appwrite refused the key.",
            "finished_at": "2026-11-22T06:04:10Z",
        }
    }
    condition = judge(NOW, False, status, [])
    assert (condition.state, condition.failed, condition.failure, condition.exit_status) == (
        "empty",
        True,
        "Appwrite refused the key.",
        11,
    )
    assert condition.failed_at == datetime(2026, 11, 22, 6, 4, 10, tzinfo=UTC)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff\xfe"])
def test_a_status_that_cannot_be_read_is_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "status.json"
    if content is not None:
        path.write_bytes(content)
    assert read_status(path) is None


def test_a_status_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text(json.dumps({"version": 9, "new": 1}))
    assert read_status(path) == {"version": 9, "new": 1}


@pytest.mark.parametrize(
    ("states", "system"),
    [
        (["working"] * 7, "healthy"),
        (["working"] * 5 + ["broken", "unknown"], "degraded"),
        (["broken"] + ["working"] * 6, "down"),
        (["working"] * 4 + ["broken"] + ["working"] * 2, "down"),
        (["unknown"] * 7, "unknown"),
        ([], "unknown"),
    ],
)
def test_the_state_of_the_whole_where_no_status_says_it(states: list[str], system: str) -> None:
    rows = [{"point": number, "status": state} for number, state in enumerate(states, 1)]
    assert system_state(None, rows) == system
    assert system_state({"health": {"system": "something new"}}, rows) == system


def test_points_come_in_order_and_from_the_status_first() -> None:
    status = {"health": {"points": [{"point": 2, "status": "working"}, {"point": 1, "status": "broken"}]}}
    assert [row["point"] for row in points(status, [{"point": 1, "status": "working"}])] == [1, 2]
    assert points({}, [{"point": 1, "status": "working"}]) == [{"point": 1, "status": "working"}]
