"""The units of what is odd about bookings and messages: bookings of a provider that overlap in time, and the anomalies
of those who booked or wrote.

Two bookings that overlap and did not change overlapped before: so of a provider only the suspects of before are looked
at, what changed, and what lies beside that in time. Of those who write only who wrote very much within an hour.
"""

from __future__ import annotations

from typing import Any, Final

from assets.marts.parts.part import Change, Part, Unit, changed, part_of
from marketplace.services import ANOMALY_LIMITS, Anomaly

OVERLAPS_NAME: Final = "overlaps"
_PROVIDERS: Final = "provider_id IN (FROM temp.touched_overlap_providers)"
#: Parts by the provider whose bookings overlap.
BY_PROVIDER: Final = Part(OVERLAPS_NAME, _PROVIDERS)


def _find_overlaps(con: Any, change: Change) -> str | None:
    # Who is a therapist or a place, and how many bookings that takes: all bookings of a provider hang on it.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_takers AS SELECT DISTINCT provider_id"
        f" FROM ({changed('providers')}) GROUP BY provider_id, provider_type"
        " HAVING count(*) = 1 OR count(DISTINCT coalesce(capacity, -1)) > 1"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_overlap_providers AS SELECT DISTINCT provider_id FROM ("
        f"{changed('bookings', 'provider_id')} UNION ALL FROM temp.touched_takers) WHERE provider_id IS NOT NULL"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_spans AS SELECT booking_id, provider_id, starts_at, ends_at"
        f" FROM ({changed('bookings')}) WHERE ends_at > starts_at AND provider_id IS NOT NULL"
    )
    first, last = con.execute("SELECT min(starts_at), max(ends_at) FROM temp.touched_spans").fetchone()
    beside = (
        "SELECT b.booking_id FROM core.bookings AS b JOIN temp.touched_spans AS s"
        " ON b.provider_id = s.provider_id AND b.starts_at < s.ends_at AND b.ends_at > s.starts_at"
        # Of blocks of bookings that lie outside of all spans nothing is read.
        f" WHERE b.starts_at < TIMESTAMP '{last}' AND b.ends_at > TIMESTAMP '{first}'"
    )
    queries = [
        f"SELECT booking_id FROM temp.overlap_suspects WHERE {_PROVIDERS}",
        "SELECT booking_id FROM temp.touched_spans",
        "SELECT booking_id FROM core.bookings WHERE provider_id IN (FROM temp.touched_takers)",
        *([beside] if first is not None else []),
    ]
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_overlap_bookings AS {' UNION '.join(f'({query})' for query in queries)}"
    )
    return None


OVERLAPS: Final = Unit(
    OVERLAPS_NAME,
    {"bookings": f"booking_id IN (FROM temp.touched_overlap_bookings) AND {_PROVIDERS}"},
    _find_overlaps,
    ("touched_overlap_providers",),
    ("touched_takers", "touched_spans", "touched_overlap_bookings"),
)

NAME: Final = "anomalies"
_OF_CUSTOMERS: Final = f"'{Anomaly.DUPLICATE_BOOKING}', '{Anomaly.ABUSE_BOOKINGS}'"
#: Parts by the customer, provider or writer whose the anomaly is.
BY_ACTOR: Final = Part(
    NAME,
    f"((anomaly IN ({_OF_CUSTOMERS}) AND actor_id IN (FROM temp.touched_customer_names))"
    f" OR (anomaly = '{Anomaly.OVERLAPPING_BOOKINGS}' AND {_PROVIDERS})"
    f" OR (anomaly = '{Anomaly.ABUSE_MESSAGES}' AND actor_id IN (FROM temp.touched_writers)))",
)
#: As booking_anomalies names a customer.
_CUSTOMER: Final = "CASE WHEN starts_with(customer_key, 'c:') THEN customer_id ELSE customer_key END"
_CUSTOMERS: Final = "customer_key IN (FROM temp.touched_customers)"


def _find(con: Any, change: Change) -> str | None:
    offered = changed("booking_offers", "booking_id")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_customers AS SELECT DISTINCT customer_key FROM ("
        f"{changed('bookings', 'customer_key')} UNION ALL"
        f" SELECT customer_key FROM core.bookings WHERE booking_id IN ({offered})) WHERE customer_key IS NOT NULL"
    )
    names = f"SELECT {_CUSTOMER} AS name"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_customer_names AS SELECT DISTINCT name FROM ("
        f"{names} FROM core.bookings WHERE {_CUSTOMERS} UNION ALL"
        f" {names} FROM ({changed('bookings')}) WHERE {_CUSTOMERS}) WHERE name IS NOT NULL"
    )
    _writers(con)
    return None


def _writers(con: Any) -> None:
    """Who changed a message and wrote so many within an hour of it that there may be, or may have been, a burst."""
    moment = "coalesce(sent_at, created_at)"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_messages AS SELECT sender_id, {moment} AS moment"
        f" FROM ({changed('messages')}) WHERE sender_id IS NOT NULL AND {moment} IS NOT NULL"
    )
    first, last = con.execute(
        "SELECT min(moment) - INTERVAL 2 HOUR, max(moment) + INTERVAL 2 HOUR FROM temp.touched_messages"
    ).fetchone()
    they = "(SELECT sender_id FROM temp.touched_messages)"
    abused = f"anomaly = '{Anomaly.ABUSE_MESSAGES}'"
    queries = [f"SELECT actor_id FROM marts.booking_anomalies WHERE {abused} AND actor_id IN {they}"]
    if first is not None:
        near = f"BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'"
        there = f"SELECT sender_id, {{0}} AS moment FROM core.messages WHERE {{1}} AND sender_id IN {they}"
        written = " UNION ALL ".join(
            (
                there.format("sent_at", f"sent_at {near}"),
                there.format("created_at", f"sent_at IS NULL AND created_at {near}"),
                # What was taken back since counted then.
                "SELECT sender_id, moment FROM temp.touched_messages",
            )
        )
        queries.append(
            f"SELECT sender_id FROM ({written}) GROUP BY sender_id, date_trunc('hour', moment)"
            f" HAVING count(*) > {ANOMALY_LIMITS.messages // 2}"
        )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_writers AS {' UNION '.join(f'({query})' for query in queries)}"
    )


ANOMALIES: Final = Unit(
    NAME,
    {
        "bookings": _CUSTOMERS,
        "booking_offers": f"booking_id IN (SELECT booking_id FROM temp.{part_of(NAME, 'bookings')})",
        "overlap_suspects": _PROVIDERS,
        "messages": "sender_id IN (FROM temp.touched_writers)",
    },
    _find,
    ("touched_customers", "touched_overlap_providers", "touched_writers"),
    ("touched_customer_names", "touched_messages"),
)
