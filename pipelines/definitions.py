"""What Dagster loads: ``build_definitions(**overrides)`` returns fresh Definitions; ``defs`` is the default set."""

from __future__ import annotations

from collections.abc import Iterator

from dagster import Definitions, InitResourceContext, ResourceDefinition, resource

from assets.reports import finish
from pipelines.environment import prepare
from pipelines.graph import ASSETS, CHECKS
from pipelines.jobs import housekeeping, main_job
from pipelines.run import open_run
from pipelines.schedules import daily_housekeeping, every_minute
from resources.run_context import RunContext
from resources.settings import load_settings


@resource(description="The run these steps belong to: its lock, its settings, what each step found.")
def scheduled_run(context: InitResourceContext) -> Iterator[RunContext]:
    """Opened by runs that Dagster starts itself; the command line passes its own."""
    settings = load_settings()
    prepare(settings.home)
    tags = context.run.tags if context.run else {}
    with open_run(settings, full_refresh=tags.get("bookwatch/full_refresh") == "true") as run:
        try:
            yield run
        finally:
            finish(run)


def build_definitions(*, run: ResourceDefinition | None = None) -> Definitions:
    """Fresh Definitions. ``run``: the resource that gives steps their RunContext (default: opened per Dagster run)."""
    return Definitions(
        assets=list(ASSETS),
        asset_checks=list(CHECKS),
        jobs=[main_job, housekeeping],
        schedules=[every_minute, daily_housekeeping],
        resources={"run": run or scheduled_run},
    )


defs = build_definitions()
