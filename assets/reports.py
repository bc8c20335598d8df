"""ops.check_results as an asset: the last step of every run, also of one that failed, so that it reports why."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, multi_asset

from assets.ops import create_ops, record_checks
from resources.errors import BookwatchError
from resources.run_context import RunContext

CHECK_RESULTS_KEY = AssetKey(["ops", "check_results"])


def finish(run: RunContext) -> None:
    """Let every finisher (status.json, alerts, heartbeat) see the run, once."""
    if run.finished:
        return
    run.finished = True
    blocked = [check.check_name for check in run.failed_checks if check.blocking]
    if blocked:
        # No step of a run that a check keeps from publishing has failed, whoever started it.
        run.fail(
            BookwatchError(
                f"Nothing was published: {', '.join(blocked)} failed.",
                "The last good snapshot is still served; `bookwatch status` shows what failed.",
            ),
            step="checks",
        )
    for finisher in run.finishers:
        finisher(run)


def keep_verdicts(run: RunContext) -> None:
    """Store this run's verdicts in the warehouse, also when they kept it from being published. What was published holds
    them already."""
    if len(run.checks) == run.checks_kept:
        return
    # A signal amid a query can leave the file half closed in this process: opening it again would wait for ever.
    if run.checks and run.home.warehouse.exists() and not run.stopped:
        with run.warehouse.open() as con:
            create_ops(con)
            record_checks(con, run, run.checks)


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
    keep_verdicts(run)
    finish(run)
    return MaterializeResult(
        asset_key=CHECK_RESULTS_KEY,
        metadata={"checks": len(run.checks), "failing": len(run.failed_checks)},
    )
