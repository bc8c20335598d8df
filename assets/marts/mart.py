"""What makes a function a mart: its arguments are the tables it reads, its docstring is what it is.

A step is such a function too: a table that lasts as long as a build and is not published. Which there
are stands in every.py; building them is build.py's business.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from assets.marts.parts.part import Difference, Part, Ranks
from checks.schemas import CORE
from checks.schemas.table import Declaration, Table, declaration_of

#: Arguments that are no tables: the instants everything is judged at, and the commission policy.
AT: Final = "at"
POLICY: Final = "policy"

#: From the rows of a query to those of a table: Polars frames both.
Through = Callable[[Any], Any]


@dataclass(frozen=True)
class Mart:
    """A table to make. ``reads``: the tables it is made of, by name, one of its own name or of a name that core has
    being core's. ``table``: what it is declared as; None for a step.

    ``clock_columns`` change with the clock alone: they count neither for the digest nor as a change, but
    are always written. ``through``: what no query can say is made of the query's rows by this, a Polars frame of them
    to one of the table's columns. ``part``: which of its rows are made anew where a change reaches them; None: all are,
    each time. ``difference``, ``ranks``: how a step follows from what it was. ``of``: the unit by whose parts a step is
    made for other steps of that unit, as it is and as it was, without being kept itself. ``remembered``: a step that is
    made whole, and of which others want to know what it was. ``sought``: a step in which parts are looked up, and that
    nothing is made of.
    """

    name: str
    make: Callable[..., Any]
    reads: tuple[str, ...]
    table: Declaration | None
    clock_columns: tuple[str, ...]
    through: Through | None = None
    part: Part | None = None
    difference: Difference | None = None
    ranks: Ranks | None = None
    of: str | None = None
    remembered: bool = False
    sought: bool = False

    @property
    def step(self) -> bool:
        return self.table is None

    @property
    def kept(self) -> bool:
        """Whether it is a step that the next build needs as it is."""
        kept = self.part is not None or self.ranks is not None or self.remembered
        return self.step and (kept or (self.difference is not None and self.difference.was is None))

    @property
    def follows(self) -> str | None:
        """The unit by whose changes a step follows from what it was; None: it does not."""
        how = self.difference or self.ranks
        return None if how is None else how.unit

    @property
    def needs(self) -> tuple[str, ...]:
        """The steps and marts among what it reads. A name that core has is core's."""
        return tuple(name for name in self.reads if name in _MADE and name != self.name and name not in CORE)

    @property
    def asks_policy(self) -> bool:
        """Whether its query depends on the commission policy."""
        return POLICY in _arguments(self.make)

    @property
    def asks_clock(self) -> bool:
        """Whether its query depends on the instants it is judged at."""
        return AT in _arguments(self.make)

    @property
    def description(self) -> str:
        return inspect.getdoc(self.make) or ""

    def query(self, tables: Mapping[str, Any], at: Any, policy: Any) -> Any:
        """Its query as an Ibis expression on these tables."""
        given = {AT: at, POLICY: policy}
        return self.make(*(given[name] if name in given else tables[name] for name in _arguments(self.make)))


def _arguments(make: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(make).parameters)


_MADE: Final[dict[str, Mart]] = {}


def _known(
    make: Callable[..., Any],
    table: Declaration | None,
    clock_columns: Iterable[str] = (),
    through: Through | None = None,
    part: Part | None = None,
    difference: Difference | None = None,
    ranks: Ranks | None = None,
    of: str | None = None,
    remembered: bool = False,
    sought: bool = False,
) -> None:
    name = make.__name__
    if name in _MADE:
        raise ValueError(f"Two marts or steps are named {name}.")
    if table is not None and table.name != name:
        raise ValueError(f"The mart {name} is declared as {table.name}.")
    reads = tuple(argument for argument in _arguments(make) if argument not in (AT, POLICY))
    _MADE[name] = Mart(
        name,
        make,
        reads,
        table,
        tuple(clock_columns),
        through,
        part,
        difference,
        ranks,
        of,
        remembered,
        sought,
    )


def mart(
    model: type[Table],
    *,
    clock_columns: Iterable[str] = (),
    through: Through | None = None,
    part: Part | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A mart of the declared table: the function makes it of the tables its arguments name (core, ops, what a build is
    given, steps and other marts), of ``at`` (the instants) and of ``policy``, where it asks for them. ``through``: as
    of ``Mart``; few rows, as all of them are in memory. ``part``: as of ``Mart``."""

    def known(make: Callable[..., Any]) -> Callable[..., Any]:
        _known(make, declaration_of(model), clock_columns, through, part)
        return make

    return known


def step(
    *,
    part: Part | None = None,
    difference: Difference | None = None,
    ranks: Ranks | None = None,
    of: str | None = None,
    remembered: bool = False,
    sought: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A step: as a mart, and not published. What the next build needs of it is kept beside the warehouse, the others go
    with the build. ``difference``, ``ranks``, ``of``, ``remembered``, ``sought``: as of ``Mart``."""

    def known(make: Callable[..., Any]) -> Callable[..., Any]:
        _known(
            make,
            None,
            part=part,
            difference=difference,
            ranks=ranks,
            of=of,
            remembered=remembered,
            sought=sought,
        )
        return make

    return known


def in_order() -> dict[str, Mart]:
    """Name → mart or step, of those known so far: each after those it reads, else marts before steps, by name. Raises
    ValueError where two of them wait for each other."""
    ordered: dict[str, Mart] = {}

    def put(one: Mart, waiting: tuple[str, ...]) -> None:
        if one.name in ordered:
            return
        if one.name in waiting:
            raise ValueError(f"{' reads '.join((*waiting, one.name))}: none of them can be made first.")
        for name in one.needs:
            put(_MADE[name], (*waiting, one.name))
        ordered[one.name] = one

    for one in sorted(_MADE.values(), key=lambda one: (one.step, one.name)):
        put(one, ())
    return ordered
