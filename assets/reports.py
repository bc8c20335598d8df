"""ops.check_results as an asset: the last step of every run, also of one that failed, so that it reports why."""

from __future__ import annotations

from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, multi_asset

from resources.run_context import RunContext

CHECK_RESULTS_KEY = AssetKey(["ops", "check_results"])


def finish(run: RunContext) -> None:
    """Let every finisher (status.json, alerts, heartbeat) see the run, once."""
    if run.finished:
        return
    run.finished = True
    for finisher in run.finishers:
        finisher(run)


# It depends on nothing, so no failed step or blocking check can skip it; the in-process executor takes steps by
# priority, so it comes after everything that can still run.
@multi_asset(
    name="check_results",
    required_resource_keys={"run"},
    op_tags={"dagster/priority": "-100"},
    specs=[
        AssetSpec(
            CHECK_RESULTS_KEY,
            group_name="ops",
            description="Every check's verdict, status.json and the alerts of this run.",
        )
    ],
)
def check_results(context: AssetExecutionContext) -> MaterializeResult:
    run: RunContext = context.resources.run
    finish(run)
    return MaterializeResult(
        asset_key=CHECK_RESULTS_KEY,
        metadata={"checks": len(run.checks), "failing": len(run.failed_checks)},
    )
