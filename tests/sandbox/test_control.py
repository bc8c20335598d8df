"""The routes outside /v1: faults on demand, changes between pages, keys and trusted rows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.error import HTTPError

import pytest
import requests
from appwrite.services.tables_db import TablesDB

from tests.sandbox_server import SandboxProcess

AT = "2026-01-01T00:00:00.000+00:00"


@pytest.fixture(scope="module")
def server(empty_sandbox: SandboxProcess) -> Iterator[SandboxProcess]:
    with empty_sandbox.own_database() as process:
        tables = TablesDB(process.client())
        for name in ("items", "others"):
            tables.create_table(process.database, name, name)
            tables.create_integer_column(process.database, name, "n", False)
        process.load_rows("items", ({"$id": f"r{n:04d}", "$createdAt": AT, "n": n} for n in range(100)))
        yield process


@pytest.fixture(autouse=True)
def _no_faults_after(server: SandboxProcess) -> Iterator[None]:
    yield
    server.as_it_was()


def get(server: SandboxProcess, table: str = "items", timeout: float = 5, **query: Any) -> requests.Response:
    headers = {"X-Appwrite-Project": server.project, "X-Appwrite-Key": server.read_only_key}
    texts = query.pop("queries", [])
    params = {**query, **{f"queries[{n}]": json.dumps(text) for n, text in enumerate(texts)}}
    url = f"{server.endpoint}/tablesdb/{server.database}/tables/{table}/rows"
    return requests.get(url, params=params, headers=headers, timeout=timeout)


def test_an_error_status_comes_in_its_share_and_the_same_each_time(server: SandboxProcess) -> None:
    def run() -> list[int]:
        server.faults({"kind": "status", "status": 503, "rate": 0.3}, seed=5)
        return [get(server).status_code for _ in range(60)]

    first = run()
    assert first == run()
    assert 8 <= first.count(503) <= 30
    assert set(first) == {200, 503}


def test_a_status_has_its_error_body_and_retry_after_and_ends_after_its_count(server: SandboxProcess) -> None:
    server.faults({"kind": "status", "status": 429, "retry_after": 2, "count": 1, "skip": 1})
    answers = [get(server) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 429, 200]
    assert answers[1].json()["type"] == "general_rate_limit_exceeded"
    assert answers[1].headers["Retry-After"] == "2"
    assert server.control("GET", "faults") == {"requests": 3, "injected": {"status": 1}}


def test_a_fault_may_be_about_one_table_only(server: SandboxProcess) -> None:
    server.faults({"kind": "html", "status": 502, "table": "items"})
    assert get(server, "others").status_code == 200
    broken = get(server)
    assert broken.status_code == 502
    assert broken.headers["Content-Type"].startswith("text/html")


def test_connections_are_reset(server: SandboxProcess) -> None:
    server.faults({"kind": "reset"})
    with pytest.raises(requests.ConnectionError):
        get(server)


def test_bodies_are_cut_short(server: SandboxProcess) -> None:
    server.faults({"kind": "truncate", "keep": 0.4})
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        get(server)


@pytest.mark.parametrize("death", ["reset", "status", "stall"])
def test_a_worker_has_room_for_so_many_bytes(server: SandboxProcess, death: str) -> None:
    few = [{"method": "limit", "values": [3]}]
    size = len(get(server, queries=few).content)
    server.faults({"kind": "memory", "bytes": size, "death": death, "status": 500, "path": "/rows"})
    assert len(get(server, queries=few).json()["rows"]) == 3
    assert server.control("GET", "faults")["injected"] == {}
    if death == "status":
        assert get(server).status_code == 500
    else:
        with pytest.raises((requests.ConnectionError, requests.Timeout)):
            get(server, timeout=0.5)
    assert server.control("GET", "faults")["injected"] == {"memory": 1}


def test_bodies_may_be_empty(server: SandboxProcess) -> None:
    server.faults({"kind": "empty"})
    answer = get(server)
    assert (answer.status_code, answer.content) == (200, b"")


def test_latency_delays_and_a_stall_never_answers(server: SandboxProcess) -> None:
    server.faults({"kind": "latency", "seconds": 0.3})
    start = time.monotonic()
    assert get(server).status_code == 200
    assert time.monotonic() - start >= 0.3
    server.faults({"kind": "stall"})
    with pytest.raises(requests.Timeout):
        get(server, timeout=0.3)


def test_the_date_header_is_skewed(server: SandboxProcess) -> None:
    server.faults({"kind": "skew", "seconds": -600})
    told = parsedate_to_datetime(get(server).headers["Date"]).timestamp()
    assert -602 <= told - server.now().timestamp() <= -598


def test_rows_change_between_two_pages(server: SandboxProcess) -> None:
    before = get(server, queries=[{"method": "equal", "attribute": "$id", "values": ["r0001"]}]).json()[
        "rows"
    ][0]
    server.between_pages(
        {
            "table": "items",
            "after": 2,
            "touch": ["r0001"],
            "delete": ["r0002"],
            "insert": [{"$id": "fresh", "n": 7}],
            "update": [{"$id": "r0003", "n": 33}],
        }
    )
    window = {"queries": [{"method": "limit", "values": [1000]}]}
    for _ in range(2):
        assert get(server, **window).json()["total"] == 100
    rows = {row["$id"]: row for row in get(server, **window).json()["rows"]}
    assert "r0002" not in rows
    assert rows["fresh"]["n"] == 7
    assert rows["r0003"]["n"] == 33
    assert rows["r0001"]["$updatedAt"] > before["$updatedAt"]
    assert int(rows["fresh"]["$sequence"]) > 100


def test_a_wrong_order_is_refused(server: SandboxProcess) -> None:
    for body in ({"rules": [{"kind": "earthquake"}]}, {"rules": [{"kind": "reset", "colour": "red"}]}):
        with pytest.raises(HTTPError) as refused:
            server.control("PUT", "faults", body)
        assert refused.value.code == 400
    with pytest.raises(HTTPError) as refused:
        server.control("POST", "rows/bulk", {"database": "none", "table": "x", "rows": []})
    assert refused.value.code == 400


def test_the_clock_is_told_and_moved(server: SandboxProcess) -> None:
    before = server.now()
    server.control("PUT", "clock", {"by": 86_400})
    assert server.now() - before >= timedelta(days=1)
    told = parsedate_to_datetime(get(server).headers["Date"])
    assert told - before > timedelta(days=1) - timedelta(seconds=1)
    server.control("PUT", "clock", {"by": -86_400})
    assert before <= server.now() < before + timedelta(days=1)


def call(server: SandboxProcess, method: str, path: str, body: Any = None) -> requests.Response:
    headers = {"X-Appwrite-Project": server.project, "X-Appwrite-Key": server.key}
    return requests.request(method, server.endpoint + path, json=body, headers=headers, timeout=5)


def items(server: SandboxProcess) -> str:
    return f"/tablesdb/{server.database}/tables/items/rows"


def test_writes_of_calls_are_counted_and_reads_are_none(server: SandboxProcess) -> None:
    server.forget_writes()
    get(server)
    call(server, "GET", f"{items(server)}/r0001")
    assert server.writes() == {"writes": 0, "calls": 0, "by_route": {}, "by_table": {}}
    call(server, "POST", items(server), {"rowId": "w1", "data": {"n": 1}})
    call(server, "POST", items(server), {"rows": [{"$id": "w2"}, {"$id": "w3"}]})
    call(server, "POST", items(server), {"rowId": "w1", "data": {"n": 1}})
    call(server, "PATCH", f"{items(server)}/w1", {"data": {"n": 2}})
    call(server, "DELETE", f"{items(server)}/w2")
    told = server.writes()
    assert told["by_table"] == {server.database: {"items": {"created": 3, "changed": 1, "deleted": 1}}}
    assert (told["writes"], told["calls"]) == (5, 5)
    assert told["by_route"]["POST /tablesdb/{databaseId}/tables/{tableId}/rows"] == 3


def test_what_a_transaction_that_failed_wrote_is_not_counted(server: SandboxProcess) -> None:
    opened = call(server, "POST", "/tablesdb/transactions").json()["$id"]
    place = {"databaseId": server.database, "tableId": "items"}
    operations = [
        {**place, "action": "create", "rowId": "t1", "data": {"n": 1}},
        {**place, "action": "create", "rowId": "r0001", "data": {"n": 1}},
    ]
    call(server, "POST", f"/tablesdb/transactions/{opened}/operations", {"operations": operations})
    server.forget_writes()
    assert call(server, "PATCH", f"/tablesdb/transactions/{opened}", {"commit": True}).status_code == 409
    assert server.writes()["writes"] == 0


@pytest.mark.parametrize("death", ["reset", "status", "stall", "late"])
def test_a_server_fails_after_it_wrote(server: SandboxProcess, death: str) -> None:
    fault = {
        "kind": "after",
        "method": "PATCH",
        "death": death,
        "status": 500,
        "seconds": 0.2,
        "skip": 1,
        "count": 1,
    }
    server.faults(fault)
    place = f"{items(server)}/r0050"
    assert call(server, "PATCH", place, {"data": {"n": 1000}}).status_code == 200
    if death in ("reset", "stall"):
        with pytest.raises(requests.ConnectionError):
            call(server, "PATCH", place, {"data": {"n": 2000}})
    else:
        answer = call(server, "PATCH", place, {"data": {"n": 2000}})
        assert answer.status_code == (500 if death == "status" else 200)
    assert call(server, "GET", place).json()["n"] == 2000
    assert server.control("GET", "faults")["injected"] == {"after": 1}
    assert call(server, "PATCH", place, {"data": {"n": 3000}}).status_code == 200


def test_a_server_may_have_no_transactions(server: SandboxProcess) -> None:
    server.settings(transactions=False)
    assert call(server, "POST", "/tablesdb/transactions").status_code == 404
    server.settings()
    assert call(server, "POST", "/tablesdb/transactions").status_code == 201


def test_an_index_takes_its_time_and_may_fail(server: SandboxProcess) -> None:
    indexes = f"/tablesdb/{server.database}/tables/items/indexes"
    for key, error, ends in (("slow", "", "available"), ("broken", "out of space", "failed")):
        server.settings(index_seconds=60, index_error=error)
        body = {"key": key, "type": "key", "columns": ["n"]}
        assert call(server, "POST", indexes, body).json()["status"] == "processing"
        assert call(server, "GET", f"{indexes}/{key}").json()["status"] == "processing"
        server.control("PUT", "clock", {"by": 61})
        told = call(server, "GET", f"{indexes}/{key}").json()
        assert (told["status"], told["error"]) == (ends, error)
        listed = call(server, "GET", indexes.removesuffix("/indexes")).json()["indexes"]
        assert [index["status"] for index in listed if index["key"] == key] == [ends]
        server.control("PUT", "clock", {"by": -61})
