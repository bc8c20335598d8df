"""Revenue: what was booked, carried out and collected, by day, source and service, and what is in no such figure.

Opened by name: `bookwatch notebook revenue`. Reads a published snapshot (the newest, or `snapshot`), changes
nothing, names no person. Asked for by the address or after `--`: snapshot, from, to, lang, theme.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="bookwatch · revenue")

with app.setup:
    import sys
    from pathlib import Path

    ROOT = Path(__file__).resolve().parent.parent
    if str(ROOT) not in sys.path:  # marimo puts this file's folder on the path, not the project's
        sys.path.insert(0, str(ROOT))

    import marimo as mo

    from dashboards.figures import daily, revenue_figures
    from dashboards.kit import cards, parts
    from dashboards.kit.charts import daily_chart, stacked_days
    from dashboards.notebook.asked import asked
    from dashboards.notebook.book import Book


@app.cell(hide_code=True)
def _():
    given = asked(mo.cli_args(), mo.query_params())
    return (given,)


@app.cell(hide_code=True)
def _(given):
    book = Book.opened("revenue", given)
    mo.stop(book.path is None, book.head())
    book.head()
    return (book,)


@app.cell
def _(book):
    every_day = book.ask("""
        SELECT local_date, bookings::BIGINT AS bookings, booked_idr::BIGINT AS booked_idr,
               completed_idr::BIGINT AS completed_idr, collected_idr::BIGINT AS collected_idr
        FROM marts.revenue_daily WHERE local_date IS NOT NULL ORDER BY local_date
    """)
    figures = revenue_figures(every_day.frame, book.period) if every_day else []
    book.section(
        "figures",
        parts.grid("three", *(cards.revenue_card(figure, book.period.days, book.say) for figure in figures))
        if figures and figures[0].daily_idr
        else book.nothing(every_day),
        about=every_day,
    )
    return (every_day,)


@app.cell
def _(book, every_day):
    _days = every_day.of(daily(every_day.frame, book.period))
    book.section("days", book.chart(_days, "daily", daily_chart), book.table(_days.newest("local_date")))
    return


@app.cell
def _(book):
    _by_day = book.ask("""
        SELECT local_date, source, booked_idr::BIGINT AS booked_idr
        FROM marts.revenue_by_source
        WHERE local_date BETWEEN $first AND $last ORDER BY local_date, source
    """)
    _sources = book.ask("""
        SELECT source, sum(bookings)::BIGINT AS bookings, sum(booked_idr)::BIGINT AS booked_idr,
               sum(completed_idr)::BIGINT AS completed_idr,
               sum(booked_idr) / nullif(sum(sum(booked_idr)) OVER (), 0) AS booked_share
        FROM marts.revenue_by_source
        WHERE local_date BETWEEN $first AND $last GROUP BY source ORDER BY booked_idr DESC, source
    """)
    book.section(
        "sources",
        book.chart(_by_day, "sources", lambda rows, say: stacked_days(rows, "source", "booked_idr", say)),
        _sources,
        about=_by_day,
    )
    return


@app.cell
def _(book):
    book.section(
        "services",
        book.ask("""
            SELECT service_minutes, sum(bookings)::BIGINT AS bookings, sum(booked_idr)::BIGINT AS booked_idr,
                   sum(bookings) / nullif(sum(sum(bookings)) OVER (), 0) AS bookings_share
            FROM marts.service_mix
            WHERE local_date BETWEEN $first AND $last
            GROUP BY service_minutes ORDER BY service_minutes NULLS LAST
        """),
    )
    return


@app.cell
def _(book):
    _kinds = book.ask("""
        SELECT local_date, kind AS revenue_kind, booked_idr FROM marts.revenue_by_kind
        WHERE local_date BETWEEN $first AND $last ORDER BY local_date, kind
    """)
    book.section(
        "kinds",
        book.chart(_kinds, "kinds", lambda rows, say: stacked_days(rows, "revenue_kind", "booked_idr", say)),
        book.ask("""
            SELECT kind AS revenue_kind, sum(bookings)::BIGINT AS bookings, sum(booked_idr)::BIGINT AS booked_idr,
                   sum(completed_idr)::BIGINT AS completed_idr, sum(collected_idr)::BIGINT AS collected_idr
            FROM marts.revenue_by_kind WHERE local_date BETWEEN $first AND $last
            GROUP BY kind ORDER BY booked_idr DESC, kind
        """),
        about=_kinds,
    )
    return


@app.cell
def _(book):
    book.section(
        "weeks",
        book.ask(
            """
            SELECT local_week, is_complete, bookings, booked_idr, previous_booked_idr, completed_idr,
                   previous_completed_idr, collected_idr, previous_collected_idr
            FROM marts.revenue_weekly ORDER BY local_week DESC
            """,
            limit=26,
        ),
    )
    return


@app.cell
def _(book):
    book.section(
        "months",
        book.ask(
            """
            SELECT local_month, is_complete, bookings, booked_idr, previous_booked_idr, completed_idr,
                   previous_completed_idr, collected_idr, previous_collected_idr
            FROM marts.revenue_monthly ORDER BY local_month DESC
            """,
            limit=24,
        ),
    )
    return


@app.cell
def _(book):
    book.section(
        "discounts",
        book.ask(
            """
            SELECT local_date, bookings, discounted, share, free, known, "unknown", before_idr, after_idr, given_idr
            FROM marts.discounts WHERE local_date BETWEEN $first AND $last ORDER BY local_date DESC
            """,
            limit=50,
        ),
    )
    return


@app.cell
def _(book):
    book.section(
        "left_out",
        book.ask("""
            SELECT collection, rows, booked_idr, completed_idr, collected_idr
            FROM marts.undated_rows ORDER BY collection
        """),
        book.ask("SELECT collection, rows AS test_rows FROM marts.test_rows ORDER BY collection"),
    )
    return


if __name__ == "__main__":
    app.run()
