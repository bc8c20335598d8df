"""Core brought up to the mirror, in a warehouse that is rescued where damaged and renewed where the rules changed.

The derivation itself is engine.py's; Dagster is not known here.
"""

from __future__ import annotations

import duckdb

from assets.core.engine import SOURCES, CoreOutcome, process
from assets.renewal import is_of_others, renew
from assets.rescue import finish_rescue, making_of, rescue, rescue_if_damaged
from marketplace.money import AmountBounds
from marketplace.rules import RULES_VERSION
from resources.run_report import Derived, Run
from resources.warehouse import DatabaseDamaged, is_damage

#: Every table of core, in the order they are told.
TABLES = (
    *dict.fromkeys(source.table for source in SOURCES),
    *dict.fromkeys(one.table for source in SOURCES for one in source.beside),
    "data_findings",
    "quarantined",
)


def derive(run: Run) -> Derived:
    """Bring core up to the mirror, in a warehouse made anew where it is damaged or of other rules."""
    run.warehouse.close()
    finish_rescue(run.home)
    try:
        _open(run)
        return _outcome(_process(run))
    except duckdb.Error as broken:
        if not is_damage(broken) or not rescue_if_damaged(run):
            raise
    return _outcome(_process(run))


def _open(run: Run) -> None:
    """Leave a warehouse that can be opened and is of these rules, or none yet. Raises DatabaseLocked where another
    program has it open. As a rule it then is open, for what comes."""
    home = run.home
    try:
        if home.warehouse.exists() and not making_of(home).exists():
            with run.warehouse.open(read_only=True) as con:
                if not is_of_others(con, RULES_VERSION):
                    return
            run.warehouse.close()
        renewed = renew(home, RULES_VERSION)
    except DatabaseDamaged:
        rescue(run)
        return
    if renewed:
        run.say("The rules changed: the warehouse is made anew from raw.duckdb.")


def _outcome(made: CoreOutcome) -> Derived:
    return Derived({table: made.rows.get(table, 0) for table in TABLES}, made.changed)


def _process(run: Run) -> CoreOutcome:
    """Derive in the run's own warehouse, which stays open for its marts where little was written."""
    try:
        with run.warehouse.open() as con:
            made = process(
                run.home.raw,
                con,
                timezone=run.settings.timezone,
                rules_version=RULES_VERSION,
                now=run.clock.naive_now(),
                full=run.order.full_refresh,
                amounts=AmountBounds(run.settings.amount_min, run.settings.amount_max),
            )
    except BaseException:
        run.warehouse.close()  # what failed may have left nothing that can be used: what comes opens it anew
        raise
    if made.rebuilt is not None:
        run.warehouse.close()  # all of core is written into the file, and leaves the memory
    return made
