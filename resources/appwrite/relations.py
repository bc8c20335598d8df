"""Relationship columns: how rows are asked for so that they carry them, and which they do not carry all the same.

Rows of Appwrite 1.8 and later leave related rows out unless they are selected (some give the bare id instead); before,
each related row came whole. Each way is tried on a few rows; what a server refuses in every way is unread, and what
refers by it unknown. How a value is kept is in columns.py (the related $id, or a list of them).
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from appwrite.query import Query

from messages.message import Message, Words
from resources.appwrite.failures import CallFailure, PermanentFailure
from resources.appwrite.gateway import Gateway
from resources.appwrite.order import rows_of
from resources.appwrite.patience import RETRIES

PROBED = ((10, 0), (1, 0), (1, 1), (1, 2))
"""How many rows to try on, and how many to skip before them."""
_OWN = frozenset({"$id", "$createdAt", "$updatedAt"})
_INNER = ("$id", "*")
"""What is selected of a related row: its id, or all of it where a server knows no less."""


@dataclass(frozen=True)
class Selection:
    """How rows are asked for: ``queries`` to add for the relationship columns ``keys``; which of them stay ``unread``,
    and in one sentence why."""

    keys: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    why: Words = ""


class _Trial:
    """Ways of asking, tried on the first rows of a collection."""

    def __init__(self, gateway: Gateway, collection: str, keys: Sequence[str]) -> None:
        self._gateway = gateway
        self._collection = collection
        self._keys = keys
        self.refusal: CallFailure | None = None

    def carried(self, selected: Sequence[str]) -> frozenset[str] | None:
        """The relationship columns rows carry when asked so; all where there is no row; None where it is refused.

        Raises CallFailure where rows cannot be had without a selection either.
        """
        queries = [Query.select(["*", *selected])] if selected else []
        try:
            rows = self._few(queries, expected=bool(selected))
        except CallFailure as failed:
            if not selected or not _refuses(failed):
                raise
            self.refusal = failed
            return None
        if rows and selected and not all(row.keys() >= _OWN for row in rows):
            return None  # before 1.8, what is not named is left out: $updatedAt, too
        return frozenset(key for key in self._keys if not rows or any(key in row for row in rows))

    def _few(self, queries: Sequence[str], *, expected: bool) -> list[dict[str, Any]]:
        """A few rows; where it may be their size that is too much, one, or the one behind it."""
        failure: CallFailure | None = None
        for limit, skipped in PROBED:
            first = failure is None
            try:
                return self._gateway.rows(
                    self._collection,
                    [*queries, Query.limit(limit), *([Query.offset(skipped)] if skipped else [])],
                    rows_of,
                    operation="probe_rows",
                    expected=expected,
                    retries=RETRIES if first else 0,
                    doubtful=not first,
                )
            except CallFailure as failed:
                if not failed.may_be_size:
                    raise
                failure = failed
        assert failure is not None
        raise failure


def _refuses(failure: CallFailure) -> bool:
    """Whether it may be the selection that is refused. Old servers fail over one: what fails without it, too, is told
    there."""
    if isinstance(failure, PermanentFailure):
        return failure.reason == "bad_request"
    return failure.reason in ("server_error", "proxy_error", "time_out")


def select_related(gateway: Gateway, collection: str, keys: Sequence[str]) -> Selection:
    """How to ask for the rows of a collection that has these relationship columns. Raises CallFailure."""
    if not keys:
        return Selection()
    trial = _Trial(gateway, collection, keys)
    best: tuple[frozenset[str], tuple[str, ...]] = (frozenset(), ())
    for inner in _INNER:
        selected = tuple(f"{key}.{inner}" for key in keys)
        carried = trial.carried(selected)
        if carried is not None and len(carried) > len(best[0]):
            best = (carried, selected)
        if len(best[0]) == len(keys):
            break
    if not best[0] and len(keys) > 1 and isinstance(trial.refusal, PermanentFailure):
        # One of them may be all that is refused. Not where the server fails over it: that would open the breaker.
        named = tuple(name for key in keys if (name := _accepted(trial, key)))
        carried = trial.carried(named) if named else None
        if carried:
            best = (carried, named)
    if len(best[0]) < len(keys):
        carried = trial.carried(())
        if carried is not None and len(carried) > len(best[0]):
            best = (carried, ())
    unread = tuple(key for key in keys if key not in best[0])
    why: Words = ""
    if unread:
        why = trial.refusal.said if trial.refusal else Message("scan.not_carried")
    queries = (Query.select(["*", *best[1]]),) if best[1] else ()
    return Selection(tuple(keys), queries, unread, why)


def _accepted(trial: _Trial, key: str) -> str | None:
    for inner in _INNER:
        carried = trial.carried((f"{key}.{inner}",))
        if carried is not None and key in carried:
            return f"{key}.{inner}"
    return None
