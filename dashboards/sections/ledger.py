"""The ledger by month and provider, and figures of closed months that changed."""

from __future__ import annotations

from typing import Any

from dashboards.kit import links, parts
from dashboards.kit.address import chosen
from dashboards.kit.filtered import filtered
from dashboards.kit.grid import below, grid
from dashboards.kit.markup import Child, joined
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import ledger
from dashboards.sections import shared
from dashboards.sections.accounts import MONTH, month_of
from dashboards.wording import count, rupiah, signed_rupiah

MONTHS_SHOWN = 12
CHANGES_SHOWN = 12


def by_month(screen: Screen) -> None:
    """Opening + accrued + fees − paid − reversed = closing, of all providers by month and of one month by provider."""
    say, path = screen.text, screen.snapshot
    show(parts.section(say("ledger.title"), say("ledger.note"), anchor="ledger"))
    months = ledger.ledger_months(path)
    if months.is_empty():
        show(shared.nothing_found(screen, say("ledger.none"), say("ledger.none_text")))
        return
    show(
        parts.table(
            [
                (say("ledger.month"), False),
                *((say(f"ledger.{name}"), True) for name in ledger.SUMS),
                ("", False),
            ],
            [_month(row, screen) for row in months.head(MONTHS_SHOWN).iter_rows(named=True)],
        )
    )
    options = months["local_month"].to_list()
    asked = month_of(chosen(MONTH))
    if asked is not None and asked not in options:
        show(parts.note("none", say("commissions.no_month", month=say.month(asked))))
        return
    month = asked or options[0]
    show(parts.section(say("commissions.by_provider", month=say.month(month))))
    grid(screen, ledger.lines(month), say("ledger.title"), opens=("account", "provider_id"))


def _month(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    say = screen.text
    held = (
        parts.badge("bad", say("ledger.off", n=count(row["off"])))
        if row["off"]
        else parts.badge("none", say("ledger.untold"))
        if row["untold"]
        else parts.badge("good", say("ledger.balanced"))
    )
    below = say("ledger.providers", n=count(row["providers"]))
    if row["unknown_amounts"]:
        below += f" · {say('ledger.unknown_amounts', n=count(row['unknown_amounts']))}"
    return (
        parts.below(filtered(say.month(row["local_month"]), month=f"{row['local_month']:%Y-%m}"), below),
        *(parts.money(row[name]) for name in ledger.SUMS),
        held,
    )


def closed_months(screen: Screen) -> None:
    """Each figure of a closed month that is not what an earlier snapshot said, with both values."""
    say = screen.text
    show(parts.section(say("closed.title"), say("closed.note"), anchor="closed"))
    changes = ledger.CLOSED_MONTH_CHANGES.first(screen.snapshot, CHANGES_SHOWN)
    gap = ledger.closed_month_gap(screen.snapshot)
    if gap is not None:
        show(parts.note("none", say("closed.gap"), say("closed.gap_text", reason=say.told(gap, "reason"))))
    if changes.is_empty():
        if gap is None:
            show(parts.note("good", say("closed.none"), say("closed.none_text")))
        return
    show(
        parts.table(
            [
                (say("ledger.month"), False),
                (say("closed.figure"), False),
                (say("closed.before"), True),
                (say("closed.now"), True),
                (say("col.variance"), True),
                (say("closed.seen"), True),
            ],
            [_change(row, screen) for row in changes.iter_rows(named=True)],
        )
    )
    below(screen, ledger.CLOSED_MONTH_CHANGES, CHANGES_SHOWN)


def _change(row: dict[str, Any], screen: Screen) -> tuple[Child, ...]:
    say = screen.text
    money = str(row["figure"]).endswith("_idr")
    before, now = row["previous_value"], row["current_value"]
    written = rupiah if money else count
    apart = None if before is None or now is None else now - before
    waived = (
        (" ", parts.tag(say("col.waived")), parts.small(shared.waived(screen, row["finding_id"])))
        if row["waived"]
        else ()
    )
    return (
        say.month(row["local_month"]),
        joined(
            parts.below(
                say.word("figure_name", row["figure"]), links.to_record("finding", row["finding_id"])
            ),
            *waived,
        ),
        written(before),
        parts.differs(written(now)),
        signed_rupiah(apart) if money else count(apart),
        parts.below(
            say.time(row["seen_at"], screen.now), say("closed.against", snapshot=row["previous_snapshot_id"])
        ),
    )
