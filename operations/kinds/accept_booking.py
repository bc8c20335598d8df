"""Accepting a booking on behalf of its provider: with its commission record, both sides told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial

from marketplace.aliases import ALIASES
from marketplace.app_rows import (
    attribute,
    booking_status,
    instant_like,
    key_of,
    meaning,
    status_written,
    text_at,
    word,
)
from marketplace.new_records import Charge, due_at, owed_idr
from marketplace.offers import OfferState
from marketplace.operations import Operation
from marketplace.policy import parse_policy
from marketplace.statuses import BOOKING_STATUS, PROVIDER_STATUS, BookingStatus, ProviderStatus
from marketplace.telling import Told
from marketplace.transitions import Actor, may_move
from messages.message import Message
from operations.action import Action, Asking, Moment, Proposed, Skip
from operations.fresh import (
    UPDATED_AT,
    arguments,
    changed,
    instant_in,
    is_now,
    moved,
    no_way_back,
    now,
)
from operations.offers import ended, open_offers
from operations.on_bookings import room_named
from operations.orders import ordered_booking
from operations.port import Published
from operations.records import created_record, free_record_id, live, records_of
from operations.telling import Telling, provider_row, room_of
from resources.appwrite.writing import Create, Row, Write
from resources.errors import UsageError

_ACCEPTED = BookingStatus.ACCEPTED.value
PLAN = "SELECT min(commission_plan) AS plan FROM core.providers WHERE provider_id = $provider AND deleted_at IS NULL"


class AcceptBooking:
    operation = Operation.ACCEPT_BOOKING
    collection = "bookings"
    description = "Accept one booking on behalf of its provider."

    def plan(self, published: Published, moment: Moment, ordered: Mapping[str, str]) -> Iterable[Proposed]:
        row = ordered_booking(published, self.operation, ordered, _ACCEPTED)
        if row["provider_id"] is None or row["utc_offset_minutes"] is None:
            raise UsageError.of("failure.accept_for_nobody", row=row["booking_id"])
        (snapshot,) = published.rows("SELECT policy FROM ops.snapshot")
        charge: dict[str, object] = {}
        owed = None
        if row["amount_idr"] and snapshot["policy"] and not row["is_test"]:
            day = (now(moment) + timedelta(minutes=row["utc_offset_minutes"])).date()
            (account,) = published.rows(PLAN, {"provider": row["provider_id"]})
            policy = parse_policy(snapshot["policy"])
            rule = policy.rule(day, provider=row["provider_id"], plan=account["plan"])
            owed = owed_idr(row["amount_idr"], rule.rate_ppm)
            charge = {
                "local_date": day,
                "rate_ppm": rule.rate_ppm,
                "commission_idr": owed,
                "deadline_at": due_at(row["ends_at"], rule),
                "policy_version": rule.version,
            }
        yield Proposed(
            row["origin"],
            row["booking_id"],
            before={"status": row["status"]},
            after={"status": _ACCEPTED, "commission_idr": owed},
            why=Message("acting.why_ordered", {"booking": row["booking_id"], "status": row["status"]}),
            rule="accepted by an administrator on behalf of the provider: docs/acting_kinds.md",
            arguments=arguments(
                row,
                UPDATED_AT,
                "provider_id",
                "room_id",
                "provider_type",
                "amount_idr",
                "source",
                "created_at",
                "starts_at",
                "utc_offset_minutes",
                **charge,
            ),
        )

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        return room_named(action)

    def writes(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        given, at, origin = action.proposed.arguments, now(moment), action.proposed.collection
        tell = Telling(action.action_id, at, ask)
        booking_id = action.proposed.row_id
        if (skip := moved(action, row)) is not None:
            return skip
        status = booking_status(row)
        if not may_move(status, _ACCEPTED, Actor.ADMIN):
            return is_now(action, status)
        provider = key_of(meaning(row, "booking.provider_id"), given.get("provider_id"))
        found = provider_row(provider, given.get("provider_type"), ask)
        if provider is None or found is None:
            return Skip(Message("acting.no_provider", {"provider": provider}))
        if word(text_at(found[1], "status"), PROVIDER_STATUS) == ProviderStatus.RESTRICTED.value:
            return Skip(Message("acting.provider_restricted", {"provider": provider}))
        record = self._record(action, row, provider, found[1], ask, moment)
        if isinstance(record, Skip):
            return record

        has = partial(ask.has, origin)
        data: dict[str, object] = {}
        data |= status_written(row, ALIASES["booking.status"], BOOKING_STATUS, _ACCEPTED, has)
        offset = int(given["utc_offset_minutes"])
        for names in (ALIASES["booking.accepted_at"], ALIASES["booking.responded_at"]):
            if (name := attribute(names, has)) is not None:
                data[name] = instant_like(row.get(name), at, offset)
        room, kind = room_of(row, given.get("room_id"), ask), given.get("provider_type")
        said = {"booking": booking_id}
        # The booking first: accepted without a record it awaits one, and within the grace nothing is missing.
        return [
            changed(action, row, data),
            *([record] if record is not None else []),
            *ended(open_offers(row, ask), OfferState.WITHDRAWN, at, accepted_by=provider),
            *tell.room(row, room, Told.ACCEPTED),
            *tell.customer(row, Told.ACCEPTED, said),
            *tell.provider(provider, kind, Told.ACCEPTED, said, booking=row, row=found[1]),
        ]

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        return no_way_back(action)

    @staticmethod
    def _record(
        action: Action, row: Row, provider: str, account: Row, ask: Asking, moment: Moment
    ) -> Create | Skip | None:
        """The commission of the acceptance; None where nothing is owed, or a record stands already."""
        given, at = action.proposed.arguments, now(moment)
        if "commission_idr" not in given:
            return None
        offset = int(given["utc_offset_minutes"])
        if (at + timedelta(minutes=offset)).date().isoformat() != given["local_date"]:
            return Skip(Message("acting.another_day", {"row": action.proposed.row_id}))
        if live(records_of(row, ask)):
            return None
        row_id = free_record_id(action.proposed.collection, action.proposed.row_id, provider, ask)
        if row_id is None:
            return None
        created = instant_in(given["created_at"])
        assert created is not None, "a booking without a creation is not published"
        charge = Charge(
            booking=action.proposed.row_id,
            provider_id=provider,
            provider_name=meaning(account, "provider.name") or meaning(row, "booking.provider_name"),
            amount_idr=int(given["amount_idr"]),
            rate_ppm=int(given["rate_ppm"]),
            commission_idr=int(given["commission_idr"]),
            deadline_at=instant_in(given.get("deadline_at", "")),
            source=given["source"],
            booked_at=created,
            starts_at=instant_in(given.get("starts_at", "")),
            offset_minutes=offset,
            made_at=at,
        )
        return created_record(row_id, charge, ask)


KIND = AcceptBooking()
