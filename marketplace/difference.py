"""The Difference between the commissions that should be and those recorded: its one definition, wherever it is shown.

It is the sum of known variances (actual − expected of each row: above zero, more was recorded than is owed), never one
sum minus another: of some rows only one side is known, and two such sums are of different rows. Those rows are counted,
and their known side is summed beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from marketplace.commission import rupiah


@dataclass(frozen=True)
class Difference:
    """In rupiah. ``unknown_rows``: rows without a variance; ``unknown_expected_idr`` and ``unknown_actual_idr``: what
    is known of them. All sums are ``variance_idr`` + ``unknown_actual_idr`` − ``unknown_expected_idr`` apart."""

    variance_idr: int = 0
    unknown_rows: int = 0
    unknown_expected_idr: int = 0
    unknown_actual_idr: int = 0

    @classmethod
    def of(cls, rows: Iterable[tuple[int | None, int | None]]) -> Difference:
        """Of rows of (expected, actual).

        >>> Difference.of([(75_000, 60_000), (75_000, 0), (None, 90_000)])
        Difference(variance_idr=-90000, unknown_rows=1, unknown_expected_idr=0, unknown_actual_idr=90000)
        """
        variance = unknown = expected_of_unknown = actual_of_unknown = 0
        for expected, actual in rows:
            if expected is None or actual is None:
                unknown += 1
                expected_of_unknown += expected or 0
                actual_of_unknown += actual or 0
            else:
                variance += actual - expected
        return cls(variance, unknown, expected_of_unknown, actual_of_unknown)

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Difference | None:
        """From a row that has the columns; None where it lacks one (it was made before there was any)."""
        values = [row.get(name) for name in COLUMNS]
        return None if None in values else cls(*(int(value) for value in values if value is not None))

    def columns(self) -> dict[str, int]:
        """By column name, in order."""
        return asdict(self)

    def __str__(self) -> str:
        """In English, for a terminal and a notebook.

        >>> print(Difference(-90_000, 1, 0, 90_000))
        Difference -Rp 90.000; not in it: 1 row of which one side is unknown (Rp 90.000 recorded)
        """
        sign = "+" if self.variance_idr > 0 else ""
        told = f"Difference {sign}{rupiah(self.variance_idr)}"
        if not self.unknown_rows:
            return told
        rows = "1 row" if self.unknown_rows == 1 else f"{self.unknown_rows:,} rows"
        sides = ((self.unknown_expected_idr, "expected"), (self.unknown_actual_idr, "recorded"))
        # Of a side nothing is known of, nothing is said: Rp 0 would be an amount.
        known = ", ".join(f"{rupiah(amount)} {side}" for amount, side in sides if amount)
        return f"{told}; not in it: {rows} of which one side is unknown" + (f" ({known})" if known else "")


COLUMNS: Final = tuple(Difference.__dataclass_fields__)
#: The columns as aggregates of standard SQL over rows that have expected_idr, actual_idr and variance_idr. (The first
#: is null where no variance is known.) ``marts.commission_summary`` makes the same for the whole.
AGGREGATES: Final[Mapping[str, str]] = {
    "variance_idr": "sum(variance_idr)",
    "unknown_rows": "count(*) FILTER (WHERE variance_idr IS NULL)",
    "unknown_expected_idr": "coalesce(sum(expected_idr) FILTER (WHERE variance_idr IS NULL), 0)",
    "unknown_actual_idr": "coalesce(sum(actual_idr) FILTER (WHERE variance_idr IS NULL), 0)",
}
