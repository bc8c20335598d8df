"""The true figures of a simulated marketplace, by rules written a second time, from the canonical world.

``truth(simulation)`` is JSON-serialisable and valid as of ``simulation.now`` (``until`` after the
history). It speaks of what a mirror built from the tables at that instant can know. Instants are texts
such as 2026-11-22T03:16:28.123Z, money integer rupiah, dates the provider's local days. Its keys:

- ``as_of, seed, days``, ``planted`` (finding or anomaly -> ids) and ``sizes`` (their numbers); ``peculiar``: what else
  was planted (kind:variant -> booking ids), no finding by itself.
- ``counts``: collection -> {rows, deleted (ids), test_rows, quarantined (ids)}; rows are those in the app
  now, quarantined ones included.
- ``findings``: finding -> list of {booking_id, commission_id, provider_id, expected_idr, actual_idr}.
  Complete: what the simulation did by itself is in it. ``vanished`` (with first_at, gone_at) can only be
  found by a mirror that saw the record in between. expected and actual are commissions, but fees for
  fee_missing and fee_wrong (0 expected before the deadline); expected is 0 for duplicate, orphan, not_due and
  refund_record (actual is below 0 there).
- ``overlapping_bookings``: ids of bookings of one therapist that earn and overlap.
- ``reconciliation``: one entry a row {booking_id, commission_id, state, expected_idr, actual_idr}; ``states``
  counts them.
- ``commission_summary``: eligible, tracked, missing, awaiting, unknown, free, tracking_rate, state, expected_idr,
  actual_idr.
- ``revenue_daily``: local_date -> {bookings, booked_idr, completed_idr, collected_idr}, days with any of
  them; ``revenue_totals``: their sums.
- ``ledger``: list of {provider_id, local_month (its first day), accrued_idr, fees_idr, paid_idr, reversed_idr,
  closing_idr}, the months in which anything moved, of the records in the app now (one that is gone nets to zero
  where it was seen); paid_idr is net of refunds. ``open_idr``: provider_id -> commission and fees of its live
  records that are not paid (nor of an unknown status with a payment); ``refunded_idr``: provider_id -> what was
  given back by refund records. They add up to the newest closing.
- ``source_conversion``: list of {local_date, source, created, accepted, completed, declined, expired,
  cancelled, booked_idr, completed_idr, commissions}; commissions = bookings of the cohort that have a
  live record.
- ``peak_hours``: list of {basis, weekday, hour, bookings}; the basis instant is in [as_of - 56 days, as_of].
- ``booking_funnel``: list of {local_date, source, created, answered, accepted, completed, recorded, paid, then where
  the others went: declined, unanswered, expired_answered, cancelled, reassigned, still_open, unknown; of the completed
  free, record_unknown; of those accepted and not completed recorded_early, paid_early; of each step (answer,
  acceptance, completion, record, payment) <step>_times, p50_<step>_s, p95_<step>_s}.
- ``capacity``: list of {local_hour, city, requests, accepted, unanswered (of bookings created in it), providers_seen,
  providers_online, providers_busy (at one moment of it at least)}. How many providers there were only a mirror that saw
  every version of them can know.
- ``revenue_weekly``, ``revenue_monthly``: first local day -> the columns of revenue_daily. ``revenue_by_kind``: list of
  {local_date, kind (therapist, place, hotel), the same}. ``discounts``: list of {local_date, bookings, discounted,
  free, known (whose amounts before and after are written), before_idr, after_idr}, of bookings that earn.
- ``customers``: customer_id -> {first_booking_at, last_booking_at, bookings, completed, spent_idr, unknown_amounts,
  first_source, declined, reassigned}; who is known by a phone alone is not there. ``customer_retention``: list of
  {cohort_month, months_after (1, 2, 3, 6), customers, returned (null: that month has not begun)}.
- ``providers``: provider_id -> {requests (bookings whose provider it is now), answered, accepted, completed, declined,
  expired, cancelled, reassigned, decided, unanswered, responses, p50_response_s, p95_response_s, ratings, rating (of
  three and more), booked_minutes, paid_in_time, paid_late, paid_undated, fees_idr}; and what only a mirror that saw
  every version of it can know: seen_minutes, available_minutes, booked_seen_minutes, restricted_days.
- ``reassignments``: list of {booking_id, shape, from_provider_id, to_provider_id, reassigned_at, outcome, said}. Shape
  row: the row's provider changed while it was pending. Only a mirror that saw both versions can know it, but where
  ``said``: the row tells from whom (reassignedFrom). Shape booking: it ended reassigned, and another was made in its
  place; ``said``: that one names it (originalBookingId).
- ``provider_states``: provider_id -> list of {at, status}, every status that was written. A mirror that was made
  afterwards knows the last.
- ``chat_rooms_daily``: list of {local_date, rooms, rooms_spoken, rooms_replied, unanswered, messages, messages_sent};
  ``chat_waiting``: list of {room_id, waiting_since, waiting_for_role, messages}, the longest waiting first.
- ``disturbances``: what was ordered: {outages, acceptance, demand}.
- ``health``: points {"1" to "7" -> {status, figure}} and system. Scans are taken as fresh.
- ``service_figures``: avg_response_s, p95_response_s (linear interpolation), responses, success_rate,
  delivery_rate (of point 6), newest_booking_at (that earns), newest_created_at (any), bookings_24h.
- ``bookings``: booking_id (``<id>:hotel_bookings`` where bookings has that row id too) -> {origin, status,
  source, mode, amount_idr, amount_rule, minutes, created_at, starts_at, response_deadline, accepted_at (as
  written, never an observed one), responded_at, completed_at, provider_id, customer_id, is_test, deleted_at};
  without the quarantined ones. Deleted ones stand apart in ``deleted_bookings``.
- ``commissions``: commission_id -> {commission_idr, booking_amount_idr, rate_ppm, amount_rule (all of the row
  alone, whatever its booking owes), status, is_live, source, created_at, deadline_at, paid_at, provider_id (null:
  none is written), booking_id (null: none, or not certain), is_test, deleted_at}; without the quarantined ones.
  Deleted ones: ``deleted_commissions``.
- ``data_findings``: amount_unknown, amount_disagrees, amount_in_thousands (of bookings), amount_implausible,
  amount_currency (of bookings and records), creation_unreadable, status_unknown, commission_status_unknown,
  in_the_future, reference_case (of any row), refund_amount_unknown -> row ids.
- ``duplicate_bookings``: pairs of ids; ``abuse_planted``: customer ids by kind (bookings, messages).
- ``personal``: how many different names and phones and how many texts were written.
- ``sentinels``: name, phone (as written), phone_e164, message: strings that stand nowhere else.

Nothing here is ever written where a pipeline reads.
"""

from __future__ import annotations

from typing import Any

from sandbox.simulator.sentinels import SENTINEL_E164, SENTINEL_MESSAGE, SENTINEL_NAME, SENTINEL_PHONE
from sandbox.simulator.simulation import Simulation
from sandbox.simulator.times import zulu
from sandbox.simulator.truth.demand import (
    capacity,
    duplicate_bookings,
    overlapping_bookings,
    peak_hours,
    source_conversion,
)
from sandbox.simulator.truth.facts import booking_facts, commission_facts, counts, data_findings, peculiar
from sandbox.simulator.truth.funnel import booking_funnel
from sandbox.simulator.truth.health import health, service_figures
from sandbox.simulator.truth.judgement import Judgement
from sandbox.simulator.truth.known import Known
from sandbox.simulator.truth.money import (
    discounts,
    ledger,
    open_amounts,
    refunded_amounts,
    revenue_by_kind,
    revenue_by_period,
    revenue_daily,
    summary,
)
from sandbox.simulator.truth.people import (
    customer_retention,
    customers,
    provider_states,
    providers,
    reassignments,
)
from sandbox.simulator.truth.talks import chat_rooms_daily, chat_waiting


def truth(simulation: Simulation) -> dict[str, Any]:
    """The true figures as of ``simulation.now``. Raises ValueError before it was run to its ``until``."""
    if simulation.now < simulation.end:
        raise ValueError("run the simulation to its until first: the truth is as of then")
    known = Known(simulation)
    judged = Judgement(known)
    daily = revenue_daily(known)
    bookings, commissions = booking_facts(known), commission_facts(known)
    totals = {
        column: sum(day[column] for day in daily.values())
        for column in ("bookings", "booked_idr", "completed_idr", "collected_idr")
    }
    return {
        "as_of": zulu(simulation.now),
        "seed": simulation.seed,
        "days": simulation.days,
        "sizes": {kind: len(ids) for kind, ids in simulation.planted.items()},
        "planted": {kind: sorted(ids) for kind, ids in simulation.planted.items()},
        "peculiar": peculiar(simulation),
        "counts": counts(known),
        "findings": judged.findings,
        "reconciliation": judged.rows,
        "states": dict(sorted(judged.states.items())),
        "commission_summary": summary(judged),
        "revenue_daily": daily,
        "revenue_totals": totals,
        "ledger": ledger(known),
        "open_idr": open_amounts(known),
        "refunded_idr": refunded_amounts(known),
        "overlapping_bookings": overlapping_bookings(known),
        "source_conversion": source_conversion(known, judged),
        "peak_hours": peak_hours(known),
        "booking_funnel": booking_funnel(known, judged),
        "capacity": capacity(known),
        "revenue_weekly": revenue_by_period(daily, weekly=True),
        "revenue_monthly": revenue_by_period(daily, weekly=False),
        "revenue_by_kind": revenue_by_kind(known),
        "discounts": discounts(known),
        "customers": customers(known),
        "customer_retention": customer_retention(known),
        "providers": providers(known, judged),
        "provider_states": provider_states(known),
        "reassignments": reassignments(known),
        "chat_rooms_daily": chat_rooms_daily(known),
        "chat_waiting": chat_waiting(known),
        "disturbances": simulation.disturbances.told(),
        "health": health(known, judged),
        "service_figures": service_figures(known),
        "bookings": {i: facts for i, facts in bookings.items() if facts["deleted_at"] is None},
        "commissions": {i: facts for i, facts in commissions.items() if facts["deleted_at"] is None},
        "deleted_bookings": {i: facts for i, facts in bookings.items() if facts["deleted_at"] is not None},
        "deleted_commissions": {
            i: facts for i, facts in commissions.items() if facts["deleted_at"] is not None
        },
        "data_findings": data_findings(known),
        "duplicate_bookings": duplicate_bookings(known),
        "abuse_planted": {
            kind: sorted(b.customer.id for b in simulation.bookings.values() if f"abuse_{kind}" in b.marks)
            for kind in ("bookings", "messages")
        },
        "personal": {
            "names": len({c.name for c in simulation.customers}) + 1,
            "phones": len({c.phone for c in simulation.customers}) + 1,
            "texts": simulation.texts_written,
        },
        "sentinels": {
            "name": SENTINEL_NAME,
            "phone": SENTINEL_PHONE,
            "phone_e164": SENTINEL_E164,
            "message": SENTINEL_MESSAGE,
        },
    }
