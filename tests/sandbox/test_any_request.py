"""Whatever is asked, the sandbox answers as Appwrite would, with a refusal at worst: never a failure of its own."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.server.app import Api
from sandbox.server.calls import Answer
from sandbox.server.keys import ALL_SCOPES
from sandbox.server.queries.language import METHODS
from sandbox.storage.store import Store

COLUMNS: dict[str, dict[str, Any]] = {
    "s": {"kind": "varchar", "size": 200},
    "i": {"kind": "integer", "min": -5, "max": 100},
    "f": {"kind": "float"},
    "b": {"kind": "boolean"},
    "d": {"kind": "datetime"},
    "e": {"kind": "enum", "elements": ["a", "b"]},
    "em": {"kind": "email"},
    "arr": {"kind": "integer", "array": True},
    "sarr": {"kind": "varchar", "size": 5, "array": True},
    "big": {"kind": "bigint"},
    "p": {"kind": "point"},
    "enc": {"kind": "string", "size": 200, "encrypt": True},
}
SYSTEM = ("$id", "$sequence", "$createdAt", "$updatedAt", "$permissions", "$tableId", "nope", "s.x", "")
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 5, 1.5, "", "a", "1", "2026-01-01", "2026-01-01T00:00:00Z", "x" * 300, [], [1],
    ["a"], {}, {"a": 1}, 2**63, -(2**63) - 1, "%", "_", "\\", "[", "(", "é", "\0", "r1", "unique()", 'read("any")',
)  # fmt: skip
TABLE = "/tablesdb/c/tables/t"


class Asked:
    """The API without a network; ``failed`` lists the requests it could not answer."""

    def __init__(self, folder: Path) -> None:
        self.api = Api(Store(folder), "lab")
        self.headers = {
            "x-appwrite-project": "lab",
            "x-appwrite-key": self.api.keys.add(ALL_SCOPES),
            "content-type": "application/json",
        }
        self.failed: list[tuple[str, str, str]] = []
        self.answered: set[int] = set()

    def __call__(self, method: str, path: str, body: Any = None, queries: list[Any] | None = None) -> Answer:
        query = urlencode([(f"queries[{n}]", json.dumps(q)) for n, q in enumerate(queries or [])])
        raw = b"" if body is None else json.dumps(body).encode()
        answer, _ = self.api.answer(method, path.replace(" ", "%20"), query, self.headers, raw)
        self.answered.add(answer.status)
        if answer.status >= 500:
            self.failed.append((method, path, json.dumps(body if queries is None else queries)))
        return answer


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Asked]:
    asked = Asked(tmp_path)
    asked("POST", "/tablesdb", {"databaseId": "c", "name": "C"})
    asked("POST", "/tablesdb/c/tables", {"tableId": "t", "name": "T"})
    for key, column in COLUMNS.items():
        given = {k: v for k, v in column.items() if k != "kind"}
        asked("POST", f"{TABLE}/columns/{column['kind']}", {"key": key, "required": False, **given})
    for n in range(20):
        data = {
            "s": f"a{n}",
            "i": n,
            "f": n / 3,
            "b": bool(n % 2),
            "d": "2026-01-01",
            "arr": [n],
            "sarr": ["a"],
        }
        asked("POST", f"{TABLE}/rows", {"rowId": f"r{n}", "data": data})
    asked("POST", f"{TABLE}/indexes", {"key": "ft", "type": "fulltext", "columns": ["s"]})
    assert asked.answered == {201, 202}
    yield asked
    asked.api.pool.shutdown()
    asked.api.project.store.close()


def a_query(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    method = chance.choice((*sorted(METHODS), "frobnicate"))
    nested = method in ("and", "or", "elemMatch") and depth < 2
    query: dict[str, Any] = {"method": method}
    if chance.random() < 0.9:
        query["attribute"] = chance.choice((*COLUMNS, *SYSTEM, None, 5))
    if chance.random() < 0.9:
        query["values"] = [
            a_query(chance, depth + 1) if nested and chance.random() < 0.8 else chance.choice(VALUES)
            for _ in range(chance.choice([0, 1, 1, 1, 2, 3]))
        ]
    return query


def test_any_queries_of_any_list(ask: Asked) -> None:
    chance = random.Random(1)
    rows = f"{TABLE}/rows"
    lists = (
        rows, rows, rows, f"{rows}/r1", f"{TABLE}/columns", f"{TABLE}/indexes", "/tablesdb", "/tablesdb/c/tables",
        "/databases/c/collections/t/documents",
    )  # fmt: skip
    for _ in range(1500):
        ask(
            "GET", chance.choice(lists), queries=[a_query(chance) for _ in range(chance.choice([1, 1, 2, 3]))]
        )
    assert ask.failed == []
    assert ask.answered >= {200, 400}


def test_any_body_of_any_write(ask: Asked) -> None:
    chance = random.Random(2)
    rows = f"{TABLE}/rows"
    ids = ("r1", "r2", "new", "unique()", "bad id", "", None, 5, [], {})
    kinds = sorted({column["kind"] for column in COLUMNS.values()})

    def some() -> Any:
        return chance.choice(VALUES)

    def data() -> Any:
        names = (*COLUMNS, *SYSTEM)
        return {chance.choice(names): some() for _ in range(chance.choice([0, 1, 1, 2, 3]))}

    def column() -> dict[str, Any]:
        names = ("size", "min", "max", "default", "array", "elements", "encrypt", "newKey")
        given = {name: some() for name in names if chance.random() < 0.3}
        return {"key": f"k{chance.randint(0, 99)}", "required": chance.choice([False, True, some()]), **given}

    def catalogue() -> dict[str, Any]:
        names = (
            "tableId", "databaseId", "name", "permissions", "rowSecurity", "enabled", "columns", "indexes", "key",
            "type", "orders", "lengths",
        )  # fmt: skip
        return {name: some() for name in names if chance.random() < 0.5}

    for _ in range(1200):
        query = json.dumps(a_query(chance))
        method, path, body = chance.choice(
            (
                ("POST", rows, {"rowId": chance.choice(ids), "data": chance.choice([data(), some()])}),
                (
                    "POST",
                    rows,
                    {"rowId": "unique()", "data": data(), "permissions": chance.choice([some(), [some()]])},
                ),
                ("POST", rows, {"rows": chance.choice([[data()], [data(), {}], [some()], some()])}),
                ("PUT", rows, {"rows": chance.choice([[data()], [data(), {}], some()])}),
                ("PUT", f"{rows}/{chance.choice(ids) or 'r3'}", {"data": data()}),
                ("PATCH", f"{rows}/r1", {"data": data()}),
                ("PATCH", rows, {"data": data(), "queries": chance.choice([[query], some(), [some()]])}),
                ("DELETE", rows, {"queries": [query, json.dumps({"method": "limit", "values": [1]})]}),
                (
                    "PATCH",
                    f"{rows}/r1/{chance.choice(tuple(COLUMNS))}/increment",
                    {"value": some(), "max": some()},
                ),
                ("POST", f"{TABLE}/columns/{chance.choice(kinds)}", column()),
                (
                    "PATCH",
                    f"{TABLE}/columns/{chance.choice(kinds)}/{chance.choice(tuple(COLUMNS))}",
                    column(),
                ),
                ("POST", "/tablesdb/c/tables", catalogue()),
                ("POST", f"{TABLE}/indexes", catalogue()),
                ("PUT", TABLE, catalogue()),
            )
        )
        ask(method, path, body)
    assert ask.failed == []
    assert ask.answered >= {200, 201, 202, 400}
