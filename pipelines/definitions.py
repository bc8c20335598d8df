"""What Dagster loads: ``build_definitions()`` returns fresh Definitions; ``defs`` is the default set."""

from __future__ import annotations

from dagster import Definitions

from pipelines.dagster.graph import ASSETS, CHECKS
from pipelines.dagster.jobs import housekeeping, main_job, sweep_job
from pipelines.dagster.shared_run import shared_run
from pipelines.schedules import daily_housekeeping, every_minute, hourly_sweep
from pipelines.sensors import SENSORS


def build_definitions() -> Definitions:
    """Fresh Definitions."""
    return Definitions(
        assets=list(ASSETS),
        asset_checks=list(CHECKS),
        jobs=[main_job, sweep_job, housekeeping],
        schedules=[every_minute, hourly_sweep, daily_housekeeping],
        sensors=list(SENSORS),
        resources={"run": shared_run},
    )


defs = build_definitions()
