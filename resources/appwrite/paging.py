"""Every row that fits a question, a page a call. What is asked is the caller's."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from appwrite.query import Query

from resources.appwrite.writing import Row

PAGE: Final = 100


class Source(Protocol):
    """Where rows are asked for: a gateway, or a view of one."""

    def rows(self, collection: str, queries: Sequence[str]) -> list[Row]: ...


def every_row(source: Source, collection: str, queries: Sequence[str]) -> Iterator[Row]:
    """The rows, in the order that ``queries`` say. A page is asked for when those before were taken: whoever changes
    what they ask by takes all of them first. Raises CallFailure."""
    after: list[str] = []
    while True:
        page = source.rows(collection, [*queries, Query.limit(PAGE), *after])
        yield from page
        if len(page) < PAGE:
            return
        after = [Query.cursor_after(str(page[-1]["$id"]))]
