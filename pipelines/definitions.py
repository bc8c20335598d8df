"""What Dagster loads: ``build_definitions(**overrides)`` returns fresh Definitions; ``defs`` is the default set."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Iterator
from contextlib import ExitStack

from dagster import Definitions, InitResourceContext, ResourceDefinition, resource

from assets.reports import finish
from pipelines.environment import prepare
from pipelines.graph import ASSETS, CHECKS
from pipelines.jobs import DEEP_TAG, SWEEP_TAG, housekeeping, main_job, sweep_job
from pipelines.run import open_run
from pipelines.schedules import daily_housekeeping, every_minute, hourly_sweep
from pipelines.sensors import BUSY_TAG, RUN_TAG, SENSORS
from resources.errors import RunActive
from resources.run_context import RunContext, SweepOrder
from resources.settings import load_settings


@resource(description="The run these steps belong to: its lock, its settings, what each step found.")
def scheduled_run(context: InitResourceContext) -> Iterator[RunContext]:
    """Opened by runs that Dagster starts itself; the command line passes its own."""
    settings = load_settings()
    prepare(settings.home)
    tags = context.run.tags if context.run else {}
    full_refresh = tags.get("bookwatch/full_refresh") == "true"
    sweep = SweepOrder(deep=tags.get(DEEP_TAG) == "true") if tags.get(SWEEP_TAG) == "true" else None
    with ExitStack() as stack:
        try:
            run = stack.enter_context(open_run(settings, full_refresh=full_refresh, sweep=sweep))
        except RunActive:
            _tag(context, BUSY_TAG, "true")
            raise
        _tag(context, RUN_TAG, run.run_id)
        try:
            yield run
        finally:
            finish(run)


def _tag(context: InitResourceContext, name: str, value: str) -> None:
    """On the Dagster run, for the sensors that look at it once it has ended."""
    if context.instance is not None and context.run_id is not None:
        context.instance.add_run_tags(context.run_id, {name: value})


def build_definitions(*, run: ResourceDefinition | None = None) -> Definitions:
    """Fresh Definitions. ``run``: the resource that gives steps their RunContext (default: opened per Dagster run)."""
    return Definitions(
        assets=list(ASSETS),
        asset_checks=list(CHECKS),
        jobs=[main_job, sweep_job, housekeeping],
        schedules=[every_minute, hourly_sweep, daily_housekeeping],
        sensors=list(SENSORS),
        resources={"run": run or scheduled_run},
    )


defs = build_definitions()
