"""The unit of bookings with the commission records that refer to them: whatever names one of them, in any case, is made
anew together.

A record may mean a booking by either of two references, which fit by either of two keys, and except for case; and it is
judged beside the others of its booking. So from what was touched every key, and whatever has one of the keys, is
followed until nothing comes to it. What time alone changes is found by the instants that the rows have themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from assets.marts.expressions import CLOCKS_APART
from assets.marts.parts.follow import Followed, follow, left_by
from assets.marts.parts.part import Change, Part, Unit, changed, changes_of, much_of, part_of, ways
from assets.marts.parts.spans import between
from marketplace.collections import BOOKING_COLLECTIONS, RECORDS
from marketplace.commission import AGES, RowState
from resources.sql import literal

NAME: Final = "links"
_RECORDS: Final = "commission_id IN (FROM temp.touched_records)"
_BOOKINGS: Final = "booking_id IN (FROM temp.touched_bookings)"
_KEYS: Final = "(FROM temp.touched_keys)"

#: Of what bookings are read from.
OF_BOOKINGS: Final = f"collection IN ({', '.join(map(literal, BOOKING_COLLECTIONS))})"

#: Parts by the record a row is of, by the booking, by either, by what it is itself (collection, row_id), by a reference
#: or a test's key as it is written, and by the review with those of the same bookings.
BY_RECORD: Final = Part(NAME, _RECORDS, ("commission_id",))
BY_BOOKING: Final = Part(NAME, _BOOKINGS, ("booking_id",))
BY_EITHER: Final = Part(NAME, (_RECORDS, _BOOKINGS), ("commission_id", "booking_id"))
BY_ROW: Final = Part(
    NAME,
    (
        f"collection = '{RECORDS}' AND row_id IN (FROM temp.touched_records)",
        f"{OF_BOOKINGS} AND row_id IN (FROM temp.touched_bookings)",
    ),
    ("collection", "row_id"),
)
#: As BY_RECORD, of a table whose key has the record's id in it.
BY_ENTRY: Final = Part(NAME, _RECORDS, ("entry_id",))
BY_TEST: Final = Part(NAME, f"lower(test_key) IN {_KEYS}")
_REVIEWS: Final = f"(review_id IN (FROM temp.touched_reviews) OR lower(booking_ref) IN {_KEYS})"
BY_REVIEW: Final = Part(NAME, _REVIEWS)
BY_REFERENCE: Final = Part(NAME, f"lower(written) IN {_KEYS}")


def or_always(part: Part, condition: str) -> Part:
    """The same part, and in each build the rows of a condition."""
    return Part(part.unit, (*ways(part.rows), f"coalesce({condition}, false)"))


#: Table of core whose rows name a booking by booking_ref, whatever its key → that key, and the collection.
REFERRING: Final = {
    "chat_rooms": ("room_id", "chat_rooms"),
    "messages": ("message_id", "chat_messages"),
    "notifications": ("notification_id", "notifications"),
}


def _find(con: Any, change: Change) -> str | None:
    for name, column in (("bookings", "booking_id"), ("records", "commission_id"), ("keys", "folded")):
        con.execute(f"CREATE OR REPLACE TEMP TABLE touched_{name} ({column} VARCHAR)")
    _put(con, "bookings", _bookings(con, change))
    _put(con, "records", _records(con, change))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_reviews AS"
        f" SELECT DISTINCT review_id FROM ({changed('reviews', 'review_id')})"
    )
    # The bookings that records were of are known: keys that come up on the way cost a look at all of them once more.
    _put(con, "bookings", [f"SELECT booking_id FROM temp.commission_links WHERE {_RECORDS}"])
    _put(con, "keys", _keys(con))
    follow(con, FOLLOWED, "touched_keys")
    return _too_many(con)


def _put(con: Any, name: str, queries: Iterable[str]) -> None:
    asked = " UNION ALL ".join(f"({query})" for query in queries)
    con.execute(
        f"INSERT INTO temp.touched_{name} SELECT DISTINCT found FROM ({asked}) AS asked(found)"
        f" WHERE found IS NOT NULL AND found NOT IN (FROM temp.touched_{name})"
    )


def _bookings(con: Any, change: Change) -> list[str]:
    awaiting = RowState.AWAITING.value
    unknown = RowState.UNKNOWN.value
    return [
        changed("bookings", "booking_id"),
        f"{changed('data_findings', 'row_id')} WHERE {OF_BOOKINGS}",
        # Whose grace ends, or whose zone is not known, by which it would.
        (
            "SELECT booking_id FROM marts.commission_reconciliation WHERE commission_id IS NULL"
            f" AND (state = '{awaiting}' OR (state = '{unknown}' AND utc_offset_minutes IS NULL))"
        ),
        *_written_between("bookings", "booking_id", change),
        *_acknowledged("booking_id", change),
        *_of_providers(con, "bookings", "booking_id"),
    ]


def _records(con: Any, change: Change) -> list[str]:
    instants = [
        between((instant,), change.before.judged_at, change.now.judged_at)
        for instant in ("due_at", "fee_from")
    ]
    ages = [timedelta(), *(end for _, end in AGES if end is not None)]
    ended = " OR ".join(
        between(("service_ended_at",), change.before.judged_at - age, change.now.judged_at - age)
        for age in ages
    )
    return [
        changed("commissions", "commission_id"),
        f"{changed('data_findings', 'row_id')} WHERE collection = '{RECORDS}'",
        *(f"SELECT commission_id FROM temp.commission_reviews WHERE {instant}" for instant in instants),
        f"SELECT commission_id FROM marts.commission_open WHERE {ended}",
        *_written_between("commissions", "commission_id", change),
        *_acknowledged("commission_id", change),
        *_of_providers(con, "commissions", "commission_id"),
    ]


def _written_between(table: str, key: str, change: Change) -> list[str]:
    """Rows written between what was read of another collection then and now: which of the two is the younger may read
    otherwise. And those dated ahead of the clock that it came up with."""
    spans = {
        (change.before.read_until[name], until)
        for name, until in change.now.read_until.items()
        if change.before.read_until[name] != until
    }
    spans.add((change.before.now + CLOCKS_APART, change.now.now + CLOCKS_APART))
    return [
        # Each instant by itself: blocks of other times are left out then.
        f"SELECT {key} FROM core.{table} WHERE {between((instant,), first, last)}"
        for first, last in sorted(spans)
        for instant in ("updated_at", "created_at")
    ]


def _acknowledged(key: str, change: Change) -> list[str]:
    """What findings are of that were acknowledged since, or are not any more."""
    toggled = change.before.waived ^ change.now.waived
    if not toggled:
        return []
    listed = ", ".join(map(literal, sorted(toggled)))
    return [f"SELECT {key} FROM marts.commission_findings WHERE finding_id IN ({listed})"]


def _of_providers(con: Any, table: str, key: str) -> list[str]:
    """What names a provider whose name, plan or being there is another. (Their zone core has seen to.)"""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_providers AS SELECT provider_id"
        f" FROM ({changed('providers')}) GROUP BY provider_id, provider_type"
        " HAVING count(DISTINCT (provider_name, commission_plan, deleted_at IS NULL)) > 1"
        # One that came, or went for good, has one version only.
        " OR count(*) = 1"
    )
    if con.execute("SELECT 1 FROM temp.touched_providers LIMIT 1").fetchone() is None:
        return []
    return [f"SELECT {key} FROM core.{table} WHERE provider_id IN (FROM temp.touched_providers)"]


def _keys(con: Any) -> list[str]:
    """What was, or is, written in any place where a booking is named."""
    written = " UNION ".join(f"({changed(table, 'booking_ref')})" for table in REFERRING)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_references AS"
        f" SELECT written FROM ({written}) AS asked(written) WHERE written IS NOT NULL"
    )
    moved = " UNION ".join(f"({query})" for query in _moved_keys())
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_moved_keys AS"
        f" SELECT key FROM ({moved}) AS asked(key) WHERE key IS NOT NULL"
    )
    exact = " UNION ALL ".join(
        f"SELECT {key} FROM core.bookings WHERE deleted_at IS NULL AND {key} IN (FROM temp.touched_references)"
        for key in ("booking_id", "business_id")
    )
    return [
        changed("bookings", "lower(booking_id)"),
        changed("bookings", "lower(business_id)"),
        changed("commissions", "lower(booking_ref)"),
        changed("commissions", "lower(booking_doc_ref)"),
        f"{changed('quarantined', 'lower(row_id)')} WHERE {OF_BOOKINGS}",
        f"{changed('quarantined', 'lower(business_id)')} WHERE {OF_BOOKINGS}",
        changed("reviews", "lower(booking_ref)"),
        # What a booking exactly has as a key is compared by case with none.
        f"SELECT lower(written) FROM temp.touched_references WHERE written NOT IN ({exact})",
    ]


def _moved_keys() -> list[str]:
    """As what a booking, or one in quarantine, was or is known."""
    return [
        *(changed("bookings", key) for key in ("booking_id", "business_id")),
        *(f"{changed('quarantined', key)} WHERE {OF_BOOKINGS}" for key in ("row_id", "business_id")),
    ]


#: Where a booking is named, and what a row of it is touched by.
FOLLOWED: Final = (
    Followed(
        "core.bookings",
        ("booking_id", "business_id"),
        "booking_id",
        "touched_bookings",
        mixed=OF_BOOKINGS,
    ),
    Followed(
        "core.commissions",
        ("booking_ref", "booking_doc_ref"),
        "commission_id",
        "touched_records",
        mixed=f"collection = '{RECORDS}'",
    ),
    Followed("core.quarantined", ("row_id", "business_id"), which=OF_BOOKINGS),
)


def _too_many(con: Any) -> str | None:
    for one in FOLLOWED:
        if one.ids and much_of(con, one.table, f"temp.{one.ids}"):
            return f"much of {one.table} is reached"
    return None


#: References that fit one of the bookings but for case. What one exactly has as a key is compared by case with none,
#: and nearly every reference is such a key.
_LOOSE: Final = (
    f"lower(booking_ref) IN {_KEYS} AND booking_ref NOT IN ("
    + " UNION ALL ".join(
        f"SELECT {key} FROM temp.{part_of(NAME, 'bookings')} WHERE deleted_at IS NULL AND {key} IS NOT NULL"
        for key in ("booking_id", "business_id")
    )
    + ")"
)

#: What bookings, and those in quarantine, were called before and none is now. (Whatever has one of these keys now is
#: among the parts.)
_WENT: Final = (
    "(SELECT key FROM temp.touched_moved_keys EXCEPT ("
    + " UNION ".join(
        f"SELECT {key} FROM temp.{part_of(NAME, 'bookings')} WHERE deleted_at IS NULL AND {key} IS NOT NULL"
        for key in ("booking_id", "business_id")
    )
    + "".join(
        f" UNION SELECT {key} FROM core.quarantined WHERE {OF_BOOKINGS} AND {key} IS NOT NULL"
        for key in ("row_id", "business_id")
    )
    + "))"
)


def _referring(table: str, key: str, collection: str) -> str:
    """The rows of a table that may name a booking by what none has as a key, of the touched ones, without a look at the
    others: those that changed, those that did so before, and those of which a booking that they named is gone."""
    changes = changes_of(table)
    as_they_were = f"{key} NOT IN (SELECT {key} FROM temp.{changes})"
    before = f"FROM temp.loose_references WHERE collection = {literal(collection)}"
    return (
        f"SELECT * FROM core.{table} WHERE change IN (SELECT change FROM temp.{changes})"
        f" AND {key} IN (SELECT {key} FROM temp.{changes})"
        f" UNION ALL BY NAME SELECT row_id AS {key}, written AS booking_ref {before}"
        f" AND lower(written) IN {_KEYS} AND row_id NOT IN (SELECT {key} FROM temp.{changes})"
        f" UNION ALL BY NAME SELECT * FROM core.{table} WHERE booking_ref IN {_WENT} AND {as_they_were}"
        f" AND {key} NOT IN (SELECT row_id {before})"
    )


LINKS: Final = Unit(
    NAME,
    {
        "bookings": _BOOKINGS,
        "commissions": _RECORDS,
        **dict.fromkeys(REFERRING, _LOOSE),
        "reviews": _REVIEWS,
    },
    _find,
    ("touched_bookings", "touched_records", "touched_keys", "touched_reviews"),
    ("touched_providers", "touched_references", "touched_moved_keys", *left_by("touched_keys")),
    {table: _referring(table, *named) for table, named in REFERRING.items()},
    kept=("created_at", "utc_offset_minutes"),
)
