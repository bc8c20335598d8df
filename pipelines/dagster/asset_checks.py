"""The groups of checks as Dagster asset checks: a key a check. Which exist, and how they are made, is checks/'s."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Iterator

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    multi_asset_check,
)

from checks.verdicts import CORE, MARTS, RAW, SWEEP, CheckGroup
from messages.catalogue import english
from pipelines.dagster.shared_run import SharedRun
from resources.run_report import CheckOutcome


def verdict_metadata(outcome: CheckOutcome) -> dict[str, str | int]:
    """What Dagster shows of a verdict: counts, ids, what to do; never what rows hold."""
    metadata: dict[str, str | int] = {"failed_rows": outcome.failed_rows, "severity": outcome.severity}
    if not outcome.passed:
        metadata |= {
            "sample_ids": ", ".join(outcome.sample_ids),
            "rules": outcome.detail,
            "what_to_do": english(outcome.what_to_do),
        }
    return metadata


def severity_of(outcome: CheckOutcome) -> AssetCheckSeverity:
    """Only ERROR stops what is downstream: money and health never do, they are why people look."""
    return AssetCheckSeverity.ERROR if outcome.blocking else AssetCheckSeverity.WARN


def asset_checks(group: CheckGroup) -> AssetChecksDefinition:
    """One step that makes a group's checks.

    Every spec is declared blocking so that publishing waits for the verdict; ``severity_of`` says which can stop it.
    """

    @multi_asset_check(
        name=group.name,
        can_subset=True,
        required_resource_keys={"run"},
        specs=[
            AssetCheckSpec(
                check.name,
                asset=AssetKey(check.asset.split("/")),
                blocking=True,
                description=english(check.what_to_do),
            )
            for check in group.checks
        ],
    )
    def make_checks(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        run: SharedRun = context.resources.run
        asked = group.only({key.name for key in context.selected_asset_check_keys})
        for outcome in run.check(asked):
            yield AssetCheckResult(
                check_name=outcome.check_name,
                asset_key=AssetKey(outcome.asset.split("/")),
                passed=outcome.passed,
                severity=severity_of(outcome),
                metadata=verdict_metadata(outcome),
            )

    return make_checks


raw_checks, sweep_checks, core_checks, mart_checks = (
    asset_checks(group) for group in (RAW, SWEEP, CORE, MARTS)
)
