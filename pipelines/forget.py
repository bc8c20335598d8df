"""Forgetting a person: raw.duckdb, published/private.duckdb, the ledger and every kept file, under the run lock. Needs
no server."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field

import polars as pl

from assets.core.personal_store import update_private
from marketplace.identifiers import is_nobody, is_word
from marketplace.text import json_text
from operations.backup.create import backups_lock
from pipelines.kept import Kept, Task, finish_backups, finish_what_was_begun, search
from resources import lake
from resources.erasure import erase, leave_nothing, must_rewrite, rewrite
from resources.errors import BookwatchError, UsageError
from resources.ledger import Ledger
from resources.ledger_texts import blank_texts
from resources.lock import run_lock
from resources.raw.store import RawStore
from resources.settings import Settings


@dataclass(frozen=True)
class Forgetting:
    """What was done. ``customer_id``: as published. ``rows``: collection → rows something was erased of. ``kept``:
    files that hold, or held, a trace. ``gone``: folders of reports that are not there any more. ``backups``: files that
    may hold the values still, and are none that bookwatch can look through."""

    customer_id: str
    by: str
    rows: dict[str, int]
    versions: int
    quarantined: int
    rewritten: bool
    backups: tuple[str, ...]
    ledger: dict[str, int] = field(default_factory=dict[str, int])
    kept: tuple[Kept, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        return sum(self.rows.values())

    @property
    def left(self) -> tuple[Kept, ...]:
        """Files that hold a trace still, or could not be looked through."""
        return tuple(kept for kept in self.kept if not kept.rewritten)


def forget_customer(settings: Settings, customer_id: str, *, by: str, anew: bool = False) -> Forgetting:
    """Erase a person by their customer id, as it is written anywhere or as it is published. ``anew``: kept files that
    hold a trace are written anew as well; else they are only named.

    Raises BookwatchError where nothing is known of the id, RunActive while a run holds the lock. Killed at any instant,
    the next call finishes the work. Says no value of theirs, nor the id as it was given.
    """
    given = json_text(customer_id) or ""
    if not given:
        raise UsageError("--customer names nobody.", "Give the id of the customer's account.")
    if is_nobody(pl.Series([given])).item():
        raise UsageError(
            f"--customer {given} is a role and names nobody: rows of many people have it.",
            "Give the id of the customer's account.",
        )
    home = settings.home
    if not home.raw.exists():
        raise BookwatchError(
            f"There is no mirror in {home.root}.", "Set BOOKWATCH_HOME to where bookwatch was run."
        )
    with run_lock(home), backups_lock(settings) if anew else nullcontext():
        at = settings.clock.now()
        finish_what_was_begun(home, at=at)
        if anew:
            finish_backups(settings, at=at)
        for file in (home.raw, home.warehouse):
            leave_nothing(file)
        lake.drop(settings)
        with RawStore(home.raw) as store:
            erased = erase(store, given, now=settings.clock.naive_now())
            due = erased.known and must_rewrite(store)
        if not erased.known or erased.traces is None:
            word = is_word(pl.Series([given])).item()
            raise BookwatchError(
                f"No row of the mirror belongs to the customer {(given if word else erased.published)!r}.",
                "The ids are customer_id in core.bookings (see `bookwatch sql`); a phone or an address is one too.",
            )
        if due:
            rewrite(home.raw)
        update_private(home.raw, home.published)
        ledger = Ledger(home.ledger)
        texts = blank_texts(ledger, erased.traces)
        ledger.record_erasure(erased.published, by=by, at=at, rows=erased.rows)
        found = search(
            Task(
                settings,
                erased.published,
                erased,
                erased.traces,
                by,
                at,
                anew,
                settings.clock.frozen is not None,
            )
        )
        return Forgetting(
            erased.published,
            by,
            erased.rows,
            erased.versions,
            erased.rejects,
            due,
            tuple(found.unknown),
            texts,
            tuple(found.kept),
            tuple(found.gone),
        )
