"""Sections and pieces that more than one page shows. Queries and blocks put together; no SQL and no HTML of its own."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from markupsafe import Markup

from dashboards.data_age import part, rows
from dashboards.figures import RevenueFigure, revenue_figures
from dashboards.kit import cards, parts
from dashboards.kit.charts import CONFIG
from dashboards.kit.markup import Child
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import health, reading, reconciliation, revenue
from dashboards.wording import NOTHING, count, rupiah


def subtitle(screen: Screen) -> str:
    """The days that are shown, the zone they are days of, whether the last one is still running, and how many of them
    have data."""
    say, period = screen.text, screen.period
    said = [say.days(period.first, period.last), say.zone_name(screen.now)]
    if period.running and period.last >= screen.now.astimezone(say.zone).date():
        said.append(say("revenue.running"))
    covered = days_with_data(screen)
    if covered is not None and covered < period.days:
        said.append(say("revenue.covered", n=count(covered), days=count(period.days)))
    return " · ".join(said)


def days_with_data(screen: Screen) -> int | None:
    """Of how many days of the period the snapshot can know something: from its first day on, up to when it was
    published. None where that cannot be told."""
    if screen.path is None:
        return None
    try:
        days = revenue.revenue_daily(screen.snapshot)
    except reading.SnapshotUnreadable:
        return None
    if days.is_empty():
        return 0
    until = screen.data_day
    first: date = days["local_date"].min()  # type: ignore[assignment] - Polars types the min or sum of a column as any literal
    period = screen.period
    return max(0, (min(period.last, until) - max(period.first, first)).days + 1)


def period_figures(screen: Screen) -> list[RevenueFigure]:
    """Booked, completed and collected of the period, each beside what is like it: of a period that is still running as
    much of the one before as has passed of it."""
    period = screen.period
    before = None
    if period.counterpart is not None:
        earlier, cut = period.previous, screen.data_until - timedelta(days=period.counterpart)
        before = revenue.up_to(screen.snapshot, earlier.first, earlier.last, cut)
    return revenue_figures(revenue.revenue_daily(screen.snapshot), period, before, screen.data_day)


def no_days(screen: Screen) -> Markup:
    """That no day of the period has data: it begins later, or ends earlier."""
    say, days = screen.text, revenue.revenue_daily(screen.snapshot)
    if screen.period.first > screen.data_day:
        return parts.note(
            "none", say("revenue.no_days"), say("revenue.no_days_yet", last=say.day(screen.data_day))
        )
    first = say.day(None if days.is_empty() else days["local_date"].min())  # type: ignore[arg-type] - Polars types the min or sum of a column as any literal
    return parts.note("none", say("revenue.no_days"), say("revenue.no_days_text", first=first))


def judged(screen: Screen) -> str:
    """When the health points were judged: said only where they may no longer be true."""
    if screen.condition.state == "fresh":
        return ""
    at = (
        part(screen.status, "run").get("finished_at")
        or (screen.status or {}).get("written_at")
        or screen.published_at
    )
    if screen.text.local(at) is None:
        return ""
    return screen.text(
        "system.asof", time=screen.text.time(at, screen.now), ago=screen.text.ago(at, screen.now)
    )


def as_of(screen: Screen) -> datetime:
    """The instant up to which ages of the data count on a page: now, or when it was last read whole."""
    return screen.condition.counted_to(screen.now)


def marts_points(screen: Screen) -> list[dict[str, Any]]:
    """The health points of the snapshot, asked only where the status says none."""
    if rows(part(screen.status, "health").get("points")):
        return []
    return health.health_points(screen.snapshot)


def revenue_section(screen: Screen, figures: list[RevenueFigure]) -> None:
    """The three revenue figures, apart and by name; or from when on there is data."""
    say = screen.text
    show(parts.section(say("overview.revenue")))
    undated = revenue.undated(screen.snapshot)
    if undated["rows"]:
        said = {name: rupiah(undated[name]) for name in ("booked_idr", "completed_idr", "collected_idr")}
        title = say("revenue.undated", n=count(undated["rows"]))
        show(parts.banner("warn", title, say("revenue.undated_text", **said)))
    if not figures[0].daily_idr:
        show(no_days(screen))
        return
    show(parts.grid("three", *(cards.revenue_card(figure, screen.period.days, say) for figure in figures)))


def newest_booking(screen: Screen) -> object:
    """The instant at which the newest booking of any state was made, tests and deleted ones left out: as the status
    says, else as the snapshot does. Health point 5 judges the same."""
    said = part(screen.status, "freshness").get("newest_booking_at")
    return said if said is not None or screen.path is None else health.newest_booking_at(screen.path)


def moment(screen: Screen, value: object, *, of_data: bool = True) -> Child:
    """``14:02 WITA, 3 min ago`` in one line, or a dash. ``of_data``: nobody knows what became of it since the data was
    read; what bookwatch itself did is as old as it is."""
    if screen.text.local(value) is None:
        return NOTHING
    until = as_of(screen) if of_data else screen.now
    said = f"{screen.text.time(value, screen.now)}, {screen.text.ago(value, until)}"
    return parts.unbroken(said)


def quarantine(screen: Screen) -> dict[str, Any]:
    """count, oldest_first_seen_at, reasons: from the status, else from the snapshot."""
    said = part(screen.status, "quarantine")
    return said if isinstance(said.get("count"), int) else health.quarantine(screen.snapshot)


def check_results(screen: Screen) -> tuple[int, int, list[dict[str, Any]]]:
    """How many checks held, how many did not, and which: from the status, else from the snapshot."""
    said = part(screen.status, "checks")
    if isinstance(said.get("passed"), int) and isinstance(said.get("failed"), int):
        return said["passed"], said["failed"], rows(said.get("failing"))
    held, failed = health.check_counts(screen.snapshot)
    return held, failed, health.failing_checks(screen.snapshot)


def checks_sentence(screen: Screen, held: int, failed: int) -> str:
    if held + failed == 0:
        return screen.text("health.checks_unknown")
    if failed:
        return screen.text("health.checks_some", failed=count(failed), n=count(held + failed))
    return screen.text("health.checks_all", n=count(held))


def subtitle_now(screen: Screen) -> str:
    """For pages that show the present, whatever the period: the instant and its zone."""
    say, now = screen.text, screen.now
    return f"{say.day(now.astimezone(say.zone).date())} · {say.zone_name(now)}"


def unjudged(screen: Screen) -> bool:
    """Whether commissions could not be judged at all: then nothing found is no good news."""
    return (reconciliation.commission_summary(screen.snapshot) or {}).get("state") in (None, "unknown")


def nothing_found(screen: Screen, title: str, text: str) -> Markup:
    """The card for a list of commissions that is empty: good news only where they were judged."""
    if unjudged(screen):
        say = screen.text
        return parts.note("none", say("revenue.missing_unknown"), say("revenue.missing_unknown_text"))
    return parts.note("good", title, text)


def waived(screen: Screen, finding_id: str) -> str:
    """Who waived a finding, when and why."""
    told = reconciliation.waiver(screen.snapshot, finding_id)
    if told is None:
        return screen.text("waiver.unsaid")
    return screen.text(
        "waiver.said",
        by=told["waived_by"],
        time=screen.text.time(told["waived_at"], screen.now),
        reason=told["waived_reason"],
    )


def chart(figure: go.Figure, name: str, alt: str) -> None:
    """A chart in its card."""
    with st.container(border=True, key=name):
        st.plotly_chart(figure, key=f"{name}_chart", config=CONFIG, alt=alt)
