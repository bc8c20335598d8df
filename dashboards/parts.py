"""Sections that more than one page shows. Queries and blocks put together; no SQL and no HTML of its own."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards import blocks, queries
from dashboards.figures import RevenueFigure
from dashboards.freshness import part
from dashboards.screen import Screen


def subtitle(screen: Screen) -> str:
    """The days that are shown, the zone they are days of, and whether the last one is still running."""
    say, period = screen.say, screen.period
    days = f"{say.days(period.first, period.last)} · {say.zone_name(screen.now)}"
    running = period.last >= screen.now.astimezone(say.zone).date()
    return f"{days} · {say('revenue.running')}" if running else days


def judged(screen: Screen) -> str:
    """When the health points were judged: said only where they may no longer be true."""
    if screen.condition.state == "fresh":
        return ""
    at = (
        part(screen.status, "run").get("finished_at")
        or (screen.status or {}).get("written_at")
        or screen.published_at
    )
    if screen.say.local(at) is None:
        return ""
    return screen.say("system.asof", time=screen.say.time(at, screen.now), ago=screen.say.ago(at, screen.now))


def marts_points(screen: Screen) -> list[dict[str, Any]]:
    """The health points of the snapshot, asked only where the status says none."""
    if part(screen.status, "health").get("points"):
        return []
    return queries.health_points(screen.snapshot)


def revenue_section(screen: Screen, figures: list[RevenueFigure]) -> None:
    """The three revenue figures, apart and by name; or from when on there is data."""
    say = screen.say
    st.html(blocks.section(say("overview.revenue")))
    if not figures[0].daily_idr:
        days = queries.revenue_daily(screen.snapshot)
        first = say.day(None if days.is_empty() else days["local_date"].min())  # type: ignore[arg-type]
        st.html(
            blocks.wrap(blocks.note("none", say("revenue.no_days"), say("revenue.no_days_text", first=first)))
        )
        return
    st.html(
        blocks.wrap(
            blocks.grid(
                "three", *(blocks.revenue_card(figure, screen.period.days, say) for figure in figures)
            )
        )
    )


def subtitle_now(screen: Screen) -> str:
    """For pages that show the present, whatever the period: the newest booking and the zone of the times."""
    say = screen.say
    newest = part(screen.status, "freshness").get("newest_booking_at")
    if newest is None and screen.path is not None:
        try:
            newest = queries.newest_booking_at(screen.path)
        except queries.SnapshotUnreadable:
            newest = None  # the dash below says that it is not known
    return f"{say('health.newest_booking')} {say.time(newest, screen.now)}"
