"""Health and alerts: the seven points and their past, what alarms, where the chain breaks, whom nobody can reach.

Opened by name: `bookwatch notebook health`. Reads a published snapshot (the newest, or `snapshot`), changes
nothing, names no person. Asked for by the address or after `--`: snapshot, from, to, lang, theme.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="bookwatch · health")

with app.setup:
    import sys
    from pathlib import Path

    ROOT = Path(__file__).resolve().parent.parent
    if str(ROOT) not in sys.path:  # marimo puts this file's folder on the path, not the project's
        sys.path.insert(0, str(ROOT))

    import marimo as mo

    from dashboards.data_age import system_state
    from dashboards.kit import cards
    from dashboards.kit.charts import hours_chart, ranked_bars
    from dashboards.notebook.asked import asked
    from dashboards.notebook.book import Book
    from marketplace.error_rate import SLOW_SECONDS


@app.cell(hide_code=True)
def _():
    given = asked(mo.cli_args(), mo.query_params())
    return (given,)


@app.cell(hide_code=True)
def _(given):
    book = Book.opened("health", given)
    mo.stop(book.path is None, book.head())
    book.head()
    return (book,)


@app.cell
def _(book):
    _points = book.ask("""
        SELECT point, name, status, figure, limit_value, message, severity, evidence_at, code, args
        FROM marts.health_points ORDER BY point
    """)
    _rows = _points.frame.to_dicts()
    book.section(
        "points",
        cards.health_card(system_state(None, _rows), _rows, "", False, book.say) if _rows else None,
        cards.points_card(_rows, False, book.now, book.say) if _rows else None,
        about=_points,
    )
    return


@app.cell
def _(book):
    book.section(
        "unusual",
        book.ask(
            """
            SELECT series, source AS series_of, state AS series_state, hour_start, is_open, figure AS seen,
                   expected AS foreseen, low, high, likelihood, since, why
            FROM marts.unusual ORDER BY is_open DESC, likelihood NULLS LAST, hour_start DESC, series, source
            """,
            limit=50,
        ),
    )
    return


@app.cell
def _(book):
    book.section(
        "uptime",
        book.ask("""
            SELECT point, time_window, working_share, measured_seconds, broken_seconds, unknown_seconds,
                   unmeasured_seconds
            FROM marts.health_uptime ORDER BY point, unmeasured_seconds + measured_seconds + unknown_seconds
        """),
    )
    return


@app.cell
def _(book):
    book.section(
        "history",
        book.ask(
            """
            SELECT point, status, since, "until", seconds, message, code, args
            FROM marts.health_history ORDER BY since DESC, point
            """,
            limit=50,
        ),
    )
    return


@app.cell
def _(book):
    book.section(
        "alerts",
        book.ask(
            """
            SELECT alert_id, state AS alert_state, severity, summary, active_since, last_sent_at, resolved_at,
                   silenced_by, inhibited_by, code, args
            FROM ops.alerts ORDER BY resolved_at NULLS FIRST, active_since DESC, alert_id
            """,
            limit=50,
        ),
    )
    return


@app.cell
def _(book):
    book.section(
        "links",
        book.ask("""
            SELECT hop, from_step, to_step, state, entered, passed, broken, "unknown" AS hop_unknown
            FROM marts.broken_links ORDER BY hop
        """),
    )
    return


@app.cell
def _(book):
    _members = book.ask("""
        SELECT health AS member, count(*) AS providers FROM marts.member_health GROUP BY health ORDER BY providers DESC
    """)
    book.section(
        "members",
        _members,
        book.ask(
            """
            SELECT provider_name, provider_id, health AS member, missed_requests, unread_messages,
                   notifications_enabled, last_seen_at
            FROM marts.member_health
            ORDER BY missed_requests DESC, unread_messages DESC, provider_id
            """,
            limit=30,
        ),
    )
    return


@app.cell
def _(book):
    _service = book.ask("""
        SELECT avg_response_s, p95_response_s, success_rate, delivery_rate, bookings_24h, newest_booking_at
        FROM marts.service_figures
    """)
    _answers = book.ask("""
        SELECT bucket, label, bookings, share FROM marts.response_distribution WHERE source = 'all' ORDER BY bucket
    """)
    book.section(
        "service",
        _service,
        book.chart(
            _answers,
            "answers",
            lambda rows, say: ranked_bars(
                [say.stretch("response", label) for label in rows["label"]],
                rows["bookings"].to_list(),
                money=False,
            ),
        ),
        about=_answers,
    )
    return


@app.cell
def _(book):
    book.section(
        "delivery",
        book.ask("""
            SELECT channel, recipient_type, sent, delivered, failed, pending, rate
            FROM marts.delivery_rates ORDER BY sent DESC, channel, recipient_type
        """),
    )
    return


@app.cell
def _(book):
    book.section(
        "errors",
        book.ask("""
            SELECT severity, category, operation, sum(events)::BIGINT AS events, max(minute) AS newest_at
            FROM ops.error_rates WHERE minute BETWEEN $at - INTERVAL 7 DAY AND $at
            GROUP BY severity, category, operation ORDER BY events DESC, severity, category, operation
        """),
    )
    return


@app.cell
def _(book):
    _hours = book.ask("""
        SELECT hour, operation, sum(calls)::BIGINT AS calls, sum(slow)::BIGINT AS slow, max(p95_s) AS p95_s
        FROM ops.timing_summary WHERE hour BETWEEN $at - INTERVAL 7 DAY AND $at
        GROUP BY hour, operation ORDER BY hour, operation
    """)
    book.section(
        "calls",
        book.chart(_hours, "calls", lambda rows, say: hours_chart(rows, SLOW_SECONDS, say)),
        about=_hours,
    )
    return


if __name__ == "__main__":
    app.run()
