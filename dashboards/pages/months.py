"""Months: which are closed, unchanged, reported, proven and signed off, and so ready for an auditor; a month's
package."""

from __future__ import annotations

from dashboards.kit.page import Page
from dashboards.sections import months

PAGE = Page(
    name="months",
    group="money",
    icon=":material/event_available:",
    role="auditor",
    place=9,
    sections=(months.newest, months.by_month, months.package, months.signed),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
