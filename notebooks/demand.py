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


if __name__ == "__main__":
    app.run()
