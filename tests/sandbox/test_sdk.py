"""The real SDK builds a database in an empty sandbox: every kind of column, rows one by one and in bulk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from appwrite.exception import AppwriteException
from appwrite.id import ID
from appwrite.input_file import InputFile
from appwrite.query import Query
from appwrite.services.databases import Databases
from appwrite.services.storage import Storage
from appwrite.services.tables_db import TablesDB

from tests.sandbox_server import SandboxProcess


@pytest.fixture(scope="module")
def server(empty_sandbox: SandboxProcess) -> Iterator[SandboxProcess]:
    with empty_sandbox.own_database() as process:
        yield process


@pytest.fixture(scope="module")
def tables(server: SandboxProcess) -> TablesDB:
    return TablesDB(server.client())


def test_every_kind_of_column_is_made_and_listed(server: SandboxProcess, tables: TablesDB) -> None:
    db = server.database
    tables.create_table(db, "kinds", "Kinds")
    tables.create_varchar_column(db, "kinds", "varchar", 64, True)
    tables.create_string_column(db, "kinds", "string", 100, False, default="s")
    tables.create_text_column(db, "kinds", "text", False)
    tables.create_mediumtext_column(db, "kinds", "mediumtext", False)
    tables.create_longtext_column(db, "kinds", "longtext", False)
    tables.create_integer_column(db, "kinds", "integer", False, min=-5, max=5)
    tables.create_big_int_column(db, "kinds", "bigint", False)
    tables.create_float_column(db, "kinds", "float", False)
    tables.create_boolean_column(db, "kinds", "boolean", False)
    tables.create_datetime_column(db, "kinds", "datetime", False)
    tables.create_enum_column(db, "kinds", "enum", ["a", "b"], False)
    tables.create_email_column(db, "kinds", "email", False)
    tables.create_url_column(db, "kinds", "url", False)
    tables.create_ip_column(db, "kinds", "ip", False)
    tables.create_varchar_column(db, "kinds", "tags", 16, False, array=True)
    raw = server.client().call(
        "get", f"/tablesdb/{db}/tables/kinds/columns", {"X-Appwrite-Project": server.project}, {}
    )
    kinds = {column["key"]: (column["type"], column["status"]) for column in raw["columns"]}
    assert raw["total"] == 15
    assert kinds["float"] == ("double", "available")
    assert kinds["enum"] == ("string", "available")
    assert kinds["bigint"] == ("bigint", "available")
    assert len(tables.list_columns(db, "kinds").columns) == 15
    row: dict[str, Any] = {
        "varchar": "v", "text": "t", "mediumtext": "m", "longtext": "l", "integer": 5, "bigint": 2**60,
        "float": 1.5, "boolean": True, "datetime": "2026-01-01T18:00:00+08:00", "enum": "b",
        "email": "a@b.example", "url": "https://a.example/x", "ip": "10.0.0.1", "tags": ["x", "y"],
    }  # fmt: skip
    made = tables.create_row(db, "kinds", "one", row).to_dict()
    data = made.get("data", made)
    assert {k: data[k] for k in row} == row | {"datetime": "2026-01-01T10:00:00.000+00:00"}
    assert data["string"] == "s"
    for key, wrong in [
        ("integer", 6), ("bigint", "one"), ("float", "1"), ("boolean", 1), ("datetime", "soon"), ("enum", "c"),
        ("email", "a"), ("url", "a"), ("ip", "999"), ("tags", ["x" * 17]), ("varchar", "v" * 65),
    ]:  # fmt: skip
        with pytest.raises(AppwriteException) as refused:
            tables.create_row(db, "kinds", ID.unique(), row | {key: wrong})
        assert (refused.value.code, refused.value.type) == (400, "row_invalid_structure")
    found = tables.list_rows(db, "kinds", [Query.contains("tags", ["y"])])
    assert found.total == 1


def test_rows_in_bulk_keep_their_sequence_and_changes_move_updated_at(
    server: SandboxProcess, tables: TablesDB
) -> None:
    db = server.database
    tables.create_table(db, "items", "Items")
    tables.create_varchar_column(db, "items", "name", 32, True)
    tables.create_integer_column(db, "items", "n", False)
    for start in range(0, 300, 100):
        tables.create_rows(
            db,
            "items",
            [{"$id": f"i{n:03d}", "name": f"N{n % 7}", "n": n} for n in range(start, start + 100)],
        )
    path = f"/tablesdb/{db}/tables/items/rows"
    headers = {"X-Appwrite-Project": server.project}

    def page(*queries: str) -> list[dict[str, Any]]:
        return server.client().call("get", path, headers, {"queries": list(queries)})["rows"]

    seen: list[str] = []
    last: list[str] = []
    while rows := page(Query.order_asc("$sequence"), Query.limit(70), *last):
        seen += [row["$id"] for row in rows]
        last = [Query.greater_than("$sequence", rows[-1]["$sequence"])]
    assert seen == [f"i{n:03d}" for n in range(300)]

    before = page(Query.equal("$id", "i007"))[0]
    time.sleep(0.005)  # a later write has a later stamp, if it were stamped
    tables.update_row(db, "items", "i007", {"n": 7})
    assert page(Query.equal("$id", "i007"))[0]["$updatedAt"] == before["$updatedAt"]
    tables.update_row(db, "items", "i007", {"n": 8})
    moved = page(Query.equal("$id", "i007"))[0]
    assert moved["$updatedAt"] > before["$updatedAt"]
    assert moved["$sequence"] == before["$sequence"]
    changed = page(
        Query.between("$updatedAt", moved["$updatedAt"], "2999-01-01T00:00:00.000+00:00"),
        Query.order_asc("$sequence"),
    )
    assert [row["$id"] for row in changed] == ["i007"]

    tables.upsert_row(db, "items", "i300", {"name": "new", "n": 1})
    tables.upsert_rows(
        db, "items", [{"$id": "i301", "name": "new", "n": 1}, {"$id": "i000", "name": "old", "n": 0}]
    )
    tables.update_rows(db, "items", {"n": -1}, [Query.equal("name", "new")])
    assert [row["n"] for row in page(Query.equal("name", "NEW"))] == [-1, -1]
    tables.delete_row(db, "items", "i300")
    tables.delete_rows(db, "items", [Query.equal("$id", ["i301"])])
    assert [row["$id"] for row in page(Query.order_desc("$sequence"), Query.limit(1))] == ["i299"]
    one = server.client().call("get", f"{path}/i000", headers, {"queries": [Query.select(["name"])]})
    assert one["name"] == "old"
    assert "n" not in one


def test_a_reading_key_reads_rows_and_columns_and_nothing_else(
    server: SandboxProcess, tables: TablesDB
) -> None:
    db = server.database
    reading = TablesDB(server.client(server.read_only_key))
    tables.create_table(db, "secrets", "Secrets")
    tables.create_varchar_column(db, "secrets", "a", 8, False)
    assert reading.list_columns(db, "secrets").total == 1
    assert reading.list_rows(db, "secrets").total == 0
    with pytest.raises(AppwriteException) as refused:
        reading.create_row(db, "secrets", "x", {"a": "b"})
    assert (refused.value.code, refused.value.type) == (401, "general_unauthorized_scope")
    rows_only = TablesDB(server.client(server.new_key("rows.read")))
    with pytest.raises(AppwriteException) as refused:
        rows_only.list_columns(db, "secrets")
    assert refused.value.type == "general_unauthorized_scope"


def test_the_older_api_serves_the_same_rows(server: SandboxProcess, tables: TablesDB) -> None:
    older = Databases(server.client())
    db = server.database
    older.create_collection(db, "notes", "Notes")
    older.create_string_attribute(db, "notes", "words", 50, False)
    older.create_document(db, "notes", "n1", {"words": "hello"})
    raw = server.client().call(
        "get", f"/databases/{db}/collections/notes/documents", {"X-Appwrite-Project": server.project}, {}
    )
    assert raw["documents"][0]["$collectionId"] == "notes"
    assert tables.get_row(db, "notes", "n1").to_dict()
    attributes = server.client().call(
        "get", f"/databases/{db}/collections/notes/attributes", {"X-Appwrite-Project": server.project}, {}
    )
    assert [a["key"] for a in attributes["attributes"]] == ["words"]


def test_columns_and_indexes_change_under_rows_that_stand(server: SandboxProcess, tables: TablesDB) -> None:
    db = server.database
    tables.create_table(db, "grow", "Grow")
    tables.create_varchar_column(db, "grow", "a", 8, False)
    tables.create_row(db, "grow", "r", {"a": "1"})
    tables.create_integer_column(db, "grow", "b", False, default=4)
    headers = {"X-Appwrite-Project": server.project}
    path = f"/tablesdb/{db}/tables/grow/rows/r"
    assert server.client().call("get", path, headers, {})["b"] == 4
    tables.update_integer_column(db, "grow", "b", False, None, new_key="c")
    row = server.client().call("get", path, headers, {})
    assert row["c"] == 4
    assert "b" not in row
    tables.create_index(db, "grow", "by_a", "key", ["a"], ["ASC"])
    assert tables.list_rows(db, "grow", [Query.equal("a", "1")]).total == 1
    tables.delete_column(db, "grow", "a")
    assert "a" not in server.client().call("get", path, headers, {})
    assert tables.list_indexes(db, "grow").total == 0


def test_a_long_column_list_comes_in_pages_of_25(server: SandboxProcess, tables: TablesDB) -> None:
    db = server.database
    tables.create_table(db, "wide", "Wide")
    for number in range(30):
        tables.create_boolean_column(db, "wide", f"c{number}", False)
    listed = tables.list_columns(db, "wide")
    assert (len(listed.columns), listed.total) == (25, 30)
    rest = tables.list_columns(db, "wide", [Query.cursor_after("c24"), Query.limit(100)])
    assert [c.key for c in rest.columns] == [f"c{n}" for n in range(25, 30)]


def test_a_table_may_be_made_with_its_columns_and_changed(server: SandboxProcess, tables: TablesDB) -> None:
    db = server.database
    columns = [
        {"key": "name", "type": "varchar", "size": 30, "required": True},
        {"key": "price", "type": "double", "required": False},
        {"key": "state", "type": "string", "format": "enum", "elements": ["on", "off"], "required": False},
    ]
    tables.create_table(
        db, "made", "Made", columns=columns, indexes=[{"key": "n", "type": "key", "attributes": ["name"]}]
    )
    raw = server.client().call(
        "get", f"/tablesdb/{db}/tables/made", {"X-Appwrite-Project": server.project}, {}
    )
    assert [(c["key"], c["type"]) for c in raw["columns"]] == [
        ("name", "varchar"),
        ("price", "double"),
        ("state", "string"),
    ]
    assert [i["key"] for i in raw["indexes"]] == ["n"]
    tables.update_table(db, "made", name="Renamed")
    assert tables.get_table(db, "made").name == "Renamed"
    with pytest.raises(AppwriteException) as refused:
        tables.create_table(db, "half", "Half", columns=[columns[0], columns[0]])
    assert refused.value.type == "column_already_exists"
    with pytest.raises(AppwriteException) as refused:
        tables.get_table(db, "half")
    assert refused.value.code == 404


def test_rows_staged_in_a_transaction_wait_for_its_commit(server: SandboxProcess, tables: TablesDB) -> None:
    db = server.database
    tables.create_table(db, "staged", "Staged")
    tables.create_integer_column(db, "staged", "n", False)
    tables.create_row(db, "staged", "old", {"n": 1})
    transaction = tables.create_transaction(60).id
    tables.create_row(db, "staged", "new", {"n": 2}, transaction_id=transaction)
    tables.update_row(db, "staged", "old", {"n": 5}, transaction_id=transaction)
    assert tables.list_rows(db, "staged").total == 1
    tables.update_transaction(transaction, commit=True)
    found = server.client().call(
        "get", f"/tablesdb/{db}/tables/staged/rows", {"X-Appwrite-Project": server.project}, {}
    )
    assert {row["$id"]: row["n"] for row in found["rows"]} == {"old": 5, "new": 2}


def test_a_row_too_wide_for_the_server_is_refused(server: SandboxProcess, tables: TablesDB) -> None:
    db = server.database
    tables.create_table(db, "huge", "Huge")
    tables.create_varchar_column(db, "huge", "a", 16000, False)
    with pytest.raises(AppwriteException) as refused:
        tables.create_varchar_column(db, "huge", "b", 16000, False)
    assert refused.value.type == "column_limit_exceeded"


def test_files_are_sent_in_chunks_and_come_back_whole(server: SandboxProcess, tmp_path: Path) -> None:
    storage = Storage(server.client())
    storage.create_bucket("backups", "Backups")
    content = bytes(range(256)) * 45_000  # 11.5 MB: three chunks
    source = tmp_path / "rows.parquet"
    source.write_bytes(content)
    told: list[int] = []
    sent = storage.create_file(
        "backups",
        "f1",
        InputFile.from_path(str(source)),
        on_progress=lambda at: told.append(at["chunksUploaded"]),
    )
    assert (sent.sizeoriginal, sent.chunkstotal, told) == (len(content), 3, [1, 2, 3])
    assert storage.get_file_download("backups", "f1") == content
    assert [
        file.id for file in storage.list_files("backups", [Query.equal("name", "rows.parquet")]).files
    ] == ["f1"]
    storage.delete_file("backups", "f1")
    assert storage.list_files("backups").total == 0
    storage.delete_bucket("backups")
