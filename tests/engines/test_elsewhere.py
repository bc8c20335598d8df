"""Marts that are made elsewhere: they come into the warehouse as if they had been made here, and what keeps an engine
from working is one sentence with a next step, in both languages."""

from __future__ import annotations

import shlex
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.engines.compiled import Compiled, Wanted
from assets.engines.examining import examine_engine
from assets.engines.spark_build import sources, spark_build
from assets.marts.build import build
from assets.marts.every import MARTS
from assets.marts.given import GIVEN
from checks.schemas import CORE, OPS
from messages.catalogue import say
from resources import lake, spark
from resources.errors import BookwatchError, UsageError
from resources.objects import FolderObjects
from resources.settings import Settings, load_settings
from resources.spark import SparkFailure
from tests.marts.test_build import filled, marketplace_rows
from tests.marts.warehouse import NOW, Warehouse
from tests.policies import DEFAULT_POLICY

WANTED = ("commission_findings", "commission_balances", "revenue_monthly", "booking_anomalies")


@dataclass
class Files:
    """Makes no mart: their rows lie in files already."""

    folder: Path
    asked: list[str] = field(default_factory=list[str])
    fails: bool = False

    def make(self, con: duckdb.DuckDBPyConnection, wanted: Wanted) -> dict[str, Compiled]:
        self.asked = [mart.name for mart in wanted.marts]
        assert wanted.instants[0] == NOW
        if self.fails:
            raise SparkFailure.of("failure.spark_failed", kind="OutOfMemoryError")
        return {
            mart.name: Compiled(
                mart.name,
                tuple(mart.table.sql_columns.items()),
                f"SELECT * FROM read_parquet('{self.folder / mart.name}.parquet')",
            )
            for mart in wanted.marts
            if mart.table is not None
        }


@pytest.fixture
def made(tmp_path: Path) -> tuple[Warehouse, Any, Files]:
    """A warehouse with marts, and the rows of these in files."""
    w = filled(marketplace_rows(3))
    outcome = w.build(tables=WANTED)
    for name in outcome.rows:
        w.con.execute(f"COPY marts.{name} TO '{tmp_path / name}.parquet'")
    return w, outcome, Files(tmp_path)


def test_what_is_made_elsewhere_stands_as_what_is_made_here(made: tuple[Warehouse, Any, Files]) -> None:
    w, here, files = made
    w.con.execute("DROP TABLE marts.commission_findings; DROP TABLE marts.revenue_monthly")
    w.con.execute("DELETE FROM marts.commission_balances")
    w.con.execute("DELETE FROM ops.mart_digests WHERE mart = 'commission_balances'")
    there = build(w.con, now=NOW, policy=DEFAULT_POLICY, tables=WANTED, engine=files)
    assert (there.rows, there.digests) == (here.rows, here.digests)
    assert {"commission_findings", "commission_balances", "revenue_monthly"} <= there.changed
    assert "booking_anomalies" not in there.changed
    # The steps are the engine's to make, each before what reads it.
    assert {"commission_links", "commission_reviews"} <= set(files.asked)
    assert files.asked == [name for name in MARTS if name in files.asked]
    again = build(w.con, now=NOW, policy=DEFAULT_POLICY, tables=WANTED, engine=files)
    assert again.changed == frozenset()


def test_where_an_engine_fails_no_mart_was_written(made: tuple[Warehouse, Any, Files]) -> None:
    w, _, files = made
    w.con.execute("DELETE FROM marts.commission_balances")
    files.fails = True
    with pytest.raises(SparkFailure, match="OutOfMemoryError"):
        build(w.con, now=NOW, policy=DEFAULT_POLICY, tables=WANTED, engine=files)
    assert w.rows("SELECT count(*) AS n FROM marts.commission_balances") == [{"n": 0}]
    # And what it was given is gone.
    given = w.rows("SELECT count(*) AS n FROM duckdb_tables() WHERE temporary AND table_name = 'waivers'")
    assert given == [{"n": 0}]


def test_the_lake_has_every_table_that_marts_read_once(tmp_path: Path) -> None:
    listed = sources(MARTS.values())
    assert len({source.folder for source in listed}) == len(listed)
    read = {name for mart in MARTS.values() for name in mart.reads}
    assert {source.name for source in listed} == {
        name for name in read if name in GIVEN or name in CORE or (name in OPS and name not in MARTS)
    }
    assert {source.name for source in listed if source.month} >= {"bookings", "commissions", "messages"}
    con = filled(marketplace_rows(1)).con
    for name, columns in GIVEN.items():
        con.execute(f"CREATE TEMP TABLE {name} ({', '.join(f'{column} VARCHAR' for column in columns)})")
    store = FolderObjects(tmp_path / "lake")
    version = lake.write(con, listed, store, {}, making=tmp_path / "making").version
    for source in listed:
        files = [str(store.path(key)) for key in version.keys(source)]
        laid_out = sorted(duckdb.read_parquet(files).fetchall(), key=repr)
        assert laid_out == sorted(con.execute(f"FROM {source.sql}").fetchall(), key=repr), source.name


def _set(monkeypatch: pytest.MonkeyPatch, home: Path, **names: str) -> Settings:
    for name, value in {"ENGINE": "spark", "HOME": str(home), **names}.items():
        monkeypatch.setenv(f"BOOKWATCH_{name}", value)
    return load_settings()


@pytest.mark.parametrize(
    "master", ["", "yarn", "k8s://https://a", "spark://a", "local[0]", "spark://u:p@a:7077", "local[2] --x"]
)
def test_a_master_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, master: str
) -> None:
    with pytest.raises(UsageError, match="BOOKWATCH_SPARK_MASTER") as refused:
        _set(monkeypatch, tmp_path / "home", SPARK_MASTER=master)
    assert not master or master not in str(refused.value)


def test_what_lacks_is_said_by_doctor_and_ends_a_run_before_a_mart_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home"

    def told(settings: Settings) -> str:
        (line,) = examine_engine(settings)
        assert (line.verdict, line.blocking) == ("problem", True)
        with pytest.raises(BookwatchError) as failed, spark_build(settings):
            raise AssertionError("it was begun")
        assert (line.sentence, line.what_to_do) == (failed.value.problem, failed.value.next_step)
        assert failed.value.next_step
        for part in failed.value.said:
            assert say(part, "id") != say(part, "en")
        return failed.value.why.code

    store = str(tmp_path / "shared")
    settings = _set(monkeypatch, home, SPARK_MASTER="spark://127.0.0.1:1,127.0.0.1:2", STORE=store)
    assert lake.folder_of(settings) == Path(store) / "lake"
    with monkeypatch.context() as lacking:
        lacking.setattr(spark, "_is_installed", lambda: False)
        assert told(settings) == "failure.spark_no_extra"
    monkeypatch.setattr(spark, "_is_installed", lambda: True)
    with monkeypatch.context() as lacking:
        lacking.setenv("JAVA_HOME", str(tmp_path))
        assert told(settings) == "failure.spark_no_java"
        java = tmp_path / "bin" / "java"
        java.parent.mkdir()
        java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
        java.chmod(0o700)
        assert told(settings) == "failure.spark_no_java"
        java.write_text("#!/bin/sh\necho 'openjdk version \"17.0.2\" 2022-01-15' >&2\n")
        assert told(settings) == "failure.spark_unreached"
        with socket.create_server(("127.0.0.1", 0)) as listening:
            there = _set(monkeypatch, home, SPARK_MASTER=f"spark://127.0.0.1:{listening.getsockname()[1]}")
            (line,) = examine_engine(there)
            assert (line.verdict, line.blocking) == ("ok", False)
    assert told(_set(monkeypatch, home, STORE="s3://bucket/prefix")) == "failure.spark_store"
    assert examine_engine(_set(monkeypatch, home, ENGINE="duckdb")) == []


def test_who_is_forgotten_is_forgotten_by_the_lake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = _set(monkeypatch, tmp_path / "home")
    settings.home.create()
    folder = lake.folder_of(settings)
    assert folder == settings.home.root / "lake"
    for left in (folder / "tables", lake.working_folder(settings) / "local"):
        left.mkdir(parents=True)
        (left / "x.parquet").write_bytes(b"x")
    lake.drop(settings)
    assert not folder.exists()
    assert not lake.working_folder(settings).exists()
    lake.drop(settings)  # where there is none, too


@dataclass
class Stopped:
    """What stands for pyspark, its session, its Java: what becomes of them is noted."""

    begins: bool = True
    ends: list[str] = field(default_factory=list[str])
    given: dict[str, str] = field(default_factory=dict[str, str])

    def __getattr__(self, name: str) -> Any:
        # pyspark.sql.SparkSession.builder, pyspark.SparkContext._gateway.proc.stdin
        return self

    def config(self, name: str, value: str) -> Stopped:
        self.given[name] = value
        return self

    def getOrCreate(self) -> Stopped:
        if not self.begins:
            raise RuntimeError("no address 10.9.8.7")
        return self

    def stop(self) -> None:
        self.ends.append("stop")
        raise RuntimeError("a row: Ketut")

    def shutdown(self) -> None:
        self.ends.append("shutdown")

    def close(self) -> None:
        self.ends.append("close")

    def wait(self, timeout: float = 0) -> None:
        self.ends.append("wait")


def test_a_session_ends_with_its_java_and_says_nothing_of_sparks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pyspark, folder = Stopped(), tmp_path / 'a "home" of mine' / "spark"
    monkeypatch.setattr(spark, "ready", lambda master: None)
    monkeypatch.setattr(spark, "import_module", lambda name: pyspark)
    with (
        pytest.raises(SparkFailure, match=r"Spark failed \(RuntimeError\)"),
        spark.session("local[1]", folder),
    ):
        assert shlex.split(pyspark.given["spark.driver.extraJavaOptions"]) == [
            f"-Djava.io.tmpdir={folder / 'local'}",
            f"-Dlog4j2.configurationFile={(folder / 'log4j2.properties').as_uri()}",
        ]
    assert pyspark.ends == ["stop", "shutdown", "close", "wait"]
    # What ended the work is told, not how Spark's own end failed after it.
    pyspark = Stopped()
    with pytest.raises(KeyError), spark.session("local[1]", folder):
        raise KeyError
    pyspark = Stopped(begins=False)
    with pytest.raises(SparkFailure) as refused, spark.session("local[1]", folder):
        raise AssertionError("it never began")
    assert "10.9.8.7" not in str(refused.value)
    assert pyspark.ends == ["shutdown", "close", "wait"]
    assert not folder.exists()
