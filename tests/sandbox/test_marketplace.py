"""The sandbox with its simulated marketplace: what it serves is what the simulation says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.error import HTTPError

import pytest
import requests

from tests.sandbox_server import SandboxProcess

UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)


@pytest.fixture(scope="module")
def server() -> Any:
    with SandboxProcess("--days", "2", "--seed", "3", "--until", UNTIL.isoformat(), "--live") as process:
        yield process


def get(server: SandboxProcess, path: str, *queries: dict[str, Any]) -> requests.Response:
    headers = {"X-Appwrite-Project": server.project, "X-Appwrite-Key": server.read_only_key}
    params = {f"queries[{n}]": json.dumps(text) for n, text in enumerate(queries)}
    url = f"{server.endpoint}/tablesdb/{server.database}/tables/{path}"
    return requests.get(url, params=params, headers=headers, timeout=20)


def test_every_table_of_the_simulation_is_served(server: SandboxProcess) -> None:
    from sandbox.simulator.schema import TABLES

    for name, columns in TABLES.items():
        answer = get(server, f"{name}/columns", {"method": "limit", "values": [100]}).json()
        assert [column["key"] for column in answer["columns"]] == [column.key for column in columns]
    assert get(server, "bookings/rows").json()["total"] > 100
    assert json.loads((server.data / "truth.json").read_text())


def test_no_row_is_of_a_time_the_server_has_not_reached(server: SandboxProcess) -> None:
    newest = {"method": "orderDesc", "attribute": "$updatedAt"}
    answer = get(server, "bookings/rows", newest, {"method": "limit", "values": [1]})
    clock = parsedate_to_datetime(answer.headers["Date"])
    assert UNTIL - timedelta(seconds=5) <= clock <= UNTIL + timedelta(minutes=5)
    assert datetime.fromisoformat(answer.json()["rows"][0]["$updatedAt"]) <= clock + timedelta(seconds=1)


def test_the_market_can_be_disturbed_while_it_goes_on(server: SandboxProcess) -> None:
    span = {"from": UNTIL.isoformat(), "to": (UNTIL + timedelta(hours=1)).isoformat()}
    server.control("PUT", "disturbances", {"outages": [{"source": "all", **span}]})
    server.control("DELETE", "disturbances")
    with pytest.raises(HTTPError) as refused:
        server.control("PUT", "disturbances", {"outages": [{"source": "nowhere", **span}]})
    assert "source must be all or one of" in json.loads(refused.value.read())["message"]


def test_what_does_not_go_on_is_not_disturbed(empty_sandbox: SandboxProcess) -> None:
    with pytest.raises(HTTPError) as refused:
        empty_sandbox.control("PUT", "disturbances", {})
    assert "--live" in json.loads(refused.value.read())["message"]


def test_disturbances_are_read_off_the_command_line() -> None:
    from sandbox.options import read_level, read_outage

    day = datetime(2026, 11, 1, tzinfo=UTC)
    assert read_outage("all:2026-11-01/2026-11-02T00:00Z") == ("all", day, day + timedelta(days=1))
    assert read_level("0.5:2026-11-01T00:00+00:00/2026-11-02") == (0.5, day, day + timedelta(days=1))
    with pytest.raises(ValueError, match="isoformat"):
        read_outage("all")
