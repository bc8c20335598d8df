"""The lines of the bridge from the closing that was reported for the period before to this one's opening.

What was reported is read from the snapshot that report rests on, line by line against this one; where it is not kept
any more, from the report's own file, and then only the whole of the changes can be told. Which line is which is said
in marketplace/bridges.py; corrections row by row are another table's.
"""

from __future__ import annotations

from typing import Final

import duckdb
import polars as pl

from pipelines.exports.month.accounts import day, lines_of, of_provider, summed
from pipelines.exports.month.earlier import reported, reported_file
from pipelines.exports.month.table import Asked, Earlier

#: What the file of the accounts ends in.
LEDGER_FILE: Final = "_ledger.csv"
_FACTS: Final = (
    "bridge VARCHAR, provider_id VARCHAR, local_date DATE, line VARCHAR, amount_idr BIGINT, n BIGINT"
)
_ENTRY: Final = "entry_id, provider_id, local_date, amount_idr"
#: Lines of a provider and month are the same in both snapshots where these are: only the others are compared.
_GROUPED: Final = (
    "SELECT provider_id, date_trunc('month', local_date)::DATE AS local_month, count(*) AS n,"
    " sum(amount_idr)::BIGINT AS amount_idr, bit_xor(hash(entry_id, local_date, amount_idr)) AS mark"
    " FROM marts.commission_entries WHERE {upto} GROUP BY ALL"
)


def put_opening(con: duckdb.DuckDBPyConnection, asked: Asked) -> str:
    """Make temp.opening_facts, the sums of the bridge's lines but for its total; returns what its first line rests
    on, in a sentence.
    """
    earlier = asked.opening_from
    con.execute(f"CREATE OR REPLACE TEMP TABLE opening_facts ({_FACTS})")
    if earlier is None:
        _as_of_now(con, asked)
        return "no report of the period before was handed out: its closing as of this snapshot"
    with reported(con, earlier) as (then, why):
        if then is not None:
            _from_snapshot(con, asked, then)
            return f"{_named(earlier)}, from the snapshot it rests on"
    if _from_file(con, asked, earlier):
        return f"{_named(earlier)}, from its file. {why} Changes are not told line by line"
    _as_of_now(con, asked)
    con.execute(
        "INSERT INTO opening_facts VALUES ('opening', ?, NULL, 'not_compared', NULL, 1)", [asked.provider]
    )
    return f"as of this snapshot: {_named(earlier)} is not there as it was handed out. {why}"


def _named(earlier: Earlier) -> str:
    return f"the report with the manifest {earlier.manifest_sha256[:12]}…"


def _before(asked: Asked) -> str:
    return f"(local_date < {day(asked.first)} AND {of_provider(asked)})"


def _as_of_now(con: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    rows = f"SELECT * FROM marts.commission_entries WHERE {_before(asked)}"
    con.execute(
        f"INSERT INTO opening_facts BY NAME {lines_of('opening', rows, {'reported_closing': summed('amount_idr')})}"
    )


def _from_file(con: duckdb.DuckDBPyConnection, asked: Asked, earlier: Earlier) -> bool:
    """Whether the report's ledger was there as it was handed out."""
    file = reported_file(earlier, LEDGER_FILE)
    if file is None:
        return False
    read = pl.read_csv(file, infer_schema=False, columns=["line", "provider_id", "closing_idr"])
    told = read.filter(pl.col("line") == "provider").select(
        "provider_id", amount_idr=pl.col("closing_idr").cast(pl.Int64)
    )
    con.register("reported", told)
    both = f"""
        SELECT provider_id, amount_idr AS reported, NULL AS now FROM reported WHERE {of_provider(asked)}
        UNION ALL SELECT provider_id, NULL, amount_idr FROM marts.commission_entries WHERE {_before(asked)}"""
    rows = lines_of(
        "opening",
        both,
        {
            "reported_closing": summed("reported"),
            "not_itemised": ("coalesce(sum(now), 0) - coalesce(sum(reported), 0)", "NULL"),
        },
    )
    con.execute(f"INSERT INTO opening_facts BY NAME {rows}")
    con.unregister("reported")
    return True


def _from_snapshot(con: duckdb.DuckDBPyConnection, asked: Asked, then: duckdb.DuckDBPyConnection) -> None:
    """Compare the lines before the period in both snapshots, those of providers and months that differ."""
    grouped = _GROUPED.format(upto=_before(asked))
    _carry(then, grouped, con, "then_groups")
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE opening_differs AS
        SELECT coalesce(t.provider_id, n.provider_id) AS provider_id,
               coalesce(t.local_month, n.local_month) AS local_month
        FROM then_groups t FULL JOIN ({grouped}) n
            ON n.provider_id = t.provider_id AND n.local_month = t.local_month
        WHERE (t.n, t.amount_idr, t.mark) IS DISTINCT FROM (n.n, n.amount_idr, n.mark)"""
    )
    differing = (
        f"SELECT {_ENTRY} FROM marts.commission_entries WHERE {_before(asked)} AND (provider_id,"
        " date_trunc('month', local_date)::DATE) IN (SELECT (provider_id, local_month) FROM {differs})"
    )
    _carry(con, "FROM opening_differs", then, "differs")
    _carry(then, differing.format(differs="differs"), con, "then_lines")
    con.execute(f"CREATE OR REPLACE TEMP TABLE now_lines AS {differing.format(differs='opening_differs')}")
    # Where a line lies that one side has before the period, and the other not: elsewhere, or nowhere.
    _carry(con, "SELECT entry_id FROM now_lines ANTI JOIN then_lines USING (entry_id)", then, "fresh")
    elsewhere = f"SELECT {_ENTRY} FROM marts.commission_entries SEMI JOIN fresh USING (entry_id)"
    _carry(then, elsewhere, con, "then_elsewhere")
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE now_elsewhere AS
        SELECT {_ENTRY} FROM marts.commission_entries
        WHERE entry_id IN (SELECT entry_id FROM then_lines ANTI JOIN now_lines USING (entry_id))"""
    )
    both = "then_lines t JOIN now_lines n ON n.entry_id = t.entry_id"
    came = "FROM now_lines n ANTI JOIN then_lines t ON t.entry_id = n.entry_id"
    went = "FROM then_lines t ANTI JOIN now_lines n ON n.entry_id = t.entry_id"
    # A line of a package of one provider may have stood, before the period too, on an account that is not asked for.
    before = f"local_date < {day(asked.first)}"
    parts = {
        "amount_changed": f"SELECT n.provider_id, n.amount_idr - t.amount_idr AS amount_idr FROM {both}"
        " WHERE n.amount_idr <> t.amount_idr",
        "from_another": f"SELECT n.provider_id, t.amount_idr FROM {both} WHERE n.provider_id <> t.provider_id"
        f" UNION ALL SELECT n.provider_id, n.amount_idr {came}"
        f" WHERE n.entry_id IN (SELECT entry_id FROM then_elsewhere WHERE {before})",
        "to_another": f"SELECT t.provider_id, -t.amount_idr AS amount_idr FROM {both}"
        " WHERE n.provider_id <> t.provider_id"
        f" UNION ALL SELECT t.provider_id, -t.amount_idr {went}"
        f" WHERE t.entry_id IN (SELECT entry_id FROM now_elsewhere WHERE {before})",
        "moved_in": f"SELECT n.provider_id, n.amount_idr {came}"
        f" WHERE n.entry_id IN (SELECT entry_id FROM then_elsewhere WHERE NOT {before})",
        "entered_since": f"SELECT n.provider_id, n.amount_idr {came}"
        " WHERE n.entry_id NOT IN (SELECT entry_id FROM then_elsewhere)",
        "moved_out": f"SELECT t.provider_id, -t.amount_idr AS amount_idr {went}"
        f" WHERE t.entry_id IN (SELECT entry_id FROM now_elsewhere WHERE NOT {before})",
        "left_since": f"SELECT t.provider_id, -t.amount_idr AS amount_idr {went}"
        " WHERE t.entry_id NOT IN (SELECT entry_id FROM now_elsewhere)",
    }
    for code, rows in parts.items():
        con.execute(
            f"INSERT INTO opening_facts BY NAME {lines_of('opening', rows, {code: summed('amount_idr')})}"
        )
    groups = "SELECT provider_id, amount_idr FROM then_groups"
    said = {"reported_closing": (summed("amount_idr")[0], "NULL")}
    con.execute(f"INSERT INTO opening_facts BY NAME {lines_of('opening', groups, said)}")


def _carry(source: duckdb.DuckDBPyConnection, sql: str, target: duckdb.DuckDBPyConnection, name: str) -> None:
    """Make the temporary table ``name`` of a query on another connection, which may attach nothing."""
    rows = source.sql(sql).to_arrow_reader(10_000)
    target.register("carried", rows)
    target.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM carried")
    target.unregister("carried")
