"""Demand and capacity: when customers book, where bookings are lost, which hours lack therapists, who waits.

Opened by name: `bookwatch notebook demand`. Reads a published snapshot (the newest, or `snapshot`), changes
nothing, names no person. Asked for by the address or after `--`: snapshot, from, to, lang, theme.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="bookwatch · demand")

with app.setup:
    import sys
    from pathlib import Path

    ROOT = Path(__file__).resolve().parent.parent
    if str(ROOT) not in sys.path:  # marimo puts this file's folder on the path, not the project's
        sys.path.insert(0, str(ROOT))

    import marimo as mo

    from dashboards.kit.charts import ranked_bars, stacked_days, week_map
    from dashboards.notebook.asked import asked
    from dashboards.notebook.book import Book


@app.cell(hide_code=True)
def _():
    given = asked(mo.cli_args(), mo.query_params())
    return (given,)


@app.cell(hide_code=True)
def _(given):
    book = Book.opened("demand", given)
    mo.stop(book.path is None, book.head())
    book.head()
    return (book,)


@app.cell
def _(book):
    _created = book.ask("""
        SELECT weekday, hour, bookings, share FROM marts.peak_hours WHERE basis = 'created' ORDER BY weekday, hour
    """)
    book.section(
        "hours",
        book.chart(_created, "hours", lambda rows, say: week_map(rows, book.weekdays(), say)),
        about=_created,
    )
    return


@app.cell
def _(book):
    _starts = book.ask("""
        SELECT weekday, hour, bookings, share FROM marts.peak_hours WHERE basis = 'starts' ORDER BY weekday, hour
    """)
    book.section(
        "starts",
        book.chart(_starts, "starts", lambda rows, say: week_map(rows, book.weekdays(), say)),
        about=_starts,
    )
    return


@app.cell
def _(book):
    book.section(
        "busier",
        book.ask(
            """
            SELECT weekday, hour, recent_bookings, baseline, change
            FROM marts.peak_hours WHERE basis = 'created' AND baseline IS NOT NULL
            ORDER BY recent_bookings - baseline DESC, weekday, hour
            """,
            limit=24,
        ),
    )
    return


@app.cell
def _(book):
    _steps = book.ask("""
        FROM (
            SELECT sum(created)::BIGINT AS created, sum(answered)::BIGINT AS answered,
                   sum(accepted)::BIGINT AS accepted, sum(completed)::BIGINT AS completed,
                   sum(recorded)::BIGINT AS recorded, sum(paid)::BIGINT AS paid
            FROM marts.booking_funnel WHERE local_date BETWEEN $first AND $last HAVING count(*) > 0
        ) UNPIVOT INCLUDE NULLS (
            bookings FOR funnel_step IN (created, answered, accepted, completed, recorded, paid)
        )
    """)
    _lost = book.ask("""
        SELECT source, sum(created)::BIGINT AS created, sum(completed)::BIGINT AS completed,
               sum(declined)::BIGINT AS declined, sum(unanswered)::BIGINT AS unanswered,
               sum(expired_answered)::BIGINT AS expired_answered, sum(cancelled)::BIGINT AS cancelled,
               sum(reassigned)::BIGINT AS reassigned, sum(still_open)::BIGINT AS still_open,
               sum("unknown")::BIGINT AS "unknown", count(*) FILTER (recorded IS NULL) AS unrecorded_days,
               count(*) FILTER (is_complete IS NOT TRUE) AS young_days
        FROM marts.booking_funnel WHERE local_date BETWEEN $first AND $last
        GROUP BY source ORDER BY created DESC, source
    """)
    book.section(
        "funnel",
        book.chart(
            _steps,
            "funnel",
            lambda rows, say: ranked_bars(
                [say.word("funnel_step", step) for step in rows["funnel_step"]],
                rows["bookings"].to_list(),
                money=False,
            ),
        ),
        _lost,
        about=_steps,
    )
    return


@app.cell
def _(book):
    book.section(
        "steps",
        book.ask(
            """
            SELECT local_date, source, is_complete, p50_answer_s, p95_answer_s, p50_acceptance_s,
                   p50_completion_s, p50_record_s, p50_payment_s, p95_payment_s
            FROM marts.booking_funnel
            WHERE local_date BETWEEN $first AND $last ORDER BY local_date DESC, source
            """,
            limit=50,
        ),
    )
    return


@app.cell
def _(book):
    _by_day = book.ask("""
        SELECT local_date, source, created FROM marts.source_conversion
        WHERE local_date BETWEEN $first AND $last ORDER BY local_date, source
    """)
    _sources = book.ask("""
        SELECT source, sum(created)::BIGINT AS created, sum(accepted)::BIGINT AS accepted,
               sum(completed)::BIGINT AS completed, sum(declined)::BIGINT AS declined, sum(expired)::BIGINT AS expired,
               sum(cancelled)::BIGINT AS cancelled, sum(completed) / nullif(sum(created), 0) AS completed_share
        FROM marts.source_conversion
        WHERE local_date BETWEEN $first AND $last GROUP BY source ORDER BY created DESC, source
    """)
    book.section(
        "conversion",
        book.chart(_by_day, "conversion", lambda rows, say: stacked_days(rows, "source", "created", say)),
        _sources,
        about=_by_day,
    )
    return


@app.cell
def _(book):
    _reasons = book.ask("""
        SELECT reason AS decline_reason, sum(bookings)::BIGINT AS bookings FROM marts.decline_reasons
        WHERE local_date BETWEEN $first AND $last GROUP BY reason ORDER BY bookings DESC, reason
    """)
    book.section(
        "declined",
        book.chart(
            _reasons,
            "declined",
            lambda rows, say: ranked_bars(
                [say.word("decline_reason", reason) for reason in rows["decline_reason"]],
                rows["bookings"].to_list(),
                money=False,
            ),
        ),
        about=_reasons,
    )
    return


@app.cell
def _(book):
    book.section(
        "answers",
        book.ask(
            """
            SELECT local_date, source, responded, never_answered, p50_response_s, p95_response_s
            FROM marts.response_times
            WHERE local_date BETWEEN $first AND $last ORDER BY local_date DESC, source
            """,
            limit=50,
        ),
    )
    return


@app.cell
def _(book):
    book.section(
        "odd",
        book.ask("""
            SELECT anomaly, count(*) AS rows, max(observed_at) AS newest_at
            FROM marts.booking_anomalies GROUP BY anomaly ORDER BY rows DESC, anomaly
        """),
        book.ask(
            """
            SELECT anomaly, observed_at, booking_id, other_booking_id, provider_id, count, detail, code, args
            FROM marts.booking_anomalies ORDER BY observed_at DESC, booking_id
            """,
            limit=30,
        ),
    )
    return


@app.cell
def _(book):
    _lacking = book.ask("""
        SELECT isodow(local_hour) AS weekday, hour(local_hour) AS hour, sum(unanswered)::BIGINT AS bookings
        FROM marts.capacity WHERE local_hour::DATE BETWEEN $first AND $last GROUP BY ALL ORDER BY ALL
    """)
    book.section(
        "capacity",
        book.chart(_lacking, "capacity", lambda rows, say: week_map(rows, book.weekdays(), say)),
        book.ask(
            """
            SELECT local_hour, city, requests, accepted, unanswered, undecided, providers_seen, providers_online,
                   providers_busy, providers_free, is_complete
            FROM marts.capacity WHERE local_hour::DATE BETWEEN $first AND $last
            ORDER BY unanswered DESC, requests DESC, local_hour DESC, city
            """,
            limit=50,
        ),
        about=_lacking,
    )
    return


@app.cell
def _(book):
    book.section(
        "providers",
        book.ask(
            """
            SELECT provider_name, provider_id, requests, answered, accepted, acceptance_rate, p50_response_s,
                   p95_response_s, completed, cancelled_by_provider, rating, ratings, utilisation, is_complete
            FROM marts.providers ORDER BY requests DESC, provider_id
            """,
            limit=50,
        ),
    )
    return


@app.cell
def _(book):
    book.section(
        "handed_over",
        book.ask("""
            SELECT outcome AS booking_outcome, told_by, count(*) AS rows
            FROM marts.reassignments WHERE local_date BETWEEN $first AND $last
            GROUP BY ALL ORDER BY rows DESC, booking_outcome, told_by
        """),
        book.ask(
            """
            SELECT reassigned_at, booking_id, from_provider_id, to_provider_id, outcome AS booking_outcome, told_by
            FROM marts.reassignments ORDER BY reassigned_at DESC NULLS LAST, booking_id, number
            """,
            limit=30,
        ),
    )
    return


@app.cell
def _(book):
    book.section(
        "customers",
        book.ask("""
            SELECT first_source AS source, count(*) AS customers, sum(bookings)::BIGINT AS bookings,
                   sum(completed)::BIGINT AS completed, sum(spent_idr)::BIGINT AS spent_idr,
                   sum(unknown_amounts)::BIGINT AS unknown_amounts
            FROM marts.customers GROUP BY first_source ORDER BY customers DESC, source
        """),
    )
    return


@app.cell
def _(book):
    book.section(
        "retention",
        book.ask("""
            SELECT cohort_month, months_after, customers, returned, share, is_complete
            FROM marts.customer_retention ORDER BY cohort_month DESC, months_after
        """),
    )
    return


@app.cell
def _(book):
    book.section(
        "waiting",
        book.ask(
            """
            SELECT room_id, booking_id, provider_id, waiting_for_role AS sender_role, waiting_since, waited_s, messages
            FROM marts.chat_waiting ORDER BY waited_s DESC, room_id
            """,
            limit=30,
        ),
        book.ask(
            """
            SELECT local_date, rooms, rooms_spoken, rooms_replied, unanswered AS rooms_unanswered, unanswered_share,
                   p50_reply_s, p95_reply_s, messages_sent, unread, is_complete
            FROM marts.chat_rooms_daily WHERE local_date BETWEEN $first AND $last ORDER BY local_date DESC
            """,
            limit=50,
        ),
    )
    return


if __name__ == "__main__":
    app.run()
