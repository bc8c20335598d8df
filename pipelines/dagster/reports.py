"""The monitoring report as a Dagster asset: made once a morning from the published snapshot, linked where it stands."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from dagster import (
    AssetExecutionContext,
    Failure,
    MaterializeResult,
    MetadataValue,
    asset,
)

from marketplace.durations import spelled
from pipelines.dagster.assets import SNAPSHOT_KEY
from pipelines.dagster.jobs import REPORT_KEY
from pipelines.environment import prepare
from pipelines.report_alert import tell
from pipelines.reports import KEPT_FOR, Report, make
from resources.errors import BookwatchError
from resources.settings import Settings, load_settings


def report_metadata(report: Report, settings: Settings) -> dict[str, MetadataValue]:
    """What Dagster shows: of which day and snapshot it is, and where each notebook's file stands."""
    told: dict[str, MetadataValue] = {
        "day": MetadataValue.text(report.day.isoformat()),
        "snapshot": MetadataValue.text(report.snapshot_id),
        "seconds": MetadataValue.float(round(sum(one.seconds for one in report.made), 1)),
        "folder": MetadataValue.path(str(report.folder)),
    }
    for one in report.made:
        place = f"reports/{report.day.isoformat()}/{one.name}.html"
        if one.problem is not None:
            told[one.name] = MetadataValue.text(one.problem)
        elif settings.dashboards:
            told[one.name] = MetadataValue.url(f"{settings.dashboards}/{place}")
        else:
            told[one.name] = MetadataValue.path(str(one.path))
    return told


@asset(
    key=REPORT_KEY,
    deps=[SNAPSHOT_KEY],
    group_name="published",
    description="Every notebook as an HTML file that opens without network, in BOOKWATCH_HOME/reports/<local day>; kept"
    f" {spelled(KEPT_FOR)}.",
)
def monitoring_report(context: AssetExecutionContext) -> MaterializeResult:
    settings = load_settings()
    prepare(settings)
    try:
        report = make(settings)
    except BookwatchError as refused:
        tell(settings, None, context.log.warning)
        raise Failure(description=str(refused), allow_retries=False) from None
    tell(settings, report, context.log.warning)
    metadata = report_metadata(report, settings)
    if report.failed:
        names = ", ".join(one.name for one in report.failed)
        raise Failure(
            description=f"Not every notebook could be rendered: {names}.",
            metadata=metadata,
            allow_retries=False,
        )
    return MaterializeResult(asset_key=REPORT_KEY, metadata=metadata)
