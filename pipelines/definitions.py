"""What Dagster loads: ``build_definitions(**overrides)`` returns fresh Definitions; ``defs`` is the default set."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from dagster import BetaWarning, Definitions, InitResourceContext, ResourceDefinition, resource

warnings.filterwarnings("ignore", category=BetaWarning)

from assets.core.core_assets import core_assets  # noqa: E402 - the filter must stand before Dagster's own definitions
from assets.marts.mart_assets import MART_KEYS, mart_assets  # noqa: E402
from checks.asset_checks import core_checks, mart_checks, raw_checks  # noqa: E402

from assets.published import published_assets  # noqa: E402
from assets.raw import raw_assets  # noqa: E402
from assets.reports import check_results, finish  # noqa: E402
from pipelines.environment import prepare  # noqa: E402
from pipelines.jobs import housekeeping, main_job  # noqa: E402
from pipelines.run import open_run  # noqa: E402
from pipelines.schedules import daily_housekeeping, every_minute  # noqa: E402
from resources.run_context import RunContext  # noqa: E402
from resources.settings import load_settings  # noqa: E402


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
        assets=[raw_assets, core_assets, mart_assets, published_assets(MART_KEYS), check_results],
        asset_checks=[raw_checks, core_checks, mart_checks],
        jobs=[main_job, housekeeping],
        schedules=[every_minute, daily_housekeeping],
        resources={"run": run or scheduled_run},
    )


defs = build_definitions()
