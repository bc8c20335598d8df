"""What the tests of this folder share.

A gateway on a sandbox, tables with every column type, and the comparison.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import requests
from appwrite.query import Query
from appwrite.services.tables_db import TablesDB

from resources.appwrite.failures import CallEvent
from resources.appwrite.gateway import Gateway
from resources.appwrite.outcomes import CollectionOutcome
from resources.appwrite.sync import sync
from resources.clock import Clock
from resources.progress import Quiet
from resources.raw.store import RawStore
from resources.settings import Settings
from tests.sandbox_server import SandboxProcess

DATABASE = "marketplace"
KINDS: dict[str, dict[str, Any]] = {
    "title": {"kind": "varchar", "size": 255},
    "note": {"kind": "text"},
    "amount": {"kind": "integer"},
    "big": {"kind": "bigint"},
    "ratio": {"kind": "float"},
    "paid": {"kind": "boolean"},
    "starts_at": {"kind": "datetime"},
    "choice": {"kind": "enum", "elements": ["a", "b"]},
    "contact": {"kind": "email"},
    "page": {"kind": "url"},
    "address": {"kind": "ip"},
    "middle": {"kind": "mediumtext"},
    "long": {"kind": "longtext"},
    "tags": {"kind": "varchar", "size": 64, "array": True},
    "numbers": {"kind": "integer", "array": True},
}


def settings_for(server: SandboxProcess, home: Path, **more: Any) -> Settings:
    given: dict[str, Any] = {
        "appwrite_endpoint": server.endpoint,
        "appwrite_project_id": server.project,
        "appwrite_api_key": server.key,
        "appwrite_database_id": DATABASE,
        "home": home,
        "safety_lag": 0,
        **more,
    }
    return Settings(_env_file=None, **given)  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument


class Recorder:
    """A list of the events of calls."""

    def __init__(self) -> None:
        self.events: list[CallEvent] = []

    def __call__(self, event: CallEvent) -> None:
        self.events.append(event)

    def requests(self, operation: str = "list_rows") -> int:
        return sum(event.operation == operation for event in self.events)


def gateway_for(settings: Settings, **more: Any) -> tuple[Gateway, Recorder]:
    recorder = Recorder()
    more.setdefault("sleep", lambda _: None)
    return Gateway(settings, Clock(settings.now), recorder, **more), recorder


def accept_all(collection: str, rows: pl.DataFrame) -> pl.Series:
    del collection
    return pl.Series([None] * rows.height, dtype=pl.String)


def reject_word(word: str) -> Callable[[str, pl.DataFrame], pl.Series]:
    """Rows whose title is ``word`` are not accepted."""

    def judge(collection: str, rows: pl.DataFrame) -> pl.Series:
        del collection
        title = rows["title"] if "title" in rows.columns else pl.Series([None] * rows.height, dtype=pl.String)
        return pl.Series(
            [["bad title", "seen twice"] if t == word else None for t in title], dtype=pl.List(pl.String)
        )

    return judge


def database(server: SandboxProcess) -> TablesDB:
    """The SDK's service, with the database made if it is not there."""
    tables = TablesDB(server.client())
    listed = tables.list()
    if DATABASE not in {entry.id for entry in listed.databases}:
        tables.create(database_id=DATABASE, name=DATABASE)
    return tables


def ask(server: SandboxProcess, method: str, path: str, **body: Any) -> None:
    """A write below the test database, as the app makes it."""
    answer = requests.request(
        method,
        f"{server.endpoint}/tablesdb/{DATABASE}{path}",
        json=body,
        headers={"X-Appwrite-Project": server.project, "X-Appwrite-Key": server.key},
        timeout=30,
    )
    assert answer.status_code < 300, answer.text


def make_table(
    server: SandboxProcess, name: str, columns: Mapping[str, Mapping[str, Any]] | None = None
) -> TablesDB:
    """A table with the given columns (title and amount by default), at once."""
    tables = database(server)
    wanted = columns if columns is not None else {k: KINDS[k] for k in ("title", "amount")}
    server.control(
        "POST",
        "tables",
        {"database": DATABASE, "table": name, "columns": [{"key": k, **c} for k, c in wanted.items()]},
    )
    return tables


def row(n: int, at: str = "2026-01-01T00:00:00.000+00:00", **data: Any) -> dict[str, Any]:
    return {
        "$id": f"r{n:05d}",
        "$createdAt": at,
        "$updatedAt": at,
        "title": f"title {n}",
        "amount": n,
        **data,
    }


def fill(server: SandboxProcess, table: str, count: int, start: int = 1) -> None:
    server.load_rows(table, [row(n) for n in range(start, start + count)], DATABASE)


def server_rows(server: SandboxProcess, table: str) -> dict[str, dict[str, Any]]:
    """Every row of a table as the server has it, by id, with the plain SDK client."""
    client, rows, after = server.client(), {}, None
    while True:
        queries = [Query.order_asc("$sequence"), Query.limit(500)]
        queries += [Query.greater_than("$sequence", str(after))] if after else []
        answer = client.call(
            "get",
            f"/tablesdb/{DATABASE}/tables/{table}/rows",
            {"X-Appwrite-Project": server.project},
            {"queries": queries},
        )
        if not answer["rows"]:
            return rows
        for entry in answer["rows"]:
            rows[entry["$id"]] = entry
            after = int(entry["$sequence"])


def naive(*parts: int) -> datetime:
    """An instant as raw holds it: UTC without saying so."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # pyright: ignore[reportArgumentType] - seven numbers


def as_stored(value: Any) -> Any:
    if isinstance(value, str) and len(value) == 29 and value.endswith("+00:00"):
        return datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value


def assert_mirrors(
    store: RawStore, server: SandboxProcess, table: str, collection: str | None = None
) -> None:
    """Raw's living rows equal the server's exactly, and no id stands twice."""
    collection = collection or table
    names = {c.attribute: c.name for c in store.columns.of(collection)}
    texts = {c.attribute for c in store.columns.of(collection) if c.storage == "text"}
    kept = store.connection.sql(f'SELECT * FROM "{collection}" WHERE _deleted_at IS NULL').pl()
    mirrored = {
        r["_id"]: {
            "$sequence": r["_sequence"],
            "$createdAt": r["_created_at"],
            "$updatedAt": r["_updated_at"],
            **{attribute: r[name] for attribute, name in names.items()},
        }
        for r in kept.iter_rows(named=True)
    }
    assert len(mirrored) == kept.height
    wanted = {
        identity: {
            "$sequence": int(r["$sequence"]),
            "$createdAt": as_stored(r["$createdAt"]),
            "$updatedAt": as_stored(r["$updatedAt"]),
            **{a: r.get(a) if a in texts else as_stored(r.get(a)) for a in names},
        }
        for identity, r in server_rows(server, table).items()
    }
    assert mirrored == wanted


def run(
    gateway: Gateway,
    store: RawStore,
    collections: Sequence[str],
    *,
    run_id: str = "run1",
    reject_reasons: Callable[[str, pl.DataFrame], pl.Series] = accept_all,
    **more: Any,
) -> dict[str, CollectionOutcome]:
    more.setdefault("progress", Quiet())
    outcomes = sync(
        gateway,
        store,
        collections,
        settings=gateway.settings,
        run_id=run_id,
        reject_reasons=reject_reasons,
        **more,
    )
    return {outcome.collection: outcome for outcome in outcomes}


def reconciles(outcomes: Iterable[CollectionOutcome]) -> bool:
    return all(
        o.counts.fetched == o.counts.inserted + o.counts.updated + o.counts.unchanged + o.counts.rejected
        for o in outcomes
    )
