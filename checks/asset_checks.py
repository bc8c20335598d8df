"""The registered checks as Dagster asset checks, grouped by layer: a key a check. Which exist: registry.py."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Callable, Iterator

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    multi_asset_check,
)

from checks.check import Check, TableCheck
from checks.registry import all_checks
from checks.results import CheckResult
from checks.sources import SOURCE_CHECKS, SWEEP_CHECKS, SourceCheck, SweepCheck
from resources.run_context import CheckOutcome, RunContext

#: A check on the warehouse.
_Registered = Check | TableCheck


def outcome_of(result: CheckResult, *, blocking: bool) -> CheckOutcome:
    """A check's result as it is stored, alarmed and shown."""
    return CheckOutcome(
        check_name=result.check_name,
        asset=result.asset,
        passed=result.passed,
        severity=result.level,
        failed_rows=result.failed_rows,
        blocking=blocking,
        sample_ids=result.sample_ids,
        detail="; ".join(result.broken_rules),
        what_to_do=result.what_to_do,
        made=result.made,
    )


def _evaluation(check: _Registered | SourceCheck | SweepCheck, outcome: CheckOutcome) -> AssetCheckResult:
    metadata: dict[str, str | int] = {"failed_rows": outcome.failed_rows, "severity": outcome.severity}
    if not outcome.passed:
        metadata |= {
            "sample_ids": ", ".join(outcome.sample_ids),
            "rules": outcome.detail,
            "what_to_do": outcome.what_to_do,
        }
    return AssetCheckResult(
        check_name=outcome.check_name,
        asset_key=AssetKey(outcome.asset.split("/")),
        passed=outcome.passed,
        # Only ERROR stops what is downstream: money and health never do, they are why people look.
        severity=AssetCheckSeverity.ERROR if check.blocking else AssetCheckSeverity.WARN,
        metadata=metadata,
    )


def layer_checks(
    name: str,
    checks: list[_Registered] | list[SourceCheck] | list[SweepCheck],
    evaluate: Callable[[RunContext], list[CheckOutcome]],
) -> AssetChecksDefinition:
    """One step that evaluates a layer's checks and records every verdict in the run.

    Every spec is declared blocking so that publishing waits for the verdict; ``_evaluation`` says which can stop it.
    """

    @multi_asset_check(
        name=name,
        required_resource_keys={"run"},
        specs=[
            AssetCheckSpec(
                check.name,
                asset=AssetKey(check.asset.split("/")),
                blocking=True,
                description=check.what_to_do,
            )
            for check in checks
        ],
    )
    def evaluate_layer(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        run: RunContext = context.resources.run
        outcomes = evaluate(run)
        run.checks += outcomes
        for check, outcome in zip(checks, outcomes, strict=True):
            yield _evaluation(check, outcome)

    return evaluate_layer


def _on_warehouse(checks: list[_Registered]) -> Callable[[RunContext], list[CheckOutcome]]:
    def evaluate(run: RunContext) -> list[CheckOutcome]:
        with run.warehouse.open(read_only=True) as con:
            return [outcome_of(check.run(con), blocking=check.blocking) for check in checks]

    return evaluate


def _on_scans(run: RunContext) -> list[CheckOutcome]:
    scans = {scan.collection: scan for scan in run.scans}
    return [
        outcome_of(check.run(scans.get(check.asset.split("/")[-1])), blocking=check.blocking)
        for check in SOURCE_CHECKS
    ]


def _on_sweeps(run: RunContext) -> list[CheckOutcome]:
    sweeps = {swept.collection: swept for swept in run.sweeps}
    return [
        outcome_of(check.run(sweeps.get(check.collection)), blocking=check.blocking) for check in SWEEP_CHECKS
    ]


def _of_layer(layer: str) -> list[_Registered]:
    return [check for check in all_checks().values() if check.asset.startswith(f"{layer}/")]


CORE_CHECKS = _of_layer("core")
MART_CHECKS = _of_layer("marts") + _of_layer("ops")
#: What the clock alone can change: judged also by a run that stopped before its marts.
CLOCK_CHECKS = [
    check for check in MART_CHECKS if check.name.startswith("health_point_") or check.name == "error_rate"
]

raw_checks = layer_checks("raw_checks", list(SOURCE_CHECKS), _on_scans)
sweep_checks = layer_checks("sweep_checks", list(SWEEP_CHECKS), _on_sweeps)
core_checks = layer_checks("core_checks", CORE_CHECKS, _on_warehouse(CORE_CHECKS))
mart_checks = layer_checks("mart_checks", MART_CHECKS, _on_warehouse(MART_CHECKS))
