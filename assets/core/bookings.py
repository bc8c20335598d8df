"""Raw bookings and hotel bookings → core.bookings. Personal values leave through personal_store.py, never from
here."""

from __future__ import annotations

import polars as pl

from assets.core.batch import EMPTY, NOT_A_WORD, NOT_RUPIAH, Batch, Derived, Reader, constant, outside
from marketplace.aliases import ALIASES
from marketplace.attributes import Attributes
from marketplace.booking_rows import minutes_of, mode_of, source_of
from marketplace.collections import PROVIDER_COLLECTIONS
from marketplace.commission import REVENUE_STATUSES
from marketplace.data_codes import NO_MINUTES
from marketplace.decline_reasons import categories
from marketplace.instants import INSTANT, NO_ZONE, starts
from marketplace.money import NOT_A_NUMBER, BookingAmounts, booking_amounts
from marketplace.phones import e164, keyed
from marketplace.pseudonyms import mean_somebody
from marketplace.rules import (
    RESPONSE_MINUTES_IMMEDIATE,
    RESPONSE_MINUTES_SCHEDULED,
)
from marketplace.statuses import (
    BOOKING_STATUS,
    MODE,
    PROVIDER_TYPE,
    ROLE,
    SOURCE,
    UNKNOWN,
    Mode,
    Role,
    canonical,
    normalised,
)
from marketplace.test_rows import test_rule
from marketplace.text import coalesce, nulls
from messages.message import Message


def booking_status(attributes: Attributes) -> tuple[pl.Series, pl.Series]:
    """(canonical status or null, the word as written). bookingStatus wins over status; cancelled is declined
    where providerResponseStatus says Declined."""
    raw = attributes.first(ALIASES["booking.status"])
    status = canonical(raw, BOOKING_STATUS)
    response = attributes.text("providerResponseStatus")
    if response.null_count() < len(response):
        says_declined = response.str.to_lowercase().str.replace_all(r"[\s_-]", "") == normalised("Declined")
        status = status.set(((status == "cancelled") & says_declined).fill_null(False), "declined")
    return status, raw


def derive_bookings(batch: Batch) -> Derived:
    """A batch of ``bookings`` or ``hotel_bookings`` → rows of core.bookings and their data findings."""
    read = Reader(batch)
    a = read.attributes
    provider_id = read.provider(*ALIASES["booking.provider_id"])
    provider_type = read.word(PROVIDER_TYPE, "provider_type_unknown", "providerType")
    offsets = read.offsets(provider_id, provider_type)
    created, created_rule = read.created(offsets)

    status, raw_status = booking_status(a)
    read.note(
        "status_unknown",
        status.is_null() & raw_status.is_not_null(),
        ALIASES["booking.status"],
        NOT_A_WORD,
    )
    read.note("status_unknown", raw_status.is_null(), "status", EMPTY)
    status = status.fill_null(UNKNOWN)

    discounted = a.text("discountCode").is_not_null()
    amounts = booking_amounts(a, discounted, batch.amounts)
    _note_amounts(read, amounts)

    start, start_attribute = starts(a, offsets)
    for name in start_attribute.drop_nulls().unique().sort().to_list():
        unreadable = (start_attribute == name) & start.reasons.is_not_null()
        read.note("time_unreadable", unreadable, name, start.reasons)
    deadline = read.instant(offsets, *ALIASES["booking.response_deadline"])
    mode = _mode(read, created, start.values, deadline, start.reasons == NO_ZONE)
    source = _source(read)
    minutes = _minutes(read)
    accepted, accepted_rule = _acceptance(read, offsets)
    declined = read.instant(offsets, *ALIASES["booking.declined_at"])
    answered = read.instant(offsets, *ALIASES["booking.responded_at"])
    completed = read.instant(offsets, *ALIASES["booking.completed_at"])
    cancelled = read.instant(offsets, *ALIASES["booking.cancelled_at"])
    unanswered = read.waits(declined, offsets, *ALIASES["booking.declined_at"]) | read.waits(
        accepted, offsets, *ALIASES["booking.accepted_at"]
    )

    phone_text = read.text(*ALIASES["booking.customer_phone"])
    phone, phone_reason = e164(phone_text)
    read.note(
        "phone_unreadable",
        phone.is_null() & phone_text.is_not_null(),
        ALIASES["booking.customer_phone"],
        phone_reason,
    )
    customer = read.customer(*ALIASES["booking.customer_id"])
    customer_id = customer.key
    somebody = mean_somebody(customer_id)
    # No user tells two spellings apart: then they are one customer.
    spelled_alike = somebody.zip_with(customer.known, somebody.str.to_lowercase())
    is_test = test_rule(read.flag("isTest"), read.text(*ALIASES["booking.customer_name"]), phone_text)
    without_id = phone.set(somebody.is_not_null(), None)

    derived = pl.DataFrame(
        {
            "mode": mode["mode"],
            "created_at": created,
            "explicit_deadline": deadline,
            "starts_at": start.values,
            "minutes": minutes,
            "completed_at": completed,
            "accepted_at": accepted,
            "declined_at": declined,
            "answered_at": answered.set(unanswered, None),
            "status": status,
            "deadline_waits": read.waits(deadline, offsets, *ALIASES["booking.response_deadline"]),
            "end_waits": read.waits(completed, offsets, *ALIASES["booking.completed_at"]),
        }
    ).select(
        pl.when(~pl.col("deadline_waits"))
        .then(
            pl.coalesce(
                "explicit_deadline",
                pl.col("created_at")
                + pl.duration(
                    minutes=pl.col("mode").replace_strict(
                        {
                            Mode.IMMEDIATE.value: RESPONSE_MINUTES_IMMEDIATE,
                            Mode.SCHEDULED.value: RESPONSE_MINUTES_SCHEDULED,
                        },
                        default=None,
                        return_dtype=pl.Int64,
                    )
                ),
            )
        )
        .alias("response_deadline"),
        pl.when(pl.col("explicit_deadline").is_not_null())
        .then(pl.lit("explicit"))
        .when((pl.col("mode") != UNKNOWN) & ~pl.col("deadline_waits"))
        .then(pl.lit("default"))
        .alias("deadline_rule"),
        pl.when(~pl.col("end_waits"))
        .then(pl.coalesce("completed_at", pl.col("starts_at") + pl.duration(minutes="minutes")))
        .alias("ends_at"),
        # the first acceptance or decline; respondedAt says neither, so it only fills in
        pl.coalesce(pl.min_horizontal("accepted_at", "declined_at"), "answered_at").alias("responded_at"),
        pl.col("status").is_in(REVENUE_STATUSES).alias("earns"),
    )
    rows = pl.DataFrame(
        {
            "booking_id": read.ids,
            "origin": constant(batch.collection, pl.String(), read.height),
            "business_id": read.identifier(*ALIASES["booking.business_id"]),
            "customer_id": customer_id,
            "provider_id": provider_id,
            "provider_type": provider_type,
            "provider_name": read.business(*ALIASES["booking.provider_name"]),
            "status": status,
            "raw_status": read.code(*ALIASES["booking.status"], words=BOOKING_STATUS),
            "source": source["source"],
            "source_rule": source["rule"],
            "mode": mode["mode"],
            "mode_rule": mode["rule"],
            "service_minutes": minutes,
            "amount_idr": amounts.amount_idr,
            "amount_rule": amounts.amount_rule,
            "created_at": created,
            "created_rule": created_rule,
            "updated_at": a.own("_updated_at", INSTANT),
            "starts_at": start.values,
            "ends_at": derived["ends_at"].cast(INSTANT),
            "response_deadline": derived["response_deadline"].cast(INSTANT),
            "deadline_rule": derived["deadline_rule"],
            "accepted_at": accepted,
            "accepted_rule": accepted_rule,
            "responded_at": derived["responded_at"].cast(INSTANT),
            "completed_at": completed,
            "cancelled_at": cancelled,
            "decline_reason": categories(read.text(*ALIASES["booking.reason"])),
            "payment_method": read.code("paymentMethod"),
            "discounted": discounted,
            "chat_window_open": source["chat_window_open"],
            "has_source_value": source["has_value"],
            "has_mode_value": mode["has_value"],
            "has_schedule_value": mode["has_schedule"],
            "customer_key": coalesce("c:" + spelled_alike, "p:" + keyed(without_id, batch.names.key)),
            "utc_offset_minutes": offsets,
            "is_test": is_test.is_not_null(),
            "test_rule": is_test,
            "earns": derived["earns"],
            "deleted_at": a.own("_deleted_at", INSTANT),
            "change": read.changes,
            "amount_before_idr": amounts.before_idr,
            "cancelled_by": _cancelled_by(read, customer_id, provider_id),
        }
    )
    return Derived(rows, read.findings())


def _note_amounts(read: Reader, amounts: BookingAmounts) -> None:
    for name, where in amounts.unreadable.items():
        read.note("number_unreadable", where, name, NOT_A_NUMBER)
    for name, where in amounts.negative.items():
        read.note("amount_negative", where, name, "noted.negative")
    for name, where in amounts.implausible.items():
        read.note("amount_implausible", where, name, outside(read.batch.amounts))
    for name, where in amounts.thousands.items():
        read.note("amount_in_thousands", where, name, "noted.thousands")
    for name, where in amounts.currency.items():
        read.note("amount_currency", where, name, NOT_RUPIAH)
    read.note(
        "amount_unknown", amounts.amount_idr.is_null() & ~amounts.explained, ALIASES["booking.amount"],
        "noted.no_amount",
    )  # fmt: skip
    read.note(
        "amount_disagrees", amounts.disagreement.is_not_null(), ALIASES["booking.amount"],
        [Message("noted.sources", {"sources": one}) for one in amounts.disagreement.drop_nulls()],
    )  # fmt: skip


def _source(read: Reader) -> pl.DataFrame:
    """source, rule, has_value, chat_window_open (marketplace/booking_rows.py); a word that is none is noted."""
    written = read.attributes.text("source")
    read.note(
        "source_unknown", written.is_not_null() & canonical(written, SOURCE).is_null(), "source", NOT_A_WORD
    )
    return source_of(read.attributes, read.flag("chatWindowOpen"))


def _mode(
    read: Reader, created: pl.Series, start: pl.Series, deadline: pl.Series, start_waits: pl.Series
) -> pl.DataFrame:
    """mode, rule, has_value, has_schedule (marketplace/booking_rows.py); a word that is no mode is noted."""
    for name in ALIASES["booking.mode"]:
        text = read.attributes.text(name)
        read.note("mode_unknown", text.is_not_null() & canonical(text, MODE).is_null(), name, NOT_A_WORD)
    return mode_of(read.attributes, created, start, deadline, start_waits)


def _minutes(read: Reader) -> pl.Series:
    """The duration; one that cannot be read is noted."""
    minutes, text = minutes_of(read.attributes)
    read.note(
        "minutes_unreadable",
        text.is_not_null() & minutes.is_null(),
        ALIASES["booking.minutes"],
        NO_MINUTES,
    )
    return minutes


def _cancelled_by(read: Reader, customer_id: pl.Series, provider_id: pl.Series) -> pl.Series:
    """Who cancelled, as a role: written as one, or by the id of one of the two the booking is of."""
    names = ALIASES["booking.cancelled_by"]
    role, written = nulls(read.height, pl.String), nulls(read.height, pl.String)
    # One may name a person and another their role: each that is written has a say, in their order.
    for name in names:
        text = read.text(name)
        if text.null_count() == len(text):
            continue
        said = canonical(text, ROLE)
        told = read.batch.names.ids(text, PROVIDER_COLLECTIONS).values.str.to_lowercase()
        for who, key in ((Role.THERAPIST, provider_id), (Role.CUSTOMER, customer_id)):
            theirs = said.is_null() & (told == key.str.to_lowercase()).fill_null(False)
            said = said.set(theirs, who.value)
        role, written = coalesce(role, said), coalesce(written, text)
    odd = written.is_not_null() & role.is_null()
    read.note("role_unknown", odd, names, NOT_A_WORD)
    return role.set(odd, UNKNOWN)


def _acceptance(read: Reader, offsets: pl.Series) -> tuple[pl.Series, pl.Series]:
    """(moment, rule): acceptedAt or confirmedAt, else the change of status observed between two runs."""
    explicit = read.instant(offsets, *ALIASES["booking.accepted_at"])
    observed = nulls(read.height, INSTANT)
    accepted = read.batch.accepted
    if accepted is not None and accepted.height:
        observed = (
            read.raw_ids.to_frame("booking_id")
            .join(
                accepted.select("booking_id", "accepted_at"),
                on="booking_id",
                how="left",
                maintain_order="left",
            )
            .get_column("accepted_at")
        )
    rule = pl.DataFrame({"e": explicit, "o": observed}).select(
        pl.when(pl.col("e").is_not_null()).then(pl.lit("explicit"))
        .when(pl.col("o").is_not_null()).then(pl.lit("observed"))
    ).to_series()  # fmt: skip
    return coalesce(explicit, observed), rule
