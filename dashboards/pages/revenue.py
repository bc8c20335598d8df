"""Revenue: per day, per source, the commission reconciliation, what is missing, what is owed, the ledger, what was
found, and the auditor's report."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboards.figures import daily
from dashboards.kit import cards, parts
from dashboards.kit.charts import daily_chart
from dashboards.kit.grid import ROWS_SHOWN, grid
from dashboards.kit.page import Page
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen, policy_or_stop
from dashboards.queries import reconciliation, revenue
from dashboards.queries.query import Held
from dashboards.sections import findings, ledger, receivables, report, shared
from dashboards.wording import count, rupiah, share


def figures(screen: Screen) -> None:
    shared.revenue_section(screen, shared.period_figures(screen))


def per_day(screen: Screen) -> None:
    say = screen.text
    days = daily(revenue.revenue_daily(screen.snapshot), screen.period)
    if days.is_empty():
        return
    show(parts.section(say("revenue.per_day"), say("revenue.per_day_note")))
    shared.chart(daily_chart(days, say), "daily", say("chart.alt_daily"))
    with st.expander(say("revenue.table_day")):
        grid(screen, Held("revenue_daily", days, revenue.DAYS), say("revenue.table_day"))


def per_source(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("revenue.per_source"), say("revenue.per_source_note")))
    frame = revenue.revenue_by_source(screen.snapshot, screen.period.first, screen.period.last)
    if frame.is_empty():
        show(parts.note("none", say("revenue.no_rows"), say("revenue.no_rows_text")))
        return
    total, largest = int(frame["booked_idr"].sum() or 0), int(frame["booked_idr"].max() or 0)  # type: ignore[arg-type] - Polars types the min or sum of a column as any literal
    show(
        parts.table(
            [
                (say("revenue.source"), False),
                ("", False),
                (say("metric.bookings"), True),
                (say("metric.booked"), True),
                (say("metric.completed"), True),
                (say("revenue.share"), True),
            ],
            [
                (
                    say.word("source", row["source"]),
                    parts.meter(
                        row["booked_idr"] / largest if largest else 0,
                        row["completed_idr"] / largest if largest else 0,
                    ),
                    count(row["bookings"]),
                    parts.money(row["booked_idr"]),
                    parts.money(row["completed_idr"]),
                    share(row["booked_idr"] / total if total else None),
                )
                for row in frame.iter_rows(named=True)
            ],
        )
    )


def reconciled(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("revenue.reconciliation"), say("overview.whole"), anchor="reconciliation"))
    states = reconciliation.reconciliation_states(screen.snapshot)
    summary = cards.commission_card(reconciliation.commission_summary(screen.snapshot), screen.now, say)
    listed = parts.table(
        [
            (say("col.state"), False),
            (say("col.rows"), True),
            (say("col.expected"), True),
            (say("col.actual"), True),
            (say("col.variance"), True),
            (say("col.not_in_variance"), True),
        ],
        [
            (
                parts.word(
                    parts.tone(row["state"]),
                    say.word("state", row["state"]),
                    say.known(f"state_is.{row['state']}", ""),
                ),
                count(row["rows"]),
                parts.money(row["expected_idr"]),
                parts.money(row["actual_idr"]),
                parts.money(row["variance_idr"], signed=True),
                cards.not_in_difference(row, say),
            )
            for row in states.iter_rows(named=True)
        ],
    )
    # One below the other: six columns do not fit into half a page.
    show(summary)
    show(listed)


def missing(screen: Screen) -> None:
    say = screen.text
    show(parts.section(say("revenue.missing"), say("revenue.missing_note"), anchor="missing"))
    summary = reconciliation.commission_summary(screen.snapshot) or {}
    if reconciliation.MISSING.first(screen.snapshot, ROWS_SHOWN).is_empty():
        if shared.unjudged(screen):
            show(shared.nothing_found(screen, "", ""))
            return
        said = [
            say(
                "revenue.none_missing_text",
                tracked=count(summary["tracked"]),
                eligible=count(summary["eligible"]),
            )
        ]
        if summary.get("awaiting"):
            grace = policy_or_stop(say).numbers()["grace_minutes"]
            said.append(
                say(
                    "revenue.none_missing_awaiting",
                    awaiting=count(summary["awaiting"]),
                    grace=say.known(f"number.{grace}", grace),
                )
            )
        if summary.get("unknown"):
            said.append(say("revenue.none_missing_unknown", unknown=count(summary["unknown"])))
        show(parts.note("good", say("revenue.none_missing"), " ".join(said)))
        return
    states = reconciliation.reconciliation_states(screen.snapshot).filter(pl.col("state") == "missing")
    number, at_stake = int(states["rows"].sum() or 0), int(states["expected_idr"].sum() or 0)
    show(
        parts.badge("bad", f"{count(number)} {say('commission.missing')}"),
        " ",
        parts.soft(say("revenue.at_stake", amount=rupiah(at_stake))),
    )
    grid(screen, reconciliation.MISSING, say("revenue.missing"))


def places(screen: Screen) -> None:
    """Where on this page things are: it is a long one."""
    say = screen.text
    show(
        parts.jumps(
            [
                ("reconciliation", say("revenue.reconciliation")),
                ("missing", say("revenue.missing")),
                ("owed", say("receivables.title")),
                ("who", say("receivables.who")),
                ("restrictions", say("restriction.title")),
                ("ledger", say("ledger.title")),
                ("closed", say("closed.title")),
                ("findings", say("revenue.findings")),
                ("report", say("report.title")),
            ]
        )
    )


PAGE = Page(
    name="revenue",
    group="business",
    icon=":material/payments:",
    role="auditor",
    place=2,
    sections=(
        places,
        figures,
        per_day,
        per_source,
        reconciled,
        missing,
        receivables.deadlines,
        receivables.balances,
        receivables.restrictions,
        ledger.by_month,
        ledger.closed_months,
        findings.findings,
        report.report,
    ),
    periodic=True,
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
