"""The marts as Dagster assets: one step makes them all as of one instant. What each holds is in its own file."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from datetime import datetime

import duckdb
from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, multi_asset

from assets.closed_months import OF_CLOSED_MONTHS, compare_closed_months, zone_offset
from assets.core.core_assets import CORE_KEYS
from assets.declared import shown
from assets.freshness import FRESHNESS
from assets.marts.build import MART_NAMES, BuildOutcome, build
from assets.ops import create_ops, mirror_bookkeeping, mirror_health
from assets.step import step
from checks.schemas import MARTS, OPS
from marketplace.health import UNMEASURED_AFTER
from resources.ledger import ClosedGap, HealthVerdict, Ledger
from resources.policy_file import load_policy
from resources.run_context import RunContext

#: Made after this run's verdicts and comparisons are in the ledger, which they are made from.
HISTORY = ("health_history", "health_uptime")
LATER = (*HISTORY, *OF_CLOSED_MONTHS)
#: Mirrored beside the marts, from what the calls of this run and of failed ones left in the ledger.
OPS_KEYS = [AssetKey(["ops", "errors"]), AssetKey(["ops", "timings"])]
MART_KEYS = [AssetKey(["marts", name]) for name in MART_NAMES]
_TABLES = {key: (MARTS if key.path[0] == "marts" else OPS)[key.path[1]] for key in (*MART_KEYS, *OPS_KEYS)}


def build_marts(
    con: duckdb.DuckDBPyConnection,
    run: RunContext,
    tables: Iterable[str] | None = None,
    *,
    gap: ClosedGap | None = None,
    now: datetime | None = None,
) -> BuildOutcome:
    """Make the marts named (default: all) as of ``now`` (naive UTC; default: the run's clock), in an open warehouse.
    ``gap``: this run could compare closed months with no snapshot."""
    ledger = Ledger(run.home.ledger)
    now = now or run.clock.naive_now()
    return build(
        con,
        now=now,
        policy=load_policy(),
        tables=tables,
        waived=ledger.waived(),
        closed_changes=[astuple(change) for change in ledger.closed_changes()],
        closed_gaps=[(*astuple(known), known == gap) for known in ledger.closed_gaps()],
        clock_frozen=run.settings.bookwatch_now is not None,
        utc_offset=zone_offset(run),
        cache=run.home.root / "compiled",
    )


def record_points(con: duckdb.DuckDBPyConnection, run: RunContext, at: datetime) -> None:
    """Enter what marts.health_points says at the instant it was made for into the ledger, and mirror its history."""
    ledger = Ledger(run.home.ledger)
    points = con.execute("SELECT point, status, message FROM marts.health_points ORDER BY point").fetchall()
    ledger.record_health([HealthVerdict(*point) for point in points], at=at, silence=UNMEASURED_AFTER)
    mirror_health(con, ledger, at)
    run.points_judged = True


def make_marts(run: RunContext) -> dict[str, int]:
    """Mirror raw's bookkeeping and make every mart; returns the rows of each."""
    with run.warehouse.open() as con:
        create_ops(con)
        mirror_bookkeeping(con, run.home.raw, run)
        figures = build_marts(con, run, [name for name in MART_NAMES if name not in LATER])
        record_points(con, run, figures.now)
        # What the figures changed since the snapshot before is known only now.
        gap = compare_closed_months(con, run)
        later = build_marts(con, run, LATER, gap=gap, now=figures.now)
        run.figures_changed = bool(figures.changed or later.changed)
        ops = {key.path[-1]: _rows(con, f"ops.{key.path[-1]}") for key in OPS_KEYS}
    return {**figures.rows, **later.rows, **ops}


def _rows(con: duckdb.DuckDBPyConnection, table: str) -> int:
    found = con.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert found is not None
    return int(found[0])


@multi_asset(
    name="marts",
    can_subset=True,
    required_resource_keys={"run"},
    specs=[
        AssetSpec(
            key,
            deps=list(CORE_KEYS.values()),
            group_name=key.path[0],
            description=_TABLES[key].what,
            metadata=shown(_TABLES[key]),
            freshness_policy=FRESHNESS,
        )
        for key in [*MART_KEYS, *OPS_KEYS]
    ],
)
def mart_assets(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
    run: RunContext = context.resources.run
    run.say("Making the marts …")
    rows = step(run, "marts", lambda: make_marts(run))
    for key in [*MART_KEYS, *OPS_KEYS]:
        if key in context.selected_asset_keys:
            yield MaterializeResult(asset_key=key, metadata={"rows": rows[key.path[-1]]})
