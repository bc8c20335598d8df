"""What is told of a morning report: an alert while one of its notebooks fails, gone when all were made."""

from __future__ import annotations

from pipelines.alerting.observe import report_failed
from pipelines.alerting.turn import alert_turn, show_alerts
from pipelines.reports import Report, Say, notebooks
from resources.settings import Settings


def tell(settings: Settings, report: Report | None, say: Say) -> None:
    """Tell which notebooks failed; ``report`` None: nothing could be made at all."""
    names = list(notebooks()) if report is None else [one.name for one in report.failed]
    with alert_turn(settings, lambda known: [report_failed(names)], say=say) as turn:
        turn.send()
        show_alerts(settings.home, turn.state, turn.now)
