"""Commission assurance: whether every booking that earns has its record, what is wrong with records, who owes what.

Opened by name: `bookwatch notebook commissions`. Reads a published snapshot (the newest, or `snapshot`), changes
nothing, names no person. Asked for by the address or after `--`: snapshot, from, to, lang, theme.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="bookwatch · commissions")

with app.setup:
    import sys
    from pathlib import Path

    ROOT = Path(__file__).resolve().parent.parent
    if str(ROOT) not in sys.path:  # marimo puts this file's folder on the path, not the project's
        sys.path.insert(0, str(ROOT))

    import marimo as mo

    from dashboards.kit import cards
    from dashboards.kit.charts import ranked_bars
    from dashboards.notebook.asked import asked
    from dashboards.notebook.book import Book


@app.cell(hide_code=True)
def _():
    given = asked(mo.cli_args(), mo.query_params())
    return (given,)


@app.cell(hide_code=True)
def _(given):
    book = Book.opened("commissions", given)
    mo.stop(book.path is None, book.head())
    book.head()
    return (book,)


@app.cell
def _(book):
    _summary = book.ask("FROM marts.commission_summary")
    book.section(
        "summary",
        cards.commission_card(_summary.one(), book.now, book.say) if _summary else book.nothing(_summary),
        about=_summary,
    )
    return


@app.cell
def _(book):
    book.section(
        "states",
        book.ask("""
            SELECT state, count(*) AS rows, sum(expected_idr)::BIGINT AS expected_idr,
                   sum(actual_idr)::BIGINT AS actual_idr, sum(variance_idr)::BIGINT AS variance_idr,
                   count(*) FILTER (variance_idr IS NULL) AS unknown_rows
            FROM marts.commission_reconciliation GROUP BY state ORDER BY rows DESC, state
        """),
    )
    return


@app.cell
def _(book):
    book.section(
        "missing",
        book.ask(
            """
            SELECT booking_id, provider_id, source, booking_amount_idr, expected_idr, accrued_at, deadline_at
            FROM marts.commission_reconciliation
            WHERE state = 'missing' ORDER BY accrued_at, booking_id
            """,
            limit=50,
        ),
    )
    return


@app.cell
def _(book):
    _codes = book.ask("""
        SELECT finding, severity, count(*) FILTER (NOT waived) AS open_findings,
               count(*) FILTER (waived) AS waived_findings,
               sum(variance_idr) FILTER (NOT waived)::BIGINT AS variance_idr,
               count(*) FILTER (NOT waived AND variance_idr IS NULL) AS unknown_rows
        FROM marts.commission_findings GROUP BY finding, severity ORDER BY open_findings DESC, finding
    """)
    book.section(
        "findings",
        book.chart(
            _codes,
            "findings",
            lambda rows, say: ranked_bars(
                [say.word("finding", code) for code in rows["finding"]],
                rows["open_findings"].to_list(),
                money=False,
            ),
        ),
        _codes,
    )
    return


@app.cell
def _(book):
    book.section(
        "open_findings",
        book.ask(
            """
            SELECT finding_id, severity, detail, variance_idr, booking_id, commission_id, provider_id, code, args
            FROM marts.commission_findings
            WHERE NOT waived ORDER BY abs(coalesce(variance_idr, 0)) DESC, finding_id
            """,
            limit=50,
        ),
    )
    return


@app.cell
def _(book):
    _ages = book.ask("""
        SELECT age, count(*) AS open_records, sum(owed_idr)::BIGINT AS owed_idr, sum(fee_idr)::BIGINT AS fee_idr,
               count(*) FILTER (owed_idr IS NULL) AS unknown_amounts, count(*) FILTER (is_overdue) AS overdue_records
        FROM marts.commission_open GROUP BY age ORDER BY min(service_ended_at) DESC NULLS LAST, age
    """)
    book.section(
        "owed",
        book.chart(
            _ages,
            "owed",
            lambda rows, say: ranked_bars(
                [say.stretch("age", age) for age in rows["age"]], rows["owed_idr"].to_list(), money=True
            ),
        ),
        _ages,
    )
    return


@app.cell
def _(book):
    book.section(
        "balances",
        book.ask(
            """
            SELECT provider_name, provider_id, owed_idr, overdue_idr, fees_idr AS fee_idr, records AS open_records,
                   overdue_records, oldest_deadline_at, restriction_due, restriction_actual
            FROM marts.commission_balances ORDER BY owed_idr DESC NULLS LAST, provider_id
            """,
            limit=50,
        ),
    )
    return


@app.cell
def _(book):
    book.section(
        "restrictions",
        book.ask(
            """
            SELECT provider_name, provider_id, verdict, due, actual, restriction_due_at, overdue_records, overdue_idr
            FROM marts.commission_restrictions ORDER BY verdict, restriction_due_at NULLS LAST, provider_id
            """,
            limit=50,
        ),
    )
    return


@app.cell
def _(book):
    book.section(
        "ledger",
        book.ask("""
            SELECT local_month, count(*) AS providers, sum(opening_idr)::BIGINT AS opening_idr,
                   sum(accrued_idr)::BIGINT AS accrued_idr, sum(fees_idr)::BIGINT AS fees_idr,
                   sum(paid_idr)::BIGINT AS paid_idr, sum(reversed_idr)::BIGINT AS reversed_idr,
                   sum(closing_idr)::BIGINT AS closing_idr, count(*) FILTER (NOT holds) AS not_balanced
            FROM marts.commission_ledger GROUP BY local_month ORDER BY local_month DESC
        """),
    )
    return


@app.cell
def _(book):
    book.section(
        "closed_months",
        book.ask(
            """
            SELECT local_month, figure, detail, seen_at, waived, code, args
            FROM marts.closed_month_changes ORDER BY waived, seen_at DESC, finding_id
            """,
            limit=50,
        ),
        book.ask("""
            SELECT snapshot_id, compared_at, reason, code, args
            FROM marts.closed_month_gaps WHERE is_newest ORDER BY compared_at DESC
        """),
    )
    return


if __name__ == "__main__":
    app.run()
