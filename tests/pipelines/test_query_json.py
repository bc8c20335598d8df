"""What `bookwatch sql --format json` makes of values that JSON has no form for."""

from __future__ import annotations

import json

import duckdb
import pytest

from pipelines.cli.query import as_json, cell
from resources.questions import answer


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sum(x)", 3),
        ("9223372036854775807", 9223372036854775807),
        ("99999999999999999999999::HUGEINT", "99999999999999999999999"),
        ("true", True),
        ("1.50::DECIMAL(5, 2)", "1.50"),
        ("'nan'::DOUBLE", None),
        ("TIMESTAMP '2026-03-10 03:00:00'", "2026-03-10T03:00:00Z"),
    ],
)
def test_a_value_is_written_as_json_readers_take_it(expression: str, expected: object) -> None:
    con = duckdb.connect()
    names, rows = answer(con, f"SELECT {expression} AS v FROM (VALUES (1), (2)) t(x) LIMIT 1")
    assert json.loads(as_json(names, rows)) == [{"v": expected}]


def test_a_local_time_is_in_no_zone() -> None:
    at = "TIMESTAMP '2026-03-10 03:00:00'"
    names, rows = answer(duckdb.connect(), f"SELECT {at} AS local_hour, {{'local_hour': {at}}} AS held")
    local = {"local_hour": "2026-03-10T03:00:00"}
    assert json.loads(as_json(names, rows)) == [{**local, "held": local}]
    assert list(map(cell, rows[0], names)) == [
        "2026-03-10T03:00:00",
        json.dumps(local, separators=(",", ":")),
    ]
