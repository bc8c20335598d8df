"""What the server refuses and how it says so, beyond the recorded cases: the rules behind them with other values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.sandbox_server import SandboxProcess

KEY_RULE = (
    "Parameter must contain at most 36 chars. Valid chars are a-z, A-Z, 0-9, period, hyphen, and underscore. "
    "Can't start with a special char"
)
UID_RULE = (
    "UID must contain at most 36 chars. Valid chars are a-z, A-Z, 0-9, and underscore. "
    "Can't start with a leading underscore"
)
COLUMNS: list[dict[str, Any]] = [
    {"key": "name", "kind": "varchar", "size": 64},
    {"key": "small", "kind": "integer", "minimum": 0, "maximum": 100},
    {"key": "large", "kind": "integer"},
    {"key": "tags", "kind": "varchar", "size": 16, "array": True},
    {"key": "numbers", "kind": "integer", "array": True},
]


@pytest.fixture(scope="module")
def server(empty_sandbox: SandboxProcess) -> Iterator[SandboxProcess]:
    with empty_sandbox.own_database() as process:
        process.control("POST", "tables", {"database": process.database, "table": "t", "columns": COLUMNS})
        process.load_rows(
            "t",
            [
                {"$id": "a", "$createdAt": "2026-01-01T00:00:00.000+00:00", "name": "Alpha", "small": 12},
                {"$id": "b", "$createdAt": "2026-01-01T00:00:00.000+00:00", "tags": [], "numbers": [1, 2]},
            ],
        )
        yield process


def send(
    server: SandboxProcess,
    method: str,
    path: str,
    body: Any = None,
    queries: tuple[Any, ...] = (),
    key: str | None = "",
) -> requests.Response:
    headers = {"X-Appwrite-Project": server.project, "Content-Type": "application/json"}
    if key is not None:
        headers["X-Appwrite-Key"] = key or server.key
    params = {f"queries[{n}]": q if isinstance(q, str) else json.dumps(q) for n, q in enumerate(queries)}
    return requests.request(
        method,
        server.endpoint + path,
        params=params,
        headers=headers,
        data=None if body is None else json.dumps(body),
        timeout=10,
    )


def rows_of(server: SandboxProcess) -> str:
    return f"/tablesdb/{server.database}/tables/t/rows"


def refused(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["type"], body["message"]


@pytest.mark.parametrize(
    ("role", "why"),
    [
        ('read("any:x")', 'Role "any" can not have an ID value.'),
        ('read("any/verified")', 'Role "any" can not have a dimension value.'),
        ('update("user")', 'Role "user" must have an ID value.'),
        ('read("user:bad id")', f'Role "user" identifier value is invalid: {KEY_RULE}'),
        (
            'read("users/asleep")',
            'Role "users" dimension value is invalid. Must be one of: verified, unverified.',
        ),
        ('read("team")', 'Role "team" must have an ID value.'),
        (
            'read("label:v-p")',
            (
                'Role "label" identifier value is invalid: Value must be a valid string between 1 and 36 chars '
                "containing only alphanumeric chars"
            ),
        ),
        ("read(any)", 'Invalid permission string format: "read(any)".'),
        (
            'create("any")',
            'Permission "create("any")" is not allowed. Must be one of: read, update, delete, write.',
        ),
    ],
)
def test_a_wrong_permission_is_named(server: SandboxProcess, role: str, why: str) -> None:
    answer = send(
        server, "POST", rows_of(server), {"rowId": "unique()", "data": {"name": "x"}, "permissions": [role]}
    )
    expected = f"Invalid `permissions` param: {why} or null"
    assert refused(answer) == (400, "general_argument_invalid", expected)


def test_permissions_that_may_stand_stand(server: SandboxProcess) -> None:
    given = ['read("users/verified")', 'read("team:x/owner")', 'update("user:1")', 'delete("label:vip")']
    answer = send(
        server, "POST", rows_of(server), {"rowId": "unique()", "data": {"name": "x"}, "permissions": given}
    )
    assert (answer.status_code, answer.json()["$permissions"]) == (201, given)


@pytest.mark.parametrize("path", ["/tablesdb", "/databases", "/tablesdb/{db}/tables", "/tablesdb/{db}/tables/t/columns",
                                  "/databases/{db}/collections", "/tablesdb/{db}/tables/t/indexes"])  # fmt: skip
@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("limit(5)", "Invalid query: Invalid query: Syntax error"),
        ({"method": "frobnicate"}, "Invalid query: Invalid query method: frobnicate"),
        ({"method": "select", "values": ["name"]}, "Invalid query method: select"),
        (
            {"method": "equal", "attribute": "nope", "values": ["x"]},
            "Invalid query: Attribute not found in schema: nope",
        ),
        ({"method": "orderAsc", "attribute": "nope"}, "Invalid query: Attribute not found in schema: nope"),
        (
            {"method": "equal", "attribute": "$id", "values": []},
            "Invalid query: Equal queries require at least one value.",
        ),
        (
            {"method": "equal", "attribute": "$id", "values": [5]},
            'Invalid query: Query value is invalid for attribute "$id"',
        ),
        ({"method": "cursorAfter", "values": ["bad id!"]}, f"Invalid query: Invalid cursor: {UID_RULE}"),
        (
            {"method": "limit", "values": [0]},
            "Invalid query: Invalid limit: Value must be a valid range between 1 and 9,223,372,036,854,775,807",
        ),
    ],
)  # fmt: skip
def test_a_wrong_query_of_a_catalogue_is_a_wrong_parameter(
    server: SandboxProcess, path: str, query: Any, why: str
) -> None:
    answer = send(server, "GET", path.replace("{db}", server.database), queries=(query,))
    assert refused(answer) == (400, "general_argument_invalid", f"Invalid `queries` param: {why}")


def test_the_queries_of_a_catalogue_are_looked_at_before_what_they_list(server: SandboxProcess) -> None:
    answer = send(server, "GET", "/tablesdb/none/tables", queries=("x",))
    assert answer.json()["type"] == "general_argument_invalid"
    assert send(server, "GET", "/tablesdb/none/tables").json()["type"] == "database_not_found"


def test_a_catalogue_is_filtered_and_ordered(server: SandboxProcess) -> None:
    columns = f"/tablesdb/{server.database}/tables/t/columns"

    def keys(*queries: dict[str, Any]) -> list[str]:
        return [column["key"] for column in send(server, "GET", columns, queries=queries).json()["columns"]]

    assert keys({"method": "equal", "attribute": "type", "values": ["integer"]}) == [
        "small",
        "large",
        "numbers",
    ]
    assert keys(
        {"method": "equal", "attribute": "array", "values": [True]},
        {"method": "orderDesc", "attribute": "key"},
    ) == ["tags", "numbers"]
    assert keys({"method": "notEqual", "attribute": "type", "values": ["integer"]}) == ["name", "tags"]
    assert keys({"method": "cursorAfter", "values": ["large"]}, {"method": "limit", "values": [1]}) == [
        "tags"
    ]


def test_a_cursor_is_looked_up_before_the_other_queries_are_judged(server: SandboxProcess) -> None:
    wrong = {"method": "equal", "attribute": "nope", "values": [1]}
    gone = {"method": "cursorAfter", "values": ["gone"]}
    answer = send(server, "GET", rows_of(server), queries=(wrong, gone))
    assert refused(answer) == (
        400,
        "general_cursor_not_found",
        "Row 'gone' for the 'cursor' value not found.",
    )
    here = {"method": "cursorAfter", "values": ["a"]}
    assert (
        send(server, "GET", rows_of(server), queries=(wrong, here)).json()["type"] == "general_query_invalid"
    )


def test_a_wrong_query_comes_before_a_missing_fulltext_index_and_before_the_guests_rights(
    server: SandboxProcess,
) -> None:
    search = {"method": "search", "attribute": "name", "values": ["x"]}
    wrong = {"method": "equal", "attribute": "nope", "values": [1]}
    told = refused(send(server, "GET", rows_of(server), queries=(search, wrong)))
    assert told[2] == "Invalid query: Attribute not found in schema: nope"
    nested = {"method": "or", "values": [search, {"method": "isNull", "attribute": "name"}]}
    told = refused(send(server, "GET", rows_of(server), queries=(nested,)))
    assert told[2] == 'Searching by attribute "name" requires a fulltext index.'
    assert send(server, "GET", rows_of(server), queries=(wrong,), key=None).status_code == 400
    assert send(server, "GET", rows_of(server), key=None).status_code == 401


def test_an_integer_in_a_query_has_its_columns_width(server: SandboxProcess) -> None:
    wide = 3_000_000_000

    def equal(attribute: str) -> requests.Response:
        return send(
            server,
            "GET",
            rows_of(server),
            queries=({"method": "equal", "attribute": attribute, "values": [wide]},),
        )

    assert refused(equal("small"))[2] == 'Invalid query: Query value is invalid for attribute "small"'
    assert equal("large").json()["total"] == 0


def test_a_number_may_start_with_a_digit(server: SandboxProcess) -> None:
    query = {"method": "startsWith", "attribute": "small", "values": [1]}
    assert [row["$id"] for row in send(server, "GET", rows_of(server), queries=(query,)).json()["rows"]] == [
        "a"
    ]


def test_an_array_never_given_is_served_empty_and_is_still_null(server: SandboxProcess) -> None:
    found = {row["$id"]: row for row in send(server, "GET", rows_of(server)).json()["rows"]}
    assert (found["a"]["tags"], found["a"]["numbers"], found["a"]["large"]) == ([], [], None)
    assert (found["b"]["tags"], found["b"]["numbers"]) == ([], [1, 2])
    null = {"method": "isNull", "attribute": "tags"}
    ids = [row["$id"] for row in send(server, "GET", rows_of(server), queries=(null,)).json()["rows"]]
    assert "a" in ids
    assert "b" not in ids
    one = send(server, "GET", f"/databases/{server.database}/collections/t/documents/a").json()
    assert one["tags"] == []
    made = send(
        server, "POST", rows_of(server), {"rowId": "unique()", "data": {"name": '","tags":null'}}
    ).json()
    assert (made["tags"], made["name"]) == ([], '","tags":null')


def test_an_upsert_takes_any_id_a_create_takes(server: SandboxProcess) -> None:
    answer = send(server, "PUT", f"{rows_of(server)}/bad%20id", {"data": {"name": "x"}})
    assert refused(answer) == (400, "general_argument_invalid", f"Invalid `rowId` param: {KEY_RULE}")
    assert send(server, "PUT", f"{rows_of(server)}/new.1-x", {"data": {"name": "x"}}).status_code == 200


def test_a_columns_default_must_be_named_when_it_is_changed(server: SandboxProcess) -> None:
    column = f"/tablesdb/{server.database}/tables/t/columns/integer/large"
    answer = send(server, "PATCH", column, {"required": False})
    assert refused(answer) == (400, "general_argument_invalid", 'Param "default" is not optional.')
    assert send(server, "PATCH", column, {"required": False, "default": None}).status_code == 200
    answer = send(server, "PATCH", column, {"required": True, "default": 5})
    assert refused(answer)[1:] == (
        "column_default_unsupported",
        "Cannot set default value for required column",
    )


def test_a_default_is_judged_before_its_table_is_looked_up_and_forbidden_after(
    server: SandboxProcess,
) -> None:
    missing = f"/tablesdb/{server.database}/tables/none/columns/integer"
    wrong = send(server, "POST", missing, {"key": "k", "required": True, "default": 5, "min": 9})
    assert wrong.json()["type"] == "column_value_invalid"
    required = send(server, "POST", missing, {"key": "k", "required": True, "default": 5})
    assert required.json()["type"] == "table_not_found"


def test_the_last_word_of_a_search_may_be_a_beginning(server: SandboxProcess) -> None:
    table = f"/tablesdb/{server.database}/tables/texts"
    columns = [{"key": "words", "kind": "varchar", "size": 200}]
    server.control("POST", "tables", {"database": server.database, "table": "texts", "columns": columns})
    send(server, "POST", f"{table}/indexes", {"key": "ft", "type": "fulltext", "columns": ["words"]})
    stamp = "2026-01-01T00:00:00.000+00:00"
    texts = {"m": "Massage in Ubud", "n": "Night massage", "p": "Pijat malam"}
    server.load_rows("texts", [{"$id": k, "$createdAt": stamp, "words": v} for k, v in texts.items()])

    def found(words: str) -> list[str]:
        query = {"method": "search", "attribute": "words", "values": [words]}
        return [row["$id"] for row in send(server, "GET", f"{table}/rows", queries=(query,)).json()["rows"]]

    assert found("massage") == ["m", "n"]
    assert found("mass") == ["m", "n"]
    assert found("mass pijat") == ["p"]
    assert found("pijat ubud") == ["m", "p"]
    assert found('"night massage"') == ["n"]
    assert found('"massage night"') == []
    assert found("in") == []


def test_a_browser_may_ask_first(server: SandboxProcess) -> None:
    answer = send(server, "OPTIONS", rows_of(server), key=None)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")


def test_each_api_takes_out_its_own_system_fields_only(server: SandboxProcess) -> None:
    older = f"/databases/{server.database}/collections/t/documents"
    own, other = {"name": "x", "$tableId": "t", "$sequence": "9"}, {"name": "x", "$collectionId": "t"}
    assert send(server, "POST", rows_of(server), {"rowId": "unique()", "data": own}).status_code == 201
    answer = send(server, "POST", rows_of(server), {"rowId": "unique()", "data": other})
    assert refused(answer)[2] == 'Invalid document structure: Unknown attribute: "$collectionId"'
    assert send(server, "POST", older, {"documentId": "unique()", "data": other}).status_code == 201
    answer = send(server, "POST", older, {"documentId": "unique()", "data": own})
    assert refused(answer)[2] == 'Invalid document structure: Unknown attribute: "$tableId"'


def test_a_newer_format_is_answered_with_a_warning(server: SandboxProcess) -> None:
    def warned(version: str) -> str | None:
        headers = {
            "X-Appwrite-Project": server.project,
            "X-Appwrite-Key": server.key,
            "X-Appwrite-Response-Format": version,
        }
        answer = requests.get(server.endpoint + rows_of(server), headers=headers, timeout=10)
        assert answer.status_code == 200
        return answer.headers.get("X-Appwrite-Warning")

    assert warned("1.9.6") is None
    assert warned("1.9") is None
    told = warned("2.5.0")
    assert told is not None
    assert told.startswith(
        "The current SDK is built for Appwrite 2.5.0. However, the current Appwrite server version"
    )


def test_a_text_column_is_not_made_shorter_than_what_it_holds(server: SandboxProcess) -> None:
    column = f"/tablesdb/{server.database}/tables/t/columns/varchar/name"

    def resized(size: int) -> requests.Response:
        return send(server, "PATCH", column, {"required": False, "default": None, "size": size})

    assert refused(resized(3)) == (
        400,
        "column_invalid_resize",
        "Existing data is too large for new size, truncate your existing data then try again.",
    )
    assert send(server, "GET", column.replace("/varchar", "")).json()["size"] == 64
    assert resized(60).json()["size"] == 60
