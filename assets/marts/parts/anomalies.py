"""The units of what is odd about bookings and messages: bookings that overlap another of their provider in time, and
the anomalies of those who booked, were booked or wrote.

Two bookings that overlap and did not change overlapped before: so only those are looked at that changed, those beside
them in time, and the suspects of before that these overlap. How many a provider has at once follows from bookings that
overlap one another, one after another, and from no others. Of those who write only who wrote very much within an hour.
"""

from __future__ import annotations

from typing import Any, Final

from assets.marts.parts import customers
from assets.marts.parts.part import Change, Part, Unit, changed, gone_of, part_of
from marketplace.services import ANOMALY_LIMITS, Anomaly

OVERLAPS_NAME: Final = "overlaps"
_SUSPECTS: Final = "overlap_suspects"
_REACHED: Final = "booking_id IN (FROM temp.touched_overlap_bookings)"
#: Parts by the booking that overlaps another.
BY_OVERLAP: Final = Part(OVERLAPS_NAME, _REACHED)
#: Links of a chain that are followed one by one. Beyond, all suspects of the provider are taken: a place that is open
#: day and night may have one chain of thousands.
_LINKS: Final = 12
#: Two bookings of a provider of whom each begins before the other ends.
_OVERLAP: Final = "b.provider_id = s.provider_id AND b.starts_at < s.ends_at AND b.ends_at > s.starts_at"


def _find_overlaps(con: Any, change: Change) -> str | None:
    # Who is a therapist or a place, and how many bookings that takes: all bookings of a provider hang on it.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_takers AS SELECT DISTINCT provider_id"
        f" FROM ({changed('providers')}) GROUP BY provider_id, provider_type"
        " HAVING count(*) = 1 OR count(DISTINCT coalesce(capacity, -1)) > 1"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_spans AS SELECT booking_id, provider_id, starts_at, ends_at"
        f" FROM ({changed('bookings')}) WHERE ends_at > starts_at AND provider_id IS NOT NULL"
    )
    queries = [
        "SELECT booking_id FROM temp.touched_spans",
        "SELECT booking_id FROM core.bookings WHERE provider_id IN (FROM temp.touched_takers)",
        *_beside(con, "core.bookings", "temp.touched_spans"),
    ]
    _ids(con, "touched_overlap_bookings", queries)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_overlap_spans AS SELECT provider_id, starts_at, ends_at"
        f" FROM core.bookings WHERE {_REACHED} AND ends_at > starts_at AND provider_id IS NOT NULL"
    )
    read = [
        "FROM temp.touched_overlap_bookings",
        *_beside(con, f"temp.{_SUSPECTS}", "temp.touched_overlap_spans"),
    ]
    _ids(con, "touched_overlap_read", read)
    return None


def _beside(con: Any, table: str, spans: str) -> list[str]:
    """The query of the bookings of a table that overlap one of the spans; none where there is no span."""
    first, last = con.execute(f"SELECT min(starts_at), max(ends_at) FROM {spans}").fetchone()
    if first is None:
        return []
    # Of blocks of bookings that lie outside of all spans nothing is read.
    within = f"b.starts_at < TIMESTAMP '{last}' AND b.ends_at > TIMESTAMP '{first}'"
    return [f"SELECT b.booking_id FROM {table} AS b SEMI JOIN {spans} AS s ON {_OVERLAP} WHERE {within}"]


def _ids(con: Any, table: str, queries: list[str]) -> None:
    asked = " UNION ".join(f"({query})" for query in queries)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {asked}")


OVERLAPS: Final = Unit(
    OVERLAPS_NAME,
    {"bookings": "booking_id IN (FROM temp.touched_overlap_read)"},
    _find_overlaps,
    ("touched_overlap_bookings",),
    ("touched_takers", "touched_spans", "touched_overlap_spans", "touched_overlap_read"),
)

NAME: Final = "anomalies"
_OF_CUSTOMERS: Final = f"'{Anomaly.DUPLICATE_BOOKING}', '{Anomaly.ABUSE_BOOKINGS}'"
_CROWDED: Final = "booking_id IN (FROM temp.touched_crowds)"
#: Parts by the customer or writer whose the anomaly is, or by the booking that is one of too many.
BY_ACTOR: Final = Part(
    NAME,
    (
        f"anomaly IN ({_OF_CUSTOMERS}) AND actor_id IN (FROM temp.touched_customer_names)",
        f"anomaly = '{Anomaly.OVERLAPPING_BOOKINGS}' AND {_CROWDED}",
        f"anomaly = '{Anomaly.ABUSE_MESSAGES}' AND actor_id IN (FROM temp.touched_writers)",
    ),
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
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_customer_names AS SELECT DISTINCT {_CUSTOMER} AS name"
        f" FROM temp.touched_customer_spellings WHERE {_CUSTOMERS} AND {_CUSTOMER} IS NOT NULL"
    )
    _crowds(con)
    _writers(con)
    return None


def _crowds(con: Any) -> None:
    """The bookings that overlap one that changed, those that overlap these, and so on: what is said of one follows
    from such alone, where a provider takes one at least (checks/schemas/core.py). What changed is what came into, or
    went out of, the suspects (which are made before)."""
    made, gone = (f"temp.{of(OVERLAPS_NAME, _SUSPECTS)}" for of in (part_of, gone_of))
    row, key = "* EXCLUDE (bw_row)", "booking_id, provider_id, starts_at, ends_at"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_crowd_rows AS SELECT {key} FROM ("
        f"(FROM {made} EXCEPT ALL SELECT {row} FROM {gone})"
        f" UNION ALL (SELECT {row} FROM {gone} EXCEPT ALL FROM {made}))"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE touched_crowds (booking_id VARCHAR)")
    found = "SELECT DISTINCT booking_id FROM temp.touched_crowd_rows"
    links = 0
    while con.execute(f"SELECT 1 FROM ({found}) LIMIT 1").fetchone():
        links += 1
        con.execute(f"INSERT INTO temp.touched_crowds {found}")
        # (An id may be of a booking of either collection, and then both are looked at.)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE touched_crowd_rows AS SELECT {key} FROM temp.{_SUSPECTS}"
            f" WHERE booking_id IN ({found}) UNION ALL FROM temp.touched_crowd_rows"
        )
        of_them = (
            f"SELECT booking_id FROM temp.{_SUSPECTS} SEMI JOIN temp.touched_crowd_rows USING (provider_id)"
        )
        beside = _beside(con, f"temp.{_SUSPECTS}", "temp.touched_crowd_rows")
        _ids(con, "touched_crowd_next", beside if links <= _LINKS else [of_them])
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE touched_crowd_rows AS SELECT {key} FROM temp.{_SUSPECTS}"
            " WHERE booking_id IN (FROM temp.touched_crowd_next)"
            " AND booking_id NOT IN (FROM temp.touched_crowds)"
        )


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
        _SUSPECTS: _CROWDED,
        "messages": "sender_id IN (FROM temp.touched_writers)",
    },
    _find,
    ("touched_customers", "touched_crowds", "touched_writers"),
    ("touched_customer_names", "touched_messages", "touched_crowd_rows", "touched_crowd_next"),
    after=(customers.NAME,),
    among={"bookings": customers.NAME},
)
