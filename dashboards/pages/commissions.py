"""Commissions: who owes what since when, a provider's account down to its lines, deadlines, what is missing,
restrictions, the ledger by month, and all of it against the policy."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dashboards.kit import glossary
from dashboards.kit.address import chosen
from dashboards.kit.page import Page
from dashboards.kit.screen import Screen, Section
from dashboards.sections import accounts, ledger, receivables, reconciled

_LISTS: Final[Mapping[str, tuple[Section, ...]]] = MappingProxyType(
    {
        "who": (receivables.who, receivables.deadlines),
        "records": (receivables.records,),
        "missing": (reconciled.missing,),
        "restrictions": (receivables.restrictions,),
        "ledger": (ledger.by_month,),
        "reconciled": (reconciled.reconciled,),
    }
)


def answer(screen: Screen) -> None:
    """The four figures; what is opened stands in their place."""
    if not accounts.is_open():
        receivables.answer(screen)


def chosen_list(screen: Screen) -> None:
    """The list that was chosen; under something opened only the list itself."""
    for section in _LISTS[chosen(receivables.VIEW)][: 1 if accounts.is_open() else None]:
        screen.draw(section)


PAGE = Page(
    name="commissions",
    group="money",
    icon=":material/account_balance_wallet:",
    role="auditor",
    place=1,
    sections=(
        accounts.opened,
        answer,
        receivables.choose_view,
        chosen_list,
        glossary.words(
            "owed_now",
            "overdue_commission",
            "awaiting_verification",
            "awaiting",
            "not_due",
            "restriction",
            "ledger",
            "commission_difference",
            "unknown",
        ),
    ),
    choices=(
        accounts.PROVIDER,
        accounts.COMMISSION,
        accounts.MONTH,
        receivables.VIEW,
        receivables.SEARCH,
        receivables.CITY,
        receivables.STATE,
        receivables.SORT,
        receivables.SHOWN,
    ),
)

if __name__ == "__main__":  # Streamlit runs the file; the frame reads its record
    from dashboards import frame

    frame.draw(PAGE)
