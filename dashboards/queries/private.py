"""The file of personal data (published/private.duckdb), opened for one look and closed again: nothing of it is kept.

Names, phones and words are asked for by dashboards/reveal.py alone, after it has written down who looks. What stands in
the file is assets/core/personal_store.py's; how words are sought in it, words.py's.
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


def of_person(connection: duckdb.DuckDBPyConnection, table: str, person_id: str) -> Contact | None:
    """A person's own name and phone, of ``providers`` or ``customers``; None where there is neither, also where the
    file is older than that table."""
    key = {"providers": "provider_id", "customers": "customer_id"}[table]
    if not _has(connection, table):
        return None
    rows = connection.execute(
        f"SELECT name, phone FROM {table} WHERE {key} = ? ORDER BY origin", [person_id]
    ).fetchall()
    contacts = [Contact(name or None, phone or None) for name, phone in rows if name or phone]
    return min(contacts, key=lambda contact: contact.phone is None, default=None)


def of_phone(connection: duckdb.DuckDBPyConnection, phone: str) -> list[tuple[str, str]]:
    """(kind, id) of what a phone (E.164) belongs to: providers and customers by their accounts, then the newest of the
    bookings that it was written in."""
    asked = [
        f"SELECT '{table[:-1]}' AS kind, {table[:-1]}_id AS id, {number} AS place FROM {table} WHERE phone = $phone"
        for number, table in enumerate(("providers", "customers"))
        if _has(connection, table)
    ]
    asked.append(
        "SELECT 'booking' AS kind, booking_id AS id, 2 AS place FROM bookings WHERE customer_phone = $phone"
    )
    found = connection.execute(
        f"SELECT DISTINCT kind, id, place FROM ({' UNION ALL '.join(asked)}) ORDER BY place, id LIMIT 20",
        {"phone": phone},
    )
    return [(str(kind), str(record)) for kind, record, _ in found.fetchall()]


def _has(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    found = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [table])
    return found.fetchone() is not None
