"""Forgetting a person: raw.duckdb, published/private.duckdb and the ledger, under the run lock. Needs no server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assets.core.private import update_private
from marketplace.text import json_text
from resources.erasure import erase, leave_nothing, must_rewrite, rewrite
from resources.errors import BookwatchError, UsageError
from resources.ledger import Ledger
from resources.lock import run_lock
from resources.raw_store import RawStore
from resources.settings import Settings


@dataclass(frozen=True)
class Forgetting:
    """What was done. ``rows``: collection → rows something was erased of. ``backups``: files that may hold the values
    still, and which bookwatch does not change."""

    customer_id: str
    by: str
    rows: dict[str, int]
    versions: int
    quarantined: int
    rewritten: bool
    backups: tuple[str, ...]

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def forget_customer(settings: Settings, customer_id: str, *, by: str) -> Forgetting:
    """Erase a person by their customer id. Raises BookwatchError where nothing is known of the id, RunActive while a
    run holds the lock. Killed at any instant, the next call finishes the work."""
    given = customer_id
    customer_id = json_text(given) or ""
    if not customer_id:
        raise UsageError(f"--customer {given!r} names nobody.", "Give the id of the customer's account.")
    home = settings.home
    if not home.raw.exists():
        raise BookwatchError(
            f"There is no mirror in {home.root}.", "Set BOOKWATCH_HOME to where bookwatch was run."
        )
    with run_lock(home):
        for file in (home.raw, home.warehouse):
            leave_nothing(file)
        with RawStore(home.raw) as store:
            erased = erase(store, customer_id, now=settings.clock.naive_now())
            due = erased.known and must_rewrite(store)
        if not erased.known:
            raise BookwatchError(
                f"No row of the mirror belongs to the customer {customer_id!r}.",
                "The ids are customer_id in core.bookings (see `bookwatch sql`).",
            )
        if due:
            rewrite(home.raw)
        update_private(home.raw, home.published)
        Ledger(home.ledger).record_erasure(customer_id, by=by, at=settings.clock.now(), rows=erased.rows)
        return Forgetting(
            customer_id,
            by,
            erased.rows,
            erased.versions,
            erased.rejects,
            due,
            _backups(home.backups),
        )


def _backups(folder: Path) -> tuple[str, ...]:
    return tuple(str(path) for path in sorted(folder.rglob("*")) if path.is_file())
