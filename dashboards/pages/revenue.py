"""Revenue: booked, completed and collected, apart: yesterday and today, the period by day, and by source, week, month,
kind and discount. What is owed and wrong stands on Commissions and Findings."""

from __future__ import annotations

from dashboards.kit import glossary
from dashboards.kit.page import Page
from dashboards.sections import revenue

PAGE = Page(
    name="revenue",
    group="business",
    icon=":material/payments:",
    role="analyst",
    place=3,
    sections=(
        revenue.single_days,
        revenue.presets,
        revenue.figures,
        revenue.per_day,
        revenue.apart,
        glossary.words("booked", "completed", "collected", "source", "comparison"),
    ),
    periodic=True,
    choices=(revenue.VIEW,),
    figures=revenue.behind_figures,
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
