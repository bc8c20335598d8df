"""Overview: health at a glance, the three revenue figures, the commission state, the freshness of each
collection."""

from __future__ import annotations

from datetime import date

import streamlit as st

from dashboards import data_age, report_files
from dashboards.kit import cards, parts
from dashboards.kit.markup import Child, element, joined
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import reconciliation, revenue
from dashboards.sections import shared
from dashboards.wording import NOTHING, count, share
from marketplace.events import ScanOutcome


def health(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("overview.health")))
    points = data_age.points(screen.status, shared.marts_points(screen))
    if not points:
        show(parts.note("none", say("health.no_points"), say("health.no_points_text")))
        return
    show(
        cards.health_card(
            data_age.system_state(screen.status, points),
            points,
            shared.judged(screen),
            screen.condition.state != "fresh",
            say,
        )
    )


def came_in(screen: Screen) -> None:
    shared.revenue_section(screen, shared.period_figures(screen))


def commission(screen: Screen) -> None:
    say = screen.text
    left, right = st.columns([1.75, 1], gap="medium")
    with left:
        show(parts.section(say("overview.commission"), say("overview.whole")))
        show(cards.commission_card(reconciliation.commission_summary(screen.snapshot), screen.now, say))
        fresh(screen)
    with right:
        show(parts.section(say("overview.source"), say.days(screen.period.first, screen.period.last)))
        frame = revenue.revenue_by_source(screen.snapshot, screen.period.first, screen.period.last)
        total = int(frame["booked_idr"].sum() or 0)
        if frame.is_empty() or total == 0:
            show(parts.note("none", say("revenue.no_rows"), say("revenue.no_rows_text")))
        else:
            show(
                parts.table(
                    [(say("revenue.source"), False), (say("metric.booked"), True), ("", True)],
                    [
                        (
                            say.word("source", row["source"]),
                            parts.money(row["booked_idr"]),
                            parts.soft(share(row["booked_idr"] / total)),
                        )
                        for row in frame.iter_rows(named=True)
                    ],
                )
            )


def fresh(screen: Screen) -> None:
    """What the figures rest on: the last run, what it read, what it could not take, which checks hold."""
    say = screen.text
    run = data_age.part(screen.status, "run")
    outcome, ended = run.get("outcome"), run.get("finished_at")
    rows = data_age.collections(screen.status, screen.scans)
    read = sum(row.get("outcome") == ScanOutcome.COMPLETE for row in rows)
    held, failed, _ = shared.check_results(screen)
    facts = [
        (say("health.newest_booking"), shared.moment(screen, shared.newest_booking(screen))),
        (
            say("overview.last_run"),
            joined(
                shared.moment(screen, ended),
                parts.badge(parts.tone(outcome), say.word("run", outcome)),
                by=" ",
            ),
        ),
        (
            say("overview.collections"),
            say("overview.read_of", read=count(read), all=count(len(rows))) if rows else NOTHING,
        ),
        (
            say("health.quarantine"),
            say("overview.rows", n=count(shared.quarantine(screen)["count"])),
        ),
        (say("health.checks"), shared.checks_sentence(screen, held, failed)),
        (say("alerts.title"), firing(screen)),
        (say("notebook.report"), morning_report(screen)),
    ]
    show(parts.section(say("overview.freshness")))
    show(parts.facts_card(facts))


def morning_report(screen: Screen) -> Child:
    """The newest morning's reports, each a page of its own; or that there is none yet."""
    made = report_files.newest(screen.settings.home)
    if made is None:
        return screen.text("notebook.no_report")
    day, names = made
    links = (
        element(
            "a",
            screen.text(f"notebook.{name}"),
            href=f"/reports/{day}/{name}.html?lang={screen.text.language}",
            target="_blank",
            rel="noopener",
        )
        for name in names
    )
    return joined(screen.text.day(date.fromisoformat(day)), *links, by=" · ")


def firing(screen: Screen) -> str:
    """How many alerts fire by the newest run, and how many of them are held back; a dash where it says nothing."""
    said = (screen.status or {}).get("alerts")
    if not isinstance(said, list):
        return NOTHING
    alerts = data_age.rows(said)
    muted = sum(bool(alert.get("silenced_by") or alert.get("inhibited_by")) for alert in alerts)
    number = screen.text("overview.firing", n=count(len(alerts) - muted))
    return f"{number}, {screen.text('overview.muted', n=count(muted))}" if muted else number


PAGE = Page(
    name="overview",
    group="today",
    icon=":material/space_dashboard:",
    role="admin",
    place=1,
    sections=(
        health,
        came_in,
        commission,
    ),
    periodic=True,
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
