"""A registry of small frozen records that refuses a repeated name. The rules themselves live beside their
subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

Record = TypeVar("Record")
Key = TypeVar("Key")


class Registry(Mapping[Key, Record], Generic[Key, Record]):
    """Records by their key, in the order given. Raises ValueError if two records share a key."""

    def __init__(self, records: Iterable[Record], key: Callable[[Record], Key]) -> None:
        self._records: dict[Key, Record] = {}
        for record in records:
            name = key(record)
            if name in self._records:
                raise ValueError(f"two rules are named {name!r}")
            self._records[name] = record

    def __getitem__(self, name: Key) -> Record:
        return self._records[name]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)
