"""Providers: whom to call, all of them with their health, and one in full. Asked through reading.py."""

from __future__ import annotations

from typing import Any, Final

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached, with_messages
from marketplace.statuses import ProviderStatus

#: The order in which providers are looked at: those that need someone first.
MEMBER_ORDER: Final = ("critical", "warning", "unknown", "offline", "healthy")

CALLS: Final = Query(
    "provider_calls",
    """SELECT provider_id, provider_type, provider_name, city, reason, status, last_seen_at, open_requests,
              past_deadline, oldest_request_at, next_deadline_at
       FROM marts.provider_calls ORDER BY next_deadline_at NULLS LAST, oldest_request_at, provider_id""",
    columns=(
        Column("provider_name", "col.provider_name"),
        Column("reason", "providers.why_call", words="call"),
        Column("open_requests", "providers.open_requests"),
        Column("past_deadline", "providers.past_deadline"),
        Column("oldest_request_at", "providers.oldest"),
        Column("next_deadline_at", "providers.next_deadline"),
        Column("last_seen_at", "members.seen"),
        Column("city", "providers.city"),
        Column("provider_id", "col.provider_id"),
    ),
)


def members(health: str, city: str, sought: str) -> Query:
    """The providers of a health and a city ('': of any) whose name or id holds ``sought``, those in need first."""
    part = sought.strip().lower()
    return Query(
        "members",
        f"""SELECT h.provider_id, h.provider_name, h.provider_type, h.health, h.reasons, h.last_seen_at, p.city,
                   p.requests, p.acceptance_rate, p.p50_response_s, p.rating, h.missed_requests, h.unread_messages,
                   h.notifications_enabled, h.sound_enabled, h.browser, h.messages
            FROM {with_messages("marts.member_health", "messages")} h
            LEFT JOIN marts.providers p ON p.provider_id = h.provider_id
            WHERE (? = '' OR coalesce(h.health, 'unknown') = ?) AND (? = '' OR p.city = ?)
              AND (? = '' OR contains(lower(coalesce(h.provider_name, '')), ?) OR contains(lower(h.provider_id), ?))
            ORDER BY list_position({list(MEMBER_ORDER)}, h.health) NULLS LAST,
                     h.missed_requests DESC NULLS LAST, h.provider_name, h.provider_id""",
        (health, health, city, city, part, part, part),
        columns=(
            Column("provider_name", "col.provider_name"),
            Column("health", "members.health", words="member"),
            Column("reasons", "members.reasons", all_told="messages"),
            Column("last_seen_at", "members.seen"),
            Column("missed_requests", "members.missed"),
            Column("requests", "providers.requests"),
            Column("acceptance_rate", "providers.acceptance"),
            Column("p50_response_s", "providers.p50"),
            Column("rating", "providers.rating"),
            Column("city", "providers.city"),
            Column("provider_id", "col.provider_id"),
        ),
    )


@cached
def cities(path: str) -> list[str]:
    """The cities in which providers are, by name."""
    rows = ask(path, "SELECT DISTINCT city FROM marts.providers WHERE city IS NOT NULL ORDER BY city")
    return rows["city"].to_list()


@cached
def calls(path: str) -> dict[str, Any]:
    """providers, open_requests, past_deadline, oldest_request_at of all that somebody should call."""
    return ask(
        path,
        """SELECT count(*) AS providers, coalesce(sum(open_requests), 0)::BIGINT AS open_requests,
                  coalesce(sum(past_deadline), 0)::BIGINT AS past_deadline, min(oldest_request_at) AS oldest_request_at
           FROM marts.provider_calls""",
    ).to_dicts()[0]


@cached
def provider(path: str, provider_id: str) -> dict[str, Any] | None:
    """What was asked of a provider (marts.providers); None where no booking and no account names it."""
    rows = ask(path, "SELECT * FROM marts.providers WHERE provider_id = ?", [provider_id]).to_dicts()
    return rows[0] if rows else None


MOST_TAKERS: Final = 300
"""So many providers are offered to hand a booking over to."""


@cached
def takers(path: str, provider_id: str, kind: str) -> list[dict[str, Any]]:
    """Providers that a booking of a provider can be handed over to: provider_id, provider_name, city. Those of its city
    first, and of these the ones last seen in the app; none that is restricted."""
    return ask(
        path,
        """WITH here AS (SELECT any_value(city) AS city FROM core.providers WHERE provider_id = $of)
           SELECT provider_id, any_value(provider_name) AS provider_name, any_value(p.city) AS city
           FROM core.providers p, here
           WHERE provider_id <> $of AND deleted_at IS NULL AND p.status IS DISTINCT FROM $restricted
             AND ($kind = '' OR provider_type = $kind)
           GROUP BY provider_id
           ORDER BY bool_or(p.city IS NOT DISTINCT FROM here.city) DESC, max(last_seen_at) DESC NULLS LAST, provider_id
           LIMIT $most""",
        {"of": provider_id, "kind": kind, "restricted": ProviderStatus.RESTRICTED.value, "most": MOST_TAKERS},
    ).to_dicts()


@cached
def accounts(path: str, provider_id: str) -> list[dict[str, Any]]:
    """Health, status in the app and reason to call of each account of that id: one may be a therapist's and a
    place's."""
    return ask(
        path,
        f"""SELECT h.provider_type, h.health, h.reasons, h.messages, h.last_seen_at, h.notifications_enabled,
                   h.sound_enabled, h.browser, h.missed_requests, h.unread_messages, a.status, a.capacity,
                   c.reason, c.open_requests, c.past_deadline, c.oldest_request_at, c.next_deadline_at
            FROM {with_messages("marts.member_health", "messages")} h
            LEFT JOIN core.providers a USING (provider_id, provider_type)
            LEFT JOIN marts.provider_calls c USING (provider_id, provider_type)
            WHERE h.provider_id = ? ORDER BY h.provider_type""",
        [provider_id],
    ).to_dicts()


def bookings(provider_id: str) -> Query:
    """Its bookings, the newest first."""
    return Query(
        "provider_bookings",
        """SELECT booking_id, status, source, amount_idr, created_at, starts_at, response_deadline, responded_at
           FROM core.bookings WHERE provider_id = ? AND deleted_at IS NULL AND NOT coalesce(is_test, false)
           ORDER BY created_at DESC, booking_id""",
        (provider_id,),
        columns=(
            Column("booking_id", "col.booking_id"),
            Column("status", "providers.booking_status", words="booking_status"),
            Column("source", "revenue.source", words="source"),
            Column("amount_idr", "providers.amount"),
            Column("created_at", "providers.created"),
            Column("starts_at", "providers.starts"),
            Column("response_deadline", "providers.answer_by"),
            Column("responded_at", "providers.answered_at"),
        ),
    )


def hand_overs(provider_id: str) -> Query:
    """Bookings that were handed over from it or to it, the newest first."""
    return Query(
        "provider_hand_overs",
        """SELECT booking_id, from_provider_id, to_provider_id, reassigned_at, outcome FROM marts.reassignments
           WHERE from_provider_id = ? OR to_provider_id = ?
           ORDER BY reassigned_at DESC NULLS LAST, booking_id, number""",
        (provider_id, provider_id),
        columns=(
            Column("booking_id", "col.booking_id"),
            Column("from_provider_id", "providers.from"),
            Column("to_provider_id", "providers.to"),
            Column("reassigned_at", "providers.handed_at"),
            Column("outcome", "providers.outcome", words="booking_status"),
        ),
    )
