"""The rows behind a mart's figures: for each, what it adds. They are views of the snapshot (``behind.<mart>``), so that
whoever reads it asks the very same: `bookwatch explain`, the pages, an analyst.

Which rows those are stands beside each mart. What kind of figure a column is stands in its declaration; how an
explanation is asked for and answered in resources/explanations.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from assets.marts.later import ibis
from assets.marts.mart import AT, POLICY
from assets.marts.tables import ibis_table
from checks.schemas import MARTS
from checks.schemas.figures import Kind
from checks.schemas.table import Declaration

#: Of every row behind a figure: its id, and the table that id stands in.
ID: Final = "id"
OF: Final = "of"
SCHEMA: Final = "behind"


@dataclass(frozen=True)
class Behind:
    """The rows behind the figures of a mart. ``own``: they are the mart's rows themselves."""

    table: Declaration
    make: Callable[..., Any]
    own: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(name for name in inspect.signature(self.make).parameters if name not in (AT, POLICY))

    def query(self, tables: Mapping[str, Any], at: Any, policy: Any) -> Any:
        """The rows as an Ibis expression on the snapshot's tables. Raises ValueError where it lacks a column that a
        figure of the mart rests on."""
        given = {AT: at, POLICY: policy}
        names = inspect.signature(self.make).parameters
        rows = self.make(*(given[name] if name in given else tables[name] for name in names))
        lacking = [
            name for name in (ID, OF, *self.table.key, *asked_for(self.table)) if name not in rows.columns
        ]
        if lacking:
            raise ValueError(f"The rows behind {self.table.table} do not say: {', '.join(lacking)}.")
        return rows.cast(
            {column.name: column.ibis for column in self.table.columns if column.name in rows.columns}
        )


def asked_for(table: Declaration) -> tuple[str, ...]:
    """The columns that the rows behind a mart must have for its figures, without those of figures that add up to
    nothing: their inputs are columns of the mart."""
    found: dict[str, None] = {}
    for column in table.columns:
        figure = column.figure
        if figure is not None and figure.kind is not Kind.OTHER:
            found.update(dict.fromkeys(figure.of or (column.name,)))
    return tuple(found)


_BEHIND: Final[dict[str, Behind]] = {}


def _known(one: Behind) -> None:
    if one.table.name in _BEHIND:
        raise ValueError(f"What is behind {one.table.table} is said twice.")
    _BEHIND[one.table.name] = one


def behind(mart: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The rows behind a mart's figures: the function makes them of the tables its arguments name, which stand in the
    snapshot (core, marts, ops; no step), of ``at`` and of ``policy``.

    Columns: the mart's keys, ``id`` and ``of``, one of the name of each figure that adds up (what the row adds to it;
    null where it is not in it), those its other figures name, and what else tells of the row.
    """

    def known(make: Callable[..., Any]) -> Callable[..., Any]:
        _known(Behind(MARTS[mart.__name__], make))
        return make

    return known


def itself(
    mart: Callable[..., Any], *, of: str | None = None, named: Callable[[Any], Any] | None = None
) -> None:
    """A mart whose rows are things themselves: they stand behind its figures. ``of``: the table their ids stand in, if
    that is another. ``named``: adds ``id`` and ``of`` to them, where that is not the same for all."""
    _known(_itself(MARTS[mart.__name__], of, named))


def _itself(table: Declaration, of: str | None = None, named: Callable[[Any], Any] | None = None) -> Behind:
    def rows() -> Any:
        own = ibis_table(table.name, table.ibis_schema, table.layer)
        if named is not None:
            return named(own)
        ids = [own[name].cast("string") for name in (table.id_column, *table.key)]
        return own.mutate(**{ID: ibis.coalesce(*ids), OF: ibis.literal(of or table.table)})

    return Behind(table, rows, own=True)


def explained() -> dict[str, Behind]:
    """Name → the rows behind, of every mart: its own rows where it says nothing else."""
    return {name: _BEHIND.get(name) or _itself(table) for name, table in MARTS.items()}


def says_what_is_behind(name: str) -> bool:
    """Whether a mart says what its figures are made of."""
    return name in _BEHIND


def gather(*parts: Any) -> Any:
    """All rows of the parts. A column that one of them lacks is null there."""
    kinds: dict[str, Any] = {}
    for part in parts:
        kinds.update((name, kind) for name, kind in part.schema().items() if name not in kinds)
    return ibis.union(
        *(
            part.select(
                **{
                    name: part[name].cast(kind) if name in part.columns else ibis.null(kind)
                    for name, kind in kinds.items()
                }
            )
            for part in parts
        ),
        distinct=False,
    )


def one() -> Any:
    """What a row adds to a count."""
    return ibis.literal(1).cast("int64")


def where(condition: Any, value: Any = None) -> Any:
    """What a row adds where the condition holds: ``value`` (default: 1); null elsewhere."""
    return ibis.cases((condition.fill_null(False), one() if value is None else value))


def of_booking(b: Any, *more: str, **adds: Any) -> Any:
    """Bookings as rows behind: what each adds, and what it rests on (which attribute, which rule, which version)."""
    facts = (
        "origin",
        "status",
        "source",
        "amount_idr",
        "amount_rule",
        "created_at",
        "created_rule",
        "change",
    )
    own, of = b.booking_id, ibis.literal("core.bookings")
    if "offer_id" in b.columns:  # what a provider was asked: an offer, where there is one
        of = ibis.cases((b.offer_id.isnull(), of), else_=ibis.literal("core.booking_offers"))
        own = ibis.coalesce(b.offer_id, own)
    return b.select(
        **{ID: own, OF: of},
        **{name: b[name] for name in (*more, *facts) if name not in adds},
        **adds,
    )
