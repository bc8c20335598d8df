"""Revenue: per day, per source, the commission reconciliation, what is missing, what was found, with ids."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboards import blocks, parts, queries
from dashboards.charts import CONFIG, daily_chart
from dashboards.figures import daily, revenue_figures
from dashboards.frame import open_screen
from dashboards.screen import ROWS_SHOWN, Screen
from dashboards.wording import count, rupiah, share


def figures(screen: Screen) -> None:
    parts.revenue_section(screen, revenue_figures(queries.revenue_daily(screen.snapshot), screen.period))


def per_day(screen: Screen) -> None:
    say = screen.say
    days = daily(queries.revenue_daily(screen.snapshot), screen.period)
    if days.is_empty():
        return
    st.html(blocks.section(say("revenue.per_day"), say("revenue.per_day_note")))
    with st.container(border=True, key="daily"):
        st.plotly_chart(daily_chart(days, say), key="daily_chart", config=CONFIG, alt=say("chart.alt_daily"))
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
    st.html(blocks.section(say("revenue.reconciliation"), say("overview.whole")))
    states = queries.reconciliation_states(screen.snapshot)
    summary = blocks.commission_card(queries.commission_summary(screen.snapshot), screen.now, say)
    listed = blocks.table(
        [
            (say("col.state"), False),
            (say("col.rows"), True),
            (say("col.expected"), True),
            (say("col.actual"), True),
            (say("col.variance"), True),
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
            )
            for row in states.iter_rows(named=True)
        ],
    )
    st.html(blocks.wrap(blocks.grid("half", summary, listed)))


def missing(screen: Screen) -> None:
    say = screen.say
    st.html(blocks.section(say("revenue.missing"), say("revenue.missing_note")))
    summary = queries.commission_summary(screen.snapshot) or {}
    frame = queries.missing_commissions(screen.snapshot, ROWS_SHOWN)
    if frame.is_empty():
        if summary.get("state") in (None, "unknown"):
            st.html(
                blocks.wrap(
                    blocks.note("none", say("revenue.missing_unknown"), say("revenue.missing_unknown_text"))
                )
            )
            return
        said = [
            say(
                "revenue.none_missing_text",
                tracked=count(summary["tracked"]),
                eligible=count(summary["eligible"]),
            )
        ]
        if summary.get("awaiting"):
            said.append(say("revenue.none_missing_awaiting", awaiting=count(summary["awaiting"])))
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


def found(screen: Screen) -> None:
    say = screen.say
    st.html(blocks.section(say("revenue.findings"), say("revenue.findings_note")))
    codes = queries.findings_by_code(screen.snapshot)
    if codes.is_empty():
        unknown = (queries.commission_summary(screen.snapshot) or {}).get("state") in (None, "unknown")
        st.html(
            blocks.wrap(
                blocks.note("none", say("revenue.missing_unknown"), say("revenue.missing_unknown_text"))
                if unknown
                else blocks.note("good", say("revenue.no_findings"), say("revenue.no_findings_text"))
            )
        )
        return
    st.html(
        blocks.wrap(
            blocks.table(
                [
                    (say("revenue.code"), False),
                    (say("col.severity"), False),
                    (say("col.open"), True),
                    (say("col.waived"), True),
                    (say("col.variance"), True),
                ],
                [
                    (
                        blocks.coded(say.word("finding", row["finding"]), row["finding"]),
                        blocks.text(say.word("severity", row["severity"])),
                        count(row["open"]),
                        count(row["waived"]),
                        blocks.money(row["variance_idr"], signed=True),
                    )
                    for row in codes.iter_rows(named=True)
                ],
            )
        )
    )
    code = st.selectbox(
        say("revenue.code"),
        codes["finding"].to_list(),
        index=None,
        placeholder=say("revenue.all_codes"),
        format_func=lambda word: say.word("finding", word),
        key="code",
        width=320,
    )
    chosen = codes if code is None else codes.filter(pl.col("finding") == code)
    screen.table(
        queries.findings(screen.snapshot, code, ROWS_SHOWN),
        {
            "finding_id": say("col.finding_id"),
            "severity": say("col.severity"),
            "booking_id": say("col.booking_id"),
            "booking_ref": say("col.booking_ref"),
            "commission_id": say("col.commission_id"),
            "expected_idr": say("col.expected"),
            "actual_idr": say("col.actual"),
            "variance_idr": say("col.variance"),
            "waived": say("col.waived"),
            "detail": say("col.detail"),
        },
        "findings",
        say("revenue.findings"),
        total=int((chosen["open"] + chosen["waived"]).sum()),
        complete=lambda: queries.all_findings(screen.snapshot, code),
    )


screen = open_screen()
screen.show(
    screen.say("revenue.title"),
    parts.subtitle(screen),
    [figures, per_day, per_source, reconciliation, missing, found],
)
