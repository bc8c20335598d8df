"""What reconciliation found: by code, finding by finding, and each with the two records it rests on side by side."""

from __future__ import annotations

from typing import Any, Final

import polars as pl
import streamlit as st
from markupsafe import Markup

from dashboards import acts, records
from dashboards.kit import cards, links, parts
from dashboards.kit.address import Choice, chosen, of_id, widget
from dashboards.kit.choosing import told_apart
from dashboards.kit.filtered import filtered
from dashboards.kit.grid import grid
from dashboards.kit.markup import joined
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import ledger, reconciliation
from dashboards.queries.reconciliation import FINDING_ORDERS, WAIVED, Findings, Sought
from dashboards.sections import shared
from dashboards.sections.accounts import MONTH, month_of
from dashboards.sections.compared import two_records
from dashboards.sections.waived import entered
from dashboards.wording import count, rupiah, signed_rupiah
from marketplace.findings import FINDINGS, SEVERITIES, Severity
from messages import rules

FINDING: Final = of_id("finding")
CODE: Final = Choice("code", form=r"\w+")
SEVERITY: Final = Choice("severity", tuple(reversed(SEVERITIES)))
PROVIDER: Final = Choice("provider")
IS_WAIVED: Final = Choice("waived", WAIVED, WAIVED[0])
SEARCH: Final = Choice("q")
SORT: Final = Choice("sort", FINDING_ORDERS, FINDING_ORDERS[0])
CHOICES: Final = (FINDING, CODE, SEVERITY, PROVIDER, MONTH, IS_WAIVED, SEARCH, SORT)


def by_code(screen: Screen) -> None:
    """The codes with their counts and rupiah; a code leads to its findings. Where something is chosen or opened the
    list alone is shown."""
    say = screen.text
    codes = reconciliation.findings_by_code(screen.snapshot, entered(screen))
    if codes.is_empty():
        show(shared.nothing_found(screen, say("revenue.no_findings"), say("revenue.no_findings_text")))
        return
    if chosen(FINDING):
        return
    code = chosen(CODE)
    if code:
        codes = codes.filter(pl.col("finding") == code)
        if codes.is_empty():
            show(parts.note("none", say("findings.no_code", code=code)))
            return
    else:
        show(_whole(screen, codes))
    show(
        parts.table(
            [
                (say("revenue.code"), False),
                (say("col.severity"), False),
                (say("col.open"), True),
                (say("col.waived"), True),
                (say("col.variance"), True),
                (say("col.not_in_variance"), True),
            ],
            [
                (
                    parts.coded(
                        filtered(say.word("finding", row["finding"]), code=row["finding"]), row["finding"]
                    ),
                    say.word("severity", row["severity"]),
                    count(row["open"]),
                    filtered(count(row["waived"]), code=row["finding"], waived="waived")
                    if row["waived"]
                    else count(row["waived"]),
                    parts.money(row["variance_idr"], signed=True),
                    cards.not_in_difference(row, say),
                )
                for row in codes.iter_rows(named=True)
            ],
        )
    )


def _whole(screen: Screen, codes: pl.DataFrame) -> Markup:
    """How many findings are open, how grave they are and what they are about."""
    say = screen.text
    numbers = {
        severity: int(codes.filter(pl.col("severity") == severity)["open"].sum() or 0)
        for severity in reversed(SEVERITIES)
    }
    variance = codes["variance_idr"].drop_nulls()
    return parts.counts_card(
        [
            (parts.tone_of_severity(severity), count(number), say.word("severity", severity))
            for severity, number in numbers.items()
        ],
        [(parts.tone_of_severity(severity), number) for severity, number in numbers.items()],
        say(
            "findings.whole",
            open=count(int(codes["open"].sum() or 0)),
            waived=count(int(codes["waived"].sum() or 0)),
            amount=signed_rupiah(int(variance.sum()) if variance.len() else None),
            unknown=count(int(codes["unknown_rows"].sum() or 0)),
        ),
    )


def filters(screen: Screen) -> None:
    """What of the findings is looked at: of those beneath an opened one, as it was chosen before."""
    if chosen(FINDING):
        return
    say, path = screen.text, screen.snapshot
    codes = reconciliation.findings_by_code(path)["finding"].to_list()
    if not codes:
        return
    months = [f"{month:%Y-%m}" for month in reconciliation.finding_months(path)]
    providers = told_apart(
        {one: str(name or one) for one, name in reconciliation.finding_providers(path).items()}
    )
    code, severity, provider, month, waived = st.columns([1.3, 1, 1.3, 1, 1], vertical_alignment="bottom")
    code.selectbox(
        say("revenue.code"),
        _with_asked(codes, chosen(CODE)),
        index=None,
        placeholder=say("revenue.all_codes"),
        format_func=lambda word: say.word("finding", word),
        **widget(CODE),
    )
    severity.selectbox(
        say("col.severity"),
        SEVERITY.allowed,
        index=None,
        placeholder=say("commissions.any"),
        format_func=lambda word: say.word("severity", word),
        **widget(SEVERITY),
    )
    provider.selectbox(
        say("col.provider_name"),
        _with_asked([*providers], chosen(PROVIDER)),
        index=None,
        placeholder=say("commissions.any"),
        format_func=lambda one: providers.get(str(one), str(one)),
        **widget(PROVIDER),
    )
    month.selectbox(
        say("ledger.month"),
        _with_asked(months, chosen(MONTH)),
        index=None,
        placeholder=say("commissions.any"),
        format_func=lambda one: say.month(month_of(str(one))),
        **widget(MONTH),
    )
    waived.selectbox(
        say("findings.waived"),
        IS_WAIVED.allowed,
        format_func=lambda one: say(f"findings.waived_{one}"),
        **widget(IS_WAIVED),
    )
    search, sort = st.columns([2.2, 1], vertical_alignment="bottom")
    search.text_input(say("commissions.search"), placeholder=say("findings.search_hint"), **widget(SEARCH))
    sort.selectbox(
        say("commissions.sort"),
        SORT.allowed,
        format_func=lambda one: say(f"findings.sort_{one}"),
        **widget(SORT),
    )


def _with_asked(options: list[str], asked: str) -> list[str]:
    """The options, and what the address asks for where it is none of them: it finds nothing, and is shown as asked."""
    return options if not asked or asked in options else [*options, asked]


def sought() -> Sought:
    """What the address looks for."""
    return Sought(
        chosen(CODE),
        chosen(SEVERITY),
        chosen(PROVIDER),
        month_of(chosen(MONTH)),
        chosen(IS_WAIVED),
        chosen(SEARCH),
    )


def listed(screen: Screen) -> None:
    """The findings that fit; a row opens at the top of the page, by its id."""
    say, path = screen.text, screen.snapshot
    if reconciliation.findings_by_code(path).is_empty():
        return
    rows = Findings(sought(), chosen(SORT), entered(screen))
    if rows.first(path, 1).is_empty():
        show(parts.note("none", say("findings.no_match")))
        return
    grid(screen, rows, say("findings.list"), opens=("finding", "finding_id"))


def opened(screen: Screen) -> None:
    """The finding that the address names: its sentence, its money, what to do, and its records field by field."""
    finding_id = chosen(FINDING)
    if not finding_id:
        return
    say, path = screen.text, screen.snapshot
    show(links.back(say("findings.back"), FINDING.name))
    row = reconciliation.finding(path, finding_id)
    if row is None:
        if (change := ledger.closed_change(path, finding_id)) is not None:
            _changed_month(screen, finding_id, change)
        else:
            show(parts.note("none", say("finding_record.gone", finding=finding_id)))
        return
    code = str(row["finding"])
    now = entered(screen)
    waived = row["waived"] if now is None else any(one.finding_id == finding_id for one in now)
    tone = "none" if waived else "bad" if row["severity"] in (Severity.CRITICAL, Severity.HIGH) else "warn"
    show(
        cards.finding_card(
            tone,
            say.word("finding", code),
            say("col.waived") if waived else say.word("severity", row["severity"]),
            str(row["finding_id"]),
            [
                say.told(row, "detail"),
                say.message(rules.what_to_do(code) if code in FINDINGS else None),
                shared.waived(screen, finding_id) if waived and now is None else "",
            ],
            [
                (say("col.expected"), rupiah(row["expected_idr"])),
                (say("col.actual"), rupiah(row["actual_idr"])),
                (say("col.variance"), signed_rupiah(row["variance_idr"])),
            ],
        )
    )
    show(
        joined(
            *(
                joined(say(label), " ", links.to_record(kind, row[column]))
                for label, kind, column in (
                    ("col.booking_id", "booking", "booking_id"),
                    ("col.commission_id", "commission", "commission_id"),
                    ("commissions.of_account", "account", "provider_id"),
                )
                if row[column]
            ),
            by=" · ",
        ),
    )
    acts.buttons(screen, "finding", finding_id)
    show(*_sides(screen, row))


def _changed_month(screen: Screen, finding_id: str, change: dict[str, Any]) -> None:
    """A figure of a closed month that changed is a finding too: it is told on Months, and waived here as well."""
    say, month = screen.text, change["local_month"]
    link = links.to_page("months", say.month(month), month=f"{month:%Y-%m}", view="changes")
    show(
        parts.section(say.word("finding", "closed_month_changed")),
        joined(say("findings.in_month"), " ", link),
    )
    acts.buttons(screen, "finding", finding_id)


def _sides(screen: Screen, row: dict[str, Any]) -> list[Markup]:
    """The tables of a finding's records: booking and commission; of a duplicate also the booking's own record; of an
    account the provider and what it owes."""
    say, path = screen.text, screen.snapshot
    known = FINDINGS.get(str(row["finding"]))
    if known is not None and known.rests_on == "provider" and row["provider_id"]:
        return [_account(screen, str(row["provider_id"]))]
    commission_id = row["commission_id"]
    booking = (
        reconciliation.booking_record(path, row["booking_id"], commission_id, row["origin"])
        if row["booking_id"]
        else None
    )
    record = reconciliation.commission_record(path, commission_id) if commission_id else None
    shown = [
        two_records(
            screen,
            (say("finding_record.booking"), say("finding_record.commission")),
            (booking, record),
            (say("finding_record.no_booking"), say("finding_record.no_commission")),
            records.compared(records.BOOKING_AND_COMMISSION, booking, record),
        )
    ]
    own_id = booking["own_commission_id"] if booking else None
    if own_id and commission_id and own_id != commission_id:
        own = reconciliation.commission_record(path, own_id)
        shown.append(
            two_records(
                screen,
                (say("finding_record.own"), say("finding_record.further")),
                (own, record),
                (say("finding_record.no_commission"), say("finding_record.no_commission")),
                records.compared(records.TWO_COMMISSIONS, own, record),
            )
        )
    return shown


def _account(screen: Screen, provider_id: str) -> Markup:
    say, path = screen.text, screen.snapshot
    held = reconciliation.provider_records(path, provider_id)
    provider = {**held[0], "restricted": any(row["status"] == "RESTRICTED" for row in held)} if held else None
    balance = reconciliation.provider_balance(path, provider_id) or {
        "provider_id": provider_id,
        "owed_idr": 0,
        "overdue_idr": 0,
        "overdue_records": 0,
        "restriction_due": False,
    }
    return two_records(
        screen,
        (say("finding_record.provider"), say("finding_record.balance")),
        (provider, balance),
        (say("finding_record.no_provider"), ""),
        records.compared(records.PROVIDER_AND_BALANCE, provider, balance),
    )
