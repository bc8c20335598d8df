"""What reconciliation found: by code, finding by finding, and each with the two records it rests on side by side."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st
from markupsafe import Markup

from dashboards import records
from dashboards.kit import cards, parts
from dashboards.kit.grid import grid
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import reconciliation
from dashboards.sections import shared
from dashboards.wording import NOTHING, count, rate, rupiah, signed_rupiah
from marketplace.findings import FINDINGS, Severity
from messages import rules

LONGEST_ASKED = 128
"""As long as an id can be: the address may say anything, and it is repeated where no finding has it."""


def findings(screen: Screen) -> None:
    """The codes with their counts, the findings of one code, and the one that was picked, opened."""
    say = screen.text
    show(parts.section(say("revenue.findings"), say("revenue.findings_note"), anchor="findings"))
    codes = reconciliation.findings_by_code(screen.snapshot)
    if codes.is_empty():
        show(shared.nothing_found(screen, say("revenue.no_findings"), say("revenue.no_findings_text")))
        return
    _by_code(screen, codes)
    options = codes["finding"].to_list()
    code = st.selectbox(
        say("revenue.code"),
        options,
        index=None,
        placeholder=say("revenue.all_codes"),
        format_func=lambda word: say.word("finding", word),
        key="code",
        width=320,
    )
    code = code if code in options else None
    st.caption(say("finding_record.pick"))
    picked = grid(
        screen, reconciliation.findings(screen.snapshot, code), say("revenue.findings"), choose=True
    )
    asked = picked["finding_id"] if picked else st.query_params.get("finding", "")[:LONGEST_ASKED]
    if asked:
        opened(screen, asked)


def _by_code(screen: Screen, codes: pl.DataFrame) -> None:
    say = screen.text
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
                    parts.coded(say.word("finding", row["finding"]), row["finding"]),
                    say.word("severity", row["severity"]),
                    count(row["open"]),
                    count(row["waived"]),
                    parts.money(row["variance_idr"], signed=True),
                    cards.not_in_difference(row, say),
                )
                for row in codes.iter_rows(named=True)
            ],
        )
    )


def opened(screen: Screen, finding_id: str) -> None:
    """One finding: its sentence, its money, what to do, and its records field by field."""
    say, path = screen.text, screen.snapshot
    row = reconciliation.finding(path, finding_id)
    if row is None:
        show(parts.note("none", say("finding_record.gone", finding=finding_id)))
        return
    code = str(row["finding"])
    tone = (
        "none"
        if row["waived"]
        else "bad"
        if row["severity"] in (Severity.CRITICAL, Severity.HIGH)
        else "warn"
    )
    show(
        cards.finding_card(
            tone,
            say.word("finding", code),
            say("col.waived") if row["waived"] else say.word("severity", row["severity"]),
            str(row["finding_id"]),
            [
                say.told(row, "detail"),
                say.message(rules.what_to_do(code) if code in FINDINGS else None),
                shared.waived(screen, finding_id) if row["waived"] else "",
            ],
            [
                (say("col.expected"), rupiah(row["expected_idr"])),
                (say("col.actual"), rupiah(row["actual_idr"])),
                (say("col.variance"), signed_rupiah(row["variance_idr"])),
            ],
        ),
        *_sides(screen, row),
        parts.hint(say("finding_record.waive"), f'bookwatch waive {row["finding_id"]} --reason "…" --by "…"'),
    )


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
        _table(
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
            _table(
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
    return _table(
        screen,
        (say("finding_record.provider"), say("finding_record.balance")),
        (provider, balance),
        (say("finding_record.no_provider"), ""),
        records.compared(records.PROVIDER_AND_BALANCE, provider, balance),
    )


def _table(
    screen: Screen,
    titles: tuple[str, str],
    sides: tuple[records.Record | None, records.Record | None],
    absent: tuple[str, str],
    lines: list[records.Line],
) -> Markup:
    say = screen.text
    cells = [
        (
            say(f"field.{line.name}"),
            value(line.kind, line.left, screen),
            value(line.kind, line.right, screen),
            line.differs,
        )
        for line in lines
    ]
    differing = sum(line.differs for line in lines)
    below = (
        say("finding_record.differing", n=count(differing))
        if differing
        else say("finding_record.same")
        if all(sides)
        else ""
    )
    notes = [words for side, words in zip(sides, absent, strict=True) if side is None and words]
    return parts.side_by_side(titles, cells, " ".join([*notes, below]).strip())


def value(kind: records.Kind, held: Any, screen: Screen) -> str:
    """A value of a record as it is read, by what it is; what is not there is a dash."""
    say = screen.text
    if kind == "idr":
        return rupiah(held)
    if kind == "rate":
        return rate(held)
    if kind == "instant":
        return say.time(held, screen.now)
    if kind == "source":
        return say.word("source", held)
    if kind == "yes" and held is not None:
        return say("col.yes" if held else "col.no")
    return NOTHING if held is None else str(held)
