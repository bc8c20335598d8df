"""An Appwrite in memory for the services: rows, transactions whose conflicts are those of the recording,
faults. Safe for threads; a network, permissions and types of columns are tried on the sandbox. Holds no test.
"""

from __future__ import annotations

import copy
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from resources.appwrite.failures import PermanentFailure, TransientFailure
from resources.appwrite.writing import Create, Write

EPOCH = datetime(2026, 3, 15, 12, 0)


class Memory:
    """The server. ``now``: its clock, naive UTC, to be moved by tests; each write is a millisecond later than the last.
    ``fail(call, before)`` is asked before and after each call that writes and may raise what a gateway raises."""

    def __init__(self, *, transactions: bool = True, now: datetime = EPOCH) -> None:
        self.has_transactions = transactions
        self.now = now
        self.tables: dict[str, dict[str, dict[str, Any]]] = {}
        self.columns: dict[str, frozenset[str]] = {}
        self.kinds: dict[tuple[str, str], str] = {}
        """Of columns that are no instants."""
        self.calls: Counter[str] = Counter()
        self.fail: Callable[[str, bool], None] = lambda call, before: None
        self._lock = threading.RLock()
        self._ticks = 0
        self._transactions: dict[str, dict[str, Any]] = {}

    def put(self, collection: str, row_id: str, **values: Any) -> None:
        """A row as the app wrote it before."""
        self._make(collection, row_id, values, None)

    def clock(self) -> datetime:
        return self.now

    # What a gateway does ----------------------------------------------------------------------------------

    def has(self, collection: str, attribute: str) -> bool:
        known = self.columns.get(collection)
        return known is None or attribute in known

    def kind(self, collection: str, attribute: str) -> str:
        return self.kinds.get((collection, attribute), "datetime") if self.has(collection, attribute) else ""

    def server_now(self) -> datetime:
        self.calls["server_now"] += 1
        return self.now.replace(tzinfo=UTC)

    def row(self, collection: str, row_id: str) -> Mapping[str, Any] | None:
        self.calls["row"] += 1
        with self._lock:
            return copy.deepcopy(self.tables.get(collection, {}).get(row_id))

    def fresh(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Mapping[str, Any] | None]:
        keys = list(dict.fromkeys(wanted))
        self.calls["fresh"] += len({collection for collection, _ in keys})
        with self._lock:
            return {key: copy.deepcopy(self.tables.get(key[0], {}).get(key[1])) for key in keys}

    def rows(self, collection: str, queries: Sequence[str]) -> list[Mapping[str, Any]]:
        self.calls["rows"] += 1
        with self._lock:
            found = list(self.tables.get(collection, {}).values())
            orders, most, after, skipped = [], 25, None, 0
            for query in map(json.loads, queries):
                if query["method"] in ("orderAsc", "orderDesc"):
                    orders.append((query["attribute"], query["method"] == "orderDesc"))
                elif query["method"] == "limit":
                    most = query["values"][0]
                elif query["method"] == "offset":
                    skipped = query["values"][0]
                elif query["method"] == "select":
                    continue
                elif query["method"] == "cursorAfter":
                    after = query["values"][0]
                else:
                    found = [row for row in found if _fits(row, query)]
            for name, descending in reversed(orders or [("$sequence", False)]):
                found.sort(key=lambda row: (row.get(name) is not None, row.get(name)), reverse=descending)
            if after is not None:
                found = found[[row["$id"] for row in found].index(after) + 1 :]
            return copy.deepcopy(found[skipped : skipped + most])

    def create(self, write: Create) -> None:
        self._call("create", lambda: self._apply([write], staged_at=None))

    def change(self, write: Any) -> None:
        def apply() -> None:
            row = self.tables.get(write.collection, {}).get(write.row_id)
            if row is None or row["$updatedAt"] > write.seen:
                raise _refused("change_row", 409, "row_update_conflict")
            self._apply([write], staged_at=None)

        self._call("change", apply)

    def remove(self, collection: str, row_ids: Sequence[str]) -> None:
        assert len(row_ids) <= 100

        def apply() -> None:
            for row_id in row_ids:
                self.tables.get(collection, {}).pop(row_id, None)

        self._call("remove", apply)

    def open_transaction(self) -> str:
        self.calls["open"] += 1
        with self._lock:
            identity = f"t{len(self._transactions)}"
            self._transactions[identity] = {"status": "pending", "writes": [], "at": {}}
            return identity

    def stage(self, transaction: str, writes: Sequence[Write]) -> None:
        def apply() -> None:
            held = self._transactions[transaction]
            held["writes"] += list(writes)
            for write in writes:
                held["at"].setdefault((write.collection, write.row_id), self._stamp())
            if len(held["writes"]) > 100:
                raise _refused("stage", 400, "transaction_limit_exceeded")

        self._call("stage", apply)

    def commit(self, transaction: str) -> None:
        def apply() -> None:
            held = self._transactions[transaction]
            if held["status"] != "pending":
                raise _refused("commit", 400, "transaction_not_ready")
            held["status"] = "failed"
            self._apply(held["writes"], held["at"])
            held["status"] = "committed"

        self._call("commit", apply)

    def roll_back(self, transaction: str) -> bool:
        self.calls["roll_back"] += 1
        with self._lock:
            held = self._transactions[transaction]
            if held["status"] == "pending":
                held["status"] = "failed"
            return held["status"] == "failed"

    def status_of(self, transaction: str) -> str:
        self.calls["status"] += 1
        return self._transactions[transaction]["status"] if transaction in self._transactions else ""

    # How ----------------------------------------------------------------------------------------------------

    def _call(self, name: str, apply: Callable[[], None]) -> None:
        self.calls[name] += 1
        self.fail(name, True)
        with self._lock:
            apply()
        self.fail(name, False)

    def _stamp(self) -> str:
        self._ticks += 1
        at = self.now + timedelta(milliseconds=self._ticks)
        return at.isoformat(timespec="milliseconds") + "+00:00"

    def _apply(self, writes: Sequence[Write], staged_at: Mapping[tuple[str, str], str] | None) -> None:
        conflict = "row_already_exists" if staged_at is None else "transaction_conflict"
        before = {
            (write.collection, write.row_id): copy.copy(
                self.tables.get(write.collection, {}).get(write.row_id)
            )
            for write in writes
        }
        try:
            for write in writes:
                table = self.tables.setdefault(write.collection, {})
                for name in write.data:
                    if not self.has(write.collection, name):
                        raise _refused("write", 400, "row_invalid_structure")
                if isinstance(write, Create):
                    if write.row_id.lower() in {row_id.lower() for row_id in table}:
                        raise _refused("write", 409, conflict)
                    assert len(write.row_id) <= 36, write.row_id
                    self._make(write.collection, write.row_id, write.data, write.permissions)
                    continue
                row = table.get(write.row_id)
                if row is None:
                    raise _refused("write", 404, "document_not_found")
                if staged_at is not None and row["$updatedAt"] > staged_at[write.collection, write.row_id]:
                    raise _refused("write", 409, conflict)
                data = dict(write.data)
                if write.permissions is not None:
                    data["$permissions"] = list(write.permissions)
                if any(row.get(name) != value for name, value in data.items()):
                    row |= {**data, "$updatedAt": self._stamp()}
        except PermanentFailure:
            for (collection, row_id), row in before.items():
                if row is None:
                    self.tables.get(collection, {}).pop(row_id, None)
                else:
                    self.tables[collection][row_id] = row
            raise

    def _make(
        self, collection: str, row_id: str, values: Mapping[str, Any], permissions: Sequence[str] | None
    ) -> None:
        at = self._stamp()
        self.tables.setdefault(collection, {})[row_id] = {
            "$id": row_id,
            "$sequence": self._ticks,
            "$createdAt": at,
            "$updatedAt": at,
            "$permissions": list(permissions or ()),
            **values,
        }


def no_answer(call: str) -> TransientFailure:
    """What a gateway raises where no answer came."""
    return TransientFailure(call, "time_out")


def _refused(call: str, status: int, kind: str) -> PermanentFailure:
    return PermanentFailure(call, "bad_request", status=status, error_type=kind)


def _fits(row: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    method, values = query["method"], query.get("values", [])
    if method in ("and", "or"):
        parts = [_fits(row, part) for part in values]
        return all(parts) if method == "and" else any(parts)
    value = row.get(query["attribute"])
    if method == "isNull":
        return value is None
    if method == "isNotNull":
        return value is not None
    if method == "equal":  # without case, as the server compares
        return _folded(value) in map(_folded, values)
    if value is None:
        return False
    first = values[0]
    if isinstance(value, str) and isinstance(first, str) and value[:4].isdigit() and "T" in value:
        value, first = _instant(value), _instant(first)
        values = [first, *map(_instant, values[1:])]
    if method == "contains":
        if isinstance(value, str):
            return any(str(one).lower() in value.lower() for one in values)
        return any(one in value for one in values)
    if method == "search":
        return any(word in str(value).lower() for word in str(first).lower().split())
    return {
        "notEqual": lambda: value not in values,
        "greaterThan": lambda: value > first,
        "greaterThanEqual": lambda: value >= first,
        "lessThan": lambda: value < first,
        "lessThanEqual": lambda: value <= first,
        "between": lambda: first <= value <= values[1],
    }[method]()


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _instant(text: str) -> str:
    at = datetime.fromisoformat(text)
    return (at.replace(tzinfo=None) if at.tzinfo is None or not at.utcoffset() else at - at.utcoffset()).strftime(
        "%Y-%m-%dT%H:%M:%S.%f"
    )  # fmt: skip
