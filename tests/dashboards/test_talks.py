"""Conversations by their place, and searching in what was written, on a snapshot and a private file of a few rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.core.personal_store import TABLES
from checks.schemas import CORE, MARTS
from checks.schemas.sql import create_table
from dashboards.queries import private, talks, words
from dashboards.queries.talks import AT_ONCE, Part, Room, Spot
from tests.published import add

AT = datetime.fromisoformat("2026-11-20T12:00:00")


@dataclass
class World:
    """A snapshot and its private file, written anew under other names with each change."""

    folder: Path
    rows: list[dict[str, Any]]
    written: int = 0

    def say(self, *messages: dict[str, Any]) -> None:
        """Messages: id, room, at, text, and what else core.messages has."""
        for message in messages:
            self.rows.append({"change": len(self.rows), **message})

    def publish(self, *, rooms: tuple[str, ...] = ("r1",), private_until: int | None = None) -> str:
        self.written += 1
        path = self.folder / f"snapshot{self.written}.duckdb"
        newest = max((row["change"] for row in self.rows), default=0)
        with duckdb.connect(str(path)) as con:
            con.execute("CREATE SCHEMA core; CREATE SCHEMA marts")
            for one in (*CORE.values(), MARTS["room_talks"], MARTS["chat_waiting"]):
                con.execute(create_table(one))
            add(
                con,
                "core.messages",
                "message_id conversation_id sender_role kind sent_at created_at is_read deleted_at change",
                [
                    (
                        m["id"], m["room"], m.get("role", "customer"), m.get("kind", "text"), m.get("at"),
                        m.get("made", m.get("at")), m.get("read"), m.get("gone"), m["change"],
                    )
                    for m in self.rows
                ],
            )  # fmt: skip
            add(
                con,
                "core.chat_rooms",
                "room_id status created_at change",
                [(r, "active", AT, 1) for r in rooms],
            )
            con.execute(f"INSERT INTO core.state (processed_change) VALUES ({newest})")
            con.execute(
                "INSERT INTO marts.room_talks BY NAME SELECT r.room_id, count(*) AS messages,"
                " min(coalesce(sent_at, m.created_at)) AS first_at, max(coalesce(sent_at, m.created_at)) AS last_at"
                " FROM core.chat_rooms r JOIN core.messages m ON lower(conversation_id) = lower(room_id)"
                " WHERE m.deleted_at IS NULL GROUP BY ALL"
            )
        self._write_private(newest if private_until is None else private_until)
        return str(path)

    def _write_private(self, until: int) -> None:
        path = self.folder / f"private_{self.written}.duckdb"
        with duckdb.connect(str(path)) as con:
            for table, columns in TABLES.items():
                con.execute(
                    f"CREATE TABLE {table} ({', '.join(f'{n} {kind}' for n, kind in columns.items())})"
                )
            con.execute("CREATE TABLE _state (processed_change BIGINT, rules_version VARCHAR)")
            con.execute("INSERT INTO _state VALUES (?, '1')", [until])
            add(
                con,
                "messages",
                "message_id room_id change letters text",
                [
                    (m["id"], m["room"], m.get("private_change", m["change"]), len(m["text"]), m["text"])
                    for m in self.rows
                    if m.get("text") is not None and not m.get("gone")
                ],
            )
        link = self.folder / "private.duckdb"
        link.unlink(missing_ok=True)
        link.symlink_to(path.name)

    def private(self) -> Any:
        return private.opened(self.folder / "private.duckdb")

    def search(self, path: str, words_: str, **more: Any) -> list[str]:
        with self.private() as con:
            return ids(words.found(con, path, words_, AT, **more))

    def search_in(self, path: str, room_id: str, words_: str) -> list[str]:
        with self.private() as con:
            return ids(words.found_in(con, path, opened(path, room_id).talk, words_))


def ids(some: Any) -> list[str]:
    return [] if some.messages.is_empty() else some.messages["message_id"].to_list()


def opened(path: str, room_id: str = "r1") -> Room:
    room = talks.room(path, room_id)
    assert room is not None
    return room


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, [])


def message(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"m{number:04}",
        "room": "r1",
        "at": AT - timedelta(days=3) + timedelta(minutes=number),
        **more,
    }


def back_through(path: str, part: Part) -> list[str]:
    """Every message, page by page from the newest to the first, oldest first."""
    talk = opened(path).talk
    found = ids(part)
    while part.older:
        part = talks.before(path, talk, part.first)
        found = ids(part) + found
    return found


def test_pages_of_messages_of_one_instant_neither_skip_nor_repeat(world: World) -> None:
    same = AT - timedelta(days=1)
    world.say(
        *(message(n, at=same) for n in (7, 3, 120, 60, 1)), *(message(n, at=same) for n in range(200, 330))
    )
    path = world.publish()
    talk = opened(path).talk
    newest = talks.newest(path, talk)
    assert (newest.messages.height, newest.older, newest.newer) == (AT_ONCE, True, False)
    every = sorted(row["id"] for row in world.rows)
    assert back_through(path, newest) == every
    # and forward again
    part = talks.after(path, talk, Spot(same, ""))
    forward = ids(part)
    while part.newer:
        part = talks.after(path, talk, part.last)
        forward += ids(part)
    assert forward == every


def test_what_is_said_meanwhile_moves_no_page(world: World) -> None:
    world.say(*(message(n) for n in range(120)))
    first = world.publish()
    part = talks.newest(first, opened(first).talk)
    world.say(*(message(n) for n in range(500, 560)))
    second = world.publish()
    older = talks.before(second, opened(second).talk, part.first)
    assert ids(older) == [f"m{n:04}" for n in range(20, 70)]
    assert older.newer
    assert talks.newest(second, opened(second).talk).messages["message_id"][-1] == "m0559"


def test_a_message_is_shown_with_what_was_said_before_it(world: World) -> None:
    world.say(*(message(n) for n in range(120)))
    path = world.publish()
    part = talks.around(path, opened(path).talk, "m0060")
    assert part is not None
    assert ids(part) == [f"m{n:04}" for n in range(16, 66)]
    assert (part.older, part.newer) == (True, True)
    assert talks.around(path, opened(path).talk, "elsewhere") is None


def test_of_a_room_is_what_names_it_but_for_case_and_what_has_no_time_of_its_own(world: World) -> None:
    world.say(
        message(1),
        message(2, room="R1"),
        message(3, at=None, made=AT - timedelta(days=2)),
        message(4, gone=AT),
        message(5, room="r2"),
    )
    path = world.publish(rooms=("r1", "r2"))
    part = talks.newest(path, opened(path).talk)
    assert ids(part) == ["m0001", "m0002", "m0003"]
    assert part.messages["timed"].to_list() == [True, True, False]
    other = world.publish(rooms=("r1", "R1", "r2"))  # there it is another room's
    assert ids(talks.newest(other, opened(other).talk)) == ["m0001", "m0003"]


def test_a_room_of_which_only_messages_are_known_and_one_that_is_not_there(world: World) -> None:
    world.say(message(1, room="lost"))
    path = world.publish()
    assert not opened(path, "lost").known
    assert ids(talks.newest(path, opened(path, "lost").talk)) == ["m0001"]
    assert talks.room(path, "nowhere") is None
    assert opened(path).talk.messages == 0


@pytest.mark.parametrize(
    ("written", "sought"),
    [
        ("Terima KASIH", "kasih"),
        ("Café", "cafe"),
        ("cafe", "CAFÉ"),
        ("Cafe\u0301", "café"),
        ("diskon 100%", "100%"),
        ("a_b", "a_b"),
        ("back\\slash", "back\\slash"),
        ("it's", "it's"),
        ("satu\n\tdua", "satu dua"),
        ("satu\u00a0dua", "satu dua"),
    ],
)
def test_a_search_finds_what_a_person_means(world: World, written: str, sought: str) -> None:
    world.say(message(1, text=f"x {written} y"), message(2, text="sesuatu yang lain 1000 acb backslash its"))
    path = world.publish()
    assert world.search(path, sought) == ["m0001"]
    assert world.search_in(path, "r1", sought) == ["m0001"]


def test_hits_are_of_ninety_days_the_newest_first_and_older_ones_on_demand(world: World) -> None:
    world.say(
        *(
            message(n, at=AT - timedelta(days=400 - n), text="halo", room=f"r{n % 3}", read=n % 2 == 0)
            for n in range(400)
        ),
        message(900, at=AT - timedelta(days=1), text="lain", room="r1"),
    )
    path = world.publish(rooms=("r0", "r1", "r2"))
    found: list[str] = []
    spot: Spot | None = None
    with world.private() as con:
        first = words.found(con, path, "Halo", AT)
        assert ids(first) == [f"m{n:04}" for n in range(399, 349, -1)]
        assert first.more
        second = words.found(con, path, "Halo", AT, first.last)
        assert ids(second)[0] == "m0349"
        for _ in range(20):
            hits = words.found(con, path, "Halo", AT, spot)
            found += ids(hits)
            assert hits.since is not None
            spot = hits.last if hits.more else Spot(hits.since, "")
    assert found == [f"m{n:04}" for n in range(399, -1, -1)]


def test_more_than_fifty_hits_of_one_instant_are_each_found_once(world: World) -> None:
    same = AT - timedelta(hours=1)
    world.say(*(message(n, at=same, text="halo") for n in range(120)))
    path = world.publish()
    found: list[str] = []
    spot: Spot | None = None
    with world.private() as con:
        while True:
            hits = words.found(con, path, "halo", AT, spot)
            found += ids(hits)
            if not hits.more:
                break
            spot = hits.last
    assert sorted(found) == [f"m{n:04}" for n in range(120)]
    assert len(found) == 120


def test_a_message_that_was_read_later_is_found_at_its_time(world: World) -> None:
    world.say(
        message(1, text="halo satu", at=AT - timedelta(days=40), change=900),
        message(2, text="halo dua", at=AT - timedelta(days=2), change=5),
        message(3, text="halo tiga", at=AT - timedelta(days=1), change=6),
    )
    path = world.publish()
    assert world.search(path, "halo") == ["m0003", "m0002", "m0001"]


@pytest.mark.parametrize("until", [3, 5_000], ids=["older", "newer"])
def test_words_are_found_also_where_the_file_is_older_or_newer_than_the_snapshot(
    world: World, until: int
) -> None:
    changed = 1 if until < 900 else 4_000
    world.say(
        message(1, text="halo", change=900, private_change=changed),
        message(2, text="halo", change=901, private_change=changed),
    )
    path = world.publish(private_until=until)
    assert world.search(path, "halo") == ["m0002", "m0001"]
    assert world.search_in(path, "r1", "halo") == ["m0002", "m0001"]
    with world.private() as con:
        talk = opened(path).talk
        assert words.texts(con, talk, ["m0001", "m0002", "mx"]) == {"m0001": "halo", "m0002": "halo"}
        assert words.lengths(con, talk, ["m0001"]) == {"m0001": 4}


def test_of_a_message_that_the_file_does_not_know_yet_it_is_not_said_that_it_has_no_words(
    world: World,
) -> None:
    world.say(message(1, text="halo"), message(2), message(3, text="baru"))
    with_all, behind = world.publish(), world.publish(private_until=1)
    for path, told in (
        (with_all, {"m0001": 4, "m0003": 4}),
        (behind, {"m0001": 4, "m0002": None, "m0003": 4}),
    ):
        talk = opened(path).talk
        with private.opened(world.folder / f"private_{1 if path == with_all else 2}.duckdb") as con:
            assert words.lengths(con, talk, ["m0001", "m0002", "m0003"]) == told


def test_the_words_of_a_message_that_is_in_no_snapshot_yet_are_no_hit(world: World) -> None:
    world.say(message(1, text="halo"))
    path = world.publish()
    world.say(message(2, text="halo"))
    world.publish()
    assert world.search(path, "halo") == ["m0001"]


def test_a_place_is_said_in_the_address_and_read_again() -> None:
    spot = Spot(AT + timedelta(microseconds=123), "m~1")
    assert Spot.of(spot.code) == spot
    assert Spot.of("999999999999999999~x") is None
    assert Spot.of("x~1") is None
