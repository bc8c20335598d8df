"""Makes the indexes that doctor finds missing, one after the other, and measures what each is worth: a query by it,
timed before it is there and after. Which are worth having stands with the collections, which are missing in
examination.py.

An index changes no row, so it stands in no plan: what the server lists is the account of it. None is unique: over
duplicates such a one says available and enforces nothing.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median
from typing import Any, Final, cast
from urllib.parse import quote

from appwrite.query import Query

from messages.message import Message
from operations.writing import ActingStopped
from resources.acting import stopped
from resources.appwrite.examination import Line, examine
from resources.appwrite.failures import CallFailure, PermanentFailure
from resources.appwrite.gateway import Gateway, json_object
from resources.appwrite.writing import answer_of
from resources.settings import Settings

PATIENCE_S: Final = 3600.0
LOOK_EVERY_S: Final = 1.0
TIMED: Final = 3
"""How often a query is asked; the middle of the times counts."""


class IndexState(StrEnum):
    """How an index stands."""

    MISSING = "missing"
    PROCESSING = "processing"
    """It is being built still: nobody waited longer."""
    AVAILABLE = "available"
    FAILED = "failed"
    REFUSED = "refused"
    """The server did not take the call that makes it."""


@dataclass(frozen=True)
class Index:
    """One that is worth having. ``before_s``, ``after_s``: how long a query by it took; None where none could be timed.
    ``built_s``: from the call that made it until it was seen available."""

    collection: str
    key: str
    columns: tuple[str, ...]
    path: str
    body: Mapping[str, Any]
    state: IndexState = IndexState.MISSING
    before_s: float | None = None
    after_s: float | None = None
    built_s: float | None = None
    said: Message | None = None


@dataclass(frozen=True)
class Wanted:
    """What an examination finds: indexes that are missing, and the lines of what could not be told or cannot work."""

    missing: tuple[Index, ...]
    untold: tuple[Line, ...]


def wanted(settings: Settings) -> Wanted:
    """Which indexes are missing, with the reading key. Raises UsageError where a setting is missing."""
    with Gateway(settings, settings.clock, lambda event: None) as gateway:
        lines = examine(gateway)
        missing = tuple(_index(gateway, line) for line in lines if line.topic == "indexes" and line.call)
    untold = tuple(
        line
        for line in lines
        if line.blocking or (line.topic == "indexes" and line.verdict != "ok" and not line.call)
    )
    return Wanted(missing, untold)


def _index(gateway: Gateway, line: Line) -> Index:
    assert line.call is not None
    body = cast("dict[str, Any]", line.call["body"])
    columns = body.get("columns") or body["attributes"]
    path = str(line.call["url"]).removeprefix(gateway.endpoint)
    return Index(line.collection, str(body["key"]), tuple(columns), path, body)


def make(
    settings: Settings,
    missing: Iterable[Index],
    *,
    tell: Callable[[Index], None] = lambda index: None,
    patience_s: float = PATIENCE_S,
    sleep: Callable[[float], object] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[Index]:
    """Make indexes, each when the one before it is there; how each stands then. ``tell`` is told of each.

    One that another process is making, or a killed one began, is waited for. Raises UsageError (no acting key),
    ActingStopped, CallFailure for a server that does not answer.
    """
    made: list[Index] = []
    with (
        Gateway(settings, settings.clock, lambda event: None) as reading,
        Gateway(settings.acting(), settings.clock, lambda event: None) as acting,
    ):
        for index in missing:
            maker = _Maker(settings, reading, acting, patience_s, sleep, monotonic)
            made.append(maker.made(index))
            tell(made[-1])
    return made


@dataclass(frozen=True)
class _Maker:
    settings: Settings
    reading: Gateway
    acting: Gateway
    patience_s: float
    sleep: Callable[[float], object]
    monotonic: Callable[[], float]

    def made(self, index: Index) -> Index:
        queries = self._queries(index)
        index = replace(index, before_s=self._seconds(index, queries))
        began = self.monotonic()
        try:
            self._require_going()
            self.acting.client.request(
                "make_index",
                index.collection,
                "post",
                index.path,
                index.body,
                json_object,
                expected=True,
                retries=0,
            )
        except PermanentFailure as refused:
            if refused.status != 409:
                scope = refused.reason == "scope"
                code = "indexes.scope" if scope else "indexes.refused"
                said = Message(code, {"answer": answer_of(refused)})
                return replace(index, state=IndexState.REFUSED, said=said)
        except CallFailure as unheard:
            # Whether it was taken is seen by looking for it.
            if self._listed(index) is None:
                raise unheard from None
        return self._awaited(index, queries, began)

    def _awaited(self, index: Index, queries: list[str] | None, began: float) -> Index:
        while True:
            found = self._listed(index)
            if found is None:
                return replace(index, state=IndexState.FAILED, said=Message("indexes.gone"))
            if tuple(found.get("columns") or found.get("attributes") or ()) != index.columns:
                return replace(
                    index, state=IndexState.REFUSED, said=Message("indexes.other", {"key": index.key})
                )
            status = str(found.get("status", "available"))
            if status == "available":
                built = self.monotonic() - began
                after = self._seconds(index, queries)
                return replace(index, state=IndexState.AVAILABLE, after_s=after, built_s=built)
            if status in ("failed", "stuck"):
                return replace(
                    index, state=IndexState.FAILED, said=Message("indexes.unbuilt", {"key": index.key})
                )
            if self.monotonic() - began >= self.patience_s:
                return replace(index, state=IndexState.PROCESSING, said=Message("indexes.processing"))
            self.sleep(LOOK_EVERY_S)  # the server builds it in its own time and tells nobody

    def _listed(self, index: Index) -> dict[str, Any] | None:
        """The index as the server has it; None where it has none of that key."""
        self._require_going()
        path = f"{index.path}/{quote(index.key, safe='')}"
        try:
            return self.reading.client.request(
                "get_index", index.collection, "get", path, {}, json_object, expected=True
            ).value
        except PermanentFailure as missing:
            if missing.status == 404:
                return None
            raise

    def _queries(self, index: Index) -> list[str] | None:
        """A query that the index is for: by the values of a row that is there; newest first where it is descending.
        None where no row has them."""
        if index.body.get("orders"):
            return [*(Query.order_desc(name) for name in index.columns), Query.limit(25)]
        rows = self._rows(index, [Query.is_not_null(name) for name in index.columns] + [Query.limit(1)])
        values = {name: rows[0].get(name) for name in index.columns} if rows else {}
        if not values or not all(isinstance(value, str | int | float) for value in values.values()):
            return None
        return [*(Query.equal(name, [value]) for name, value in values.items()), Query.limit(25)]

    def _seconds(self, index: Index, queries: list[str] | None) -> float | None:
        """How long a query takes, the answer of as many rows read."""
        if queries is None:
            return None
        times: list[float] = []
        for _ in range(TIMED):
            began = time.perf_counter()
            if self._rows(index, queries) is None:
                return None
            times.append(time.perf_counter() - began)
        return median(times)

    def _rows(self, index: Index, queries: list[str]) -> list[dict[str, Any]] | None:
        path = index.path.removesuffix("indexes") + self.reading.api.list_key
        try:
            told = self.reading.client.request(
                "time_query",
                index.collection,
                "get",
                path,
                {"queries": queries, "total": "0"},
                json_object,
                expected=True,
            ).value
        except PermanentFailure:
            return None  # what cannot be asked is not timed
        listed = told.get(self.reading.api.list_key)
        return cast("list[dict[str, Any]]", listed) if isinstance(listed, list) else None

    def _require_going(self) -> None:
        stop = stopped(self.settings.home)
        if stop is not None:
            raise ActingStopped.by(stop)
