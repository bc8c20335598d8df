"""Transactions and unique values where the recording says nothing: what follows a staging at once, a transaction's own
rows, the older API, bulk changes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.sandbox_server import SandboxProcess

Told = tuple[int, Any]


class Caller:
    """Calls of one table of one database."""

    def __init__(self, server: SandboxProcess) -> None:
        self.server = server
        self.session = requests.Session()
        self.session.headers.update({"X-Appwrite-Project": server.project, "X-Appwrite-Key": server.key})

    def __call__(self, method: str, path: str, body: Any = None) -> Told:
        answer = self.session.request(method, self.server.endpoint + path, json=body, timeout=10)
        return answer.status_code, answer.json() if answer.content else None

    def row(self, identity: str = "") -> str:
        return f"/tablesdb/{self.server.database}/tables/seats/rows/{identity}".rstrip("/")

    def staged(self, *operations: dict[str, Any]) -> str:
        """A transaction that holds these; the path that ends it."""
        opened = self("POST", "/tablesdb/transactions")[1]["$id"]
        place = {"databaseId": self.server.database, "tableId": "seats"}
        body = {"operations": [{**place, **operation} for operation in operations]}
        status, answer = self("POST", f"/tablesdb/transactions/{opened}/operations", body)
        assert status == 201, answer
        return f"/tablesdb/transactions/{opened}"

    def committed(self, path: str) -> tuple[int, str]:
        """Status and error of a commit, and what the transaction says of itself fits."""
        status, answer = self("PATCH", path, {"commit": True})
        state = self("GET", path)[1]["status"]
        assert state == ("committed" if status == 200 else "failed")
        return status, answer.get("type", "")


@pytest.fixture(scope="module")
def call(empty_sandbox: SandboxProcess) -> Iterator[Caller]:
    with empty_sandbox.own_database() as server:
        caller = Caller(server)
        columns = [
            {"key": "name", "type": "varchar", "size": 40, "required": True},
            {"key": "free", "type": "integer", "min": 0, "max": 10, "default": 5},
            {"key": "slot", "type": "varchar", "size": 40},
        ]
        indexes = [{"key": "once", "type": "unique", "attributes": ["slot"]}]
        body = {
            "tableId": "seats",
            "name": "Seats",
            "rowSecurity": True,
            "columns": columns,
            "indexes": indexes,
        }
        assert caller("POST", f"/tablesdb/{server.database}/tables", body)[0] == 201
        yield caller


def made(call: Caller, identity: str, **data: Any) -> str:
    assert call("POST", call.row(), {"rowId": identity, "data": {"name": "x", **data}})[0] == 201
    return identity


def test_a_change_right_after_staging_is_always_a_conflict(call: Caller) -> None:
    made(call, "quick")
    for number in range(20):
        path = call.staged({"action": "update", "rowId": "quick", "data": {"name": "late"}})
        assert call("PATCH", call.row("quick"), {"data": {"name": f"first {number}"}})[0] == 200
        assert call.committed(path) == (409, "transaction_conflict")
    assert call("GET", call.row("quick"))[1]["name"] == "first 19"


def test_a_transactions_own_rows_are_no_conflict(call: Caller) -> None:
    path = call.staged(
        {"action": "create", "rowId": "own", "data": {"name": "a", "$permissions": ['read("any")']}},
        {"action": "update", "rowId": "own", "data": {"name": "b"}},
        {"action": "increment", "rowId": "own", "data": {"column": "free", "value": 2}},
        {"action": "bulkUpdate", "data": {"queries": [], "data": {"slot": None}}},
        {"action": "create", "rowId": "gone", "data": {"name": "c"}},
        {"action": "delete", "rowId": "gone"},
    )
    assert call.committed(path) == (200, "")
    row = call("GET", call.row("own"))[1]
    assert (row["name"], row["free"], row["$permissions"]) == ("b", 7, ['read("any")'])
    assert call("GET", call.row("gone"))[0] == 404


def test_a_refused_operation_undoes_those_before_it(call: Caller) -> None:
    made(call, "limited", free=3)
    path = call.staged(
        {"action": "update", "rowId": "limited", "data": {"name": "changed"}},
        {"action": "decrement", "rowId": "limited", "data": {"column": "free", "value": 4, "min": 0}},
    )
    assert call("PATCH", path, {"commit": True})[1]["message"] == "Attribute value exceeds minimum limit: 0"
    assert call("PATCH", path, {"commit": True})[1]["type"] == "transaction_not_ready"
    row = call("GET", call.row("limited"))[1]
    assert (row["name"], row["free"]) == ("x", 3)


def test_a_row_that_went_is_told_from_one_that_changed(call: Caller) -> None:
    for identity in ("went", "moved"):
        made(call, identity)
    for identity, expected in (
        ("went", (404, "document_not_found")),
        ("moved", (409, "transaction_conflict")),
    ):
        update = call.staged({"action": "update", "rowId": identity, "data": {"name": "y"}})
        gone = call.staged({"action": "delete", "rowId": identity})
        bulk = call.staged({"action": "bulkUpsert", "data": [{"$id": identity, "name": "z"}]})
        if identity == "went":
            call("DELETE", call.row(identity))
        else:
            call("PATCH", call.row(identity), {"data": {"name": "moved"}})
        assert [call.committed(update), call.committed(gone)] == [expected] * 2
        assert call.committed(bulk) == ((200, "") if identity == "went" else expected)


def test_of_two_that_commit_at_once_one_does(call: Caller) -> None:
    made(call, "twice", free=0)
    path = call.staged({"action": "increment", "rowId": "twice", "data": {"column": "free", "value": 1}})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: Caller(call.server)("PATCH", path, {"commit": True})[0], range(8)))
    assert sorted(answers) == [200, *[400] * 7]
    assert call("GET", call.row("twice"))[1]["free"] == 1


def test_the_older_api_stages_and_commits_the_same(call: Caller) -> None:
    made(call, "old")
    opened = call("POST", "/databases/transactions")[1]["$id"]
    place = {"databaseId": call.server.database, "collectionId": "seats"}
    operations = [
        {**place, "action": "update", "documentId": "old", "data": {"name": "older"}},
        {**place, "action": "decrement", "documentId": "old", "data": {"attribute": "free", "value": 1}},
    ]
    path = f"/databases/transactions/{opened}"
    assert call("POST", f"{path}/operations", {"operations": operations})[0] == 201
    seen = f"/databases/{call.server.database}/collections/seats/documents/old"
    assert call("GET", f"{seen}?transactionId={opened}")[1]["name"] == "older"
    assert call("PATCH", path, {"commit": True})[1]["status"] == "committed"
    row = call("GET", seen)[1]
    assert (row["name"], row["free"]) == ("older", 4)


def test_a_unique_value_is_the_same_in_any_case_and_with_blanks_behind(call: Caller) -> None:
    made(call, "taken", slot="Ten")
    for slot in ("ten", "TEN  "):
        status, answer = call("POST", call.row(), {"rowId": "other", "data": {"name": "x", "slot": slot}})
        assert (status, answer["type"]) == (409, "row_unique_constraint_violation")
    path = call.staged({"action": "create", "rowId": "other", "data": {"name": "x", "slot": "ten "}})
    assert call.committed(path) == (409, "transaction_conflict")
    status, answer = call("PUT", call.row("third"), {"data": {"name": "over", "slot": "ten "}})
    assert (status, answer["$id"]) == (200, "third")
    assert call("GET", call.row("third"))[0] == 404
    assert call("GET", call.row("taken"))[1]["name"] == "over"
