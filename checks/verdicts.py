"""The registered checks in the groups a run makes them in, and the verdicts of a group. Which exist: every.py.

Dagster is not known here: pipelines/dagster wraps these groups as asset checks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from checks.check import Check, TableCheck
from checks.every import all_checks
from checks.results import CheckResult
from checks.sources import SOURCE_CHECKS, SWEEP_CHECKS, SourceCheck, SweepCheck
from messages.message import as_message
from resources.run_report import CheckOutcome, RunReport

#: A check on the warehouse.
Registered = Check | TableCheck
AnyCheck = Registered | SourceCheck | SweepCheck


def outcome_of(result: CheckResult, *, blocking: bool) -> CheckOutcome:
    """A check's result as it is stored, alarmed and shown."""
    return CheckOutcome(
        check_name=result.check_name,
        asset=result.asset,
        passed=result.passed,
        severity=result.level.value,
        failed_rows=result.failed_rows,
        blocking=blocking,
        sample_ids=result.sample_ids,
        detail="; ".join(result.broken_rules),
        found=tuple(as_message(words) for words in result.found),
        what_to_do=result.what_to_do,
        made=result.made,
    )


@dataclass(frozen=True)
class CheckGroup:
    """Checks that are made together, once what they look at is there."""

    name: str
    checks: Sequence[AnyCheck]
    make: Callable[[RunReport, Sequence[Any]], list[CheckOutcome]]

    def verdicts(self, found: RunReport) -> list[CheckOutcome]:
        """One for each of the checks, in their order."""
        return self.make(found, self.checks)

    def only(self, names: Collection[str]) -> CheckGroup:
        """The same with the checks of these names."""
        return replace(self, checks=[check for check in self.checks if check.name in names])


def _on_warehouse(found: RunReport, checks: Sequence[Registered]) -> list[CheckOutcome]:
    with found.run.warehouse.open(read_only=True) as con:
        return [outcome_of(check.run(con), blocking=check.blocking) for check in checks]


def _of_scans(found: RunReport, checks: Sequence[SourceCheck]) -> list[CheckOutcome]:
    scans = {scan.collection: scan for scan in found.scans}
    return [outcome_of(check.run(scans.get(check.collection)), blocking=check.blocking) for check in checks]


def _of_sweeps(found: RunReport, checks: Sequence[SweepCheck]) -> list[CheckOutcome]:
    sweeps = {swept.collection: swept for swept in found.sweeps}
    return [outcome_of(check.run(sweeps.get(check.collection)), blocking=check.blocking) for check in checks]


def _of_layer(layer: str) -> list[Registered]:
    return [check for check in all_checks().values() if check.asset.startswith(f"{layer}/")]


MART_CHECKS: Final = _of_layer("marts") + _of_layer("ops")
#: What the clock alone can change: judged also by a run that stopped before its marts.
CLOCK_CHECKS: Final = [
    check for check in MART_CHECKS if check.name.startswith("health_point_") or check.name == "error_rate"
]

RAW: Final = CheckGroup("raw_checks", SOURCE_CHECKS, _of_scans)
#: A run without a sweep has nothing to judge these by: their last verdicts stand.
SWEEP: Final = CheckGroup("sweep_checks", SWEEP_CHECKS, _of_sweeps)
CORE: Final = CheckGroup("core_checks", _of_layer("core"), _on_warehouse)
MARTS: Final = CheckGroup("mart_checks", MART_CHECKS, _on_warehouse)
