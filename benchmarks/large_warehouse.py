"""A warehouse of 10 million bookings and 9 million commissions, made by DuckDB in a minute or two, for benchmarks.
With talks: a chat room and five messages a booking, what was observed of its status, and reviews.

Every state and finding is planted, at rates such as a large marketplace has; both forms of reference, duplicates,
orphans, references to two bookings, to a test and a real one, and in another case. Measures nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb

from checks.schemas import CORE, OPS
from checks.schemas.sql import create_table

#: The instant everything is judged at; history goes back two years from it.
NOW: Final = datetime.fromisoformat("2026-11-20T12:00:00")
#: The instant commissions are judged at: when they were last scanned whole.
JUDGED_AT: Final = NOW - timedelta(seconds=2)
BOOKINGS: Final = 10_000_000
PROVIDERS: Final = 2_000
#: What marts read of ops.
_OPS: Final = ("health_changes", "scans", "mirror_rows", "quarantine_gone")

# dice(i, salt, sides): a number from 0 to sides - 1 that depends on the row and the salt alone. id_at(kind, i, moment):
# as Appwrite's ID.unique() makes the id of a row whose writer asks for no other: the second and the microsecond in
# hexadecimal digits, and seven more. id20: where no instant matters. made_at(i): when a booking was made.
_MACROS = """
CREATE OR REPLACE TEMP MACRO dice(i, salt, sides) AS (hash(i * 1024 + salt) % sides)::BIGINT;
CREATE OR REPLACE TEMP MACRO id20(kind, i) AS substr(md5(kind || i), 1, 20);
CREATE OR REPLACE TEMP MACRO id_at(kind, i, moment) AS
    printf('%08x%05x', epoch_us(moment) // 1000000, epoch_us(moment) % 1000000) || substr(md5(kind || i), 1, 7);
CREATE OR REPLACE TEMP MACRO made_at(i) AS
    $now::TIMESTAMP - to_microseconds((($bookings - i) * (730::BIGINT * 86400000000 // $bookings))::BIGINT);
CREATE OR REPLACE TEMP MACRO owner(i) AS printf('provider%012d', dice(i, 1, $providers));
"""

_BOOKINGS = """
INSERT INTO core.bookings BY NAME
SELECT
    id_at('b', i, made) AS booking_id,
    CASE WHEN dice(i, 2, 100) < 3 THEN 'hotel_bookings' ELSE 'bookings' END AS origin,
    -- One business id in 50,000 stands on two bookings; one booking in twenty has none.
    CASE WHEN dice(i, 3, 100) >= 5 THEN printf('BK%012d', CASE WHEN i % 50000 = 1 THEN i - 1 ELSE i END) END
        AS business_id,
    id20('u', dice(i, 4, 400000)) AS customer_id,
    owner(i) AS provider_id,
    'therapist' AS provider_type,
    'Spa number ' || dice(i, 1, $providers) AS provider_name,
    CASE WHEN s < 750 THEN 'completed' WHEN s < 830 THEN 'confirmed' WHEN s < 905 THEN 'accepted'
        WHEN s < 935 THEN 'cancelled' WHEN s < 960 THEN 'declined' WHEN s < 985 THEN 'expired'
        WHEN s < 990 THEN 'reassigned' WHEN s < 998 THEN 'pending' ELSE 'unknown' END AS status,
    status AS raw_status,
    ['bookingButton', 'chatWindow', 'menuSlider', 'priceSlider', 'direct', 'unknown'][1 + dice(i, 5, 6)] AS source,
    'explicit' AS source_rule,
    CASE WHEN dice(i, 6, 3) = 0 THEN 'scheduled' ELSE 'immediate' END AS mode,
    'mode' AS mode_rule,
    [60, 90, 120][1 + dice(i, 7, 3)] AS service_minutes,
    CASE WHEN dice(i, 15, 2000) = 0 THEN 0 WHEN dice(i, 8, 2000) > 0 THEN 100000 + 5000 * dice(i, 9, 160) END
        AS amount_idr,
    CASE WHEN amount_idr = 0 THEN 'free' ELSE 'totalCost' END AS amount_rule,
    made AS created_at,
    'createdAt' AS created_rule,
    made + INTERVAL 1 DAY AS updated_at,
    made + to_minutes(30 + dice(i, 10, 600)) AS starts_at,
    starts_at + to_minutes(service_minutes) AS ends_at,
    made + INTERVAL 5 MINUTE AS response_deadline,
    'default' AS deadline_rule,
    CASE WHEN s < 905 AND dice(i, 11, 100) < 97 THEN made + to_seconds(10 + dice(i, 12, 280)) END AS accepted_at,
    CASE WHEN accepted_at IS NULL THEN NULL WHEN dice(i, 13, 100) < 90 THEN 'explicit' ELSE 'observed' END
        AS accepted_rule,
    CASE WHEN s BETWEEN 935 AND 959 THEN made + to_seconds(20 + dice(i, 12, 280)) ELSE accepted_at END
        AS responded_at,
    CASE WHEN s < 750 THEN ends_at + to_seconds(dice(i, 14, 240)) END AS completed_at,
    CASE WHEN s BETWEEN 905 AND 934 THEN made + INTERVAL 1 HOUR END AS cancelled_at,
    CASE WHEN s BETWEEN 935 AND 959 THEN 'busy' END AS decline_reason,
    'cash' AS payment_method,
    dice(i, 15, 20) = 0 AS discounted,
    false AS chat_window_open,
    true AS has_source_value,
    true AS has_mode_value,
    mode = 'scheduled' AS has_schedule_value,
    'c:' || customer_id AS customer_key,
    CASE WHEN dice(i, 1, $providers) < 200 THEN 420 ELSE 480 END AS utc_offset_minutes,
    -- Of every third pair with one business id the second is a test.
    dice(i, 16, 1000) < 3 OR i % 150000 = 1 AS is_test,
    s < 905 AS earns,
    CASE WHEN dice(i, 17, 1000) = 0 THEN made + INTERVAL 2 DAY END AS deleted_at,
    i AS change
FROM (
    SELECT i, dice(i, 0, 1000) AS s, made_at(i) AS made
    FROM range($bookings) t(i)
);
-- The same id in both collections: two bookings.
INSERT INTO core.bookings BY NAME
SELECT * REPLACE (CASE origin WHEN 'bookings' THEN 'hotel_bookings' ELSE 'bookings' END AS origin,
    NULL AS business_id, change + 1000000000 AS change)
FROM core.bookings WHERE change % 100000 = 7;
"""

# What is wrong with a record is drawn once (`flaw`, in 10,000): a flaw a record, and those of the duplicates and of
# payment beside it, so that several stand on one booking too.
_COMMISSIONS = """
INSERT INTO core.commissions BY NAME
SELECT
    id_at('c' || copy, i, recorded) AS commission_id,
    CASE WHEN flaw = 110 THEN 'BK-nobody-' || i WHEN flaw = 111 THEN NULL
        WHEN flaw = 112 THEN lower(coalesce(business_id, upper(booking_id)))
        WHEN flaw = 113 THEN upper(booking_id)
        WHEN dice(i, 20, 100) < 60 THEN coalesce(business_id, booking_id) ELSE booking_id END AS booking_ref,
    CASE WHEN dice(i, 21, 100) < 50 AND flaw NOT IN (110, 111) THEN booking_id END AS booking_doc_ref,
    CASE WHEN flaw < 10 THEN owner(i + 1) ELSE owner(i) END AS provider_id,
    provider_name,
    CASE WHEN flaw BETWEEN 112 AND 121 THEN NULL WHEN flaw BETWEEN 20 AND 29 THEN amount_idr + 5000
        WHEN dice(i, 22, 50) > 0 THEN amount_idr END AS booking_amount_idr,
    CASE WHEN flaw BETWEEN 10 AND 19 THEN 250000 ELSE 300000 END AS rate_ppm,
    rate_ppm / 1000000 AS rate,
    -- 112 to 114: in thousands without a base (all amounts are whole thousands of rupiah, but their commissions are
    -- not: those are rounded). 115, 116: not believed. 117 to 121: a refund.
    CASE WHEN flaw BETWEEN 112 AND 114 THEN (coalesce(amount_idr, 300000) * 3 // 10 + 500) // 1000
        WHEN flaw BETWEEN 115 AND 116 THEN NULL
        WHEN flaw BETWEEN 117 AND 121 THEN -(coalesce(amount_idr, 300000) * 3 // 10)
        ELSE CASE WHEN flaw BETWEEN 30 AND 39 THEN 1000 ELSE 0 END
            + (coalesce(amount_idr, 300000) * rate_ppm + 500000) // 1000000 END AS commission_idr,
    CASE WHEN flaw BETWEEN 40 AND 49 THEN 'thousands' ELSE 'rupiah' END AS amount_rule,
    booking_amount_idr / CASE WHEN amount_rule = 'thousands' THEN 1000 ELSE 1 END AS written_booking_amount,
    CASE WHEN flaw BETWEEN 112 AND 114 THEN coalesce(amount_idr, 300000) * 3 / 10000
        WHEN flaw BETWEEN 115 AND 116 THEN 75000000000
        ELSE commission_idr / CASE WHEN amount_rule = 'thousands' THEN 1000 ELSE 1 END END AS written_commission,
    flaw BETWEEN 115 AND 116 AS is_implausible,
    CASE
        WHEN due > $now::TIMESTAMP THEN CASE WHEN flaw BETWEEN 50 AND 99 THEN 'overdue' ELSE 'pending' END
        -- Of several records of a booking one may be unpaid, the first or a later one.
        WHEN earns AND dice(i, 28, 2000) IN (1, 2) AND copy = dice(i, 29, 3) THEN 'pending'
        WHEN dice(i, 23, 1000) < 4 THEN 'cancelled'
        WHEN debtor AND dice(i, 24, 100) < 5 THEN
            ['overdue', 'overdue', 'overdue', 'pending', 'awaiting_verification', 'rejected'][1 + dice(i, 25, 6)]
        ELSE 'paid'
    END AS status,
    status AS raw_status,
    status <> 'cancelled' AS is_live,
    CASE WHEN flaw BETWEEN 60 AND 69 THEN 'direct' WHEN dice(i, 26, 2) = 0 THEN source END AS source,
    recorded AS created_at,
    due + CASE WHEN flaw BETWEEN 80 AND 89 THEN INTERVAL 1 HOUR ELSE INTERVAL 0 HOUR END AS deadline_at,
    CASE WHEN status = 'paid' THEN due - INTERVAL 1 HOUR END AS paid_at,
    CASE WHEN status = 'paid' THEN due - INTERVAL 50 MINUTE END AS verified_at,
    CASE WHEN flaw BETWEEN 90 AND 99 THEN NULL WHEN status = 'paid' THEN due - INTERVAL 70 MINUTE
        WHEN status = 'awaiting_verification' THEN due + INTERVAL 10 MINUTE END AS proof_at,
    CASE WHEN proof_at IS NULL THEN 'empty' ELSE 'present' END AS proof_state,
    CASE WHEN status = 'paid' THEN 'paidAt' ELSE 'creation' END AS paid_rule,
    CASE WHEN status <> 'overdue' OR flaw < 1000 THEN NULL WHEN flaw < 2000 THEN 50000 ELSE 25000 END AS fee_idr,
    CASE WHEN fee_idr IS NULL THEN 'empty' ELSE 'present' END AS fee_state,
    utc_offset_minutes,
    flaw BETWEEN 100 AND 102 AS is_test,
    CASE WHEN flaw = 110 AND i % 7 = 0 THEN $now::TIMESTAMP + INTERVAL 1 HOUR ELSE created_at + INTERVAL 1 DAY END
        AS updated_at,
    CASE WHEN flaw BETWEEN 103 AND 107 THEN $now::TIMESTAMP - INTERVAL 1 DAY END AS deleted_at,
    i AS change
FROM (
    SELECT b.* EXCLUDE (commission_copies, status), copy, change AS i, dice(change, 30 + copy, 10000) AS flaw,
        coalesce(accepted_at, created_at) + to_seconds(copy * 90 + CASE WHEN flaw BETWEEN 70 AND 79 THEN 600 ELSE 0 END
            + dice(change, 27, 60)) AS recorded,
        dice(change, 1, $providers) < 200 AS debtor,
        coalesce(completed_at, ends_at, created_at) + INTERVAL 3 HOUR AS due
    FROM (
        SELECT *, CASE WHEN is_test OR deleted_at IS NOT NULL THEN dice(change, 28, 2)
            WHEN earns THEN CASE dice(change, 28, 2000) WHEN 0 THEN 0 WHEN 1 THEN 2 WHEN 2 THEN 3 ELSE 1 END
            ELSE CASE WHEN dice(change, 28, 50) = 0 THEN 1 ELSE 0 END END AS commission_copies
        FROM core.bookings
    ) b, range(3) copies(copy)
    WHERE copy < commission_copies
);
"""

_OTHERS = """
INSERT INTO core.providers BY NAME
SELECT printf('provider%012d', i) AS provider_id, 'therapist' AS provider_type, 'Spa number ' || i AS provider_name,
    CASE WHEN i < 180 OR i BETWEEN 1990 AND 1994 THEN 'RESTRICTED' WHEN i % 3 = 0 THEN 'BUSY' ELSE 'AVAILABLE' END
        AS status,
    480 AS utc_offset_minutes, i % 40 > 0 AS notifications_enabled, i % 30 > 0 AS sound_enabled,
    CASE WHEN i % 50 > 0 THEN $now::TIMESTAMP - to_seconds(dice(i, 40, 900)) END AS last_seen_at,
    $now::TIMESTAMP - INTERVAL 800 DAY AS created_at, created_at AS updated_at, i AS change
FROM range($providers) t(i);
INSERT INTO core.quarantined BY NAME
SELECT 'bookings' AS collection, id20('q', i) AS row_id, 'BKQ' || i AS business_id, '["no_status"]' AS reasons,
    $now::TIMESTAMP - INTERVAL 1 DAY AS first_seen_at, i AS change
FROM range(100) t(i);
INSERT INTO core.commissions BY NAME
SELECT * EXCLUDE (i) REPLACE (id20('cq', i) AS commission_id, 'BKQ' || i AS booking_ref, NULL AS booking_doc_ref)
FROM (SELECT *, row_number() OVER (ORDER BY commission_id) - 1 AS i FROM core.commissions WHERE change < 2000)
WHERE i < 100;
-- messages
INSERT INTO core.messages BY NAME
SELECT id_at('m', i, made_at(i)) AS message_id, id20('r', i // 8) AS conversation_id,
    id_at('b', i, made_at(i)) AS booking_ref,
    id20('u', dice(i, 4, 400000)) AS sender_id, 'customer' AS sender_role, owner(i) AS receiver_id,
    'therapist' AS receiver_role, 'text' AS kind, made_at(i) AS sent_at,
    dice(i, 41, 1000) > 3 AS is_read, sent_at AS created_at, sent_at AS updated_at, i AS change
FROM range($bookings) t(i);
-- notifications
INSERT INTO core.notifications BY NAME
SELECT owner(i) AS recipient_id, 'therapist' AS recipient_type, 'booking' AS kind,
    'push' AS channel,
    $now::TIMESTAMP - to_microseconds((($bookings // 5 - i) * (730::BIGINT * 86400000000 // ($bookings // 5)))::BIGINT)
        AS sent_at,
    id_at('n', i, sent_at) AS notification_id,
    CASE WHEN dice(i, 42, 20) > 0 THEN sent_at + INTERVAL 2 SECOND END AS delivered_at, true AS is_read,
    sent_at AS created_at, sent_at AS updated_at, i AS change
FROM range($bookings // 5) t(i);
INSERT INTO ops.scans (collection, watermark, completed_at, required, outcome, detail)
SELECT unnest(['bookings', 'hotel_bookings', 'chat_messages', 'commission_records', 'notifications', 'therapists']),
    $now::TIMESTAMP - INTERVAL 2 SECOND, $now::TIMESTAMP - INTERVAL 1 SECOND, true, 'complete', NULL;
"""

# In the place of the messages above. Of each booking: the customer writes, the provider answers (half a minute to a
# quarter of an hour later; one in ten not at all), one message in five is the app's.
MESSAGES_A_BOOKING: Final = 5
_TALKS = """
INSERT INTO core.chat_rooms BY NAME
SELECT id_at('r', change, created_at) AS room_id, booking_id AS booking_ref, customer_id, provider_id,
    CASE WHEN change > $bookings - 1000 THEN 'active' ELSE 'completed' END AS status, status AS raw_status,
    created_at, updated_at, change, utc_offset_minutes
FROM core.bookings WHERE change < $bookings;
INSERT INTO core.messages BY NAME
SELECT id_at('r', k, made) AS conversation_id, id_at('b', k, made) AS booking_ref,
    CASE side WHEN 'customer' THEN customer ELSE owner(k) END AS sender_id, side AS sender_role,
    CASE side WHEN 'customer' THEN owner(k) ELSE customer END AS receiver_id,
    CASE side WHEN 'customer' THEN 'therapist' ELSE 'customer' END AS receiver_role,
    CASE WHEN n = 2 THEN 'status-update' ELSE 'text' END AS kind,
    made + to_seconds(n * 60 + dice(k, 43, 30) + CASE WHEN n > 0 THEN dice(k, 44, 900) ELSE 0 END) AS sent_at,
    id_at('m', i, sent_at) AS message_id,
    dice(i, 41, 1000) > 3 AS is_read, sent_at AS created_at, sent_at AS updated_at, i AS change
FROM (
    SELECT i, i // $each AS k, i % $each AS n, id20('u', dice(k, 4, 400000)) AS customer,
        CASE WHEN n % 2 = 0 OR dice(k, 45, 10) = 0 THEN 'customer' ELSE 'therapist' END AS side,
        made_at(k) AS made
    FROM range($bookings * $each) t(i)
);
INSERT INTO core.booking_events BY NAME
SELECT booking_id, origin, 'pending' AS from_status, CASE WHEN status = 'completed' THEN 'accepted' ELSE status END
    AS to_status, created_at + INTERVAL 4 MINUTE AS observed_at, change
FROM core.bookings WHERE status NOT IN ('pending', 'unknown');
-- Whose each booking was at first sight; one in a hundred changed hands after four minutes.
INSERT INTO core.booking_providers BY NAME
SELECT booking_id, origin, CASE WHEN n = 1 THEN owner(change + 1) END AS from_provider_id,
    CASE WHEN n = 0 AND dice(change, 50, 100) = 0 THEN owner(change + 1) ELSE provider_id END AS to_provider_id,
    created_at + to_minutes(4 * n) AS observed_at, change + n * $bookings AS change
FROM core.bookings, range(2) t(n) WHERE (n = 0 OR dice(change, 50, 100) = 0) AND change < $bookings;
-- As many changes of a provider's status as bookings.
INSERT INTO core.provider_states BY NAME
SELECT printf('provider%012d', i % $providers) AS provider_id, 'therapist' AS provider_type,
    ['AVAILABLE', 'BUSY', 'AVAILABLE', 'OFFLINE'][1 + i // $providers % 4] AS status,
    made_at(i) AS observed_at, observed_at - INTERVAL 1 MINUTE AS last_seen_at, i AS change
FROM range($bookings) t(i);
INSERT INTO core.reviews BY NAME
SELECT id_at('v', change, ends_at) AS review_id, booking_id AS booking_ref, customer_id, provider_id,
    3 + dice(change, 51, 3) AS rating, ends_at + INTERVAL 1 HOUR AS created_at, created_at AS updated_at, change
FROM core.bookings WHERE status = 'completed' AND dice(change, 52, 10) < 3;
"""


def make(path: Path, bookings: int, *, talks: bool = False, each: int = MESSAGES_A_BOOKING) -> None:
    """Fill a new warehouse file with ``bookings`` bookings and what belongs to them; with talks, ``each`` messages a
    booking."""
    others = _OTHERS
    if talks:
        begins, ends = others.index("-- messages"), others.index("-- notifications")
        others = others[:begins] + _TALKS + others[ends:]
    with duckdb.connect(str(path)) as con:
        con.execute(
            "SET enable_progress_bar = false; SET memory_limit = '4GB'; SET preserve_insertion_order = false"
        )
        con.execute("CREATE SCHEMA core; CREATE SCHEMA ops")
        for one in (*CORE.values(), *(OPS[name] for name in _OPS)):
            con.execute(create_table(one))
        for part in (_MACROS, _BOOKINGS, _COMMISSIONS, others):
            con.execute(
                part.replace("$bookings", str(bookings))
                .replace("$each", str(each))
                .replace("$providers", str(PROVIDERS))
                .replace("$now", f"'{NOW}'")
            )


def kept(folder: Path, bookings: int, *, talks: bool = False, each: int = MESSAGES_A_BOOKING) -> Path:
    """The warehouse of that size in ``folder``, made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = "" if not talks else "talks-" if each == MESSAGES_A_BOOKING else f"talks{each}-"
    path = folder / f"large-{kind}{bookings}.duckdb"
    if not path.exists():
        partial = path.with_suffix(".partial")
        for left in (partial, partial.with_name(partial.name + ".wal")):
            left.unlink(missing_ok=True)
        make(partial, bookings, talks=talks, each=each)
        partial.replace(path)
    return path
