"""The file of personal data (published/private.duckdb), opened for one look and closed again: nothing of it is kept.

Only dashboards/reveal.py asks here, after it has written down who looks. What stands in the file is
assets/core/personal_store.py's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dashboards.queries.reading import CONFIG, newest


class PrivateUnreadable(Exception):
    """The file could not answer. Holds no value of it."""


@dataclass(frozen=True)
class Contact:
    """A person's name and phone as they were written; None where nothing (readable) was."""

    name: str | None
    phone: str | None


@contextmanager
def opened(link: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection without access to files or network. Raises PrivateUnreadable."""
    try:
        path = newest(link)
        if path is None:
            raise PrivateUnreadable
        with duckdb.connect(path, read_only=True, config=CONFIG) as connection:
            yield connection
    except (duckdb.Error, OSError):
        raise PrivateUnreadable from None  # what DuckDB says may hold values


def of_bookings(connection: duckdb.DuckDBPyConnection, booking_ids: Sequence[str]) -> Contact | None:
    """The customer's name and phone of the first of these bookings that has any; None where none has."""
    found = {
        row[0]: Contact(row[1], row[2])
        for row in connection.execute(
            "SELECT booking_id, customer_name, customer_phone FROM bookings WHERE booking_id IN (SELECT unnest(?))",
            [list(booking_ids)],
        ).fetchall()
    }
    known = [found[booking] for booking in booking_ids if booking in found]
    return next((contact for contact in known if contact.name or contact.phone), None)


def of_provider(connection: duckdb.DuckDBPyConnection, provider_id: str) -> Contact | None:
    """A provider's name and phone; None where the file has none, also where it is older than that table."""
    if not _has(connection, "providers"):
        return None
    row = connection.execute(
        "SELECT provider_name, provider_phone FROM providers WHERE provider_id = ?", [provider_id]
    ).fetchone()
    return Contact(row[0], row[1]) if row is not None and (row[0] or row[1]) else None


def texts(connection: duckdb.DuckDBPyConnection, message_ids: Sequence[str]) -> dict[str, str]:
    """Message id → its words, of those that have any."""
    return dict(
        connection.execute(
            "SELECT message_id, text FROM messages WHERE message_id IN (SELECT unnest(?))",
            [list(message_ids)],
        ).fetchall()
    )


def _has(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    found = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [table])
    return found.fetchone() is not None
