"""Data quality: what was read and when, what could not be taken or believed, which checks do not hold.

Opened by name: `bookwatch notebook data_quality`. Reads a published snapshot (the newest, or `snapshot`), changes
nothing, names no person. Asked for by the address or after `--`: snapshot, from, to, lang, theme.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="bookwatch · data_quality")

with app.setup:
    import sys
    from pathlib import Path

    ROOT = Path(__file__).resolve().parent.parent
    if str(ROOT) not in sys.path:  # marimo puts this file's folder on the path, not the project's
        sys.path.insert(0, str(ROOT))

    import marimo as mo

    from dashboards.kit.charts import ranked_bars
    from dashboards.notebook.asked import asked
    from dashboards.notebook.book import Book


@app.cell(hide_code=True)
def _():
    given = asked(mo.cli_args(), mo.query_params())
    return (given,)


@app.cell(hide_code=True)
def _(given):
    book = Book.opened("data_quality", given)
    mo.stop(book.path is None, book.head())
    book.head()
    return (book,)


@app.cell
def _(book):
    book.section(
        "scans",
        book.ask("""
            SELECT collection, outcome, required, completed_at, watermark
            FROM ops.scans ORDER BY required DESC, collection
        """),
    )
    return


@app.cell
def _(book):
    book.section(
        "read",
        book.ask("""
            SELECT collection, count(*) AS runs, sum(fetched)::BIGINT AS fetched, sum(inserted)::BIGINT AS inserted,
                   sum(updated)::BIGINT AS updated, sum(deleted)::BIGINT AS deleted, sum(rejected)::BIGINT AS rejected
            FROM ops.ingest_runs WHERE started_at BETWEEN $at - INTERVAL 7 DAY AND $at
            GROUP BY collection ORDER BY fetched DESC, collection
        """),
    )
    return


@app.cell
def _(book):
    book.section(
        "checks",
        book.ask("""
            SELECT check_name, severity, failed_rows, asset
            FROM ops.check_results
            WHERE NOT passed AND run_id = (SELECT run_id FROM ops.snapshot)
            ORDER BY failed_rows DESC, check_name
        """),
        book.ask("""
            SELECT count(*) FILTER (passed) AS checks_held, count(*) FILTER (NOT passed) AS checks_failed
            FROM ops.check_results WHERE run_id = (SELECT run_id FROM ops.snapshot)
        """),
    )
    return


@app.cell
def _(book):
    book.section(
        "quarantine",
        book.ask("""
            SELECT collection, reasons AS quarantine_reasons, count(*) AS rows, min(first_seen_at) AS oldest_at
            FROM ops.quarantine GROUP BY collection, reasons ORDER BY rows DESC, collection
        """),
    )
    return


@app.cell
def _(book):
    _kinds = book.ask("""
        SELECT finding AS data_finding, count(*) AS rows
        FROM marts.data_findings GROUP BY finding ORDER BY rows DESC, finding
    """)
    book.section(
        "findings",
        book.chart(
            _kinds,
            "data_findings",
            lambda rows, say: ranked_bars(
                rows["data_finding"].to_list(), rows["rows"].to_list(), money=False
            ),
        ),
        book.ask(
            """
            SELECT finding AS data_finding, collection, attribute, count(*) AS rows
            FROM marts.data_findings GROUP BY ALL ORDER BY rows DESC, data_finding, collection, attribute
        """,
            limit=50,
        ),
        about=_kinds,
    )
    return


@app.cell
def _(book):
    book.section(
        "left_out",
        book.ask("SELECT collection, rows AS test_rows FROM marts.test_rows ORDER BY collection"),
        book.ask("SELECT collection, rows AS undated_rows FROM marts.undated_rows ORDER BY collection"),
    )
    return


@app.cell
def _(book):
    book.section(
        "unentered",
        book.ask("""
            SELECT reason AS unentered_reason, count(*) AS records, sum(collected_idr)::BIGINT AS collected_idr
            FROM marts.unentered_records GROUP BY reason ORDER BY records DESC, unentered_reason
        """),
    )
    return


@app.cell
def _(book):
    book.section(
        "told_by",
        book.ask("""
            SELECT amount_rule, count(*) AS bookings, sum(amount_idr)::BIGINT AS amount_idr
            FROM core.bookings WHERE deleted_at IS NULL AND NOT is_test
            GROUP BY amount_rule ORDER BY bookings DESC, amount_rule
        """),
        book.ask("""
            SELECT source_rule, source, count(*) AS bookings
            FROM core.bookings WHERE deleted_at IS NULL AND NOT is_test
            GROUP BY source_rule, source ORDER BY bookings DESC, source_rule, source
        """),
    )
    return


@app.cell
def _(book):
    book.section(
        "tables",
        book.ask("SELECT mart, rows, changed_at FROM ops.mart_digests ORDER BY rows DESC, mart"),
    )
    return


if __name__ == "__main__":
    app.run()
