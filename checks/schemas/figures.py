"""What kind of figure a column is: whether the rows behind it add up to it, and if not, what of them it is made of.

Which columns are which figures stands beside them, in the tables' declarations; the rows behind in assets/marts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a figure follows from the rows behind it."""

    ADDITIVE = "additive"
    RATIO = "ratio"
    MEAN = "mean"
    QUANTILE = "quantile"
    OTHER = "other"


@dataclass(frozen=True)
class Figure:
    """``of``: the columns of the rows behind that it is made of: what an additive one adds up, numerator and
    denominator, the values of a mean or quantile (``level``), the columns of its own row that any other follows from.

    ``over``: of a ratio whose denominator counts more than its own row: the keys within which it does. ``empty``: what
    a ratio is where its denominator is 0.
    """

    kind: Kind
    of: tuple[str, ...] = ()
    level: float | None = None
    over: tuple[str, ...] | None = None
    empty: float | None = None


def additive(*of: str) -> Figure:
    """The sum of what the rows behind add, in the column of its own name or of ``of``."""
    return Figure(Kind.ADDITIVE, of)


def ratio(
    numerator: str, denominator: str, *, over: tuple[str, ...] | None = None, empty: float | None = None
) -> Figure:
    """The sum of one column of the rows behind, divided by that of another."""
    return Figure(Kind.RATIO, (numerator, denominator), over=over, empty=empty)


def mean(values: str) -> Figure:
    """The mean of a column of the rows behind."""
    return Figure(Kind.MEAN, (values,))


def quantile(values: str, level: float) -> Figure:
    """The value below which ``level`` of a column of the rows behind lie, interpolated between two."""
    return Figure(Kind.QUANTILE, (values,), level)


def other(*inputs: str) -> Figure:
    """One that adds up to nothing: it follows from these columns of its own row."""
    return Figure(Kind.OTHER, inputs)
