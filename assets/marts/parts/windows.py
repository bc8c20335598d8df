"""Quantiles that follow from what they were: of each key the values about each rank, and how many lie below them.

A row that comes or goes moves a rank by less than one place. So as long as the rank lies within the values that are
kept, they tell the quantile exactly; where it leaves them, those of that key are looked up anew among all its rows.
Whose quantiles are kept, and in which rows, stands at the steps (part.Ranks).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from assets.marts.parts.part import Ranks
from resources.sql import literal, quoted

#: So many places to either side of a rank are kept.
REACH: Final = 64
#: Beyond any number of microseconds.
_LEAST, _MOST = -(2**62), 2**62
_TOUCHED: Final = "touched_ranks"
_LOST: Final = "lost_ranks"
_NEW: Final = "new_windows"
_COLUMNS: Final = "quantile, n, below, lo, hi, held, times, upto"


def place_of(ranks: Ranks) -> str:
    """The name of the table that is kept."""
    return f"{ranks.rows}_windows"


class Windows:
    """Those of one step. ``place``: from a name to where a table of that name is kept; ``rows``: a query of all rows,
    as they are now."""

    def __init__(self, con: Any, ranks: Ranks, place: Callable[[str], str], rows: str) -> None:
        self._con = con
        self._ranks = ranks
        self._table = place(place_of(ranks))
        self._rows = rows
        self._key, self._value = quoted(ranks.key), quoted(ranks.value)

    def make(self) -> None:
        """Make all anew."""
        self._con.execute(f"CREATE OR REPLACE TABLE {self._table} AS {self._of(self._rows)}")

    def _of(self, rows: str) -> str:
        """The windows of these rows.

        quantile, n (rows of the key), below (rows with a value under all that are kept), lo and hi (rows with a value
        from lo to hi are all kept; without a bound where there are none beyond), held, times and upto (each value that
        is kept, how often it is there, and how many there are up to it).
        """
        parts: list[str] = []
        for name, fraction in self._ranks.quantiles.items():
            first, last = (f"{which}((n - 1) * {fraction}::DOUBLE)::BIGINT" for which in ("floor", "ceil"))
            parts.append(
                f"SELECT {self._key}, {literal(name)} AS quantile, n, sorted,"
                f" greatest({first} - {REACH}, 0) AS first, least({last} + {REACH}, n - 1) AS last FROM sorted"
            )
        # Positions in a list count from 1. What is as much as the first or the last is kept, too.
        same = f"{self._key}, quantile, n, below, lo, hi"
        return (
            f"WITH sorted AS (SELECT {self._key}, count(*) AS n, list_sort(list({self._value})) AS sorted FROM ({rows})"
            f" GROUP BY {self._key}), parts AS ({' UNION ALL '.join(parts)}),"
            " ends AS (SELECT *, list_position(sorted, sorted[first + 1]) - 1 AS below,"
            " n + 1 - list_position(list_reverse(sorted), sorted[last + 1]) AS past FROM parts),"
            f" kept AS (SELECT {self._key}, quantile, n, below,"
            f" if(below = 0, ({_LEAST})::BIGINT, sorted[first + 1]) AS lo,"
            f" if(past = n, {_MOST}::BIGINT, sorted[last + 1]) AS hi,"
            " unnest(sorted[below + 1:past]) AS value FROM ends)"
            f" {self._lists(same, f'SELECT {same}, value, count(*) AS times FROM kept GROUP BY ALL')}"
        )

    def _lists(self, same: str, values: str) -> str:
        """The lists of each window, from a row a value with how often it is there."""
        return (
            f"SELECT {same}, list(value ORDER BY value) AS held, list(times ORDER BY value) AS times,"
            f" list(upto ORDER BY value) AS upto FROM (SELECT *, sum(times) OVER (PARTITION BY {self._key}, quantile"
            f" ORDER BY value)::BIGINT AS upto FROM ({values})) GROUP BY ALL"
        )

    def follow(self, step: str, made: str, gone: str) -> str:
        """Bring them to what they are since the rows of the table ``gone`` went and those of ``made`` came. Returns the
        query of the step, which before was ``step``."""
        if not self._stands():
            self.make()
            return self._quantiles("true")
        con, key, value = self._con, self._key, self._value
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_TOUCHED} AS SELECT {key}, {value} AS value, sum(sign)::BIGINT AS more"
            f" FROM (SELECT {key}, {value}, 1 AS sign FROM {made} UNION ALL SELECT {key}, {value}, -1 FROM {gone})"
            " GROUP BY ALL HAVING sum(sign) <> 0"
        )
        touched = f"{key} IN (SELECT {key} FROM temp.{_TOUCHED})"
        con.execute(f"CREATE OR REPLACE TEMP TABLE {_NEW} AS {self._moved(touched)}")
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_LOST} AS SELECT DISTINCT {key} FROM temp.{_NEW} WHERE n > 0 AND NOT found"
        )
        lost = f"{key} IN (FROM temp.{_LOST})"
        columns = f"{key}, {_COLUMNS}"
        anew = ""
        if con.execute(f"SELECT 1 FROM temp.{_LOST} LIMIT 1").fetchone():
            # Those that will soon be lost in the same go: all rows are looked through.
            con.execute(
                f"INSERT INTO temp.{_LOST} SELECT DISTINCT {key} FROM temp.{_NEW} WHERE near AND NOT ({lost})"
            )
            anew = (
                f" UNION ALL SELECT {columns} FROM ({self._of(f'SELECT * FROM ({self._rows}) WHERE {lost}')})"
            )
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_NEW} AS"
            f" SELECT {columns} FROM temp.{_NEW} WHERE n > 0 AND NOT ({lost}){anew}"
        )
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE all_windows AS SELECT {columns} FROM {self._table} WHERE NOT ({touched})"
            f" UNION ALL SELECT {columns} FROM temp.{_NEW}"
        )
        con.execute(f"CREATE OR REPLACE TABLE {self._table} AS FROM temp.all_windows")
        listed = ", ".join(map(quoted, (self._ranks.key, *self._ranks.quantiles)))
        query = f"SELECT {listed} FROM {step} WHERE NOT ({touched}) UNION ALL ({self._quantiles(touched)})"
        con.execute(f"CREATE OR REPLACE TEMP TABLE ranked AS {query}")
        for name in (_TOUCHED, _NEW, _LOST, "all_windows"):
            con.execute(f"DROP TABLE temp.{name}")
        return "FROM temp.ranked"

    def _stands(self) -> bool:
        database, name = self._table.split(".", 1)
        found = self._con.execute(
            "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND table_name = ?",
            [database, name.strip('"')],
        )
        return found.fetchone() is not None

    def _moved(self, touched: str) -> str:
        """The windows of what was touched, with whether the ranks are found in them, and whether one is near an end. Of
        a key that had no row all rows came now."""
        key = self._key
        names = ", ".join(map(literal, self._ranks.quantiles))
        window = f"{key}, quantile"
        values = (
            f"SELECT {window}, value, sum(times)::BIGINT AS times FROM ("
            f"SELECT {window}, unnest(held) AS value, unnest(times) AS times FROM old SEMI JOIN inside USING ({window})"
            f" UNION ALL SELECT {window}, value, more FROM inside) GROUP BY ALL HAVING sum(times) <> 0"
        )
        return (
            f"WITH old AS (SELECT {key}, {_COLUMNS} FROM {self._table} WHERE {touched} UNION ALL"
            f" SELECT {key}, unnest([{names}]), 0, 0, ({_LEAST})::BIGINT, {_MOST}::BIGINT, []::BIGINT[], []::BIGINT[],"
            f" []::BIGINT[] FROM (SELECT DISTINCT {key} FROM temp.{_TOUCHED})"
            f" WHERE {key} NOT IN (SELECT {key} FROM {self._table})),"
            f" inside AS (SELECT o.{key}, o.quantile, t.value, t.more FROM old AS o"
            f" JOIN temp.{_TOUCHED} AS t USING ({key})"
            " WHERE t.value BETWEEN o.lo AND o.hi),"
            f" counts AS (SELECT o.{key}, o.quantile, sum(t.more)::BIGINT AS more,"
            " coalesce(sum(t.more) FILTER (t.value < o.lo), 0)::BIGINT AS under,"
            " bool_or(t.value BETWEEN o.lo AND o.hi) AS moved"
            f" FROM old AS o JOIN temp.{_TOUCHED} AS t USING ({key}) GROUP BY o.{key}, o.quantile),"
            f" lists AS ({self._lists(window, values)}),"
            f" ranks AS (SELECT {window}, o.n + c.more AS n, o.below + c.under AS below, o.lo, o.hi,"
            # Of one in which nothing came or went the values are what they were.
            " if(c.moved, coalesce(l.held, []), o.held) AS held, if(c.moved, coalesce(l.times, []), o.times) AS times,"
            " if(c.moved, coalesce(l.upto, []), o.upto) AS upto FROM old AS o"
            f" JOIN counts AS c USING ({window}) LEFT JOIN lists AS l USING ({window}))"
            f" SELECT {key}, {_COLUMNS},"
            " coalesce(below <= floor(rank) AND ceil(rank) < below + upto[-1], false) AS found,"
            f" (lo > ({_LEAST}) AND floor(rank) - below < {REACH // 4})"
            f" OR (hi < {_MOST} AND below + upto[-1] - ceil(rank) < {REACH // 4}) AS near"
            f" FROM (SELECT *, {self._rank()} AS rank FROM ranks)"
        )

    def _rank(self) -> str:
        """The place among all values, from 0, that a quantile lies at; between two of them in proportion."""
        fractions = " ".join(
            f"WHEN {literal(name)} THEN {fraction}::DOUBLE"
            for name, fraction in self._ranks.quantiles.items()
        )
        return f"(n - 1) * CASE quantile {fractions} END"

    def _quantiles(self, which: str) -> str:
        """The step's rows, of the windows as they are kept: as DuckDB makes them, between the values about a rank."""
        key = self._key
        parts = ", ".join(
            f"max(value) FILTER (quantile = {literal(name)}) AS {quoted(name)}"
            for name in self._ranks.quantiles
        )
        before, beyond = (
            f"held[len(list_filter(upto, lambda x: x <= {side}(rank) - below)) + 1]::DOUBLE"
            for side in ("floor", "ceil")
        )
        return (
            f"SELECT {key}, {parts} FROM (SELECT {key}, quantile, rank - floor(rank) AS share,"
            f" {before} * (1 - share) + {beyond} * share AS value"
            f" FROM (SELECT *, {self._rank()} AS rank FROM {self._table} WHERE {which})) GROUP BY {key}"
        )
