"""What is new comes to whoever looks at a room, each once, also to who was away for a while."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.appwrite.writing import Change
from services.chat.conversation import of_room
from services.chat.events import (
    GOES_BACK_MS,
    OVERLAP_MS,
    STREAMS_A_USER,
    Mark,
    Stream,
    TooManyStreams,
    Watch,
    mark_of,
)
from services.chat.hub import Hub
from services.routes.rooms import told
from tests.services.memory import EPOCH, Memory, no_answer
from tests.services.test_chat import Bucket, Chat

ROOM = of_room("r1", "chat_messages")


class Looking:
    """A process that looks at rooms of a server whose clock stands unless it is moved."""

    def __init__(self, server: Memory) -> None:
        self.server = server
        self.watch = Watch(server, every=3_600, monotonic=lambda: (server.now - EPOCH).total_seconds())

    def open(self, since: str | None = None, user: str = "ann") -> Stream:
        stream = self.watch.open(ROOM, user, user, since, lambda: None)
        stream.begun = True
        if since is not None:
            assert not self.watch.too_old(stream)
            self.watch.catch_up(stream)
        return stream

    def told(self, stream: Stream) -> list[str]:
        self.watch.poll()
        found: list[str] = []
        while (entry := self.watch.next(stream)) is not None:
            found.append(f"{entry.row['$id']}:{entry.row['message']}")
        return found


def says(server: Memory, row_id: str, text: str = "x") -> None:
    server.put("chat_messages", row_id, conversationId="r1", message=text)


def edits(server: Memory, row_id: str, text: str) -> None:
    row = server.tables["chat_messages"][row_id]
    server.change(Change("chat_messages", row_id, {"message": text}, row["$updatedAt"]))


STEPS = st.lists(
    st.one_of(
        st.just(("say",)),
        st.tuples(st.just("edit"), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.integers(0, 7_000)),
        st.just(("look",)),
        st.just(("leave",)),
        st.just(("come",)),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_each_version_comes_once_however_often_one_goes_and_comes_again(steps: list[tuple[Any, ...]]) -> None:
    """To another process each time; whoever is away when a message is edited twice gets the version that stands."""
    server = Memory()
    says(server, "before")
    server.now += timedelta(seconds=1)
    looking = Looking(server)
    stream: Stream | None = looking.open()
    server.now += timedelta(seconds=1)
    mark = stream.mark.event_id
    told: list[str] = []
    said = 0
    for step in [*steps, ("come",), ("look",)]:
        if step[0] == "say":
            says(server, f"m{said}")
            said += 1
        elif step[0] == "edit" and said:
            edits(server, f"m{step[1] % said}", f"again {len(told)} {server.calls['change']}")
        elif step[0] == "wait":
            server.now += timedelta(milliseconds=step[1])
        elif step[0] == "look" and stream is not None:
            told += looking.told(stream)
            mark = stream.mark.event_id
        elif step[0] == "leave" and stream is not None:
            mark = looking.watch.quiet(stream)
            looking.watch.close(stream)
            stream = None
        elif step[0] == "come" and stream is None:
            looking = Looking(server)
            stream = looking.open(mark)
    assert len(told) == len(set(told))
    standing = {row_id: row["message"] for row_id, row in server.tables["chat_messages"].items()}
    last = dict(one.split(":", 1) for one in told)
    assert {row_id: last.get(row_id) for row_id in standing if row_id != "before"} == {
        row_id: text for row_id, text in standing.items() if row_id != "before"
    }
    assert "before" not in last


def test_a_row_that_comes_to_be_seen_late_is_told() -> None:
    server = Memory()
    looking = Looking(server)
    stream = looking.open()
    server.now += timedelta(seconds=2)
    says(server, "late")
    held = server.tables["chat_messages"].pop("late")
    server.now += timedelta(seconds=1)
    says(server, "m1")
    assert looking.told(stream) == ["m1:x"]
    server.tables["chat_messages"]["late"] = held
    mark = stream.mark.event_id
    assert looking.told(stream) == ["late:x"]
    again = Looking(server)
    assert again.told(again.open(mark)) == ["late:x"]


def test_all_readers_of_all_rooms_cost_one_call() -> None:
    server = Memory()
    watch = Watch(server, every=3_600)
    for number in range(30):
        room = of_room(f"r{number}", "chat_messages")
        for user in ("ann", "t1"):
            watch.open(room, f"{user}{number}", user, None, lambda: None)
    asked = server.calls["rows"]
    watch.poll()
    assert server.calls["rows"] == asked + 1


def test_a_server_that_does_not_answer_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Memory()
    looking = Looking(server)
    stream = looking.open()
    says(server, "m1")
    rows = server.rows
    monkeypatch.setattr(server, "rows", lambda *told: (_ for _ in ()).throw(no_answer("rows")))
    with pytest.raises(Exception, match="did not answer"):
        looking.watch.poll()
    monkeypatch.setattr(server, "rows", rows)
    server.now += timedelta(minutes=5)
    assert looking.told(stream) == ["m1:x"]


def test_streams_are_bounded_and_a_slow_reader_ends() -> None:
    server = Memory()
    looking = Looking(server)
    streams = [looking.open() for _ in range(STREAMS_A_USER)]
    with pytest.raises(TooManyStreams):
        looking.open()
    looking.watch.close(streams.pop())
    looking.open()
    looking.open(user="t1")
    few = Watch(server, every=3_600, streams=1)
    few.open(ROOM, "a", "a", None, lambda: None)
    with pytest.raises(TooManyStreams):
        few.open(ROOM, "b", "b", None, lambda: None)
    assert few.present("A", "R1")
    assert not few.present("b", "r1")
    for number in range(501):
        says(server, f"m{number}")
    looking.watch.poll()
    assert streams[0].over


@pytest.mark.parametrize("event_id", ["", "x", "!", "MQ", "OTk5OTk5OTk5OTk5OTk5OS4w", "x" * 5_000])
def test_what_is_no_events_id_is_refused(event_id: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        Looking(Memory()).open(event_id)


def test_a_mark_says_itself() -> None:
    mark = Mark(1_773_576_000_000, 0, {7: 1_773_575_999_000, 12: 1_773_576_000_000})
    assert mark_of(mark.event_id) == mark
    many = Mark(1_773_576_000_000, 0, {n: 1_773_576_000_000 - n for n in range(1_000)})
    assert len(many.event_id) < 4_000
    assert mark_of(many.event_id).since > many.since - OVERLAP_MS


# As server-sent events --------------------------------------------------------------------------------------


def read_until(stream: Any, wanted: Callable[[dict[str, str]], bool]) -> list[dict[str, str]]:
    """The events of an answer up to one."""
    found: list[dict[str, str]] = []
    event: dict[str, str] = {}
    for line in stream:
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
            continue
        found.append(event)
        if wanted(event):
            return found
        event = {}
    raise AssertionError(found)


@pytest.fixture
def served() -> Iterator[tuple[Chat, str]]:
    """The API by a server of this process."""
    chat = Chat()
    server = uvicorn.Server(uvicorn.Config(chat.api.http.app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield chat, f"http://127.0.0.1:{port}"
    chat.hub.close()
    server.should_exit = True
    thread.join(10)


def test_a_client_hears_what_is_said_and_goes_on_where_it_was(served: tuple[Chat, str]) -> None:
    import httpx2

    chat, origin = served
    url = f"{origin}/rooms/r1/events"
    headers = {"Authorization": "Bearer therapist"}
    chat.say(text="before")
    page = chat.page("therapist")

    def texts(events: list[dict[str, str]]) -> list[str]:
        return [json.loads(event["data"])["text"] for event in events if event.get("event") == "message"]

    with httpx2.stream("GET", url, headers=headers, params={"since": page["events"]}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        chat.say(text="one")
        chat.say(text="two")
        heard = read_until(lines, lambda event: "two" in event.get("data", ""))
        assert texts(heard) == ["one", "two"]
        assert not json.loads(heard[-1]["data"])["mine"]
        assert chat.hub.watch.present("t1", "r1")
    first = next(event["id"] for event in heard if "one" in event.get("data", ""))
    chat.say(text="three")
    with httpx2.stream("GET", url, headers=headers | {"Last-Event-ID": first}) as stream:
        lines = stream.iter_lines()
        heard = read_until(lines, lambda event: "three" in event.get("data", ""))
        assert texts(heard) == ["two", "three"]
        chat.api.services.ending()
        assert not any("data" in line for line in lines), "it ends as an answer does"
    for who, event, status in (
        ("customer", "?", 422),
        ("other_customer", "?", 404),
        ("customer", first, 429),
    ):
        refused = httpx2.get(url, headers={"Authorization": f"Bearer {who}", "Last-Event-ID": event})
        assert refused.status_code == status


def run(wanted: Callable[[Hub, Memory], Coroutine[Any, Any, None]]) -> None:
    server = Memory()
    hub = Hub(server, Bucket(), every=3_600)
    asyncio.run(wanted(hub, server))


def test_a_quiet_stream_says_where_to_go_on_and_ends_by_itself() -> None:
    async def wanted(hub: Hub, server: Memory) -> None:
        stream = hub.watch.open(ROOM, "ann", "ann", None, lambda: None)
        heard = [
            line
            async for line in told(
                hub, stream, frozenset(), asyncio.Event(), False, lasts=0.15, heartbeat=0.04
            )
        ]
        assert len(heard) >= 3
        assert all(line.startswith("id: ") and "data" not in line for line in heard[1:])
        assert hub.watch.streams == 0

    run(wanted)


def test_who_was_away_for_too_long_reads_anew() -> None:
    async def wanted(hub: Hub, server: Memory) -> None:
        old = hub.watch.now() - GOES_BACK_MS - 2 * OVERLAP_MS
        stream = hub.watch.open(ROOM, "ann", "ann", Mark(old, old).event_id, lambda: None)
        events = told(hub, stream, frozenset(), asyncio.Event(), True, lasts=0.05)
        heard = [line async for line in events]
        assert "event: reset" in heard[1]

    run(wanted)


def test_who_has_no_place_in_the_room_any_more_hears_nothing_further() -> None:
    async def wanted(hub: Hub, server: Memory) -> None:
        sits = True
        stream = hub.watch.open(ROOM, "t1", "t1", None, lambda: None)
        events = told(
            hub, stream, frozenset(), asyncio.Event(), False, lambda: sits, heartbeat=0.01, counts_for=0.0
        )
        await anext(events)
        says(server, "m1", "to the first one")
        hub.watch.poll()
        heard = [await anext(events)]
        while "m1" not in heard[-1]:
            heard.append(await anext(events))
        sits = False
        says(server, "m2", "to the one who came after")
        hub.watch.poll()
        heard += [line async for line in events]
        assert "m2" not in "".join(heard)
        assert hub.watch.streams == 0

    run(wanted)
