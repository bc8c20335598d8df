"""Pages of a conversation neither skip nor repeat, whatever was written how, at one instant or meanwhile."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.simulator.schema import TABLES
from services.chat.cache import COUNTS_FOR_S, Cache
from services.chat.conversation import of_room
from services.chat.pages import Pages, words_of
from services.chat.place import LATE_MS, After, Place, after_at, opaque, place_at
from services.chat.showing import page_of
from services.problems import Problem
from tests.services.memory import EPOCH, Memory

ROOM = of_room("r1", "chat_messages")


COLUMNS = frozenset(column.key for column in TABLES["chat_messages"])


def memory(*, ordered: bool = True) -> Memory:
    """``ordered``: whether the server can order the instants of messages."""
    server = Memory()
    server.columns["chat_messages"] = COLUMNS
    if not ordered:
        server.kinds["chat_messages", "timestamp"] = "varchar"
    return server


def written(server: Memory, row_id: str, second: int | None, name: str = "conversationId") -> None:
    """A message ``second`` seconds after the beginning, None: without an instant, by any of the app's writers."""
    told = {"message": row_id, name: "r1"}
    if second is not None:
        told["timestamp"] = (EPOCH + timedelta(seconds=second)).isoformat(timespec="milliseconds") + "+00:00"
    server.put("chat_messages", row_id, **told)


def stamped(server: Memory, row_id: str) -> tuple[str, int]:
    row = server.tables["chat_messages"][row_id]
    return (row.get("timestamp") or row["$createdAt"], row["$sequence"])


SECONDS = st.one_of(st.none(), st.integers(0, 3))
WRITTEN = st.tuples(SECONDS, st.sampled_from(["conversationId", "roomId"]))


@settings(max_examples=60, deadline=None)
@given(
    before=st.lists(WRITTEN, max_size=14),
    meanwhile=st.lists(st.lists(WRITTEN, max_size=3), max_size=12),
    size=st.integers(1, 4),
    down=st.booleans(),
    forgets=st.booleans(),
    ordered=st.booleans(),
)
def test_pages_neither_skip_nor_repeat(
    before: list[tuple[int | None, str]],
    meanwhile: list[list[tuple[int | None, str]]],
    size: int,
    down: bool,
    forgets: bool,
    ordered: bool,
) -> None:
    """Read to the end, a page after another, with messages coming between any two: every message is shown that stood
    there before, none twice, all in their order; and of those that came, those that stand where was not yet read."""
    server = memory(ordered=ordered)
    clock = [0.0]
    pages = Pages(server, Cache(monotonic=lambda: clock[0]))
    for number, (second, name) in enumerate(before):
        written(server, f"m{number}", second, name)
    standing = set(server.tables.get("chat_messages", {}))
    shown: list[str] = []
    place: Place | None = None if down else Place(0, 1)
    arrivals = iter(meanwhile)
    came = 0
    while True:
        if place is None:
            found = pages.newest(ROOM, size)
        else:
            found = pages.older(ROOM, place, size) if down else pages.newer(ROOM, After(place, place), size)
        rows = found.entries[::-1] if down else found.entries
        shown += [str(entry.row["$id"]) for entry in rows]
        if not found.more:
            break
        assert rows
        place = place_at(rows[-1].place.cursor)
        for second, name in next(arrivals, []):
            written(server, f"late{came}", second, name)
            came += 1
        if forgets:
            clock[0] += COUNTS_FOR_S + 1
    assert len(shown) == len(set(shown))
    assert standing <= set(shown)
    assert shown == sorted(shown, key=lambda row_id: stamped(server, row_id), reverse=down)


def test_what_came_after_a_place_is_found_from_it() -> None:
    server = memory()
    pages = Pages(server)
    for number in range(5):
        written(server, f"m{number}", 0)
    last = pages.newest(ROOM, 50).entries[-1].place
    assert not pages.newer(ROOM, After(last, last), 50).entries
    for number in range(5, 8):
        written(server, f"m{number}", 0)
    assert [str(e.row["$id"]) for e in pages.newer(ROOM, After(last, last), 50).entries] == ["m5", "m6", "m7"]


@settings(max_examples=40, deadline=None)
@given(
    rounds=st.lists(st.lists(st.integers(0, LATE_MS - 100), max_size=4), min_size=1, max_size=10),
    size=st.integers(1, 4),
    pause=st.integers(0, 4_000),
    ordered=st.booleans(),
)
def test_who_polls_misses_none_that_comes_to_be_seen_late(
    rounds: list[list[int]], size: int, pause: int, ordered: bool
) -> None:
    """Each message is stamped up to some seconds before it is to be seen; polled with each answer's ``after``."""
    server = memory(ordered=ordered)
    pages = Pages(server)
    written(server, "first", 0)
    first = pages.newest(ROOM, size)
    cursor = page_of(first.entries, frozenset(), older=first.more, more=first.more).after
    told = [str(entry.row["$id"]) for entry in first.entries]
    came, now = 0, EPOCH + timedelta(seconds=6)
    for lags in [*rounds, *[[]] * 12]:
        for lag in lags:
            at = (now - timedelta(milliseconds=lag)).isoformat(timespec="milliseconds") + "+00:00"
            server.put("chat_messages", f"m{came}", conversationId="r1", timestamp=at)
            came += 1
        now += timedelta(milliseconds=pause)
        more = True
        while more:
            assert cursor is not None
            after = after_at(cursor)
            found = pages.newer(ROOM, after, size)
            told += [str(entry.row["$id"]) for entry in found.entries]
            cursor = page_of(found.entries, frozenset(), older=True, more=found.more, after=after).after
            more = found.more
    assert sorted(told) == sorted(server.tables["chat_messages"])


def test_instants_the_server_cannot_order_are_ordered_here() -> None:
    """Text and epochs of several writers in one column."""
    server = memory(ordered=False)
    instants = ["1773576003000", "2026-03-15T12:00:01Z", "2026-03-15T20:00:02+08:00", "1773576000", None]
    for number, at in enumerate(instants):
        server.put("chat_messages", f"m{number}", roomId="r1", content=str(number), timestamp=at)
    server.put("chat_messages", "elsewhere", roomId="r1", conversationId="r2", timestamp=instants[0])
    found = Pages(server).newest(ROOM, 3)
    assert [str(entry.row["$id"]) for entry in found.entries] == ["m1", "m2", "m0"]
    older = Pages(server).older(ROOM, found.entries[0].place, 3)
    assert [str(entry.row["$id"]) for entry in older.entries] == ["m3", "m4"]
    assert not older.more


def test_older_pages_come_of_what_was_just_read_and_edits_are_seen_in_seconds() -> None:
    server = memory()
    clock = [0.0]
    pages = Pages(server, Cache(monotonic=lambda: clock[0]))
    for number in range(20):
        written(server, f"m{number:02}", number)
    newest = pages.newest(ROOM, 15)
    asked = server.calls["rows"]
    older = pages.older(ROOM, newest.entries[10].place, 5)
    assert [e.row["$id"] for e in older.entries] == [f"m{n:02}" for n in range(10, 15)]
    assert server.calls["rows"] == asked
    del server.tables["chat_messages"]["m12"]
    server.tables["chat_messages"]["m13"]["message"] = "said otherwise"
    clock[0] += COUNTS_FOR_S + 1
    seen = pages.older(ROOM, newest.entries[10].place, 5)
    assert [e.row["message"] for e in seen.entries] == ["m09", "m10", "m11", "said otherwise", "m14"]


def test_what_is_kept_is_bounded_a_conversation_in_all_and_in_bytes() -> None:
    server = memory()
    for room in range(4):
        for number in range(8):
            server.put(
                "chat_messages",
                f"m{room}{number}",
                conversationId=f"r{room}",
                message="x" * 100,
                timestamp=f"2026-03-15T12:00:0{number}.000+00:00",
            )
    cache = Cache(a_conversation=5, in_all=12)
    pages = Pages(server, cache)
    for room in range(4):
        pages.newest(of_room(f"r{room}", "chat_messages"), 50)
        assert cache.messages <= 12
    assert cache.messages == 10, "two conversations of five: the ones read last"
    small = Cache(bytes_in_all=5_000)
    Pages(server, small).newest(ROOM, 50)
    assert (small.messages, small.bytes) == (0, 0)
    place = Pages(server, cache).newest(of_room("r3", "chat_messages"), 50).entries[4].place
    asked = server.calls["rows"]
    assert len(pages.older(of_room("r3", "chat_messages"), place, 4).entries) == 4
    assert server.calls["rows"] > asked, "more was there than is kept"


def test_words_are_found_in_any_message_page_by_page() -> None:
    server = memory()
    names = ("message", "content", "originalText")
    for number in range(9):
        server.put(
            "chat_messages",
            f"m{number}",
            conversationId="r1",
            timestamp=f"2026-03-15T12:00:0{number}.000+00:00",
            **{names[number % 3]: f"The VILLA by the pool {number}" if number % 2 else "nothing"},
        )
    pages = Pages(server)
    found, end = pages.search(ROOM, ["Villa", "POOL"], None, 3)
    assert [e.row["$id"] for e in found.entries] == ["m3", "m5", "m7"]
    assert found.more
    assert end is not None
    rest, end = pages.search(ROOM, ["Villa", "POOL"], end, 3)
    assert [e.row["$id"] for e in rest.entries] == ["m1"]
    assert end is None
    assert not pages.search(ROOM, ["villa", "sea"], None, 3)[0].entries


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr("services.chat.pages.LOOKED_AT", 4)
    monkeypatch.setattr("services.chat.pages.GOES_ON_S", request.param)


@pytest.mark.parametrize("short", [0, 60], indirect=True)
def test_a_long_conversation_is_searched_some_at_a_time_to_its_end(short: None) -> None:
    server = memory()
    for number in range(11):
        word = "villa" if number in (0, 6) else "other"
        written(server, word + str(number), number % 3, ("conversationId", "roomId")[number % 2])
    pages, place, hits = Pages(server), None, []
    for _ in range(12):
        found, place = pages.search(ROOM, ["villa"], place, 1)
        hits += [str(entry.row["$id"]) for entry in reversed(found.entries)]
        if place is None:
            break
    assert place is None
    assert sorted(hits) == ["villa0", "villa6"]


@pytest.mark.parametrize("asked", ["", "   ", "x" * 101, "a b c d e f g h i"])
def test_what_cannot_be_looked_for_is_refused(asked: str) -> None:
    with pytest.raises(Problem) as told:
        words_of(asked)
    assert told.value.status == 422
    assert "x" * 20 not in json.dumps([str(told.value), [one.code for one in told.value.errors]])


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "MS4x", "LTEuLTEu", "9" * 300, "MQ", "Li4u"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        place_at(cursor)


@pytest.mark.parametrize("told", ["", "1", "1-x", "1-1~5", "9-1", "0-9223372036854775808", "0-1~0--1"])
def test_what_is_no_cursor_to_go_on_from_is_refused(told: str) -> None:
    whole = After(Place(5, 7, "m"), Place(4, 6), frozenset({Place(5, 7)}))
    assert after_at(whole.cursor) == whole
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        after_at(opaque(f"5.7.m~{told}"))
