"""Commissions against the policy: the whole, its rows by state, and the bookings whose commission is missing."""

from __future__ import annotations

import polars as pl

from dashboards.kit import cards, parts
from dashboards.kit.filtered import filtered
from dashboards.kit.grid import ROWS_SHOWN, grid
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen, policy_or_stop
from dashboards.queries import reconciliation
from dashboards.sections import shared
from dashboards.sections.waived import restated
from dashboards.wording import count, rupiah


def reconciled(screen: Screen) -> None:
    """Perfect, warning, critical or unknown with the counts it rests on, then the rows by state; the rows called
    unknown there are those that the counts call unknown."""
    say = screen.text
    show(parts.section(say("revenue.reconciliation"), say("overview.whole"), anchor="reconciliation"))
    states = reconciliation.reconciliation_states(screen.snapshot)
    summary = cards.commission_card(reconciliation.commission_summary(screen.snapshot), screen.now, say)
    listed = parts.table(
        [
            (say("col.state"), False),
            (say("col.rows"), True),
            (say("col.expected"), True),
            (say("col.actual"), True),
            (say("col.variance"), True),
            (say("col.not_in_variance"), True),
        ],
        [
            (
                parts.word(
                    parts.tone(row["state"]),
                    say.word("state", row["state"]),
                    say.known(f"state_is.{row['state']}", ""),
                ),
                filtered(count(row["rows"]), view="missing")
                if row["state"] == "missing"
                else count(row["rows"]),
                parts.money(row["expected_idr"]),
                parts.money(row["actual_idr"]),
                parts.money(row["variance_idr"], signed=True),
                cards.not_in_difference(row, say),
            )
            for row in states.iter_rows(named=True)
        ],
    )
    # One below the other: six columns do not fit into half a page.
    show(summary)
    show(listed)


def missing(screen: Screen) -> None:
    """Each booking that earns and has no commission record; a row leads to its finding, with what to do."""
    say = screen.text
    show(parts.section(say("revenue.missing"), say("revenue.missing_note"), anchor="missing"))
    summary = reconciliation.commission_summary(screen.snapshot) or {}
    if reconciliation.MISSING.first(screen.snapshot, ROWS_SHOWN).is_empty():
        if shared.unjudged(screen):
            show(shared.nothing_found(screen, "", ""))
            return
        said = [
            say(
                "revenue.none_missing_text",
                tracked=count(summary["tracked"]),
                eligible=count(summary["eligible"]),
            )
        ]
        if summary.get("awaiting"):
            grace = policy_or_stop(say).numbers()["grace_minutes"]
            said.append(
                say(
                    "revenue.none_missing_awaiting",
                    awaiting=count(summary["awaiting"]),
                    grace=say.known(f"number.{grace}", grace),
                )
            )
        if summary.get("unknown"):
            said.append(say("revenue.none_missing_unknown", unknown=count(summary["unknown"])))
        kind = "none" if summary.get("unknown") else "good"
        show(parts.note(kind, say("revenue.none_missing"), " ".join(said)))
        return
    states = reconciliation.reconciliation_states(screen.snapshot).filter(pl.col("state") == "missing")
    number, at_stake = int(states["rows"].sum() or 0), int(states["expected_idr"].sum() or 0)
    show(
        parts.badge("bad", f"{count(number)} {say('commission.missing')}"),
        " ",
        parts.soft(say("revenue.at_stake", amount=rupiah(at_stake))),
    )
    rows = restated(screen, reconciliation.MISSING)
    grid(screen, rows, say("revenue.missing"), opens=("finding", "finding_id"))
