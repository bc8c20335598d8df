"""What a run does about its marts: ops mirrored, every mart made as of one instant, health and closed months entered in
the ledger in between. What each mart holds is in its own file; Dagster is not known here.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from datetime import datetime

import duckdb

from assets.closed_months import OF_CLOSED_MONTHS, compare_closed_months, zone_offset
from assets.core import since
from assets.engines.compiled import Elsewhere
from assets.marts.build import BuildOutcome, build
from assets.marts.every import MART_NAMES
from assets.marts.sql_cache import compiled_behind, compiled_marts
from assets.marts.views import write_views
from assets.ops import create_ops, mirror_bookkeeping, mirror_health
from marketplace.health import UNMEASURED_AFTER
from resources.home import Home
from resources.ledger import ClosedGap, HealthVerdict, Ledger
from resources.policy_file import load_policy
from resources.run_report import Built, CollectionScan, Run

#: Made after this run's verdicts and comparisons are in the ledger, which they are made from.
HISTORY = ("health_history", "health_uptime")
LATER = (*HISTORY, *OF_CLOSED_MONTHS)
#: Mirrored beside the marts, from what the calls of this run and of failed ones left in the ledger.
OPS_TABLES = ("errors", "timings")
#: The folder of a home where the marts' SQL is kept.
COMPILED = "compiled"


def compile_ahead(home: Home) -> None:
    """Compile the SQL of every mart and view, and keep it in the home: some seven seconds of its first run, for who has
    to wait for something else anyway."""
    policy, cache = load_policy(), home.root / COMPILED
    compiled_marts(policy, cache)
    compiled_behind(policy, cache)


def build_marts(
    con: duckdb.DuckDBPyConnection,
    run: Run,
    tables: Iterable[str] | None = None,
    *,
    gap: ClosedGap | None = None,
    now: datetime | None = None,
    in_parts: bool = False,
    engine: Elsewhere | None = None,
) -> BuildOutcome:
    """Make the marts named (default: all) as of ``now`` (naive UTC; default: the run's clock), in an open warehouse.
    ``gap``: this run could compare closed months with no snapshot. ``in_parts``, ``engine``: as of ``build``."""
    ledger = Ledger(run.home.ledger)
    now = now or run.clock.naive_now()
    return build(
        con,
        now=now,
        policy=load_policy(),
        tables=tables,
        waived=ledger.waived(),
        closed_changes=[astuple(change) for change in ledger.closed_changes()],
        closed_gaps=[_gap(known, known == gap) for known in ledger.closed_gaps()],
        clock_frozen=run.settings.now is not None,
        utc_offset=zone_offset(run),
        cache=run.home.root / COMPILED,
        in_parts=in_parts,
        engine=engine,
    )


def record_points(con: duckdb.DuckDBPyConnection, run: Run, at: datetime) -> None:
    """Enter what marts.health_points says at the instant it was made for into the ledger, and mirror its history."""
    ledger = Ledger(run.home.ledger)
    points = con.execute(
        "SELECT point, status, message, code, args FROM marts.health_points ORDER BY point"
    ).fetchall()
    ledger.record_health([HealthVerdict(*point) for point in points], at=at, silence=UNMEASURED_AFTER)
    mirror_health(con, ledger, at)


def make_marts(run: Run, scans: Sequence[CollectionScan] | None = None) -> Built:
    """Mirror raw's bookkeeping and make every mart. ``scans``: of this run, None where it read nothing."""
    with run.warehouse.open() as con:
        create_ops(con)
        mirror_bookkeeping(con, run, scans)
        if run.order.full_refresh:
            since.whole(con, "asked for")
        with _engine(run) as engine:
            figures = build_marts(
                con, run, [name for name in MART_NAMES if name not in LATER], in_parts=True, engine=engine
            )
        record_points(con, run, figures.now)
        # What the figures changed since the snapshot before is known only now.
        gap = compare_closed_months(con, run)
        later = build_marts(con, run, LATER, gap=gap, now=figures.now)
        write_views(con, load_policy(), run.home.root / COMPILED)
        ops = {table: _rows(con, f"ops.{table}") for table in OPS_TABLES}
    return Built({**figures.rows, **later.rows, **ops}, figures.changed | later.changed)


@contextmanager
def _engine(run: Run) -> Generator[Elsewhere | None]:
    """What BOOKWATCH_ENGINE makes the marts on; None for DuckDB. Those made of the ledger alone (``LATER``) are made
    here whatever it is, and so is health where a run failed."""
    if run.settings.engine == "duckdb":
        yield None
        return
    from assets.engines.spark_build import spark_build

    with spark_build(run.settings, run.say) as engine:
        yield engine


def _rows(con: duckdb.DuckDBPyConnection, table: str) -> int:
    found = con.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert found is not None
    return int(found[0])


def _gap(gap: ClosedGap, newest: bool) -> tuple[object, ...]:
    """As given.py has it."""
    return gap.snapshot_id, gap.previous_snapshot_id, gap.compared_at, gap.reason, newest, gap.code, gap.args
