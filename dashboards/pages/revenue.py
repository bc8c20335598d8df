"""Revenue: per day, per source, the commission reconciliation, what is missing, what is owed, the ledger, what was
found, and the auditor's report."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboards import blocks, parts, queries
from dashboards.charts import daily_chart
from dashboards.figures import daily, revenue_figures
from dashboards.frame import open_screen
from dashboards.screen import ROWS_SHOWN, Screen, policy_or_stop
from dashboards.sections import books, findings, owed, report
from dashboards.wording import count, rupiah, share


def figures(screen: Screen) -> None:
    parts.revenue_section(screen, revenue_figures(queries.revenue_daily(screen.snapshot), screen.period))


def per_day(screen: Screen) -> None:
    say = screen.say
    days = daily(queries.revenue_daily(screen.snapshot), screen.period)
    if days.is_empty():
        return
    st.html(blocks.section(say("revenue.per_day"), say("revenue.per_day_note")))
    parts.chart(daily_chart(days, say), "daily", say("chart.alt_daily"))
    with st.expander(say("revenue.table_day")):
        screen.table(
            days.sort("local_date", descending=True),
            {
                "local_date": say("revenue.day"),
                "bookings": say("revenue.bookings"),
                "booked_idr": say("revenue.booked"),
                "completed_idr": say("revenue.completed"),
                "collected_idr": say("revenue.collected"),
            },
            "revenue_daily",
            say("revenue.table_day"),
            total=days.height,
            complete=lambda: days,
        )


def per_source(screen: Screen) -> None:
    say = screen.say
    st.html(blocks.section(say("revenue.per_source"), say("revenue.per_source_note")))
    frame = queries.revenue_by_source(screen.snapshot, screen.period.first, screen.period.last)
    if frame.is_empty():
        st.html(blocks.wrap(blocks.note("none", say("revenue.no_rows"), say("revenue.no_rows_text"))))
        return
    total, largest = int(frame["booked_idr"].sum() or 0), int(frame["booked_idr"].max() or 0)  # type: ignore[arg-type]
    st.html(
        blocks.wrap(
            blocks.table(
                [
                    (say("revenue.source"), False),
                    ("", False),
                    (say("revenue.bookings"), True),
                    (say("revenue.booked"), True),
                    (say("revenue.completed"), True),
                    (say("revenue.share"), True),
                ],
                [
                    (
                        blocks.text(say.word("source", row["source"])),
                        blocks.meter(
                            row["booked_idr"] / largest if largest else 0,
                            row["completed_idr"] / largest if largest else 0,
                        ),
                        count(row["bookings"]),
                        blocks.money(row["booked_idr"]),
                        blocks.money(row["completed_idr"]),
                        share(row["booked_idr"] / total if total else None),
                    )
                    for row in frame.iter_rows(named=True)
                ],
            )
        )
    )


def reconciliation(screen: Screen) -> None:
    say = screen.say
    st.html(blocks.section(say("revenue.reconciliation"), say("overview.whole"), anchor="reconciliation"))
    states = queries.reconciliation_states(screen.snapshot)
    summary = blocks.commission_card(queries.commission_summary(screen.snapshot), screen.now, say)
    listed = blocks.table(
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
                blocks.word(
                    blocks.tone(row["state"]),
                    say.word("state", row["state"]),
                    say.known(f"state_is.{row['state']}", ""),
                ),
                count(row["rows"]),
                blocks.money(row["expected_idr"]),
                blocks.money(row["actual_idr"]),
                blocks.money(row["variance_idr"], signed=True),
                blocks.not_in_difference(row, say),
            )
            for row in states.iter_rows(named=True)
        ],
    )
    # One below the other: six columns do not fit into half a page.
    st.html(blocks.wrap(summary))
    st.html(blocks.wrap(listed))


def missing(screen: Screen) -> None:
    say = screen.say
    st.html(blocks.section(say("revenue.missing"), say("revenue.missing_note"), anchor="missing"))
    summary = queries.commission_summary(screen.snapshot) or {}
    frame = queries.missing_commissions(screen.snapshot, ROWS_SHOWN)
    if frame.is_empty():
        if parts.unjudged(screen):
            st.html(blocks.wrap(parts.nothing_found(screen, "", "")))
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
        st.html(blocks.wrap(blocks.note("good", say("revenue.none_missing"), " ".join(said))))
        return
    states = queries.reconciliation_states(screen.snapshot).filter(pl.col("state") == "missing")
    number, at_stake = int(states["rows"].sum() or 0), int(states["expected_idr"].sum() or 0)
    st.html(
        blocks.wrap(
            blocks.badge("bad", f"{count(number)} {say('commission.missing')}"),
            f' <span class="bw-soft">{blocks.text(say("revenue.at_stake", amount=rupiah(at_stake)))}</span>',
        )
    )
    zone = say.zone_name(screen.now)
    screen.table(
        frame.with_columns(
            pl.col("source").map_elements(lambda word: say.word("source", word), return_dtype=pl.String)
        ),
        {
            "booking_id": say("col.booking_id"),
            "provider_name": say("col.provider_name"),
            "provider_id": say("col.provider_id"),
            "source": say("col.source"),
            "booking_status": say("col.booking_status"),
            "booking_amount_idr": say("col.booking_amount"),
            "expected_idr": say("col.expected"),
            "accrued_at": say("col.accrued", zone=zone),
            "deadline_at": say("col.deadline", zone=zone),
            "waived": say("col.waived"),
        },
        "missing_commissions",
        say("revenue.missing"),
        total=number,
        complete=lambda: queries.all_missing_commissions(screen.snapshot),
    )


def places(screen: Screen) -> None:
    """Where on this page things are: it is a long one."""
    say = screen.say
    st.html(
        blocks.jumps(
            [
                ("reconciliation", say("revenue.reconciliation")),
                ("missing", say("revenue.missing")),
                ("owed", say("owed.title")),
                ("who", say("owed.who")),
                ("restrictions", say("restriction.title")),
                ("ledger", say("ledger.title")),
                ("closed", say("closed.title")),
                ("findings", say("revenue.findings")),
                ("report", say("report.title")),
            ]
        )
    )


screen = open_screen()
screen.show(
    screen.say("revenue.title"),
    parts.subtitle(screen),
    [
        places,
        figures,
        per_day,
        per_source,
        reconciliation,
        missing,
        owed.deadlines,
        owed.balances,
        owed.restrictions,
        books.ledger,
        books.closed_months,
        findings.findings,
        report.report,
    ],
)
