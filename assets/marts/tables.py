"""What marts are made from, as Ibis tables: core, ops and what a build is given (given.py). No rule lives here."""

from __future__ import annotations

from typing import Any

from assets.marts.given import GIVEN, INSTANTS
from assets.marts.later import ibis
from checks.schemas import CORE, OPS


def sources() -> dict[str, Any]:
    """Name → unbound Ibis table, of core, ops and what a build is given; of two of one name the latter."""
    tables = {
        one.name: ibis_table(one.name, one.ibis_schema, one.layer) for one in (*CORE.values(), *OPS.values())
    }
    return tables | {name: ibis_table(name, columns, None) for name, columns in GIVEN.items()}


def ibis_table(name: str, schema: Any, database: str | None) -> Any:
    """An unbound table: of a schema of the warehouse, of ``temp``, or of none."""
    return ibis.table(ibis.schema(schema), name=name, database=database)


class Instants:
    """The instants as scalars of a one-row table, so that compiled SQL does not change with the clock."""

    def __init__(self, row: Any | None = None) -> None:
        self.row = row if row is not None else ibis.table(dict(INSTANTS), name="instants")

    @property
    def now(self) -> Any:
        """The clock: naive UTC."""
        return self.row.select("now").as_scalar()

    @property
    def judged_at(self) -> Any:
        """The earlier of the clock and the newest complete scan of commission_records; null if never
        scanned."""
        return self.row.select("judged_at").as_scalar()

    @property
    def quiet(self) -> Any:
        """Whether the clock lies in the quiet hours."""
        return self.row.select("quiet").as_scalar()

    @property
    def local_month(self) -> Any:
        """The first day of the clock's month in the marketplace's zone: a date."""
        return self.row.select("local_month").as_scalar()

    @property
    def utc_offset_minutes(self) -> Any:
        """The marketplace's zone."""
        return self.row.select("utc_offset_minutes").as_scalar()
