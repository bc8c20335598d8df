"""How messages and notifications arrive."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from checks.schemas.figures import other, quantile, ratio
from checks.schemas.table import MartTable, column
from marketplace.chats import HUMAN_ROLES, REPLY_WITHIN
from marketplace.durations import spelled
from marketplace.services import MEDIAN, TAIL
from marketplace.statuses import ROOM_STATUSES


class DeliveryRates(MartTable, id_column="channel"):
    """A channel and a kind of recipient, over the notifications health point 6 judges; sent = delivered + failed +
    pending."""

    channel: pl.String = column("how they were sent; unknown where not written", key=True)
    recipient_type: pl.String = column("to whom; unknown where not written", key=True)
    sent: pl.Int64 = column("notifications sent", unit="notifications", ge=1)
    delivered: pl.Int64 = column("that arrived", unit="notifications", ge=0)
    failed: pl.Int64 = column("that failed", unit="notifications", ge=0)
    pending: pl.Int64 = column("of which nothing is known yet", unit="notifications", ge=0)
    rate: pl.Float64 = column(
        "delivered among sent", unit="share", ge=0, le=1, figure=ratio("delivered", "sent")
    )

    @pa.dataframe_check
    def sent_is_the_sum_of_its_parts(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("sent") == pl.sum_horizontal("delivered", "failed", "pending"))


class ChatRoomsDaily(MartTable, id_column="local_date"):
    """A local day: the rooms opened in it and all that was said in them since; and, apart, what was said on that day in
    any room. Rooms of test bookings are left out."""

    local_date: pl.Date = column("the day the rooms were opened", key=True)
    rooms: pl.Int64 = column("rooms opened", unit="rooms", ge=0)
    rooms_spoken: pl.Int64 = column(
        "of them, those in which a customer or a provider wrote; null: the messages were never read whole",
        null=True,
        unit="rooms",
        ge=0,
    )
    rooms_replied: pl.Int64 = column(
        "of these, those in which the other side wrote as well; null with rooms_spoken",
        null=True,
        unit="rooms",
        ge=0,
    )
    unanswered: pl.Int64 = column(
        f"of those spoken in: the first message waited over {spelled(REPLY_WITHIN)} for the other side, or still does;"
        " null with rooms_spoken",
        null=True,
        unit="rooms",
        ge=0,
    )
    unanswered_share: pl.Float64 = column(
        "unanswered ÷ rooms_spoken; null where nobody spoke",
        null=True,
        unit="share",
        ge=0,
        le=1,
        figure=ratio("unanswered", "rooms_spoken"),
    )
    p50_reply_s: pl.Float64 = column(
        "first message of one side to the first of the other: half were quicker",
        null=True,
        ge=0,
        figure=quantile("reply_s", MEDIAN),
    )
    p95_reply_s: pl.Float64 = column(
        "first message of one side to the first of the other: 95 of 100 were quicker",
        null=True,
        ge=0,
        figure=quantile("reply_s", TAIL),
    )
    messages: pl.Int64 = column(
        "messages in these rooms, whenever sent; null with rooms_spoken", null=True, unit="messages", ge=0
    )
    bookings: pl.Int64 = column("bookings that these rooms name", unit="bookings", ge=0)
    booking_messages: pl.Int64 = column(
        "messages in those of these rooms that name a booking; null with rooms_spoken",
        null=True,
        unit="messages",
        ge=0,
    )
    messages_per_booking: pl.Float64 = column(
        "booking_messages ÷ bookings; null where no room names one",
        null=True,
        unit="messages",
        ge=0,
        figure=ratio("booking_messages", "bookings"),
    )
    unread: pl.Int64 = column(
        "messages in these rooms that were not read; null with rooms_spoken", null=True, unit="messages", ge=0
    )
    messages_sent: pl.Int64 = column(
        "messages sent on that day, in rooms of any day; null with rooms_spoken",
        null=True,
        unit="messages",
        ge=0,
    )
    is_complete: pl.Boolean = column(
        "the day has been over for a day; null: it has, but rooms or messages were not all read", null=True
    )

    @pa.dataframe_check
    def who_replied_was_spoken_to_in_a_room(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(
            (pl.col("rooms_replied") <= pl.col("rooms_spoken")).fill_null(True)
            & (pl.col("rooms_spoken") <= pl.col("rooms")).fill_null(True)
        )


class ChatWaiting(MartTable):
    """An open room in which a customer or a provider waits for the other's answer, the longest waiting first."""

    room_id: pl.String = column("the room", key=True)
    booking_id: pl.String = column("its booking; null: it names none, or none that is known", null=True)
    customer_id: pl.String = column("its customer", null=True)
    provider_id: pl.String = column("its provider", null=True)
    waiting_since: pl.Datetime = column("the first message that the other side has not answered")
    waiting_for_role: pl.String = column("whose answer is waited for", words=HUMAN_ROLES)
    messages: pl.Int64 = column("messages of the one who waits since then", unit="messages", ge=1)
    waited_s: pl.Float64 = column(
        "how long, until the run or until when messages were read; null: they were never read whole",
        null=True,
        ge=0,
        figure=other("waiting_since"),
    )


class RoomTalks(MartTable):
    """A chat room that is neither deleted nor of a test booking: what was said in it, whenever that was."""

    room_id: pl.String = column("the room", key=True)
    booking_ref: pl.String = column("the booking it is about, as written", null=True)
    customer_id: pl.String = column("its customer", null=True)
    provider_id: pl.String = column("its provider", null=True)
    status: pl.String = column("its status", words=ROOM_STATUSES)
    expires_at: pl.Datetime = column("when it closes by itself", null=True)
    created_at: pl.Datetime = column("when it was opened")
    utc_offset_minutes: pl.Int64 = column("its zone; null: not known yet", null=True, figure=other())
    messages: pl.Int64 = column("messages in it", unit="messages", ge=0)
    unread: pl.Int64 = column("of them, those that were not read", unit="messages", ge=0)
    first_at: pl.Datetime = column("when the first of them was sent", null=True)
    last_at: pl.Datetime = column("when the last of them was sent", null=True)
    first_customer_at: pl.Datetime = column("when its customer first wrote; null: never", null=True)
    last_customer_at: pl.Datetime = column("when its customer last wrote", null=True)
    first_therapist_at: pl.Datetime = column("when its provider first wrote; null: never", null=True)
    last_therapist_at: pl.Datetime = column("when its provider last wrote", null=True)
