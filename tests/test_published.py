"""The publication that the tests of the readers rest on: it holds something of everything, and its copies are accepted
as snapshots that the home published."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from checks.every import registry_of
from marketplace.collections import OF_SERVICES
from marketplace.findings import FINDINGS
from resources.home import Home
from resources.ledger import Ledger
from resources.seals import SnapshotChanged, require_unchanged
from resources.snapshots import NOT_OFFERED, open_snapshot, published_snapshots, require_snapshot
from tests import published
from tests.published import changed

TESTS = Path(__file__).parent


def _asked(home: Home, query: str) -> list[tuple[object, ...]]:
    with open_snapshot(require_snapshot(home), in_full=True) as con:
        return con.execute(query).fetchall()


def test_it_holds_every_kind_of_finding_and_rows_in_every_table(published_home: Home) -> None:
    kinds = _asked(published_home, "SELECT DISTINCT finding FROM marts.commission_findings")
    assert {code for (code,) in kinds} == set(FINDINGS)
    empty = _asked(
        published_home,
        "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
        f" WHERE estimated_size = 0 AND schema_name <> '{NOT_OFFERED}'",
    )
    # No services are installed there: of offers tests/marts/test_offers.py has worlds of its own. No channel is set, so
    # nothing was sent; no row that was rejected is gone. What is planned and backed up stands in
    # the ledger of who does it: tests/operations/test_ops_actions.py mirrors it.
    assert sorted(empty) == [
        ("core.booking_offers",),
        ("ops.actions",),
        ("ops.alert_deliveries",),
        ("ops.backups",),
        ("ops.quarantine_gone",),
    ]
    scanned = {name for (name,) in _asked(published_home, "SELECT collection FROM ops.scans")}
    assert not scanned & set(OF_SERVICES), "nothing is said of what is not there"
    states = _asked(published_home, "SELECT DISTINCT state FROM marts.commission_reconciliation")
    assert {"matched", "mismatched", "missing", "orphan", "unknown", "free"} <= {s for (s,) in states}


def test_its_checks_are_those_of_the_product(published_home: Home) -> None:
    names = {name for (name,) in _asked(published_home, "SELECT check_name FROM ops.check_results")}
    assert set(registry_of({})) <= names


def test_it_is_published_once_for_all_who_share_a_folder(publication: Path) -> None:
    assert published.published_once(publication.parent.parent) == publication
    assert len(published_snapshots(Home(publication))) == 2


def test_a_changed_copy_is_a_snapshot_of_its_own_sealed_and_newest(published_home: Home) -> None:
    before = require_snapshot(published_home)
    snapshot_id = changed(published_home, "DELETE FROM marts.peak_hours")
    newest = require_snapshot(published_home)
    assert newest.stem == snapshot_id > before.stem
    seal = require_unchanged(newest, in_full=True)
    assert seal is not None
    assert not seal.adopted
    assert Ledger(published_home.ledger).seal(snapshot_id)[0] == seal
    assert _asked(published_home, "SELECT count(*) FROM marts.peak_hours") == [(0,)]
    assert _asked(published_home, "SELECT snapshot_id FROM ops.snapshot") == [(snapshot_id,)]
    with open_snapshot(before, in_full=True) as con:
        assert con.execute("SELECT count(*) > 0 FROM marts.peak_hours").fetchall() == [(True,)]
    assert sorted(path.name for path in published_home.root.glob("draft*")) == []


def test_a_copy_that_somebody_wrote_into_is_refused_like_any_other(published_home: Home) -> None:
    path = require_snapshot(published_home)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"another byte")
    with pytest.raises(SnapshotChanged):
        require_unchanged(path)


def test_a_name_that_the_product_does_not_have_fails(published_home: Home) -> None:
    with (
        pytest.raises(duckdb.Error, match="of_another_time"),
        published.changing(published_home) as con,
    ):
        published.add(con, "marts.peak_hours", "weekday of_another_time", [(1, 1)])
    assert len(published_snapshots(published_home)) == 2


def test_no_test_defines_a_table_of_the_product_by_hand(publication: Path) -> None:
    """Such a definition drifts from the real one unseen. A mirror's tables and those of old homes are not of these."""
    of_an_older_version = TESTS / "core" / "test_renewal.py"
    with open_snapshot(require_snapshot(Home(publication))) as con:
        named = con.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() UNION"
            " SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
    names = "|".join(re.escape(name) for (name,) in named)
    defined = re.compile(
        rf"CREATE\s[^;\"]*\b(?:TABLE|VIEW)\s+(?:IF NOT EXISTS\s+)?(?:{names})\b(?! AS \{{)", re.IGNORECASE
    )
    assert defined.search("CREATE TABLE core.bookings (booking_id VARCHAR)")
    found = {
        f"{path.relative_to(TESTS)}: {hit}"
        for path in TESTS.rglob("*.py")
        if path not in (Path(__file__), of_an_older_version)
        for hit in defined.findall(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_a_whole_copy_has_what_another_run_needs(publication: Path, tmp_path: Path) -> None:
    home = published.copied_home(publication, tmp_path / "home", whole=True).check()
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        held = con.execute("SELECT count(*) FROM core.bookings").fetchall()
    assert held == _asked(home, "SELECT count(*) FROM core.bookings")
    with duckdb.connect(str(home.raw), read_only=True) as con:
        ((rows,),) = con.execute("SELECT count(*) FROM bookings").fetchall()
    assert rows > 1000
