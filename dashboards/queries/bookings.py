"""Bookings: found, filtered, listed page by page, and one of them with all that hangs on it. Asked through reading.py;
names every column, and none that could hold personal data.

A list is asked in two steps: which rows stand on the page (few columns of all bookings), then what they say.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import polars as pl

from dashboards.queries.query import Column
from dashboards.queries.reading import ask, cached, reading, with_messages
from marketplace.answers import AWAITED, Answer, answer_of
from marketplace.chats import Chat, chat_of, room_at
from marketplace.policy import Policy
from marketplace.services import Anomaly
from marketplace.statuses import BookingStatus, values
from pipelines.chains import Step, explain_booking

PAGE_ROWS: Final = 50
WAITING, PAST, HANDED, ODD = "waiting", "unanswered", "reassigned", "anomalies"
#: What can be asked for beside a booking's own words; of the odd ones the words are the mart's.
SHOWN: Final = (
    WAITING,
    PAST,
    "missing",
    "finding",
    HANDED,
    ODD,
    *values(Anomaly.DUPLICATE_BOOKING, Anomaly.OVERLAPPING_BOOKINGS, Anomaly.ABUSE_BOOKINGS),
)
#: Code → the order. Where it does not tell two rows apart their place in the file does, which no snapshot changes.
SORTS: Final[dict[str, str]] = {
    "newest": "b.created_at DESC",
    "oldest": "b.created_at",
    "deadline": "b.response_deadline NULLS LAST",
    "start": "b.starts_at NULLS LAST",
    "amount": "b.amount_idr DESC NULLS LAST",
}
_LAST_ORDER: Final = "b.rowid DESC"
#: More than a zone is ahead of or behind UTC: days are first looked for among these instants.
_ZONES: Final = timedelta(hours=15)
MOST_FOUND: Final = 2_000
"""So many bookings are found by the beginning of an id; whoever types no more letters is told so."""


@dataclass(frozen=True)
class Asked:
    """Which bookings are asked for. ``search``: an id or BK number of theirs, its beginning, or a part of their
    provider's name; only then tests and deleted ones are among them. ``first``, ``last``: local days of their
    creation, both included. ``customers``: of one customer, by every
    spelling of the id. ``at``: of PAST the instant that deadlines are held
    against, naive UTC; nothing else goes by the clock, so that its answer can be kept.
    ``waived``: of those with findings the findings that are waived by now; None: as the snapshot has it."""

    search: str = ""
    show: str = ""
    status: str = ""
    source: str = ""
    city: str = ""
    provider: str = ""
    first: date | None = None
    last: date | None = None
    customers: tuple[str, ...] | None = None
    sort: str = ""
    at: datetime | None = None
    waived: tuple[str, ...] | None = None

    @property
    def order(self) -> str:
        """The order in force: of those that wait the next deadline first, else the newest first."""
        return self.sort or ("deadline" if self.show in (WAITING, PAST) else "newest")

    def condition(self, path: str) -> tuple[str, tuple[Any, ...]]:
        """SQL on core.bookings AS b, and its parameters."""
        said: list[tuple[str, tuple[Any, ...]]] = []
        if self.search:
            said.append(sought(path, self.search).condition)
        else:
            said.append(("b.deleted_at IS NULL AND NOT coalesce(b.is_test, false)", ()))
        if self.show:
            said.append(_shown(self.show, self.at, self.waived))
        for column, value in (
            ("status", self.status),
            ("source", self.source),
            ("provider_id", self.provider),
        ):
            if value:
                said.append((f"b.{column} = ?", (value,)))
        if self.city:
            said.append(
                ("b.provider_id IN (SELECT provider_id FROM core.providers WHERE city = ?)", (self.city,))
            )
        if self.customers is not None:
            said.append(("b.customer_id IN (SELECT unnest(?::VARCHAR[]))", (self.customers,)))
        if self.first is not None or self.last is not None:
            said.append(_days(self.first, self.last))
        return " AND ".join(f"({sql})" for sql, _ in said), tuple(p for _, more in said for p in more)


@dataclass(frozen=True)
class Found:
    """What a search means: a condition on core.bookings AS b with its parameters; ``cut``: there are more."""

    condition: tuple[str, tuple[Any, ...]]
    cut: bool = False


@cached
def sought(path: str, said: str) -> Found:
    """What is meant by the words of a search, the surest first: a booking's id or BK number, a customer's id, a
    provider's id or a part of its name, the beginning of an id. Each is asked for by itself: most searches are answered
    by the first, and one column is read in a third of the time of all."""
    # A number is written by people, in any case; ids are not, and are asked for in half the time. What has a sign of
    # theirs would be taken for a pattern.
    plain = not set(said) & set("%_\\")
    exactly, number = "IN (?, lower(?))", "ILIKE ?" if plain else "= ?"
    if rows := _row_numbers(path, ("booking_id", exactly, said), ("business_id", number, said)):
        return _these(rows)
    if rows := _row_numbers(path, ("customer_id", exactly, said)):
        return _these(rows)
    providers = ask(
        path,
        """SELECT DISTINCT provider_id FROM core.providers
           WHERE starts_with(lower(provider_id), $1) OR contains(lower(provider_name), $1)""",
        [said.lower()],
    )["provider_id"].to_list()
    if providers:
        return Found(("b.provider_id IN (SELECT unnest(?::VARCHAR[]))", (tuple(providers),)))
    return _these(
        _row_numbers(
            path,
            ("booking_id", "^@ ?", said),
            ("business_id", "ILIKE ? || '%'" if plain else "^@ ?", said),
            ("customer_id", "^@ ?", said),
        )
    )


def _row_numbers(path: str, *tests: tuple[str, str, str]) -> list[int]:
    """Which rows pass one of the tests (column, SQL after it, value)."""
    each = " UNION ".join(
        f"SELECT rowid AS row FROM core.bookings WHERE {column} {test}" for column, test, _ in tests
    )
    values = [value for _, test, value in tests for _ in range(test.count("?"))]
    return ask(path, f"{each} LIMIT {MOST_FOUND + 1}", values)["row"].to_list()


def _these(rows: list[int]) -> Found:
    return Found(
        ("b.rowid IN (SELECT unnest(?::BIGINT[]))", (tuple(rows[:MOST_FOUND]),)), cut=len(rows) > MOST_FOUND
    )


def _shown(code: str, at: datetime | None, waived: tuple[str, ...] | None) -> tuple[str, tuple[Any, ...]]:
    pending = "b.status = ? AND b.responded_at IS NULL AND b.accepted_at IS NULL"
    if code == WAITING:
        return pending, (BookingStatus.PENDING.value,)
    if code == PAST:
        return f"{pending} AND b.response_deadline < ?", (BookingStatus.PENDING.value, at)
    if code == HANDED:
        return "(b.booking_id, b.origin) IN (SELECT (booking_id, origin) FROM marts.reassignments)", ()
    if code in ("finding", "missing"):
        one = "" if code == "finding" else " AND finding = ?"
        is_waived = "coalesce(waived, false)" if waived is None else "list_contains(?::VARCHAR[], finding_id)"
        found = f"FROM marts.commission_findings WHERE booking_id IS NOT NULL AND NOT {is_waived}{one}"
        given: tuple[Any, ...] = (*(() if waived is None else (waived,)), *((code,) if one else ()))
        return f"(b.booking_id, b.origin) IN (SELECT (booking_id, origin) {found})", given
    one = "" if code == ODD else " WHERE anomaly = ?"
    odd = f"SELECT unnest([booking_id, other_booking_id]) FROM marts.booking_anomalies{one}"
    return f"b.booking_id IN ({odd})", ((code,) if one else ())


def _days(first: date | None, last: date | None) -> tuple[str, tuple[Any, ...]]:
    day = "(b.created_at + to_minutes(b.utc_offset_minutes))::DATE"
    parts: list[tuple[str, Any]] = []
    if first is not None:
        begins = datetime.combine(first, datetime.min.time())
        parts += [("b.created_at >= ?", begins - _ZONES), (f"{day} >= ?", first)]
    if last is not None:
        ends = datetime.combine(last, datetime.min.time()) + timedelta(days=1)
        parts += [("b.created_at < ?", ends + _ZONES), (f"{day} <= ?", last)]
    return " AND ".join(sql for sql, _ in parts), tuple(value for _, value in parts)


# The list -----------------------------------------------------------------------------------------

_COLUMNS: Final = """b.booking_id, b.origin, b.business_id, b.status, b.response_deadline, b.accepted_at,
    b.responded_at, b.created_at, b.starts_at, b.provider_id, b.provider_name, b.customer_id, b.source, b.mode,
    b.service_minutes, b.amount_idr, b.is_test, b.deleted_at"""


@cached
def _page(path: str, asked: Asked, page: int) -> pl.DataFrame:
    return _rows(path, asked, page)


def _rows(path: str, asked: Asked, page: int | None) -> pl.DataFrame:
    condition, parameters = asked.condition(path)
    order = f"{SORTS[asked.order]}, {_LAST_ORDER}"
    chosen = f"SELECT b.rowid FROM core.bookings b WHERE {condition}"
    if page is not None:
        chosen += f" ORDER BY {order} LIMIT {PAGE_ROWS} OFFSET {PAGE_ROWS * (page - 1)}"
    return ask(
        path,
        f"SELECT {_COLUMNS} FROM core.bookings b WHERE b.rowid IN ({chosen}) ORDER BY {order}",
        _bound(parameters),
    )


@cached
def total(path: str, asked: Asked) -> int:
    """How many bookings are asked for."""
    condition, parameters = asked.condition(path)
    found = ask(path, f"SELECT count(*) AS n FROM core.bookings b WHERE {condition}", _bound(parameters))
    return int(found["n"][0])


def _bound(parameters: Iterable[Any]) -> list[Any]:
    return [list(value) if isinstance(value, tuple) else value for value in parameters]


@dataclass(frozen=True)
class Listing:
    """One page of the bookings asked for, and all of them for a download: as core has them, with how each stands
    (``answer``, marketplace/answers.py; ``left_s``: seconds until its deadline, negative when past; ``chat``,
    marketplace/chats.py). ``name``: of its file and of its place on the page. Raises what reading.ask raises."""

    name: str
    asked: Asked
    page: int
    at: datetime
    columns: tuple[Column, ...] = ()
    said: Callable[[pl.DataFrame], pl.DataFrame] = field(default=lambda rows: rows, compare=False)
    """Adds what a screen says of the rows in its language; no file has it."""

    def first(self, path: str, limit: int) -> pl.DataFrame:
        return self.said(self._told(path, _page(path, self.asked, self.page)))

    def all(self, path: str) -> pl.DataFrame:
        return self._told(path, _rows(path, self.asked, None))

    def _told(self, path: str, rows: pl.DataFrame) -> pl.DataFrame:
        rows = standing(path, rows, self.at)
        if self.asked.show != HANDED:
            return rows
        return rows.join(
            _last_hand_overs(path), on=["booking_id", "origin"], how="left", maintain_order="left"
        )

    def count(self, path: str) -> int:
        return total(path, self.asked)


@cached
def _last_hand_overs(path: str) -> pl.DataFrame:
    """Of each booking that was handed over from whom to whom it last went, and when: handed_from, handed_to (names,
    else ids; null: nobody knows), handed_at."""
    return ask(
        path,
        """WITH names AS (
             SELECT provider_id, any_value(provider_name) AS name FROM core.providers GROUP BY provider_id),
             newest AS (SELECT booking_id, origin, max_by(r, r.number) AS r FROM marts.reassignments r GROUP BY ALL)
           SELECT booking_id, origin, coalesce(f.name, r.from_provider_id) AS handed_from,
                  coalesce(t.name, r.to_provider_id) AS handed_to, r.reassigned_at AS handed_at
           FROM newest LEFT JOIN names f ON f.provider_id = r.from_provider_id
           LEFT JOIN names t ON t.provider_id = r.to_provider_id""",
    )


def standing(path: str, rows: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """Bookings with ``answer``, ``left_s`` and ``chat`` added."""
    records = rows.select(
        "booking_id", "origin", "business_id", "status", "accepted_at", "responded_at", "response_deadline",
        "created_at",
    ).to_dicts()  # fmt: skip
    answers = [answer_of(row, at) for row in records]
    chats = chat_words(path, records, at)
    left = [
        (row["response_deadline"] - at).total_seconds() if answer in (Answer.WAITING, Answer.PAST) else None
        for row, answer in zip(records, answers, strict=True)
    ]
    return rows.with_columns(
        pl.Series("answer", [answer.value for answer in answers], dtype=pl.String),
        pl.Series("left_s", left, dtype=pl.Float64),
        pl.Series("chat", [chat.value for chat in chats], dtype=pl.String),
    )


@dataclass(frozen=True)
class Waiting:
    """Who waits for an answer at an instant: ``waiting`` bookings, of them ``past`` their deadline; ``longest``: the
    one whose deadline passed first; ``next_at``: the next deadline ahead."""

    waiting: int
    past: int
    longest: dict[str, Any] | None
    next_at: datetime | None


def waiting(path: str, at: datetime) -> Waiting:
    """How many bookings wait for an answer now, by the clock."""
    awaited = _awaited(path)
    past = bisect_left(awaited.deadlines, at)
    return Waiting(
        awaited.number,
        past,
        awaited.first if past else None,
        awaited.deadlines[past] if past < len(awaited.deadlines) else None,
    )


_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC).replace(tzinfo=None)
"""An instant at which every deadline is past."""


@dataclass(frozen=True)
class _Awaited:
    """The bookings that somebody is still to answer: their ``number``, the ``deadlines`` of those that have one in
    order, and the row of the ``first`` of these."""

    number: int
    deadlines: list[datetime]
    first: dict[str, Any] | None


@cached
def _awaited(path: str) -> _Awaited:
    """Which these are is the same at every instant; asked of thousands of rows once a snapshot."""
    answers = [(row, answer_of(row, _EVER)) for row in _pending(path)]
    dated = sorted(
        (row for row, answer in answers if answer is Answer.PAST), key=lambda row: row["response_deadline"]
    )
    return _Awaited(
        sum(answer in AWAITED for _, answer in answers),
        [row["response_deadline"] for row in dated],
        dated[0] if dated else None,
    )


@cached
def _pending(path: str) -> list[dict[str, Any]]:
    return ask(
        path,
        """SELECT booking_id, status, accepted_at, responded_at, response_deadline, created_at FROM core.bookings
           WHERE status = ? AND deleted_at IS NULL AND NOT coalesce(is_test, false)""",
        [BookingStatus.PENDING.value],
    ).to_dicts()


@cached
def cities(path: str) -> tuple[str, ...]:
    """Where providers are."""
    found = ask(path, "SELECT DISTINCT city FROM core.providers WHERE city IS NOT NULL ORDER BY city")
    return tuple(found["city"].to_list())


# The chat of bookings -----------------------------------------------------------------------------


def chat_words(path: str, bookings: list[dict[str, Any]], at: datetime) -> list[Chat]:
    """Whether the chat of each booking is open at an instant."""
    if not bookings:
        return []
    read_until = _rooms_read(path)
    rooms = rooms_of(path, bookings)
    return [
        chat_of(
            [
                room_at(room["status"], room["expires_at"], at) if room["sure"] else Chat.UNKNOWN
                for room in rooms.get((row["booking_id"], row["origin"]), ())
            ],
            read=read_until is not None and row["created_at"] <= read_until,
        )
        for row in bookings
    ]


def rooms_of(path: str, bookings: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """(booking_id, origin) → the rooms that name it, by its id or its BK number, as written or all in small or capital
    letters: room_id, status, expires_at, created_at, and ``sure``: the name is of no other booking."""
    keys: dict[str, set[tuple[str, str]]] = {}
    names: dict[str, set[str]] = {"booking_id": set(), "business_id": set()}
    for row in bookings:
        for column, known in names.items():
            if row[column] is not None:
                known.add(row[column])
                keys.setdefault(row[column].lower(), set()).add((row["booking_id"], row["origin"]))
    found = _rooms(path, _spelled(name for known in names.values() for name in known))
    written = {room["booking_ref"].lower() for room in found}
    shared = frozenset[str]()
    for column, known in names.items():
        if used := {name for name in known if name.lower() in written}:
            shared |= _shared(path, column, _spelled(used))
    rooms: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for room in found:
        key = room["booking_ref"].lower()
        for booking in keys[key]:
            rooms.setdefault(booking, []).append({**room, "sure": key not in shared and len(keys[key]) == 1})
    return rooms


def _spelled(names: Iterable[str]) -> tuple[str, ...]:
    """The spellings under which a name is looked for. Folding a million names to compare them takes three times as long
    as looking for three spellings of each."""
    return tuple(sorted({spelled for name in names for spelled in (name, name.lower(), name.upper())}))


@cached
def _rooms(path: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return ask(
        path,
        """SELECT booking_ref, room_id, status, expires_at, created_at FROM core.chat_rooms
           WHERE booking_ref IN (SELECT unnest(?::VARCHAR[])) AND deleted_at IS NULL
           ORDER BY created_at DESC, room_id""",
        [list(names)],
    ).to_dicts()


@cached
def _shared(path: str, column: str, names: tuple[str, ...]) -> frozenset[str]:
    """Of these names of bookings, folded, those that stand on more than one."""
    found = ask(
        path,
        f"""SELECT lower({column}) AS key FROM core.bookings
            WHERE {column} IN (SELECT unnest(?::VARCHAR[])) AND deleted_at IS NULL GROUP BY key HAVING count(*) > 1""",
        [list(names)],
    )
    return frozenset(found["key"].to_list())


@cached
def _rooms_read(path: str) -> datetime | None:
    """Up to when all chat rooms were read; None where they never were."""
    found = ask(path, "SELECT completed_at FROM ops.scans WHERE collection = ?", ["chat_rooms"])
    return found["completed_at"][0] if found.height else None


# One booking --------------------------------------------------------------------------------------

_ALL_COLUMNS: Final = f"""{_COLUMNS}, b.provider_type, b.amount_rule, b.amount_before_idr, b.created_rule,
    b.deadline_rule, b.accepted_rule, b.ends_at, b.completed_at, b.cancelled_at, b.earns, b.utc_offset_minutes"""
_NAMESAKES: Final = 20
"""So many bookings of one BK number are told at most."""


@cached
def named(path: str, said: str) -> list[dict[str, Any]]:
    """The bookings with this id, else those with this BK number: what core has of each, with the ``city`` of the
    provider and the ``provider``'s own name. One id may stand in both collections."""
    for column in ("booking_id", "business_id"):
        found = ask(
            path,
            f"""SELECT {_ALL_COLUMNS}, p.city, coalesce(p.provider_name, b.provider_name) AS provider
                FROM (SELECT {_ALL_COLUMNS} FROM core.bookings b WHERE {column} = ? LIMIT {_NAMESAKES}) b
                LEFT JOIN (SELECT provider_id, any_value(city) AS city, any_value(provider_name) AS provider_name
                           FROM core.providers GROUP BY provider_id) p ON p.provider_id = b.provider_id
                ORDER BY b.deleted_at IS NOT NULL, b.origin, b.created_at DESC""",
            [said],
        ).to_dicts()
        if found:
            return found
    return []


@cached
def events(path: str, booking_id: str, origin: str) -> list[dict[str, Any]]:
    """from_status, to_status, observed_at: what was seen of its status, in order."""
    return ask(
        path,
        """SELECT from_status, to_status, observed_at FROM core.booking_events
           WHERE booking_id = ? AND origin = ? ORDER BY change""",
        [booking_id, origin],
    ).to_dicts()


@cached
def reconciled(path: str, booking_id: str, origin: str) -> dict[str, Any] | None:
    """Its row of the reconciliation, or None where it earns nothing."""
    rows = ask(
        path,
        """SELECT commission_id, expected_idr, actual_idr, variance_idr, state, local_date, policy_version,
                  policy_rate_ppm, rate, deadline_at, commission_status, paid_at, records
           FROM marts.commission_reconciliation WHERE booking_id = ? AND origin = ? LIMIT 1""",
        [booking_id, origin],
    ).to_dicts()
    return rows[0] if rows else None


@cached
def findings(path: str, booking_id: str, origin: str) -> list[dict[str, Any]]:
    """What was found about its commission, with code and args, open ones first."""
    return ask(
        path,
        f"""SELECT finding_id, finding, severity, commission_id, expected_idr, actual_idr, variance_idr,
                   coalesce(waived, false) AS waived, detail, code, args
            FROM {with_messages("marts.commission_findings", "origin")}
            WHERE booking_id = ? AND coalesce(origin, ?) = ?
            ORDER BY waived, abs(coalesce(variance_idr, 0)) DESC, finding_id""",
        [booking_id, origin, origin],
    ).to_dicts()


@cached
def further_records(path: str, booking_id: str, origin: str) -> list[dict[str, Any]]:
    """Records of it that are not its own: commission_id, reason, status, commission_idr."""
    return ask(
        path,
        """SELECT commission_id, reason, status, commission_idr FROM marts.unreconciled_records
           WHERE booking_id = ? AND coalesce(origin, ?) = ? ORDER BY commission_id""",
        [booking_id, origin, origin],
    ).to_dicts()


@cached
def hand_overs(path: str, booking_id: str, origin: str) -> list[dict[str, Any]]:
    """Who had it and to whom it went, in order, also where another booking took its place or it took another's:
    booking_id, from_provider_id, from_name, to_provider_id, to_name, to_booking_id, reassigned_at, told_by, outcome."""
    return ask(
        path,
        """WITH names AS (SELECT provider_id, any_value(provider_name) AS name FROM core.providers GROUP BY provider_id)
           SELECT r.booking_id, r.from_provider_id, f.name AS from_name, r.to_provider_id, t.name AS to_name,
                  r.to_booking_id, r.reassigned_at, r.told_by, r.outcome
           FROM (FROM marts.reassignments WHERE (booking_id = ? AND origin = ?) OR to_booking_id = ?) r
           LEFT JOIN names f ON f.provider_id = r.from_provider_id
           LEFT JOIN names t ON t.provider_id = r.to_provider_id
           ORDER BY r.reassigned_at NULLS FIRST, r.booking_id, r.number""",
        [booking_id, origin, booking_id],
    ).to_dicts()


@cached
def hops(path: str, booking_id: str, origin: str) -> dict[int, dict[str, Any]]:
    """Hop → since and verdict, of the chain from booking to payment; none of a booking older than a week."""
    rows = ask(
        path,
        "SELECT hop, since, verdict FROM marts.link_states WHERE row_id = ? AND origin = ? ORDER BY hop",
        [booking_id, origin],
    ).to_dicts()
    return {int(row["hop"]): row for row in rows}


@cached
def anomalies(path: str, booking_id: str) -> list[dict[str, Any]]:
    """What is odd about it, or about another because of it: anomaly, booking_id, other_booking_id, detail, code,
    args."""
    return ask(
        path,
        f"""SELECT anomaly, booking_id, other_booking_id, detail, code, args
            FROM {with_messages("marts.booking_anomalies")} WHERE booking_id = ? OR other_booking_id = ?
            ORDER BY anomaly, booking_id, other_booking_id""",
        [booking_id, booking_id],
    ).to_dicts()


@cached
def doubts(path: str, booking_id: str, origin: str) -> list[dict[str, Any]]:
    """Values of its row that could not be trusted: finding, attribute, detail, code, args."""
    return ask(
        path,
        f"""SELECT finding, attribute, detail, code, args FROM {with_messages("marts.data_findings")}
            WHERE row_id = ? AND collection = ? ORDER BY attribute, finding""",
        [booking_id, origin],
    ).to_dicts()


def chain(path: str, booking_id: str, origin: str, policy: Policy) -> tuple[Step, ...]:
    """The facts that led to how its commission stands, each with its rule: asked for one booking, and not kept."""
    with reading(path) as con:
        return explain_booking(con, booking_id, origin, policy)


def chat_now(path: str, booking: Mapping[str, Any], at: datetime) -> tuple[Chat, list[dict[str, Any]]]:
    """Whether its chat is open, and the rooms that name it."""
    row = dict(booking)
    rooms = rooms_of(path, [row]).get((row["booking_id"], row["origin"]), [])
    return chat_words(path, [row], at)[0], rooms
