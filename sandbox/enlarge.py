"""Made-up rows by the million, for benchmarks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson

from sandbox.storage.clock import stamp
from sandbox.storage.store import Store


def enlarge(store: Store, database: str, bookings: int, messages: int, seed: int, until: datetime) -> None:
    """Fill bookings and chat_messages up to the given numbers with copies of the simulated rows.

    A copy has an id, a bookingId and a time of its own (spread over the 180 days before ``until``); all
    else is its model's, so that sizes and shapes are those of the simulation.
    """
    tables = store.databases[database].tables
    chance = random.Random(seed)
    for name, wanted in (("bookings", bookings), ("chat_messages", messages)):
        table = tables[name]
        missing = wanted - store.count(table)
        if missing > 0:
            models = [
                row[0]
                for row in store.reader().execute(f"SELECT doc FROM {table.sql} ORDER BY seq LIMIT 2000")
            ]
            store.bulk_load(table, _copies(models, missing, name, chance, until))


def _copies(
    models: list[bytes], count: int, name: str, chance: random.Random, until: datetime
) -> Iterator[dict[str, Any]]:
    if not models:
        raise ValueError(f"No {name} to copy: let --days be at least 1.")
    parsed = [{k: v for k, v in orjson.loads(m).items() if k[0] != "$"} for m in models]
    first = until - timedelta(days=180)
    step = timedelta(days=180) / count
    for number in range(count):
        at = stamp(first + step * number)
        row = dict(parsed[chance.randrange(len(parsed))])
        if row.get("bookingId"):
            row["bookingId"] = f"BK{number:09d}"
        yield {"$id": f"{name[0]}{number:09d}x", "$createdAt": at, "$updatedAt": at, **row}
