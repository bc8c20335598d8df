"""The canonical rows of the marketplace, as core derives them from the mirror."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from checks.schemas.table import MESSAGE_ARGS, MESSAGE_CODE, CoreTable, column
from marketplace.collections import BOOKING_COLLECTIONS, INGESTED
from marketplace.commission import PAYMENT_RULES
from marketplace.data_codes import DATA_FINDINGS
from marketplace.decline_reasons import REASONS as DECLINE_REASONS
from marketplace.money import MICRO
from marketplace.offers import OFFER_STATES
from marketplace.proofs import PROOF_KEY, PROOF_KINDS
from marketplace.rules import EARLIEST_INSTANT, LATEST_INSTANT, LONGEST_SERVICE_MINUTES
from marketplace.services import BEST_RATING, WORST_RATING
from marketplace.statuses import (
    BOOKING_STATUSES,
    COMMISSION_STATUSES,
    MESSAGE_KINDS,
    MODES,
    PROVIDER_STATUSES,
    PROVIDER_TYPES,
    ROLES,
    ROOM_STATUSES,
    SOURCES,
    UNKNOWN,
)
from marketplace.test_rows import RULES as TEST_RULES

AMOUNT_RULES: Final = (
    "totalCost",
    "totalPrice",
    "totalAmount",
    "paymentAmount",
    "pricing.total",
    "price",
    "price_thousands",
    "discounted",
    "free",
)
MODE_RULES: Final = ("mode", "bookingType", "metadata", "scheduled_time", "start", "deadline", "none")
STATES: Final = ("present", "empty", "absent")
_OFFSET: Final[dict[str, Any]] = {"ge": -14 * 60, "le": 14 * 60}
_INSTANT: Final[dict[str, Any]] = {"ge": EARLIEST_INSTANT, "lt": LATEST_INSTANT}


def _created() -> Any:
    return column("when the row was made, by its own attribute, else by Appwrite", **_INSTANT)


def _updated() -> Any:
    return column("$updatedAt", null=True)


def _deleted() -> Any:
    return column("when a sweep found it gone from Appwrite; null while it lives", null=True)


def _change() -> Any:
    return column("raw's _change: the number of the change it was derived from", ge=0)


class Bookings(CoreTable):
    """A booking, of either collection of bookings."""

    booking_id: pl.String = column("the row's $id", key=True)
    origin: pl.String = column("the collection it stands in", words=BOOKING_COLLECTIONS, key=True)
    business_id: pl.String = column("bookingId, the key the app shows", null=True)
    customer_id: pl.String = column("the user who books", null=True)
    provider_id: pl.String = column("the therapist or place booked", null=True)
    provider_type: pl.String = column("of which kind the provider is", null=True, words=PROVIDER_TYPES)
    provider_name: pl.String = column("the provider's public name as the booking has it", null=True)
    status: pl.String = column("its status in our words", words=BOOKING_STATUSES)
    raw_status: pl.String = column("its status as written", null=True)
    source: pl.String = column("where in the app it was booked", words=SOURCES)
    source_rule: pl.String = column(
        "what told the source", words=("explicit", "mode", "scheduled_time", "chat_window", "none")
    )
    mode: pl.String = column("for now or for later", words=MODES)
    mode_rule: pl.String = column("what told the mode", words=MODE_RULES)
    service_minutes: pl.Int64 = column(
        "how long the service takes", null=True, ge=1, le=LONGEST_SERVICE_MINUTES
    )
    amount_idr: pl.Int64 = column("what the customer pays; 0 only where free, null: unknown", null=True, ge=0)
    amount_rule: pl.String = column("which attribute the amount is from", null=True, words=AMOUNT_RULES)
    created_at: pl.Datetime = _created()
    created_rule: pl.String = column(
        "what told created_at", words=("createdAt", "booking.createdAt", "$createdAt")
    )
    updated_at: pl.Datetime = _updated()
    starts_at: pl.Datetime = column("when the service starts", null=True, **_INSTANT)
    ends_at: pl.Datetime = column("completed_at, else starts_at and the service's minutes", null=True)
    response_deadline: pl.Datetime = column("until when the provider may answer", null=True)
    deadline_rule: pl.String = column("what told response_deadline", null=True, words=("explicit", "default"))
    accepted_at: pl.Datetime = column("when the provider accepted", null=True)
    accepted_rule: pl.String = column("what told accepted_at", null=True, words=("explicit", "observed"))
    responded_at: pl.Datetime = column("when the provider answered, either way", null=True)
    completed_at: pl.Datetime = column("when the service was completed", null=True, **_INSTANT)
    cancelled_at: pl.Datetime = column("when it was cancelled", null=True, **_INSTANT)
    decline_reason: pl.String = column(
        "why it was declined, from a fixed list; the words as written are private",
        null=True,
        words=DECLINE_REASONS,
    )
    payment_method: pl.String = column("how the customer pays", null=True)
    discounted: pl.Boolean = column("a discountCode stands")
    chat_window_open: pl.Boolean = column("whether it was made with the chat window open", null=True)
    has_source_value: pl.Boolean = column("an explicit source that is not empty stands")
    has_mode_value: pl.Boolean = column("an explicit mode or bookingType stands")
    has_schedule_value: pl.Boolean = column("scheduledTime stands")
    customer_key: pl.String = column(
        "for duplicates and abuse only: c: and customer_id (in lower case where no user is the same but for case),"
        " else p: and a keyed hash of the phone; never the phone itself",
        null=True,
        str_matches=r"^(c:.|p:[0-9a-f]{32}$)",
    )
    utc_offset_minutes: pl.Int64 = column("the provider's zone; null: not known yet", null=True, **_OFFSET)
    is_test: pl.Boolean = column("it is a test and in no figure")
    test_rule: pl.String = column("what told that it is a test", null=True, words=TEST_RULES)
    earns: pl.Boolean = column("its status is one of revenue")
    deleted_at: pl.Datetime = _deleted()
    change: pl.Int64 = _change()
    amount_before_idr: pl.Int64 = column(
        "of a discounted booking: what it cost before the discount, more than amount_idr; null: not known",
        null=True,
        ge=0,
    )
    cancelled_by: pl.String = column(
        "who cancelled it, where it says so: a role, or the customer's or the provider's id as that of theirs",
        null=True,
        words=ROLES,
    )


class Commissions(CoreTable):
    """A commission record."""

    commission_id: pl.String = column("the row's $id", key=True)
    booking_ref: pl.String = column("bookingId as written", null=True)
    booking_doc_ref: pl.String = column("bookingDocId as written", null=True)
    provider_id: pl.String = column("whom it charges", null=True)
    provider_name: pl.String = column("the provider's public name as the record has it", null=True)
    booking_amount_idr: pl.Int64 = column(
        "its base; null: not believed; of a refund the booking's, whatever sign it was written with",
        null=True,
    )
    rate: pl.Float64 = column("the share it charges, a fraction", null=True, unit="share", ge=0, le=1)
    rate_ppm: pl.Int64 = column("rate, half up: what arithmetic uses", null=True, ge=0, le=MICRO)
    commission_idr: pl.Int64 = column("what it charges; negative: a refund; null: not believed", null=True)
    amount_rule: pl.String = column(
        "in which unit its amounts were written", null=True, words=("rupiah", "thousands")
    )
    written_booking_amount: pl.Float64 = column("its base as written", null=True)
    written_commission: pl.Float64 = column("its commission as written", null=True)
    is_implausible: pl.Boolean = column(
        "its base or commission was not believed, or is in another currency: those are null"
    )
    status: pl.String = column("its status in our words", words=COMMISSION_STATUSES)
    raw_status: pl.String = column("its status as written", null=True)
    is_live: pl.Boolean = column("it stands, by its status alone; deleted_at stands apart")
    source: pl.String = column(
        "where its booking was made; null where none is written", null=True, words=SOURCES
    )
    created_at: pl.Datetime = _created()
    deadline_at: pl.Datetime = column("until when it is to be paid, as written", null=True, **_INSTANT)
    paid_at: pl.Datetime = column("when it was paid", null=True, **_INSTANT)
    verified_at: pl.Datetime = column("when its payment was verified", null=True, **_INSTANT)
    proof_at: pl.Datetime = column("when a proof of payment was handed in", null=True, **_INSTANT)
    proof_state: pl.String = column(
        "whether a proof stands; absent: the deployment has no attribute for it", words=STATES
    )
    fee_idr: pl.Int64 = column("the late fee it charges", null=True)
    fee_state: pl.String = column(
        "whether a fee stands; absent: the deployment has no attribute for it", words=STATES
    )
    fee_required: pl.Boolean = column("whether the app says a fee is due", null=True)
    due_idr: pl.Int64 = column("what is due in all, as the app has it", null=True)
    restricted_at: pl.Datetime = column("when its provider was restricted for it", null=True, **_INSTANT)
    utc_offset_minutes: pl.Int64 = column(
        "its provider's zone, without one its booking's; null: not known yet", null=True, **_OFFSET
    )
    is_test: pl.Boolean = column("its own isTest, if any")
    updated_at: pl.Datetime = _updated()
    deleted_at: pl.Datetime = _deleted()
    change: pl.Int64 = _change()
    paid_rule: pl.String = column(
        "which instant tells the day of its payment, if it was paid: the first of these that is known",
        words=PAYMENT_RULES,
    )
    verified_by: pl.String = column(
        "who verified its payment, where the record says so: an id, a role, or a hash", null=True
    )
    proof_kind: pl.String = column(
        "what its proof of payment is; null without one", null=True, words=PROOF_KINDS
    )
    proof_key: pl.String = column(
        "a keyed hash of its proof's address: the same proof on two records has the same; never the address",
        null=True,
        str_matches=PROOF_KEY,
    )


class Messages(CoreTable):
    """A chat message, without its text."""

    message_id: pl.String = column("the row's $id", key=True)
    conversation_id: pl.String = column("the conversation it belongs to", null=True)
    booking_ref: pl.String = column("the booking it is about, as written", null=True)
    sender_id: pl.String = column("who wrote it", null=True)
    sender_role: pl.String = column("as what they wrote it", words=ROLES)
    receiver_id: pl.String = column("whom it is for", null=True)
    receiver_role: pl.String = column("what they are", null=True, words=ROLES)
    kind: pl.String = column("what kind of message it is", words=MESSAGE_KINDS)
    sent_at: pl.Datetime = column("when it was sent", null=True, **_INSTANT)
    is_read: pl.Boolean = column("it was read", null=True)
    created_at: pl.Datetime = _created()
    updated_at: pl.Datetime = _updated()
    deleted_at: pl.Datetime = _deleted()
    change: pl.Int64 = _change()


class ChatRooms(CoreTable):
    """A chat room of a booking."""

    room_id: pl.String = column("the row's $id", key=True)
    booking_ref: pl.String = column("the booking it is about, as written", null=True)
    customer_id: pl.String = column("its customer", null=True)
    provider_id: pl.String = column("its provider", null=True)
    status: pl.String = column("its status in our words", words=ROOM_STATUSES)
    raw_status: pl.String = column("its status as written", null=True)
    expires_at: pl.Datetime = column("when it closes by itself", null=True, **_INSTANT)
    created_at: pl.Datetime = _created()
    updated_at: pl.Datetime = _updated()
    deleted_at: pl.Datetime = _deleted()
    change: pl.Int64 = _change()
    utc_offset_minutes: pl.Int64 = column("its provider's zone; null: not known yet", null=True, **_OFFSET)


class Notifications(CoreTable):
    """A notification to a provider or customer."""

    notification_id: pl.String = column("the row's $id", key=True)
    recipient_id: pl.String = column("whom it is for", null=True)
    recipient_type: pl.String = column("what they are", null=True)
    kind: pl.String = column("what it tells", null=True)
    channel: pl.String = column("how it was sent: its own attribute, else in metadata", null=True)
    booking_ref: pl.String = column("the booking it is about: bookingId, else in metadata", null=True)
    sent_at: pl.Datetime = column("when it was sent", null=True, **_INSTANT)
    delivered_at: pl.Datetime = column("when it arrived", null=True, **_INSTANT)
    failed_at: pl.Datetime = column("when sending it failed", null=True, **_INSTANT)
    is_read: pl.Boolean = column("it was read", null=True)
    created_at: pl.Datetime = _created()
    updated_at: pl.Datetime = _updated()
    deleted_at: pl.Datetime = _deleted()
    change: pl.Int64 = _change()


class Reviews(CoreTable):
    """A customer's review of a booking, without its words."""

    review_id: pl.String = column("the row's $id", key=True)
    booking_ref: pl.String = column("the booking it is of, as written", null=True)
    customer_id: pl.String = column("who wrote it", null=True)
    provider_id: pl.String = column("of whom; null: only its booking tells", null=True)
    rating: pl.Int64 = column(
        "how good it was; null: none that can be read",
        null=True,
        unit="stars",
        ge=WORST_RATING,
        le=BEST_RATING,
    )
    created_at: pl.Datetime = _created()
    updated_at: pl.Datetime = _updated()
    deleted_at: pl.Datetime = _deleted()
    change: pl.Int64 = _change()


class BookingOffers(CoreTable):
    """An offer of a booking to a provider, by the booking services; a booking that was made without them has none."""

    offer_id: pl.String = column("the row's $id", key=True)
    booking_id: pl.String = column("the booking that is offered, by its $id, as services write it", null=True)
    provider_id: pl.String = column("to whom", null=True)
    provider_type: pl.String = column("of which kind the provider is", null=True, words=PROVIDER_TYPES)
    round: pl.Int64 = column(
        "the n-th provider it is offered to; null: none that can be read", null=True, ge=1
    )
    state: pl.String = column("what became of it", words=(*OFFER_STATES, UNKNOWN))
    offered_at: pl.Datetime = column("when it was offered", null=True, **_INSTANT)
    deadline: pl.Datetime = column("until when it may be answered", null=True, **_INSTANT)
    answered_at: pl.Datetime = column("when it ended, by an answer or without one", null=True, **_INSTANT)
    created_at: pl.Datetime = _created()
    updated_at: pl.Datetime = _updated()
    deleted_at: pl.Datetime = _deleted()
    change: pl.Int64 = _change()


class Providers(CoreTable):
    """A therapist or a place."""

    provider_id: pl.String = column("the row's $id", key=True)
    provider_type: pl.String = column("of which kind it is", words=PROVIDER_TYPES, key=True)
    provider_name: pl.String = column("its public name", null=True)
    status: pl.String = column("its status in the app", null=True, words=PROVIDER_STATUSES)
    city: pl.String = column("where it is", null=True)
    timezone: pl.String = column("its zone by name", null=True)
    utc_offset_minutes: pl.Int64 = column("its zone, else the default one's", **_OFFSET)
    commission_plan: pl.String = column("the plan its commission may go by", null=True)
    notifications_enabled: pl.Boolean = column("it lets notifications through", null=True)
    sound_enabled: pl.Boolean = column("its notifications make a sound", null=True)
    last_seen_at: pl.Datetime = column("when it was last in the app", null=True, **_INSTANT)
    browser: pl.String = column("the browser it was last seen in", null=True)
    capacity: pl.Int64 = column(
        "of a place: bookings at once, where it says so", null=True, unit="bookings", ge=1
    )
    created_at: pl.Datetime = _created()
    updated_at: pl.Datetime = _updated()
    deleted_at: pl.Datetime = _deleted()
    change: pl.Int64 = _change()


class BookingEvents(CoreTable):
    """An observed change of a booking's status. Events of a booking that leaves core leave with it."""

    booking_id: pl.String = column("the booking", key=True)
    from_status: pl.String = column(
        "its status before; null at first sight", null=True, words=BOOKING_STATUSES
    )
    to_status: pl.String = column("its status from then on", words=BOOKING_STATUSES)
    observed_at: pl.Datetime = column(
        "$updatedAt of the version that first shows it, at the latest the clock when that was stored",
        null=True,
    )
    change: pl.Int64 = column("raw's _change of that version", ge=0, key=True)
    origin: pl.String = column("the booking's collection", words=BOOKING_COLLECTIONS, key=True)


class BookingProviders(CoreTable):
    """An observed change of a booking's provider. They leave core with their booking."""

    booking_id: pl.String = column("the booking", key=True)
    origin: pl.String = column("the booking's collection", words=BOOKING_COLLECTIONS, key=True)
    from_provider_id: pl.String = column(
        "whose it was before; null at first sight, and where it was nobody's", null=True
    )
    to_provider_id: pl.String = column("whose it is from then on; null: nobody's", null=True)
    observed_at: pl.Datetime = column(
        "$updatedAt of the version that first shows it, at the latest the clock when that was stored",
        null=True,
    )
    change: pl.Int64 = column("raw's _change of that version", ge=0, key=True)


class BookingHandovers(CoreTable):
    """What a booking itself says of having been handed over, if it does: by other attributes than its provider's."""

    booking_id: pl.String = column("the booking", key=True)
    origin: pl.String = column("the booking's collection", words=BOOKING_COLLECTIONS, key=True)
    handed_from_ref: pl.String = column("who had it before: a provider, or the booking it was", null=True)
    handed_to_ref: pl.String = column("who has it now: a provider, or the booking it became", null=True)
    from_booking_ref: pl.String = column("the booking that it follows, as written", null=True)
    to_booking_ref: pl.String = column("the booking that followed it, as written", null=True)
    handed_at: pl.Datetime = column("when, as written", null=True, **_INSTANT)
    change: pl.Int64 = _change()


class ProviderStates(CoreTable):
    """An observed change of a provider's status. They leave core with their provider."""

    provider_id: pl.String = column("the provider", key=True)
    provider_type: pl.String = column("of which kind it is", words=PROVIDER_TYPES, key=True)
    status: pl.String = column(
        "its status from then on; null: none that is known, or its row was deleted",
        null=True,
        words=PROVIDER_STATUSES,
    )
    last_seen_at: pl.Datetime = column(
        "when it was last in the app, as that version has it", null=True, **_INSTANT
    )
    observed_at: pl.Datetime = column(
        "$updatedAt of the version that first shows it, at the latest the clock when that was stored; of a"
        " deletion when a sweep found it",
        null=True,
    )
    change: pl.Int64 = column("raw's _change of that version", ge=0, key=True)


class DataFindings(CoreTable):
    """A value that could not be trusted, by row; republished as marts.data_findings."""

    finding: pl.String = column("what is wrong with it", words=DATA_FINDINGS, key=True)
    collection: pl.String = column("where the row stands", words=INGESTED, key=True)
    row_id: pl.String = column("the row", key=True)
    attribute: pl.String = column("the attribute", key=True)
    detail: pl.String = column("what was found; never repeats a personal value")
    change: pl.Int64 = _change()
    code: pl.String = column(MESSAGE_CODE)
    args: pl.String = column(MESSAGE_ARGS)


class Quarantined(CoreTable):
    """A row that core could not take, by the keys others may refer to it with. One that was deleted is not listed."""

    collection: pl.String = column("where the row stands", words=INGESTED, key=True)
    row_id: pl.String = column("the row; $sequence:<number> without a usable $id", key=True)
    business_id: pl.String = column("bookingId of a booking", null=True)
    reasons: pl.String = column("why, a JSON list", str_startswith="[")
    first_seen_at: pl.Datetime = column("when it was first seen", null=True)
    change: pl.Int64 = column("as elsewhere; 0 where nothing of the row could be read yet", ge=0)


class State(CoreTable, checked=False):
    """What core was made from: one row."""

    rules_version: pl.String = column("the rules the rows were derived by")
    processed_change: pl.Int64 = column("the last change of raw that was derived")
    built_at: pl.Datetime = column("the clock when core was last written")
    timezone: pl.String = column("the default zone the rows were read in")
    attributes: pl.String = column("the proof and fee attributes the deployment has, as JSON")
    key_mark: pl.String = column("a fingerprint of the secret behind customer_key; the secret is phone.key")
    amount_min: pl.Int64 = column("the least rupiah amount that was believed", unit="rupiah")
    amount_max: pl.Int64 = column("the largest rupiah amount that was believed", unit="rupiah")
    providers: pl.String = column(
        "therapists and places → how they stood (begun, read, absent) and the $updatedAt they were read to, as JSON"
    )
