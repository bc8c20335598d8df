"""What scans learned of the size of a collection's pages."""

from __future__ import annotations

from dataclasses import dataclass

from resources.raw.file import RawFile


@dataclass(frozen=True)
class Learned:
    """What is remembered of a collection's pages: ``rows`` that could be had (None: as many as were asked for),
    ``failed`` (so many could not), ``row_bytes`` a row weighs (None: not known)."""

    rows: int | None = None
    failed: int | None = None
    row_bytes: int | None = None


class PageSizes:
    """``_page_sizes``."""

    def __init__(self, file: RawFile) -> None:
        self._file = file

    def learned(self, collection: str) -> Learned:
        """What earlier scans learned of the size of pages."""
        rows = self._file.rows(
            "SELECT rows, failed, row_bytes FROM _page_sizes WHERE collection = ?", [collection]
        )
        return Learned(*rows[0]) if rows else Learned()

    def remember(self, collection: str, learned: Learned) -> None:
        """Keep it for the next scan."""
        if learned == self.learned(collection):
            return
        with self._file.transaction() as con:
            con.execute("DELETE FROM _page_sizes WHERE collection = ?", [collection])
            con.execute(
                "INSERT INTO _page_sizes VALUES (?, ?, ?, ?)",
                [collection, learned.rows, learned.failed, learned.row_bytes],
            )
