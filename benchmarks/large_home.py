"""A home of up to 10 million bookings, as after years of runs: core (large_warehouse.py), and a mirror that holds a row
for every row of it, which derives to that row; and how rows of it change. Measures nothing.

Core and the bulk of the mirror are made by SQL. What changes goes in through the mirror's own store, so that versions,
history, numbers of changes and watermarks are those of a real scan.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import polars as pl

from benchmarks.large_warehouse import NOW, PROVIDERS, kept

if TYPE_CHECKING:
    from resources.raw.store import RawStore
    from resources.run_report import Ingested
    from resources.settings import Settings

TIMEZONE: Final = "Asia/Makassar"
_RUN: Final = "20261120T115900Z-000000"

#: Collection → attribute → (Appwrite's type, SQL of its value in a row of core). An instant is written as apps do.
_Z: Final = "strftime({}, '%Y-%m-%dT%H:%M:%S.%gZ')"
_ATTRIBUTES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "therapists": {
        "name": ("string", "provider_name"),
        "status": ("string", "lower(status)"),
        "timezone": ("string", "timezone"),
        "notificationsEnabled": ("boolean", "notifications_enabled"),
        "soundEnabled": ("boolean", "sound_enabled"),
        "lastSeenAt": ("string", _Z.format("last_seen_at")),
        "createdAt": ("string", _Z.format("created_at")),
        "whatsappNumber": ("string", "'+62811' || (30000000 + change)"),
    },
    "users": {
        "name": ("string", "'Wayan ' || change"),
        "phone": ("string", "'+62813' || (30000000 + change)"),
    },
    "bookings": {
        "bookingId": ("string", "business_id"),
        "userId": ("string", "customer_id"),
        "therapistId": ("string", "provider_id"),
        "providerType": ("string", "provider_type"),
        "therapistName": ("string", "provider_name"),
        "status": ("string", "status"),
        "source": ("string", "source"),
        "mode": ("string", "mode"),
        "duration": ("integer", "service_minutes"),
        "totalCost": ("double", "amount_idr::DOUBLE"),
        "discountCode": ("string", "if(discounted, 'HEMAT', NULL)"),
        "createdAt": ("string", _Z.format("created_at")),
        "startTime": ("string", f"if(mode = 'immediate', {_Z.format('starts_at')}, NULL)"),
        "scheduledTime": ("string", f"if(mode = 'scheduled', {_Z.format('starts_at')}, NULL)"),
        "acceptedAt": ("string", _Z.format("accepted_at")),
        "declinedAt": ("string", f"if(status = 'declined', {_Z.format('responded_at')}, NULL)"),
        "completedAt": ("string", _Z.format("completed_at")),
        "cancelledAt": ("string", _Z.format("cancelled_at")),
        "declineReason": ("string", "decline_reason"),
        "paymentMethod": ("string", "payment_method"),
        "chatWindowOpen": ("boolean", "chat_window_open"),
        "isTest": ("boolean", "is_test"),
        "customerName": ("string", "'Wayan ' || change"),
        "customerWhatsApp": ("string", "'+62813' || (30000000 + change % 10000000)"),
    },
    "commission_records": {
        "bookingId": ("string", "booking_ref"),
        "bookingDocId": ("string", "booking_doc_ref"),
        "therapistId": ("string", "provider_id"),
        "therapistName": ("string", "provider_name"),
        "bookingAmount": ("double", "written_booking_amount"),
        "commissionRate": ("double", "rate"),
        "commissionAmount": ("double", "written_commission"),
        "paymentStatus": ("string", "status"),
        "source": ("string", "source"),
        "createdAt": ("string", _Z.format("created_at")),
        "paymentDeadline": ("string", _Z.format("deadline_at")),
        "paidAt": ("string", _Z.format("paid_at")),
        "verifiedAt": ("string", _Z.format("verified_at")),
        "paymentProofUploadedAt": ("string", _Z.format("proof_at")),
        "paymentProofUrl": ("string", "if(proof_state = 'present', 'https://files.example/p/' || commission_id, NULL)"),
        "reactivationFeeAmount": ("double", "fee_idr::DOUBLE"),
        "isTest": ("boolean", "is_test"),
    },
    "chat_rooms": {
        "bookingId": ("string", "booking_ref"),
        "customerId": ("string", "customer_id"),
        "therapistId": ("string", "provider_id"),
        "status": ("string", "status"),
        "createdAt": ("string", _Z.format("created_at")),
    },
    "chat_messages": {
        "conversationId": ("string", "conversation_id"),
        "bookingId": ("string", "booking_ref"),
        "senderId": ("string", "sender_id"),
        "senderRole": ("string", "sender_role"),
        "receiverId": ("string", "receiver_id"),
        "receiverRole": ("string", "receiver_role"),
        "messageType": ("string", "kind"),
        "message": ("string", "'Baik kak, saya sedang dalam perjalanan ' || change"),
        "timestamp": ("string", _Z.format("sent_at")),
        "isRead": ("boolean", "is_read"),
    },
    "notifications": {
        "recipientId": ("string", "recipient_id"),
        "recipientType": ("string", "recipient_type"),
        "type": ("string", "kind"),
        "channel": ("string", "channel"),
        "title": ("string", "'Pesanan baru'"),
        "sentAt": ("string", _Z.format("sent_at")),
        "deliveredAt": ("string", _Z.format("delivered_at")),
        "isRead": ("boolean", "is_read"),
    },
    "reviews": {
        "bookingId": ("string", "booking_ref"),
        "userId": ("string", "customer_id"),
        "providerId": ("string", "provider_id"),
        "rating": ("integer", "rating"),
        "comment": ("string", "'Bagus sekali'"),
    },
}  # fmt: skip
_ATTRIBUTES["hotel_bookings"] = _ATTRIBUTES["bookings"]
#: Whoever booked: as many as there are customers, whatever the size.
_USERS: Final = (
    "(SELECT customer_id, row_number() OVER (ORDER BY customer_id) AS change, min(created_at) AS created_at,"
    " min(created_at) AS updated_at, NULL::TIMESTAMP AS deleted_at FROM core.bookings GROUP BY customer_id)"
)
#: Collection → what its rows are made from: a table of core or a query, and its key.
_FROM: Final[dict[str, tuple[str, str]]] = {
    "therapists": ("core.providers", "provider_id"),
    "users": (_USERS, "customer_id"),
    "bookings": ("(FROM core.bookings WHERE origin = 'bookings')", "booking_id"),
    "hotel_bookings": ("(FROM core.bookings WHERE origin = 'hotel_bookings')", "booking_id"),
    "commission_records": ("core.commissions", "commission_id"),
    "chat_rooms": ("core.chat_rooms", "room_id"),
    "chat_messages": ("core.messages", "message_id"),
    "notifications": ("core.notifications", "notification_id"),
    "reviews": ("core.reviews", "review_id"),
}
#: Their local hours follow their bookings': of a tenth of the providers those of Jakarta.
_ZONES: Final = """
UPDATE core.providers SET
    timezone = CASE WHEN change < 200 THEN 'Asia/Jakarta' ELSE 'Asia/Makassar' END,
    utc_offset_minutes = CASE WHEN change < 200 THEN 420 ELSE 480 END
"""


def settings_of(home: Path, now: datetime) -> Settings:
    """Settings of a run in this home at an instant, whatever this shell has set."""
    from resources.settings import load_settings

    for name in [name for name in os.environ if name.startswith(("BOOKWATCH_", "APPWRITE_"))]:
        del os.environ[name]
    os.environ |= {
        "BOOKWATCH_HOME": str(home),
        "BOOKWATCH_NOW": f"{now.isoformat()}Z",
        "BOOKWATCH_TIMEZONE": TIMEZONE,
        "APPWRITE_ENDPOINT": "http://127.0.0.1:9/v1",
        "APPWRITE_PROJECT_ID": "bench",
        "APPWRITE_API_KEY": "none",
        "APPWRITE_DATABASE_ID": "bench",
    }
    return load_settings()


def ingested(home: Any, counts: Mapping[str, int]) -> Ingested:
    """What a scan of every collection that is there would have found: so many rows of each."""
    from marketplace.collections import INGESTED, REQUIRED
    from resources.run_report import CollectionScan, Ingested

    return Ingested(
        tuple(
            CollectionScan(
                name,
                name in REQUIRED,
                "complete" if name in _ATTRIBUTES else "missing",
                fetched=counts.get(name, 0),
                updated=counts.get(name, 0),
            )
            for name in INGESTED
        )
    )


def make(root: Path, bookings: int, *, talks: bool) -> dict[str, int]:
    """Make a home without marts; returns the rows of each collection. Raises FileExistsError where one is there."""
    from resources.home import Home

    home = Home(root)
    if home.warehouse.exists():
        raise FileExistsError(root)
    home.create()
    large = kept(root / "making", bookings, talks=talks)
    large.rename(home.warehouse)
    large.parent.rmdir()
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("SET enable_progress_bar = false")
        con.execute(_ZONES)
        # Of what core could not take this mirror has no row.
        con.execute("DELETE FROM core.quarantined")
    _mirror(home)
    rows = _bulk(home)
    _state(home, root)
    return rows


def _mirror(home: Any) -> None:
    """A mirror that has every collection, read to its end, and no row."""
    from resources.raw.column_types import Column
    from resources.raw.store import RawStore

    with RawStore(home.raw) as store:
        store.source.claim("http://127.0.0.1:9/v1", "bench", "bench", NOW)
        for name, attributes in _ATTRIBUTES.items():
            store.columns.reconcile(
                name, [Column(key, kind, False) for key, (kind, _) in attributes.items()], NOW
            )
        _read_to_the_end(store, NOW, _RUN, {})


def _read_to_the_end(store: RawStore, now: datetime, run_id: str, counts: Mapping[str, int]) -> None:
    """As the scans of a run leave the books."""
    from marketplace.events import ScanOutcome
    from marketplace.rules import RULES_VERSION
    from resources.raw.runs import Counts

    for name in _ATTRIBUTES:
        store.watermarks.begin_scan(name, bound=now, overlap=timedelta(0), run_id=run_id)
        with store.transaction():
            store.watermarks.reach(name, None, True, run_id, now, RULES_VERSION)
            store.runs.record(
                run_id,
                name,
                Counts(counts.get(name, 0), updated=counts.get(name, 0)),
                started_at=now,
                seconds=1.0,
                outcome=ScanOutcome.COMPLETE,
            )


def _bulk(home: Any) -> dict[str, int]:
    """A row of the mirror for every row of core."""
    rows: dict[str, int] = {}
    with duckdb.connect(str(home.raw)) as con:
        con.execute(
            "SET enable_progress_bar = false; SET memory_limit = '3GB';"
            "SET disabled_compression_methods = 'fsst,dict_fsst'"
        )
        con.execute(f"ATTACH '{home.warehouse}' AS w (READ_ONLY)")
        for name, attributes in _ATTRIBUTES.items():
            source, key = _FROM[name]
            values = ", ".join(f'{sql} AS "{attribute}"' for attribute, (_, sql) in attributes.items())
            con.execute("USE w")
            con.execute(
                f"INSERT INTO raw.main.{name} BY NAME SELECT {key} AS _id, change AS _sequence,"
                f" created_at AS _created_at, least(updated_at, TIMESTAMP '{NOW}') AS _updated_at,"
                " _updated_at AS _ingested_at,"
                f" '{_RUN}' AS _run_id, deleted_at AS _deleted_at, change AS _change, {values}"
                f" FROM {source} ORDER BY change"
            )
            con.execute("USE raw")
            found = con.execute(f"SELECT count(*), max(_change) FROM {name}").fetchone()
            assert found is not None
            rows[name] = int(found[0])
            con.execute("UPDATE _mirror SET last_change = greatest(last_change, ?)", [found[1] or 0])
        con.execute("CHECKPOINT")
    return rows


def _state(home: Any, root: Path) -> None:
    """What core says of itself is what deriving an empty mirror with the same attributes would have left."""
    from assets.core.engine import process
    from assets.ops import create_ops
    from marketplace.rules import RULES_VERSION
    from resources.raw.store import RawStore

    empty, beside = root / "empty.raw.duckdb", root / "empty.duckdb"
    with RawStore(empty) as store, RawStore(home.raw, read_only=True) as filled:
        for one in ("_columns", "_watermarks", "_ingest_runs"):
            store.connection.register("_copied", filled.connection.sql(f"FROM {one}").pl())
            store.connection.execute(f"INSERT INTO {one} BY NAME FROM _copied")
            store.connection.unregister("_copied")
        for name in _ATTRIBUTES:
            layout = filled.connection.sql(f"FROM {name} LIMIT 0").pl()
            store.connection.register("_layout", layout)
            store.connection.execute(f"CREATE TABLE {name} AS FROM _layout")
            store.connection.unregister("_layout")
    from resources.phone_key import read_phone_key

    process(
        empty,
        beside,
        timezone=TIMEZONE,
        rules_version=RULES_VERSION,
        now=NOW,
        phone_key=read_phone_key(home.raw),
    )
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute(f"ATTACH '{beside}' AS beside (READ_ONLY)")
        con.execute("INSERT INTO core.state BY NAME FROM beside.core.state")
        con.execute(f"ATTACH '{home.raw}' AS mirror (READ_ONLY)")
        con.execute("UPDATE core.state SET processed_change = (SELECT last_change FROM mirror._mirror)")
        con.execute("DETACH mirror; DETACH beside")
        create_ops(con)
    for left in (empty, beside, Path(f"{empty}.wal"), Path(f"{beside}.wal")):
        left.unlink(missing_ok=True)


# -- how rows change -----------------------------------------------------------------------------------------

_SYSTEM: Final = "_id, _sequence, _created_at, _updated_at, _misfits"


def change(root: Path, way: str, number: int, bookings: int, now: datetime) -> dict[str, int]:
    """Change so many bookings of a home's mirror and what belongs to them; returns the rows of each collection.

    ``way``: ``recent`` or ``spread``; ``number``: of the round, another one changes other rows.
    """
    from marketplace.quarantine import reject_reasons
    from marketplace.rules import RULES_VERSION
    from resources.home import Home
    from resources.raw.store import RawStore

    run_id = f"{now:%Y%m%dT%H%M%SZ}-scan"
    with RawStore(Home(root).raw) as store:
        changed = {"recent": _recent, "spread": _spread}[way](store, number, bookings, now)
        counts: dict[str, int] = {}
        for name, frame in changed.items():
            frame = frame.with_columns(pl.lit(now, pl.Datetime("us")).alias("_updated_at"))
            store.watermarks.begin_scan(name, bound=now, overlap=timedelta(0), run_id=run_id)
            counts[name] = store.merge.page(
                name, frame, run_id=run_id, now=now, reject_reasons=reject_reasons, rules_version=RULES_VERSION,
                complete=True,
            ).fetched  # fmt: skip
        _read_to_the_end(store, now, run_id, counts)
    return counts


def _spread(store: RawStore, number: int, bookings: int, now: datetime) -> dict[str, pl.DataFrame]:
    """Bookings of all two years cost 5,000 rupiah more, or were cancelled; their records are paid, or not any more; a
    message of each has been read, or not."""
    chosen = _some(store, "bookings", "_deleted_at IS NULL", number, bookings)
    at = _z(now)
    cancelled = pl.int_range(pl.len()) % 5 == 0
    changed = chosen.with_columns(
        pl.when(~cancelled).then(pl.col("totalCost") + 5000).otherwise("totalCost").alias("totalCost"),
        pl.when(cancelled).then(pl.lit("cancelled")).otherwise("status").alias("status"),
        pl.when(cancelled).then(pl.lit(at)).otherwise("cancelledAt").alias("cancelledAt"),
    )
    return {
        "bookings": changed,
        "commission_records": _settled(_of_bookings(store, "commission_records", chosen), at),
        "chat_messages": _of_bookings(store, "chat_messages", chosen, ("bookingId",))
        .unique("bookingId", keep="first", maintain_order=True)
        .with_columns(~pl.col("isRead")),
    }


def _recent(store: RawStore, number: int, bookings: int, now: datetime) -> dict[str, pl.DataFrame]:
    """Three in ten are new, with a record, a message and (one in ten) a user each; the others are of the newest there
    are, and go on: pending, accepted, completed, and a record once they earn."""
    new = bookings * 3 // 10
    newest = max(3 * bookings, 3000)
    chosen = _some(
        store,
        "bookings",
        "_deleted_at IS NULL",
        number,
        bookings - new,
        f"ORDER BY _sequence DESC LIMIT {newest}",
    )
    at = _z(now)
    going = {
        "pending": "accepted",
        "accepted": "completed",
        "confirmed": "completed",
        "completed": "completed",
    }
    changed = chosen.with_columns(
        pl.col("status").replace_strict(going, default=pl.col("status")).alias("status"),
        pl.when(pl.col("status").is_in(["accepted", "confirmed"])).then(pl.lit(at)).otherwise("completedAt")
        .alias("completedAt"),
        pl.when(pl.col("status") == "pending").then(pl.lit(at)).otherwise("acceptedAt").alias("acceptedAt"),
        # What changes nothing but its $updatedAt comes too.
    )  # fmt: skip
    records = _of_bookings(store, "commission_records", chosen)
    begun = now - timedelta(seconds=50)
    sequences = _next_sequences(store)
    place = pl.int_range(new, dtype=pl.Int64)
    fresh = _some(store, "bookings", "status = 'completed'", number + 7, new).with_columns(
        _ids_at(begun, new, number).alias("_id"),
        (place + sequences["bookings"]).alias("_sequence"),
        pl.lit(begun, pl.Datetime("us")).alias("_created_at"),
        pl.format("BKNEW{}x{}", pl.lit(number), place).alias("bookingId"),
        pl.when(place % 10 == 0).then(pl.format("user{}x{}", pl.lit(number), place)).otherwise("userId")
        .alias("userId"),
        pl.when(place % 3 == 0).then(pl.lit("pending")).otherwise(pl.lit("accepted")).alias("status"),
        pl.lit(_z(begun)).alias("createdAt"),
        pl.when(pl.col("startTime").is_not_null()).then(pl.lit(_z(now + timedelta(hours=1)))).alias("startTime"),
        pl.when(pl.col("scheduledTime").is_not_null()).then(pl.lit(_z(now + timedelta(hours=9))))
        .alias("scheduledTime"),
        pl.when(place % 3 != 0).then(pl.lit(_z(now - timedelta(seconds=20)))).alias("acceptedAt"),
        pl.lit(None, pl.String).alias("completedAt"),
        pl.lit(False).alias("isTest"),
    )  # fmt: skip
    recorded = now - timedelta(seconds=10)
    made = _as_of(
        store, "commission_records", fresh.filter(pl.col("status") == "accepted"), sequences, recorded, number
    ).with_columns(
        pl.lit("pending").alias("paymentStatus"),
        pl.lit(_z(recorded)).alias("createdAt"),
        pl.lit(_z(now + timedelta(hours=5))).alias("paymentDeadline"),
        pl.lit(0.3).alias("commissionRate"),
    )
    made = made.join(
        fresh.select(pl.col("_id").alias("bookingDocId"), pl.col("totalCost").alias("bookingAmount"),
                     (pl.col("totalCost") * 0.3).round().alias("commissionAmount"),
                     "therapistId", "therapistName"),
        on="bookingDocId", how="left", maintain_order="left",
    )  # fmt: skip
    sent = now - timedelta(seconds=30)
    said = _as_of(store, "chat_messages", fresh, sequences, sent, number).with_columns(
        pl.col("bookingDocId").alias("bookingId"),
        pl.lit("customer").alias("senderRole"),
        pl.lit("therapist").alias("receiverRole"),
        pl.lit("text").alias("messageType"),
        pl.lit("Halo kak").alias("message"),
        pl.lit(_z(sent)).alias("timestamp"),
        pl.lit(False).alias("isRead"),
    ).join(
        fresh.select(pl.col("_id").alias("bookingDocId"), pl.col("userId").alias("senderId"),
                     pl.col("therapistId").alias("receiverId")),
        on="bookingDocId", how="left", maintain_order="left",
    )  # fmt: skip
    joined = fresh.filter(pl.col("userId").str.starts_with("user")).select(
        pl.col("userId").alias("_id"),
        (pl.int_range(pl.len()) + sequences["users"]).alias("_sequence"),
        "_created_at", "_updated_at", "_misfits",
        pl.lit("Made").alias("name"),
        pl.format("+628{}", pl.int_range(pl.len()) + 1300000000 + number * 1000).alias("phone"),
    )  # fmt: skip
    return {
        "users": joined,
        "bookings": pl.concat([changed, fresh], how="diagonal_relaxed"),
        "commission_records": pl.concat(
            [_settled(records, at), _columns_of(store, "commission_records", made)], how="diagonal_relaxed"
        ),
        "chat_messages": _columns_of(store, "chat_messages", said),
    }


def _some(
    store: RawStore, collection: str, where: str, number: int, rows: int, among: str = ""
) -> pl.DataFrame:
    """Rows of the mirror, as they would be fetched: others in each round. None whose id looks like a phone."""
    own = ", ".join(f'"{column.name}"' for column in store.columns.of(collection))
    return store.connection.sql(
        f"SELECT {_SYSTEM}, {own} FROM (SELECT * FROM {collection} WHERE {where}"
        f" AND regexp_matches(_id, '^[0-9a-f]*[a-f][0-9a-f]*$') {among})"
        f" ORDER BY hash(_sequence * 64 + {number}) LIMIT {rows}"
    ).pl()


def _of_bookings(
    store: RawStore,
    collection: str,
    bookings: pl.DataFrame,
    by: Sequence[str] = ("bookingId", "bookingDocId"),
) -> pl.DataFrame:
    """The rows of a collection that refer to some bookings."""
    keys = pl.concat([bookings["_id"], bookings["bookingId"].drop_nulls()])
    store.connection.register("_keys", keys.to_frame("key"))
    own = ", ".join(f'"{column.name}"' for column in store.columns.of(collection))
    named = " OR ".join(f'"{name}" IN (SELECT key FROM _keys)' for name in by)
    try:
        return store.connection.sql(
            f"SELECT {_SYSTEM}, {own} FROM {collection} WHERE _deleted_at IS NULL AND ({named})"
            " AND regexp_matches(_id, '[a-z]') ORDER BY _sequence"
        ).pl()
    finally:
        store.connection.unregister("_keys")


def _settled(records: pl.DataFrame, at: str) -> pl.DataFrame:
    """What was paid is owed again, and the other way round."""
    paid = pl.col("paymentStatus") == "paid"
    return records.with_columns(
        pl.when(paid).then(pl.lit("pending")).otherwise(pl.lit("paid")).alias("paymentStatus"),
        pl.when(~paid).then(pl.lit(at)).alias("paidAt"),
        pl.lit(None, pl.String).alias("verifiedAt"),
    )


def _as_of(
    store: RawStore,
    collection: str,
    bookings: pl.DataFrame,
    sequences: Mapping[str, int],
    at: datetime,
    number: int,
) -> pl.DataFrame:
    """New rows of a collection, one a booking, made at an instant; ``bookingDocId`` names it."""
    return bookings.select(
        _ids_at(at, bookings.height, number).alias("_id"),
        (pl.int_range(pl.len()) + sequences[collection]).alias("_sequence"),
        "_created_at", "_updated_at", "_misfits",
        pl.col("_id").alias("bookingDocId"),
        pl.lit(False).alias("isTest"),
    )  # fmt: skip


def _ids_at(moment: datetime, rows: int, number: int) -> pl.Series:
    """Ids as Appwrite would have made them, one after the other from an instant on; others in each round."""
    second = int(moment.replace(tzinfo=UTC).timestamp())
    return pl.Series([f"{second:08x}{place:05x}{number:06x}a" for place in range(rows)], dtype=pl.String)


def _columns_of(store: RawStore, collection: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of a decoded page; null where the frame has none."""
    layout = store.connection.sql(f"SELECT * FROM {collection} LIMIT 0").pl().schema
    names = ["_id", "_sequence", "_created_at", "_updated_at", "_misfits"]
    names += [column.name for column in store.columns.of(collection)]
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(layout[name]).alias(name)
        for name in names
    )


def _next_sequences(store: RawStore) -> dict[str, int]:
    return {
        name: int(
            store.connection.execute(f"SELECT coalesce(max(_sequence), 0) + 1 FROM {name}").fetchall()[0][0]
        )
        for name in ("users", "bookings", "commission_records", "chat_messages")
    }


def _z(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}.000Z"


__all__ = ["PROVIDERS", "change", "ingested", "make", "settings_of"]
