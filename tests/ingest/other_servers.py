"""A small Appwrite of other kinds than the recorded one, made for tests from what its versions are known to answer.

It shares no code with the sandbox: what both get wrong in the same way would otherwise hold. Rows are a list of
dictionaries, and every query is carried out on all of them.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Row = dict[str, Any]


class Refused(Exception):
    def __init__(self, status: int, error_type: str, message: str) -> None:
        self.status, self.error_type, self.message = status, error_type, message


@dataclass
class OtherServer:
    """``kind``: ``numbered`` (a numeric $sequence), ``before_1_8`` (none, and unknown in queries), ``documents`` (a
    text, written by ``text``), ``silent`` (none, and any query on it is passed over), ``unordered`` (none, and no order
    by $id either).

    ``relations``: how a relationship column is answered: ``selected`` (only where it is), ``nested`` (the related row
    whole, unless selected), ``bare`` (its id), ``refused`` (a selection of it is answered 400, and it is not carried),
    ``broken`` (answered 500), ``whole`` (only ``*`` of the related row may be selected).
    """

    kind: str = "numbered"
    relations: str = "selected"
    version: str | None = "1.9.6"
    text: str = "01JC3{:08d}ZX"
    tables: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])
    columns: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])
    asked: list[tuple[str, list[Row]]] = field(default_factory=list[tuple[str, list[Row]]])
    most_bytes: int | None = None
    """A worker dies over an answer of rows that is larger."""
    before_page: Callable[[int], None] = lambda n: None
    ahead: timedelta = timedelta()
    """Of our clock."""
    endpoint: str = ""
    pages: int = 0
    made: int = 0

    # -- what a test does to it ----------------------------------------------------------------------------

    def add_table(self, name: str, *columns: Row) -> None:
        self.tables[name] = []
        self.columns[name] = [
            {"array": False, "status": "available", "required": False, **column} for column in columns
        ]

    def put(self, table: str, identity: str, at: datetime | str | None = None, **data: Any) -> None:
        """A row as the app writes it: made, or changed under its id."""
        moment = at if isinstance(at, str) else (at or self.now()).isoformat(timespec="milliseconds")
        for row in self.tables[table]:
            if row["$id"] == identity:
                row |= {**data, "$updatedAt": moment}
                return
        self.made += 1
        self.tables[table].append(
            {"$id": identity, "number": self.made, "$createdAt": moment, "$updatedAt": moment, **data}
        )

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def remove(self, table: str, identity: str) -> None:
        self.tables[table] = [row for row in self.tables[table] if row["$id"] != identity]

    # -- what it answers -----------------------------------------------------------------------------------

    def answer(self, path: str, queries: list[Row]) -> Row:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if parts == ["health", "version"]:
            if self.version is None:
                raise Refused(401, "general_unauthorized_scope", "no")
            return {"version": self.version}
        new = parts[0] == "tablesdb"
        words = ("tables", "columns", "rows") if new else ("collections", "attributes", "documents")
        if parts[0] not in ("tablesdb", "databases") or parts[2] != words[0]:
            raise Refused(404, "general_route_not_found", "Not found")
        if len(parts) == 3:
            return {
                "total": len(self.tables),
                words[0]: [{"$id": name, "name": name} for name in self.tables],
            }
        table = parts[3]
        if table not in self.tables:
            raise Refused(404, "table_not_found" if new else "collection_not_found", "no table")
        if parts[4] == words[1]:
            return {"total": len(self.columns[table]), words[1]: self.columns[table]}
        if parts[4] == "indexes":
            return {"total": 0, "indexes": []}
        self.pages += 1
        self.before_page(self.pages)
        found = list(self._found(table, queries))
        if self.most_bytes is not None and len(json.dumps(found)) > self.most_bytes:
            raise Refused(500, "general_unknown", "Server Error")
        return {"total": 0, words[2]: found}

    def _found(self, table: str, queries: list[Row]) -> Iterator[Row]:
        rows, limit, skipped, selected = list(self.tables[table]), 25, 0, list[str]()
        for query in queries:
            method, attribute, values = query["method"], query.get("attribute", ""), query.get("values", [])
            if method == "limit":
                limit = values[0]
            elif method == "offset":
                skipped = values[0]
            elif method == "select":
                selected = values
                self._check(table, selected)
            elif method.startswith("order"):
                self._known(attribute, ordering=True)
                rows.sort(key=lambda row, by=attribute: self._key(row, by), reverse=method == "orderDesc")
            else:
                self._known(attribute)
                rows = [row for row in rows if self._holds(row, method, attribute, values)]
        for row in rows[skipped : skipped + limit]:
            yield self._served(table, row, selected)

    def _known(self, attribute: str, ordering: bool = False) -> None:
        if attribute == "$sequence" and self.kind in ("before_1_8", "unordered"):
            message = "Invalid query: Attribute not found in schema: $sequence"
            raise Refused(400, "general_query_invalid", message)
        if attribute == "$id" and self.kind == "unordered" and ordering:
            raise Refused(400, "general_query_invalid", "Invalid query: Cannot order by attribute: $id")

    def _key(self, row: Row, attribute: str) -> Any:
        if attribute == "$sequence":
            return row["number"] if self.kind != "silent" else 0
        value = str(row.get(attribute) or "")
        # MariaDB's collation takes no notice of case; a database of documents compares bytes.
        return value.lower() if attribute == "$id" and self.kind != "documents" else value

    def _holds(self, row: Row, method: str, attribute: str, values: list[Any]) -> bool:
        if attribute == "$sequence" and self.kind == "silent":
            return True
        if attribute == "$sequence" and self.kind == "documents":
            return self._text(row) > values[0]
        if row.get(attribute, "") is None:
            return False
        key = self._key(row, attribute)
        if method == "equal":
            return row[attribute] in values
        if method == "notEqual":
            return row[attribute] not in values
        bounds = [
            int(v)
            if attribute == "$sequence"
            else v.lower()
            if attribute == "$id" and self.kind != "documents"
            else v
            for v in values
        ]
        return {
            "greaterThan": lambda: key > bounds[0],
            "greaterThanEqual": lambda: key >= bounds[0],
            "lessThanEqual": lambda: key <= bounds[0],
            "between": lambda: bounds[0] <= key <= bounds[-1],
        }[method]()

    def _text(self, row: Row) -> str:
        return self.text.format(row["number"])

    def _related(self, table: str) -> dict[str, Row]:
        return {c["key"]: c for c in self.columns[table] if c["type"] == "relationship"}

    def _check(self, table: str, selected: list[str]) -> None:
        for name in selected:
            key, _, inner = name.partition(".")
            if not inner or key not in self._related(table):
                continue
            if self.relations == "refused" or (self.relations == "whole" and inner != "*"):
                raise Refused(400, "general_query_invalid", f"Invalid query: Cannot select: {name}")
            if self.relations == "broken":
                raise Refused(500, "general_unknown", "Server Error")

    def _served(self, table: str, row: Row, selected: list[str]) -> Row:
        related = self._related(table)
        out = {key: value for key, value in row.items() if key not in ("number", *related)}
        if self.kind == "numbered":
            out["$sequence"] = row["number"]
        elif self.kind == "documents":
            out["$sequence"] = self._text(row)
        if selected and "*" not in selected:
            out = {key: value for key, value in out.items() if key[0] == "$" or key in selected}
        asked = {name.partition(".")[0] for name in selected if "." in name}
        for key, column in related.items():
            if key in asked or self.relations in ("nested", "bare"):
                out[key] = self._related_value(
                    column, row.get(key), bare=key not in asked and self.relations == "bare"
                )
        return {**out, "$permissions": []}

    def _related_value(self, column: Row, value: Any, *, bare: bool) -> Any:
        def one(identity: str) -> Any:
            if bare:
                return identity
            found = next((r for r in self.tables[column["relatedTable"]] if r["$id"] == identity), None)
            return None if found is None else {**found, "$sequence": 7, "$permissions": []}

        if isinstance(value, list):
            return [one(identity) for identity in value]
        return None if value is None else one(value)


def _handler(server: OtherServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one packet: of two, the second waits 40 ms until the first is acknowledged.
        wbufsize = -1

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            given = parse_qs(split.query)
            queries = [
                json.loads(values[0])
                for name, values in sorted(given.items(), key=lambda item: (len(item[0]), item[0]))
                if name.startswith("queries")
            ]
            path = split.path.removeprefix("/v1")
            server.asked.append((path, queries))
            try:
                self._reply(200, server.answer(path, queries))
            except Refused as refused:
                self._reply(
                    refused.status,
                    {"message": refused.message, "code": refused.status, "type": refused.error_type},
                )

        def _reply(self, status: int, content: Row) -> None:
            body = json.dumps(content).encode()
            self.send_response_only(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Date", format_datetime(server.now().replace(microsecond=0), usegmt=True))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    return Handler


@contextmanager
def serving(server: OtherServer, secured: ssl.SSLContext | None = None) -> Iterator[OtherServer]:
    """Let it answer on a free port for the time of the block; ``secured``: over https."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    http.daemon_threads = True
    if secured is not None:
        http.socket = secured.wrap_socket(http.socket, server_side=True)
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    server.endpoint = f"{'https' if secured else 'http'}://127.0.0.1:{http.server_address[1]}/v1"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join(5)
