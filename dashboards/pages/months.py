"""Months: which are closed, unchanged, reported, proven and signed off, and so ready for an auditor; a month's package,
the auditor's report of any days, and figures of closed months that changed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dashboards.kit import glossary
from dashboards.kit.address import chosen
from dashboards.kit.page import Page
from dashboards.kit.screen import Screen, Section
from dashboards.sections import ledger, months, report
from dashboards.sections.accounts import MONTH

_LISTS: Final[Mapping[str, Section]] = MappingProxyType(
    {
        "all": months.by_month,
        "package": months.package,
        "report": report.report,
        "changes": ledger.closed_months,
        "log": months.signed,
    }
)


def chosen_list(screen: Screen) -> None:
    """What was chosen of the months."""
    screen.draw(_LISTS[chosen(months.VIEW)])


PAGE = Page(
    name="months",
    group="money",
    icon=":material/event_available:",
    role="auditor",
    place=3,
    sections=(
        months.answer,
        months.choose_view,
        chosen_list,
        glossary.words("closed_month", "sign_off", "snapshot", "waived", "ledger", "queued"),
    ),
    choices=(MONTH, months.VIEW, report.REPORT),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
