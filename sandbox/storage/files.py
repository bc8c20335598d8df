"""Buckets and the files in them: what is known of each as JSON in the SQLite file, the bytes beside it. No HTTP."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson

from sandbox.storage.store import Store

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (seq INTEGER PRIMARY KEY, id TEXT UNIQUE COLLATE NOCASE, doc TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
  seq INTEGER PRIMARY KEY, bucket TEXT NOT NULL, id TEXT NOT NULL COLLATE NOCASE, doc TEXT NOT NULL,
  UNIQUE (bucket, id)
);
"""


class Files:
    """The buckets of one store. A bucket, a file: a dict as it is served; what is not served begins with ``_``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._folder = store.folder / "files"
        with store.writing() as sql:
            for statement in _SCHEMA.split(";"):
                sql.execute(statement)

    def buckets(self) -> list[dict[str, Any]]:
        rows = self._store.reader().execute("SELECT doc FROM buckets ORDER BY seq")
        return [{**orjson.loads(row[0]), "totalSize": 0} for row in rows]

    def bucket(self, identity: str) -> dict[str, Any] | None:
        found = self._store.reader().execute("SELECT doc FROM buckets WHERE id = ?", (identity,)).fetchone()
        return {**orjson.loads(found[0]), "totalSize": self._held(identity)} if found else None

    def _held(self, bucket: str) -> int:
        sql = "SELECT coalesce(sum(json_extract(doc, '$.sizeActual')), 0) FROM files WHERE bucket = ?"
        return self._store.reader().execute(sql, (bucket,)).fetchone()[0]

    def save_bucket(self, bucket: dict[str, Any]) -> None:
        self._save("buckets", {"id": bucket["$id"]}, bucket)

    def delete_bucket(self, identity: str) -> None:
        """It goes with the files in it."""
        with self._store.writing() as sql:
            sql.execute("DELETE FROM files WHERE bucket = ?", (identity,))
            sql.execute("DELETE FROM buckets WHERE id = ?", (identity,))
            shutil.rmtree(self._folder / identity, ignore_errors=True)

    def files(self, bucket: str) -> list[dict[str, Any]]:
        rows = self._store.reader().execute("SELECT doc FROM files WHERE bucket = ? ORDER BY seq", (bucket,))
        return [orjson.loads(row[0]) for row in rows]

    def file(self, bucket: str, identity: str) -> dict[str, Any] | None:
        sql = "SELECT doc FROM files WHERE bucket = ? AND id = ?"
        found = self._store.reader().execute(sql, (bucket, identity)).fetchone()
        return orjson.loads(found[0]) if found else None

    def save_file(self, file: dict[str, Any]) -> None:
        self._save("files", {"bucket": file["bucketId"], "id": file["$id"]}, file)

    def delete_file(self, file: dict[str, Any]) -> None:
        with self._store.writing() as sql:
            sql.execute("DELETE FROM files WHERE bucket = ? AND id = ?", (file["bucketId"], file["$id"]))
            self.content(file).unlink(missing_ok=True)

    def content(self, file: dict[str, Any]) -> Path:
        """Where its bytes are."""
        return self._folder / file["bucketId"] / file["$id"]

    def write(self, file: dict[str, Any], at: int, content: bytes) -> None:
        """Put bytes of a file in their place."""
        path = self.content(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("r+b" if path.exists() else "w+b") as out:
            out.seek(at)
            out.write(content)

    def _save(self, table: str, keys: dict[str, str], document: dict[str, Any]) -> None:
        names, text = list(keys), orjson.dumps(document).decode()
        with self._store.writing() as sql:
            sql.execute(
                f"INSERT INTO {table} ({', '.join(names)}, doc) VALUES ({', '.join('?' * len(names))}, ?) "
                f"ON CONFLICT ({', '.join(names)}) DO UPDATE SET doc = excluded.doc",
                (*keys.values(), text),
            )
