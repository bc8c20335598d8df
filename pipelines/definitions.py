"""What Dagster loads: ``build_definitions()`` returns fresh Definitions; ``defs`` is the default set."""

from __future__ import annotations

from dagster import Definitions

from pipelines.dagster.acting import JOBS, SCHEDULES
from pipelines.dagster.backups import backup_job, drill_job
from pipelines.dagster.graph import ASSETS, CHECKS
from pipelines.dagster.jobs import housekeeping, main_job, report_job, sweep_job
from pipelines.dagster.reports import monitoring_report
from pipelines.dagster.shared_run import shared_run
from pipelines.schedules import (
    daily_backup,
    daily_housekeeping,
    every_minute,
    hourly_sweep,
    morning_report,
    weekly_drill,
)
from pipelines.sensors import SENSORS


def build_definitions() -> Definitions:
    """Fresh Definitions."""
    return Definitions(
        assets=[*ASSETS, monitoring_report],
        asset_checks=list(CHECKS),
        jobs=[main_job, sweep_job, housekeeping, report_job, backup_job, drill_job, *JOBS.values()],
        schedules=[
            every_minute,
            hourly_sweep,
            daily_housekeeping,
            morning_report,
            daily_backup,
            weekly_drill,
            *SCHEDULES,
        ],
        sensors=list(SENSORS),
        resources={"run": shared_run},
    )


defs = build_definitions()
