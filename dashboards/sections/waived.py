"""Which findings people have waived, as the ledger has it now. Draws nothing."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from dashboards import acts
from dashboards.kit.screen import Screen
from dashboards.queries.query import Column, Rows
from dashboards.queries.reconciliation import Entered, Waived
from marketplace.personal import without_contact


def entered(screen: Screen) -> Entered | None:
    """The waivers as the ledger has them now; None where there is no ledger to ask, so that the snapshot's stand."""
    known = acts.standing(screen) if screen.settings.home.ledger.exists() else None
    if known is None:
        return None
    return tuple(
        Waived(one.finding_id, one.waived_by, one.waived_at.replace(tzinfo=None), without_contact(one.reason))
        for one in known.waivers.values()
    )


def is_waived(screen: Screen, finding_id: str, said: bool | None) -> bool:
    """Whether a finding is waived by now; as the snapshot ``said`` where there is no ledger to ask."""
    now = entered(screen)
    return bool(said) if now is None else any(one.finding_id == finding_id for one in now)


@dataclass(frozen=True)
class Restated:
    """The same rows with ``waived`` as it is by now."""

    rows: Rows
    waived: frozenset[str]

    @property
    def name(self) -> str:
        return self.rows.name

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.rows.columns

    def first(self, path: str, limit: int) -> pl.DataFrame:
        return self._told(self.rows.first(path, limit))

    def all(self, path: str) -> pl.DataFrame:
        return self._told(self.rows.all(path))

    def count(self, path: str) -> int:
        return self.rows.count(path)

    def _told(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(waived=pl.col("finding_id").is_in(list(self.waived)).fill_null(value=False))


def restated(screen: Screen, rows: Rows) -> Rows:
    """Rows with a ``finding_id``, whose ``waived`` is to be the ledger's; the snapshot's where there is none to ask."""
    now = entered(screen)
    return rows if now is None else Restated(rows, frozenset(one.finding_id for one in now))
