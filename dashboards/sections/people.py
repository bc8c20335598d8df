"""One provider in full: what was asked of it, what became of it, whether it can be reached, and how."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from dashboards import reveal
from dashboards.kit import cards, links, parts
from dashboards.kit.grid import grid
from dashboards.kit.markup import Child
from dashboards.kit.parts import show
from dashboards.kit.screen import Screen
from dashboards.queries import people, receivables
from dashboards.sections import shared
from dashboards.wording import NOTHING, count, rupiah, share
from messages.message import messages_of


def opened(screen: Screen, provider_id: str) -> None:
    """A provider's record: its name and health first, then what was asked of it, then its bookings."""
    say, path = screen.text, screen.snapshot
    row = people.provider(path, provider_id)
    show(links.back(say("providers.back"), "provider"))
    if row is None:
        show(parts.note("none", say("providers.gone", provider=provider_id), say("providers.gone_text")))
        return
    accounts = people.accounts(path, provider_id)
    show(parts.section(row["provider_name"] or provider_id, _where(screen, row)))
    if not accounts:
        show(parts.note("none", say("providers.no_account"), say("providers.no_account_text")))
    for account in accounts:
        show(_account(screen, account))
    reveal.contact(screen, provider_id=provider_id)
    show(parts.terms_card(_asked_of(screen, row)), parts.gap(), parts.terms_card(_kept(screen, row)))
    show(parts.section(say("providers.bookings"), say("providers.bookings_note")))
    grid(screen, people.bookings(provider_id), say("providers.bookings"), opens=("booking", "booking_id"))
    if row["reassigned_away"] or row["reassigned_to"]:
        show(parts.section(say("providers.hand_overs")))
        grid(
            screen,
            people.hand_overs(provider_id),
            say("providers.hand_overs"),
            opens=("booking", "booking_id"),
        )


def _where(screen: Screen, row: dict[str, Any]) -> str:
    say = screen.text
    kind = say.word("provider_type", row["provider_type"])
    return " · ".join(filter(None, (kind, row["city"], str(row["provider_id"]))))


def _account(screen: Screen, row: dict[str, Any]) -> Markup:
    """Whether an account can be reached, and why it should be called."""
    say = screen.text
    kind = cards.tone_of_member(row["health"])
    said = say.all_told(row["messages"], row["reasons"]) if messages_of(row["messages"]) else ""
    if row["reason"] is None:
        waiting = say("providers.no_call")
    else:
        waiting = say(
            "providers.call_because",
            why=say.word("call", row["reason"]),
            n=count(row["open_requests"]),
            late=count(row["past_deadline"]),
            since=say.ago(row["oldest_request_at"], shared.as_of(screen)),
        )
    facts: list[tuple[str, Child]] = [
        (say("members.health"), parts.badge(kind, say.word("member", row["health"]))),
        (say("providers.in_app"), say.word("provider_status", row["status"])),
        (say("providers.seen"), say.ago(row["last_seen_at"], shared.as_of(screen))),
        (say("members.notifications"), _yes(screen, row["notifications_enabled"])),
        (say("members.sound"), _yes(screen, row["sound_enabled"])),
        (say("members.missed"), count(row["missed_requests"])),
        (say("members.unread"), count(row["unread_messages"])),
    ]
    return parts.terms_card(facts, " · ".join(filter(None, (said, waiting))))


def _yes(screen: Screen, held: bool | None) -> str:
    return NOTHING if held is None else screen.text("col.yes" if held else "col.no")


def _asked_of(screen: Screen, row: dict[str, Any]) -> list[tuple[str, Child]]:
    say = screen.text
    rating = NOTHING if row["rating"] is None else f"{count(row['rating'])} ({count(row['ratings'])})"
    return [
        (say("providers.requests"), count(row["requests"])),
        (say("providers.answered"), count(row["answered"])),
        (say("providers.acceptance"), share(row["acceptance_rate"])),
        (say("providers.p50"), say.seconds(row["p50_response_s"])),
        (say("providers.p95"), say.seconds(row["p95_response_s"])),
        (say("providers.completed"), count(row["completed"])),
        (say("providers.cancelled"), count(row["cancelled"])),
        (say("providers.rating"), rating),
    ]


def _kept(screen: Screen, row: dict[str, Any]) -> list[tuple[str, Child]]:
    """What it owes, and how it keeps to deadlines and hours."""
    say = screen.text
    owed = receivables.balance(screen.snapshot, row["provider_id"])
    # Who has no open record owes nothing, but where records could not be judged nobody knows.
    nothing = None if shared.unjudged(screen) else 0
    amounts = [owed[name] if owed else nothing for name in ("with_fees_idr", "overdue_idr")]
    untold = owed["unknown_amount_records"] if owed else 0
    account = links.to_page("commissions", rupiah(amounts[0]), provider=row["provider_id"])
    return [
        (
            say("providers.owed"),
            parts.below(account, say("overview.no_amount_records", n=count(untold))) if untold else account,
        ),
        (say("providers.overdue"), rupiah(amounts[1])),
        (say("providers.paid_in_time"), count(row["paid_in_time"])),
        (say("providers.paid_late"), count(row["paid_late"])),
        (say("providers.fees"), rupiah(row["fees_idr"])),
        (say("providers.restricted_days"), count(row["restricted_days"])),
        (say("providers.utilisation"), share(row["utilisation"])),
        (say("providers.handed"), f"{count(row['reassigned_away'])} / {count(row['reassigned_to'])}"),
    ]
