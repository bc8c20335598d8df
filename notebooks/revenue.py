"""Revenue: the three figures by day and source, and the state of commissions, on the newest published
snapshot.

Opened by path: `marimo edit notebooks/revenue.py`. Reads what BOOKWATCH_HOME holds, changes nothing, names no
person.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="bookwatch · revenue")

with app.setup:
    import sys
    from pathlib import Path

    import marimo as mo
    import polars as pl

    ROOT = Path(__file__).resolve().parent.parent
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))

    from dashboards.queries import reading, reconciliation, revenue
    from dashboards.wording import count, rupiah, share, signed_rupiah
    from marketplace.difference import Difference
    from resources.settings import load_settings


@app.cell(hide_code=True)
def _():
    settings = load_settings()
    path = reading.newest(settings.home.current)
    mo.stop(
        path is None,
        mo.callout(
            mo.md(
                f"**Nothing has been published yet** in `{settings.home.root}`. "
                "Run `bookwatch run`, or `bookwatch demo` for a simulated marketplace."
            ),
            kind="warn",
        ),
    )
    shown = reading.snapshot(path)
    mo.md(
        f"""
        # Revenue

        Snapshot `{shown.snapshot_id}`, published {shown.published_at:%Y-%m-%d %H:%M} UTC.
        Days are local to the provider.
        **Booked**, **completed** and **collected** are three figures; none of them is "the revenue".
        """
    )
    return (path,)


@app.cell(hide_code=True)
def _(path):
    days = revenue.revenue_daily(path)
    mo.stop(days.is_empty(), mo.callout(mo.md("The snapshot holds no day of revenue."), kind="neutral"))
    first, last = days["local_date"].min(), days["local_date"].max()
    span = mo.ui.date_range(start=first, stop=last, value=(first, last), label="Days, both included")
    span  # noqa: B018 - the last expression of a cell is what it shows
    return days, span


@app.cell
def _(days, span):
    period = days.filter(pl.col("local_date").is_between(*span.value))
    mo.hstack(
        [
            mo.stat(rupiah(period["booked_idr"].sum()), label="Booked", bordered=True),
            mo.stat(rupiah(period["completed_idr"].sum()), label="Completed", bordered=True),
            mo.stat(rupiah(period["collected_idr"].sum()), label="Collected", bordered=True),
        ],
        widths="equal",
    )
    return (period,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Per day
    """)
    return


@app.cell
def _(period):
    mo.ui.table(
        period.sort("local_date", descending=True),
        format_mapping=dict.fromkeys(("booked_idr", "completed_idr", "collected_idr"), rupiah),
        selection=None,
        page_size=14,
        label="Rupiah and bookings of each local day",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Per source
    """)
    return


@app.cell
def _(path, span):
    sources = revenue.revenue_by_source(path, *span.value).with_columns(
        (pl.col("booked_idr") / pl.col("booked_idr").sum()).alias("share_of_booked")
    )
    mo.ui.table(
        sources,
        format_mapping={"booked_idr": rupiah, "completed_idr": rupiah, "share_of_booked": share},
        selection=None,
        label="Collected is commission, which is not split by source",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Commission
    """)
    return


@app.cell
def _(path):
    summary = reconciliation.commission_summary(path)
    mo.stop(
        summary is None or summary["state"] == "unknown",
        mo.callout(mo.md("**Unknown**: the commission records were never read completely."), kind="neutral"),
    )
    mo.callout(
        mo.md(
            f"**{summary['state'].capitalize()}**: {count(summary['missing'])} missing of "
            f"{count(summary['eligible'])} bookings that earn, {count(summary['awaiting'])} awaiting, "
            f"{count(summary['unknown'])} unknown, {count(summary.get('free', 0))} free. "
            f"Expected {rupiah(summary['expected_idr'])}, recorded {rupiah(summary['actual_idr'])}. "
            f"{Difference.read(summary) or ''}"
        ),
        kind={"perfect": "success", "warning": "warn"}.get(summary["state"], "danger"),
    )
    return


@app.cell
def _(path):
    mo.ui.table(
        reconciliation.reconciliation_states(path),
        format_mapping={
            **dict.fromkeys(
                ("expected_idr", "actual_idr", "unknown_expected_idr", "unknown_actual_idr"), rupiah
            ),
            "variance_idr": signed_rupiah,
        },
        selection=None,
        label="Reconciliation by state, the whole history; beside the difference, the rows that are not in it",
    )
    return


@app.cell
def _(path):
    mo.ui.table(
        reconciliation.MISSING.all(path).select(
            "booking_id", "provider_id", "source", "booking_amount_idr", "expected_idr", "local_date"
        ),
        format_mapping={"booking_amount_idr": rupiah, "expected_idr": rupiah},
        selection=None,
        page_size=15,
        label="Bookings that earn and have no commission record",
    )
    return


if __name__ == "__main__":
    app.run()
