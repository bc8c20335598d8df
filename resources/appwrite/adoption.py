"""Whether a server holds the very database a mirror was made of: rows of the mirror, held against the server's.

Compares and proves; what becomes of it is decided in pipelines/adopt.py.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from appwrite.query import Query

from resources.appwrite.failures import CallFailure
from resources.appwrite.gateway import TABLE_MISSING, Gateway
from resources.appwrite.order import rows_of
from resources.raw.column_types import instants
from resources.raw.store import RawStore

SAMPLED = 100
"""Rows of each end of a collection, and as many from between. The newest tell an older copy from the database."""
WRONG_SHARE = 0.05
"""Rows of a sample that may be gone or made again since: as many as a sweep would mark deleted without asking."""
_TOLD = ("$id", "$createdAt", "$sequence")


@dataclass(frozen=True)
class Compared:
    """A collection's sample: rows with the same $id, $sequence and $createdAt; not there; there, and another row.
    ``lacking``: the server has no such table, and nothing was compared."""

    collection: str
    sampled: int
    same: int = 0
    missing: int = 0
    other: int = 0
    lacking: bool = False

    @property
    def agrees(self) -> bool:
        wrong = self.missing + self.other
        return not self.lacking and wrong <= max(1, int(WRONG_SHARE * self.sampled))

    @property
    def sentence(self) -> str:
        if self.lacking:
            return f"{self.collection}: there is no such table"
        told = f"{self.collection}: {self.same} of {self.sampled} sampled rows are the same"
        wrong = ((self.missing, "not there"), (self.other, "with another $sequence or $createdAt"))
        return "; ".join([told, *(f"{count} {how}" for count, how in wrong if count)])


def compare(gateway: Gateway, store: RawStore, optional: Sequence[str]) -> list[Compared]:
    """Samples of each mirrored collection that holds rows. One of ``optional`` may be missing on the server.

    Raises CallFailure where the server cannot be asked, or lacks another collection.
    """
    found: list[Compared] = []
    for collection in store.columns.collections():
        sample = store.versions.sample(collection, SAMPLED)
        if not sample.height:
            continue
        try:
            told = _asked(gateway, collection, sample["_id"].to_list())
        except CallFailure as failure:
            if failure.error_type not in TABLE_MISSING or collection not in optional:
                raise
            found.append(Compared(collection, sample.height, lacking=True))
            continue
        same = missing = other = 0
        for identity, sequence, created in sample.iter_rows():
            there = told.get(identity)
            if there is None:
                missing += 1
            elif there[1] == created and (sequence is None or there[0] is None or there[0] == sequence):
                same += 1
            else:
                other += 1
        found.append(Compared(collection, sample.height, same, missing, other))
    return found


def disproof(compared: Sequence[Compared]) -> str:
    """Why it is not the same database; '' where it is proven."""
    looked_at = [one for one in compared if not one.lacking]
    if not looked_at:
        return "the mirror holds no row to compare by"
    apart = [one.sentence for one in looked_at if not one.agrees]
    if apart:
        return "; ".join(apart)
    sampled, same = sum(one.sampled for one in looked_at), sum(one.same for one in looked_at)
    return "" if 2 * same >= sampled else f"only {same} of {sampled} sampled rows are the same"


def _asked(
    gateway: Gateway, collection: str, ids: Sequence[str]
) -> dict[str, tuple[int | None, datetime | None]]:
    """$id → ($sequence, $createdAt) of those rows the server has."""
    rows: list[dict[str, Any]] = []
    selected = list(_TOLD)
    for start in range(0, len(ids), SAMPLED):
        some = list(ids[start : start + SAMPLED])
        while True:
            queries = [Query.select(selected), Query.equal("$id", some), Query.limit(SAMPLED)]
            try:
                rows += gateway.rows(
                    collection,
                    queries,
                    rows_of,
                    operation="compare_rows",
                    expected=len(selected) == len(_TOLD),
                )
                break
            except CallFailure as failure:
                # Before 1.8 there is no $sequence to select.
                if failure.reason != "bad_request" or len(selected) < len(_TOLD):
                    raise
                selected = list(_TOLD[:2])
    created = instants(pl.Series([_text(row.get("$createdAt")) for row in rows], dtype=pl.String)).to_list()
    return {
        str(row.get("$id")): (_number(row.get("$sequence")), moment)
        for row, moment in zip(rows, created, strict=True)
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 19 else None
