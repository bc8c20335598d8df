"""Taking over a mirror after the server moved: proven first, then one row of raw.duckdb written. Under the run lock."""

from __future__ import annotations

from dataclasses import dataclass

from marketplace.collections import INGESTED, REQUIRED
from resources.appwrite.adoption import Compared, compare, disproof
from resources.appwrite.failures import CallFailure
from resources.appwrite.gateway import Gateway
from resources.appwrite.sync import ping
from resources.appwrite.unavailable import source_unavailable
from resources.errors import BookwatchError, UsageError
from resources.lock import run_lock
from resources.raw.store import RawStore
from resources.settings import Settings

Source = tuple[str, str, str]
"""Endpoint, project, database."""
NAMES = ("endpoint", "project", "database")


@dataclass(frozen=True)
class Adoption:
    """What was compared and done. ``refused``: why the mirror was left as it is."""

    before: Source
    after: Source
    compared: tuple[Compared, ...] = ()
    adopted: bool = False
    refused: BookwatchError | None = None

    @property
    def moved(self) -> tuple[str, ...]:
        """Which of endpoint, project and database are others now."""
        pairs = zip(NAMES, self.before, self.after, strict=True)
        return tuple(name for name, was, is_now in pairs if was != is_now)


def adopt_mirror(settings: Settings) -> Adoption:
    """Compare the mirror with what the settings name and, where that is the same database, let it mirror that.

    Endpoint, project and database may each be another: what proves is the rows. Raises UsageError where there is
    nothing to take over, SourceUnavailable where the server cannot be asked, RunActive while a run holds the lock.
    """
    settings.require_appwrite()
    home = settings.home
    if not home.raw.exists():
        raise UsageError(
            f"There is no mirror in {home.root} to take over.", "`bookwatch run` makes one of any server."
        )
    with run_lock(home), RawStore(home.raw) as store:
        before = store.source.known()
        if before is None:
            raise UsageError(
                f"The mirror in {home.root} is empty.", "`bookwatch run` fills it from any server."
            )
        with Gateway(settings, settings.clock, lambda event: None) as gateway:
            after = gateway.identity
            if before == after:
                return Adoption(before, after)
            ping(gateway)
            try:
                compared = tuple(compare(gateway, store, [name for name in INGESTED if name not in REQUIRED]))
            except CallFailure as failed:
                refusal: CallFailure | None = failed
                compared = ()
            else:
                refusal = None
            if refusal is not None:
                raise source_unavailable(refusal, gateway)
        why = disproof(compared)
        if why:
            refused = UsageError(
                f"What {after[0]} holds is not proven to be the database of this mirror: {why}.",
                "Nothing was changed. Check the Appwrite settings and BOOKWATCH_TABLES, or choose another"
                " BOOKWATCH_HOME for the other source.",
            )
            return Adoption(before, after, compared, refused=refused)
        store.source.adopt(*after)
        return Adoption(before, after, compared, adopted=True)
