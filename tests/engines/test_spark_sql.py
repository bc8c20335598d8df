"""Every mart and step can be said in Spark's SQL, with its types. Whether it means the same is tests/spark's: that
takes Java and minutes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ibis
import pytest
from ibis.common.exceptions import IbisError
from sqlglot import exp, parse_one

from assets.engines import spark
from assets.engines.compiled import Compiled
from assets.marts.every import MARTS
from assets.marts.given import GIVEN, INSTANTS
from assets.marts.sql_cache import compile_spark
from checks.schemas import CORE, OPS
from marketplace.codes import LONGEST_PUBLISHED
from tests.marts.test_build import DATED

#: Functions that sqlglot does not know of Spark's, and Spark 4.0 has.
SPARKS_OWN = {"MAKE_DATE", "XXHASH64"}
DUCKDBS = {spark_type: kind for kind, spark_type in spark.TYPES.items()}


@pytest.fixture(scope="module")
def compiled() -> dict[str, Compiled]:
    """Under a policy that asks for the provider's plan, which the simplest one does not."""
    return {made.name: made for made in compile_spark(DATED)}


def test_every_mart_and_step_is_said_on_views_with_its_types(compiled: dict[str, Compiled]) -> None:
    assert list(compiled) == list(MARTS)
    views = (
        {spark.view("core", name) for name in CORE} | {spark.view("ops", name) for name in OPS} | set(GIVEN)
    )
    markers = set(spark.markers([None] * len(INSTANTS)))
    asked: set[str] = set()
    for name, mart in MARTS.items():
        query = parse_one(spark.typed(compiled[name]), dialect="spark")
        own = {one.alias for one in query.find_all(exp.CTE)}
        read = {(table.db, table.name) for table in query.find_all(exp.Table)}
        assert {db for db, _ in read} <= {""}, name
        assert {table for _, table in read} <= own | views, name
        asked |= {marker.name for marker in query.find_all(exp.Placeholder)}
        own_names = {function.name.upper() for function in query.find_all(exp.Anonymous)}
        assert own_names <= SPARKS_OWN, name  # what else there is sqlglot knows to be Spark's
        shown = dict(compiled[name].columns)
        if mart.table is not None and mart.through is None:
            assert {
                column: DUCKDBS.get(kind, kind) for column, kind in shown.items()
            } == mart.table.sql_columns
        assert [column.alias_or_name for column in query.selects] == list(shown), name
        views.add(spark.view("temp" if mart.step else "marts", name))
    assert asked == markers


def test_only_the_engines_know_a_dialect() -> None:
    """Ibis's compilers are named in assets/engines alone, pyspark where a session is made as well."""
    root = Path(__file__).parents[2]
    knows = {
        str(path.relative_to(root))
        for room in ("messages", "resources", "checks", "assets", "operations", "pipelines", "dashboards")
        for path in (root / room).rglob("*.py")
        if re.search(r"ibis\.backends|import_module\(.pyspark|import pyspark|from pyspark", path.read_text())
    }
    assert knows == {"assets/engines/duckdb.py", "assets/engines/spark.py", "resources/spark.py"}


def test_what_spark_cannot_say_is_not_compiled() -> None:
    table: Any = ibis.table({"at": "timestamp", "name": "string"}, name="given")
    with pytest.raises(IbisError):
        spark.Spark().compiled("bucketed", table.select(day=table.at.bucket(days=1)))
    with pytest.raises(KeyError):
        spark.Spark().compiled("named", table.select(day=table.at.strftime("%A")))
    with pytest.raises(ValueError, match="dollar"):
        spark.Spark().compiled("priced", table.select(text=table.name.re_replace("a", "$1")))


def test_a_sentence_that_is_too_long_is_cut_and_no_other_text() -> None:
    made = Compiled("talk", (("detail", "STRING"), ("code", "STRING")), "SELECT * FROM `given`")
    assert spark.typed(made) == (
        f"SELECT if(char_length(CAST(`detail` AS STRING)) > {LONGEST_PUBLISHED}, concat(left(CAST(`detail` AS STRING),"
        f" {LONGEST_PUBLISHED - 1}), '…'), CAST(`detail` AS STRING)) AS `detail`, CAST(`code` AS STRING) AS `code`"
        " FROM (SELECT * FROM `given`)"
    )


def test_instants_are_given_as_texts_that_no_zone_is_read_into() -> None:
    from datetime import date, datetime

    values = (datetime(2026, 1, 2, 3, 4, 5, 6), None, True, date(2026, 1, 1), 480)
    assert spark.markers(values) == {
        "bookwatch_now": "2026-01-02T03:04:05.000006",
        "bookwatch_judged_at": None,
        "bookwatch_quiet": "true",
        "bookwatch_local_month": "2026-01-01",
        "bookwatch_utc_offset_minutes": "480",
    }
