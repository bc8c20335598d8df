"""A provider's account down to its lines, and one commission record in full: what is opened on the page Commissions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import polars as pl
import streamlit as st
from markupsafe import Markup

from dashboards import records
from dashboards.kit import links, parts
from dashboards.kit.address import Choice, chosen, of_id
from dashboards.kit.filtered import filtered
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child, joined
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import ledger, receivables, reconciliation
from dashboards.sections import by_order, shared
from dashboards.sections.compared import two_records
from dashboards.sections.receivables import VERDICTS, time_left
from dashboards.sections.waived import restated
from dashboards.wording import NOTHING, count, instant, rupiah, signed_rupiah

PROVIDER: Final = of_id("provider")
COMMISSION: Final = of_id("commission")
MONTH: Final = Choice("month", form=r"2[0-9]{3}-(0[1-9]|1[0-2])")
MONTHS_SHOWN = 13


def is_open() -> bool:
    """Whether the address opens an account or a record."""
    return bool(chosen(PROVIDER) or chosen(COMMISSION))


def month_of(said: str) -> date | None:
    """The first day of a month as the address says it (``2026-10``); None where it says none."""
    return date(int(said[:4]), int(said[5:]), 1) if MONTH.fits(said) else None


def opened(screen: Screen) -> None:
    """The record or the account that the address names, above the list it came from."""
    commission, provider = chosen(COMMISSION), chosen(PROVIDER)
    if commission:
        record(screen, commission)
    elif provider:
        account(screen, provider)


# An account -----------------------------------------------------------------------------------------


def account(screen: Screen, provider_id: str) -> None:
    """What a provider owes now, its account by month, and the lines of the month that was chosen."""
    say, path = screen.text, screen.snapshot
    held = reconciliation.provider_records(path, provider_id)
    balance = receivables.balance(path, provider_id)
    months = ledger.account(path, provider_id)
    show(links.back(say("commissions.back"), PROVIDER.name, MONTH.name))
    if not held and balance is None and months.is_empty():
        show(parts.note("none", say("commissions.no_account", provider=provider_id)))
        return
    name = next((row["provider_name"] for row in held if row["provider_name"]), None) or provider_id
    show(parts.section(say("commissions.account", who=name)))
    show(_standing(screen, provider_id, held, balance))
    month = month_of(chosen(MONTH))
    if months.is_empty():
        show(parts.note("none", say("commissions.no_lines")))
    else:
        show(_by_month(screen, months, month))
    if month is not None:
        _month(screen, provider_id, month, months)
    elif balance is not None:
        show(parts.section(say("receivables.all")))
        rows = receivables.records("all", "", provider_id)
        grid(screen, rows, say("receivables.all"), opens=("commission", "commission_id"))


def _standing(
    screen: Screen, provider_id: str, held: list[dict[str, Any]], balance: Mapping[str, Any] | None
) -> Markup:
    """What is owed and since when, whether the account is to be restricted, and whose it is."""
    say = screen.text
    # Who has no open record owes nothing, but where records could not be judged nobody knows.
    nothing = None if shared.unjudged(screen) else 0
    row = balance or {}
    late = row.get("overdue_records", nothing)
    facts: list[tuple[str, Child]] = [
        (say("commissions.owed_with_fees"), rupiah(row.get("with_fees_idr", nothing))),
        (
            say("commissions.overdue_with_fees"),
            parts.below(rupiah(row.get("overdue_idr", nothing)), say("receivables.n_records", n=count(late))),
        ),
        (say("commissions.since"), _since(screen, row.get("overdue_since"))),
        (say("commissions.of_it_fees"), rupiah(row.get("fees_idr", nothing))),
        (say("receivables.not_due"), rupiah(row.get("not_due_idr", nothing))),
    ]
    if row.get("unknown_amount_records"):
        facts.append((say("receivables.unknown_amounts"), count(row["unknown_amount_records"])))
    verdict = receivables.restriction(screen.snapshot, provider_id)
    facts.append(
        (
            say("restriction.title"),
            say("commissions.no_restriction")
            if verdict is None
            else parts.badge(VERDICTS.get(verdict, "none"), say.word("restriction", verdict)),
        )
    )
    cities = ", ".join(dict.fromkeys(str(one["city"]) for one in held if one["city"]))
    states = ", ".join(dict.fromkeys(str(one["status"]) for one in held if one["status"]))
    told: list[Child] = [links.to_record("provider", provider_id), *(one for one in (cities, states) if one)]
    return parts.terms_card(facts, joined(*told, by=" · "))


def _since(screen: Screen, moment: object) -> Child:
    say = screen.text
    if say.local(moment) is None:
        return NOTHING
    return parts.below(say.span(say.elapsed(moment, shared.as_of(screen)) or 0), say.time(moment, screen.now))


def _by_month(screen: Screen, months: pl.DataFrame, chosen_month: date | None) -> Markup:
    """Opening + accrued + fees − paid − reversed = closing, the newest month first; a month leads to its lines."""
    say = screen.text
    shown = months.head(MONTHS_SHOWN)
    if chosen_month is not None and chosen_month not in shown["local_month"].to_list():
        shown = pl.concat([shown, months.filter(pl.col("local_month") == chosen_month)])
    return parts.table(
        [(say("ledger.month"), False), *((say(f"ledger.{name}"), True) for name in ledger.SUMS), ("", False)],
        [
            (
                filtered(say.month(row["local_month"]), month=f"{row['local_month']:%Y-%m}"),
                *(parts.money(row[name]) for name in ledger.SUMS),
                held(row["holds"], screen),
            )
            for row in shown.iter_rows(named=True)
        ],
        parts.above(say("ledger.note")),
    )


def held(holds: bool | None, screen: Screen) -> Markup:
    """Whether a line of the ledger holds to the rupiah; one of before the ledger told it is neither."""
    say = screen.text
    if holds is None:
        return parts.badge("none", say("ledger.untold"))
    return (
        parts.badge("good", say("ledger.balanced")) if holds else parts.badge("bad", say("commissions.off"))
    )


def _month(screen: Screen, provider_id: str, month: date, months: pl.DataFrame) -> None:
    """The lines that moved the account in a month, between its opening and its closing."""
    say = screen.text
    title = say("commissions.lines", month=say.month(month))
    show(parts.section(title), links.back(say("commissions.all_months"), MONTH.name))
    rows = months.filter(pl.col("local_month") == month).to_dicts()
    if not rows:
        show(parts.note("none", say("commissions.no_month", month=say.month(month))))
        return
    row = rows[0]
    notes = [
        say(
            "commissions.beside",
            expected=rupiah(row["expected_idr"]),
            unrecorded=rupiah(row["unrecorded_idr"]),
        )
    ]
    if row["unknown_amount_records"]:
        notes.append(say("commissions.no_line", n=count(row["unknown_amount_records"])))
    facts: list[tuple[str, Child]] = [(say(f"ledger.{name}"), parts.money(row[name])) for name in ledger.SUMS]
    show(parts.terms_card([*facts, ("", held(row["holds"], screen))], " ".join(notes)))
    lines = ledger.entries(provider_id, month)
    if lines.first(screen.snapshot, 1).is_empty():
        show(parts.note("none", say("commissions.nothing_moved")))
        return
    grid(screen, lines, title, opens=("commission", "commission_id"))


# A record -------------------------------------------------------------------------------------------


def record(screen: Screen, commission_id: str) -> None:
    """One commission record: how it stands, its booking beside it, its lines in the ledger, what was found of it."""
    say, path = screen.text, screen.snapshot
    show(links.back(say("commissions.back"), COMMISSION.name))
    row = reconciliation.commission_record(path, commission_id)
    if row is None:
        show(parts.note("none", say("commissions.no_record", commission=commission_id)))
        return
    judged = reconciliation.reconciled(path, commission_id)
    open_row = reconciliation.open_record(path, commission_id)
    booking_id = (judged or open_row or {}).get("booking_id")
    show(parts.section(say("commissions.record", commission=commission_id)))
    show(_judged(screen, row, judged, open_row, booking_id))
    booking = (
        reconciliation.booking_record(path, booking_id, commission_id, (judged or {}).get("origin"))
        if booking_id
        else None
    )
    show(
        two_records(
            screen,
            (say("finding_record.booking"), say("finding_record.commission")),
            (booking, row),
            (say("finding_record.no_booking"), say("finding_record.no_commission")),
            records.compared(records.BOOKING_AND_COMMISSION, booking, row),
        )
    )
    screen.draw(lambda screen: by_order.on_commission(screen, row, judged, open_row))
    _lines(screen, commission_id)
    found = restated(screen, reconciliation.findings_of(commission_id, booking_id))
    if not found.first(path, 1).is_empty():
        show(parts.section(say("commissions.found")))
        grid(screen, found, say("commissions.found"), opens=("finding", "finding_id"))


def _judged(
    screen: Screen,
    row: Mapping[str, Any],
    judged: Mapping[str, Any] | None,
    open_row: Mapping[str, Any] | None,
    booking_id: str | None,
) -> Markup:
    """How a record stands: against the policy, and until when it is to be paid."""
    say, path = screen.text, screen.snapshot
    why = None if judged else reconciliation.why_unreconciled(path, str(row["commission_id"]))
    state = (
        parts.word(parts.tone(judged["state"]), say.word("state", judged["state"]))
        if judged
        else parts.word("none", say.word("unreconciled", why) if why else say("commissions.not_reconciled"))
    )
    variance = judged["variance_idr"] if judged else None
    facts: list[tuple[str, Child]] = [
        (say("col.status"), say.word("commission_status", row["status"])),
        (say("commissions.reconciled"), state),
        (say("col.expected"), rupiah(judged["expected_idr"] if judged else None)),
        (say("col.actual"), rupiah(row["commission_idr"])),
        (say("col.variance"), signed_rupiah(variance)),
    ]
    if open_row is not None:
        facts += [
            (say("receivables.owed"), rupiah(open_row["owed_idr"])),
            (say("receivables.fee"), rupiah(open_row["fee_idr"])),
            (say("commissions.to_pay"), _to_pay(screen, open_row)),
        ]
    provider = (open_row or row)["provider_id"]
    told: list[Child] = [
        joined(say("commissions.of_account"), " ", links.to_record("account", provider)),
        joined(say("col.booking_id"), " ", links.to_record("booking", booking_id)),
    ]
    if judged and judged["policy_version"]:
        told.append(joined(say("field.policy"), " ", str(judged["policy_version"])))
    return parts.terms_card(facts, joined(*told, by=" · "))


def _to_pay(screen: Screen, row: Mapping[str, Any]) -> Child:
    """Until when a record is to be paid, or why no deadline of it counts."""
    say = screen.text
    if row["is_due"] is False:
        return parts.word("none", say("commissions.is_not_due"))
    if row["is_unpaid"] is False:
        return parts.word("warn", say("commissions.is_awaiting"))
    if row["is_overdue"] is None or row["is_due"] is None:
        return parts.word("none", say("commissions.untold"))
    kind, left = time_left(instant(row["deadline_at"]), screen.now, screen)
    return parts.word(kind, left, say.time(row["deadline_at"], screen.now))


def _lines(screen: Screen, commission_id: str) -> None:
    """What the record did to the account, or why it has no line there."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("commissions.record_lines")))
    lines = ledger.entries_of(commission_id)
    why = [say.word("unentered_reason", reason) for reason in ledger.why_unentered(path, commission_id)]
    if lines.first(path, 1).is_empty():
        show(parts.note("none", say("commissions.no_record_lines"), ", ".join(why)))
        return
    if why:
        st.caption(say("commissions.without_line", why=", ".join(why)))
    grid(screen, lines, say("commissions.record_lines"))
