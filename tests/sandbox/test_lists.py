"""Lists of rows beyond the recorded cases: the whole query language, totals, who may read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from appwrite.services.tables_db import TablesDB

from tests.sandbox_server import SandboxProcess

COLUMNS = [
    {"key": "name", "kind": "varchar", "size": 64},
    {"key": "n", "kind": "integer"},
    {"key": "rate", "kind": "float"},
    {"key": "on", "kind": "boolean"},
    {"key": "at", "kind": "datetime"},
    {"key": "tags", "kind": "varchar", "size": 16, "array": True},
]
EARLY, LATE = "2026-01-01T00:00:00.000+00:00", "2026-03-01T00:00:00.000+00:00"
ROWS: list[dict[str, Any]] = [
    {"$id": "a", "name": "Alpha", "n": 1, "rate": 0.5, "on": True, "at": EARLY, "tags": ["x"]},
    {"$id": "b", "name": "alphabet", "n": 2, "rate": 2, "on": False, "at": None, "tags": ["x", "y"]},
    {"$id": "c", "name": "50%_off", "n": 3, "rate": None, "on": True, "at": LATE, "tags": []},
    {"$id": "d", "name": None, "n": None, "rate": 1.5, "on": None, "at": None, "tags": None},
]  # fmt: skip


@pytest.fixture(scope="module")
def server(empty_sandbox: SandboxProcess) -> Iterator[SandboxProcess]:
    with empty_sandbox.own_database() as process:
        process.control("POST", "tables", {"database": process.database, "table": "t", "columns": COLUMNS})
        process.load_rows("t", ROWS)
        yield process


def ask(server: SandboxProcess, *queries: dict[str, Any], **params: str) -> requests.Response:
    headers = {"X-Appwrite-Project": server.project, "X-Appwrite-Key": server.read_only_key}
    every = {**params, **{f"queries[{n}]": json.dumps(text) for n, text in enumerate(queries)}}
    url = f"{server.endpoint}/tablesdb/{server.database}/tables/t/rows"
    return requests.get(url, params=every, headers=headers, timeout=10)


def q(method: str, attribute: str | None = None, *values: Any) -> dict[str, Any]:
    named = {"attribute": attribute} if attribute else {}
    return {"method": method, **named, **({"values": list(values)} if values else {})}


def ids(answer: requests.Response) -> str:
    assert answer.status_code == 200, answer.text
    return "".join(row["$id"] for row in answer.json()["rows"])


@pytest.mark.parametrize(
    ("queries", "expected"),
    [
        ([q("equal", "name", "ALPHA")], "a"),
        ([q("equal", "name", "alpha", "ALPHABET")], "ab"),
        ([q("notEqual", "name", "alpha")], "bc"),
        ([q("startsWith", "name", "alpha")], "ab"),
        ([q("notStartsWith", "name", "alpha")], "c"),
        ([q("endsWith", "name", "BET")], "b"),
        ([q("notEndsWith", "name", "bet")], "ac"),
        ([q("contains", "name", "0%_")], "c"),
        ([q("contains", "name", "%")], "c"),
        ([q("notContains", "name", "alpha")], "c"),
        ([q("regex", "name", "^[0-9]+")], "c"),
        ([q("contains", "tags", "y")], "b"),
        ([q("containsAll", "tags", "x", "y")], "b"),
        ([q("notContains", "tags", "y")], "ac"),
        ([q("isNull", "at")], "bd"),
        ([q("isNotNull", "n")], "abc"),
        ([q("lessThan", "rate", 1)], "a"),
        ([q("greaterThanEqual", "rate", 1.5)], "bd"),
        ([q("between", "n", 2, 3)], "bc"),
        ([q("notBetween", "n", 2, 3)], "a"),
        ([q("equal", "on", False)], "b"),
        ([q("greaterThan", "at", "2026-02-01T08:00:00+08:00")], "c"),
        ([q("or", None, q("equal", "n", 1), q("and", None, q("equal", "n", 3), q("isNotNull", "at")))], "ac"),
        ([q("orderDesc", "n")], "cbad"),
        ([q("orderAsc", "n")], "dabc"),
        ([q("orderDesc", "on"), q("orderDesc", "$sequence")], "cabd"),
        ([q("orderDesc", "$id"), q("limit", None, 2)], "dc"),
        ([q("cursorAfter", None, "b")], "cd"),
        ([q("cursorBefore", None, "c")], "ab"),
        ([q("cursorBefore", None, "d"), q("limit", None, 2)], "bc"),
        ([q("orderDesc", "$sequence"), q("cursorAfter", None, "c")], "ba"),
        ([q("orderAsc", "name"), q("cursorAfter", None, "a")], "b"),
        ([q("offset", None, 1), q("limit", None, 2)], "bc"),
        ([q("greaterThan", "$sequence", "2")], "cd"),
        ([q("equal", "$sequence", "1", "4")], "ad"),
        ([q("between", "$sequence", "2", "3")], "bc"),
    ],
)  # fmt: skip
def test_queries_choose_and_order(
    server: SandboxProcess, queries: list[dict[str, Any]], expected: str
) -> None:
    assert ids(ask(server, *queries)) == expected


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (
            [q("greaterThan", "$sequence", "0")],
            'Invalid query: Query value is invalid for attribute "$sequence"',
        ),
        ([q("equal", "$sequence", "one")], 'Invalid query: Query value is invalid for attribute "$sequence"'),
        ([q("equal", "name", 1)], 'Invalid query: Query value is invalid for attribute "name"'),
        ([q("equal", "on", "true")], 'Invalid query: Query value is invalid for attribute "on"'),
        ([q("equal", "nope", 1)], "Invalid query: Attribute not found in schema: nope"),
        (
            [q("contains", "n", 1)],
            (
                'Invalid query: Cannot query contains on attribute "n" because it is not an array, string, or '
                "object."
            ),
        ),
        (
            [q("equal", "tags", "x")],
            'Invalid query: Cannot query equal on attribute "tags" because it is an array.',
        ),
        ([q("between", "n", 1)], "Invalid query: Between queries require exactly two values."),
        ([q("or", None, q("equal", "n", 1))], "Invalid query: Or queries require at least two queries"),
        (
            [q("and", None, q("equal", "n", 1), q("limit", None, 1))],
            "Invalid query: And queries can only contain filter queries",
        ),
        ([q("updatedBefore", None, "2026-01-01")], "Invalid query method: updatedBefore"),
    ],
)
def test_wrong_queries_are_refused(
    server: SandboxProcess, queries: list[dict[str, Any]], message: str
) -> None:
    refused = ask(server, *queries)
    assert (refused.status_code, refused.json()["type"]) == (400, "general_query_invalid")
    assert refused.json()["message"] == message


def test_the_total_is_what_the_server_makes_of_it(server: SandboxProcess) -> None:
    one = q("limit", None, 1)
    assert ask(server, one).json()["total"] == 4
    assert ask(server, one, total="0").json()["total"] == 0
    assert ask(server, one, total="false").json()["total"] == 4
    assert ask(server, one, q("cursorAfter", None, "c"), q("offset", None, 1)).json()["total"] == 4


def test_select_serves_system_fields_and_what_was_named(server: SandboxProcess) -> None:
    system = {"$id", "$sequence", "$createdAt", "$updatedAt", "$permissions", "$databaseId", "$tableId"}
    assert set(ask(server, q("select", None, "$id")).json()["rows"][0]) == system
    assert set(ask(server, q("select", None, "name", "n")).json()["rows"][0]) == system | {"name", "n"}
    assert set(ask(server, q("select", None, "*")).json()["rows"][0]) == system | {c["key"] for c in COLUMNS}


def test_a_guest_reads_what_is_open_to_any(server: SandboxProcess) -> None:
    tables = TablesDB(server.client())
    url = f"{server.endpoint}/tablesdb/{server.database}/tables/open/rows"
    guest = {"X-Appwrite-Project": server.project}
    tables.create_table(server.database, "open", "Open", permissions=['read("any")'])
    assert requests.get(url, headers=guest, timeout=5).status_code == 200
    listing = requests.get(url.removesuffix("/rows"), headers=guest, timeout=5)
    assert listing.status_code == 401
    assert (
        listing.json()["message"] == 'User (role: guests) missing scopes (["tables.read","collections.read"])'
    )


def test_a_large_table_is_paged_by_sequence_and_by_time(server: SandboxProcess) -> None:
    """Both ways to read it: by $sequence (many rows in the range) and by the index on $updatedAt (few)."""
    process = server
    process.control(
        "POST",
        "tables",
        {"database": process.database, "table": "large", "columns": [{"key": "n", "kind": "integer"}]},
    )
    count = 30_000
    for start in range(0, count, 10_000):
        process.load_rows(
            "large",
            (
                {
                    "$id": f"r{n}",
                    "$createdAt": f"2026-01-{1 + n // 1000 % 28:02d}T00:00:{n % 60:02d}.000+00:00",
                    "n": n,
                }
                for n in range(start, start + 10_000)
            ),
        )
    headers = {"X-Appwrite-Project": process.project, "X-Appwrite-Key": process.read_only_key}
    url = f"{process.endpoint}/tablesdb/{process.database}/tables/large/rows"

    def scan(low: str, high: str) -> list[int]:
        found: list[int] = []
        last: list[dict[str, Any]] = []
        while True:
            queries = [
                q("between", "$updatedAt", low, high),
                q("orderAsc", "$sequence"),
                q("limit", None, 1000),
                *last,
            ]
            params = {**{f"queries[{n}]": json.dumps(text) for n, text in enumerate(queries)}, "total": "0"}
            rows = requests.get(url, params=params, headers=headers, timeout=30).json()["rows"]
            found += [row["n"] for row in rows]
            if len(rows) < 1000:
                return found
            last = [q("greaterThan", "$sequence", rows[-1]["$sequence"])]

    assert scan("2025-01-01T00:00:00.000+00:00", "2027-01-01T00:00:00.000+00:00") == list(range(count))
    narrow = scan("2026-01-02T00:00:00.000+00:00", "2026-01-03T23:59:59.000+00:00")
    assert narrow == [n for n in range(count) if n // 1000 % 28 in (1, 2)]
    capped = requests.get(url, headers=headers, timeout=10).json()
    assert (capped["total"], len(capped["rows"])) == (5000, 25)
