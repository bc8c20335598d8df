"""The booking services under load: how soon a booking comes to be, is accepted, a page of a chat and a search are
there; and how many calls to Appwrite each of them costs.

`python -m benchmarks.services [--seconds 60] [--rate 20] [--messages 10000000] [--data DIR] [--json FILE]`, or
`make bench-services`. A sandbox, the services and whoever asks are a process each, all on the same machine. Requests
are sent when their time comes, whether those before them were answered or not, and a request is as slow as it was late:
its time counts from when it was due. Accounts are known to nobody before: what it costs to ask Appwrite who somebody
is, is in it. Judges nothing.

Targets: a booking and its acceptance within 150 ms (p95) at 20 a second, a page and a search within 50 ms (p95) in 10
million messages.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from benchmarks.sandboxes import ROOT, Sandbox, cpu_s
from sandbox.clients.server import Server

BOOKWATCH = [sys.executable, "-c", "from pipelines.cli import main; main()"]
MESSAGES = "chat_messages"
SENDERS = 48
A_CUSTOMER = 3
"""Bookings each makes: the rate allows five an hour."""
A_PROVIDER = 4
"""Bookings each is asked for, on days of their own, so that all can be accepted."""
ROOMS = ((200, 60), (90, 1_000), (10, 20_000))
"""Conversations of so many messages each, beside those that the sandbox is filled with."""
WORDS = ("handuk", "minyak", "lobby", "gate", "pressure", "terima", "jam", "wife", "lokasi", "besok")
LEFT = (
    *("bookings", "hotel_bookings", "chat_rooms", "chat_messages", "notifications", "commission_records"),
    *("booking_offers", "service_guards", "service_counters", "service_requests", "users", "therapists"),
)
PRICED = 10
"""So often each operation is done alone, for its calls to be counted."""
MENU = {60: 250, 90: 350, 120: 450}


# What is asked -------------------------------------------------------------------------------------------


def asked(
    endpoint: str, requests_made: Sequence[Mapping[str, Any]], rate: float, seed: int, follow: bool
) -> dict[str, Any]:
    """Send the requests when their times come; what was answered, how late. ``follow``: one of a chat's page goes on
    from where the page before it of the same room ended."""
    local, lock = threading.local(), threading.Lock()
    late: list[float] = []
    statuses: Counter[str] = Counter()
    answers: dict[str, Any] = {}
    cursors: dict[str, str] = {}
    chance = random.Random(seed)
    began = time.perf_counter() + 0.5
    due = began

    def send(request: Mapping[str, Any], due: float) -> None:
        if not hasattr(local, "web"):
            local.web = requests.Session()
            local.web.trust_env = False
        path, room = request["path"], request.get("room", "")
        with lock:
            before = cursors.get(room) if follow else None
        if before:
            path += f"&before={before}"
        headers = {"Authorization": f"Bearer {request['token']}"}
        if request["method"] == "POST":
            headers["Idempotency-Key"] = request["key"]
        try:
            answer = local.web.request(
                request["method"], endpoint + path, json=request.get("body"), headers=headers, timeout=30
            )
            status, body = str(answer.status_code), answer.json() if answer.content else None
        except requests.RequestException as failed:
            status, body = type(failed).__name__, None
        took = time.perf_counter() - due
        with lock:
            late.append(took)
            code = body.get("code", "") if isinstance(body, dict) and status[0] != "2" else ""
            statuses[f"{status} {code}".strip()] += 1
            if "name" in request and status[0] == "2" and body:
                answers[request["name"]] = body
            if room and isinstance(body, dict):
                cursors[room] = body.get("before") or ""

    with ThreadPoolExecutor(SENDERS) as pool:
        for request in requests_made:
            time.sleep(max(0.0, due - time.perf_counter()))  # open load: each is sent when its time comes
            pool.submit(send, request, due)
            due += chance.expovariate(rate)
    return {"late": late, "statuses": dict(statuses), "answers": answers, "seconds": due - began}


def generate(spec: Path) -> None:
    """The process of its own: reads what is to be sent, writes what was answered."""
    given = json.loads(spec.read_text())
    told = asked(given["endpoint"], given["requests"], given["rate"], given["seed"], given["follow"])
    spec.with_suffix(".answer").write_text(json.dumps(told))


class Load:
    """Lets a process of its own ask."""

    def __init__(self, endpoint: str, folder: Path, rate: float) -> None:
        self.endpoint, self.folder, self.rate = endpoint, folder, rate

    def run(self, what: str, requests_made: Sequence[Mapping[str, Any]], *, follow: bool = False) -> Any:
        spec = self.folder / f"{what}.json"
        given = {"endpoint": self.endpoint, "requests": requests_made, "rate": self.rate, "seed": 7}
        spec.write_text(json.dumps({**given, "follow": follow}))
        subprocess.run(
            [sys.executable, "-m", "benchmarks.services", "--generate", str(spec)], cwd=ROOT, check=True
        )
        told = json.loads(spec.with_suffix(".answer").read_text())
        spec.unlink()
        return told


# Who asks and is asked -----------------------------------------------------------------------------------


class Market(Sandbox):
    """A sandbox with so many messages, whose people can be signed in."""

    def __init__(self, folder: Path, messages: int) -> None:
        super().__init__(folder, "--days", "5", "--messages", str(messages))
        self.server = Server(self.endpoint, self.project, self.database)
        self.server.enter()

    def forget(self, since: str) -> None:
        """Delete what an earlier measurement left: its open offers would be handed on while this one measures."""
        headers = {
            "X-Appwrite-Project": self.project,
            "X-Appwrite-Key": self.environment["APPWRITE_WRITE_KEY"],
        }
        query = f'{{"method":"greaterThan","attribute":"$createdAt","values":["{since}"]}}'
        for table in LEFT:
            where = f"{self.origin}/v1/tablesdb/{self.database}/tables/{table}/rows"
            answer = self.web.delete(where, json={"queries": [query]}, headers=headers, timeout=300)
            if answer.status_code != 404:
                answer.raise_for_status()

    def count(self) -> tuple[int, int]:
        """Calls so far: all, and those that write."""
        return self.control("GET", "faults")["requests"], self.control("GET", "writes")["calls"]


class Services:
    """``bookwatch services serve`` in a process of its own."""

    def __init__(self, environment: Mapping[str, str], home: Path) -> None:
        known = {**os.environ, **environment, "BOOKWATCH_HOME": str(home), "BOOKWATCH_TABLES": "{}"}
        self.process = subprocess.Popen(
            [*BOOKWATCH, "services", "serve", "--port", "0", "--json"],
            cwd=ROOT,
            env=known,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"The booking services did not start (exit status {self.process.wait()}).")
        self.endpoint = json.loads(line)["endpoint"]


def memory_mb(pid: int) -> int:
    """The most memory a process has had."""
    found = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in line]
    return int(found[0].split()[1]) // 1024


# What there is -------------------------------------------------------------------------------------------


def make_indexes(sandbox: Market) -> None:
    """Those of messages that ``services install`` makes, with the patience that millions of rows ask for."""
    from marketplace.collections import COLLECTIONS
    from services.tables import FURTHER, Index

    where = f"{sandbox.origin}/v1/tablesdb/{sandbox.database}/tables/{MESSAGES}"
    headers = {
        "X-Appwrite-Project": sandbox.project,
        "X-Appwrite-Key": sandbox.environment["APPWRITE_WRITE_KEY"],
    }
    there = requests.get(where, headers=headers, timeout=60).json()
    attributes = frozenset(column["key"] for column in there["columns"])
    declared = next(one for one in COLLECTIONS if one.name == MESSAGES)
    wanted = [
        Index(columns, index.descending)
        for index in declared.indexes
        if (columns := index.on(attributes)) is not None
    ]
    known = {tuple(index["columns"]) for index in there["indexes"]}
    for index in (*wanted, *FURTHER[MESSAGES]):
        if index.columns in known:
            continue
        known.add(index.columns)
        began = time.monotonic()
        orders = {"orders": ["DESC"] * len(index.columns)} if index.descending else {}
        body = {"key": index.key, "type": "key", "columns": list(index.columns), **orders}
        answer = requests.post(f"{where}/indexes", json=body, headers=headers, timeout=3600)
        answer.raise_for_status()
        print(f"index on {', '.join(index.columns)} in {time.monotonic() - began:.0f} s", flush=True)


def provider_rows(names: Sequence[str], at: str) -> Iterator[dict[str, Any]]:
    """Therapists who are there around the clock."""
    for name in names:
        yield {
            "$id": name,
            "$createdAt": at,
            "$updatedAt": at,
            "name": "Wayan",
            "whatsappNumber": "+6281200000000",
            "status": "AVAILABLE",
            "city": "Ubud",
            "timezone": "Asia/Makassar",
            "commissionPlan": "standard",
            "pricing": json.dumps(MENU),
            "lastSeenAt": at,
            "createdAt": at,
        }


def user_rows(names: Sequence[str], at: str) -> Iterator[dict[str, Any]]:
    """Customers, as users of the app."""
    for name in names:
        yield {
            "$id": name,
            "$createdAt": at,
            "$updatedAt": at,
            "name": "Anna",
            "phone": "+6281200000001",
            "role": "customer",
            "createdAt": at,
        }


def room_names() -> list[tuple[str, int]]:
    """Each conversation with its number of messages."""
    sizes = [size for count, size in ROOMS for _ in range(count)]
    return [(f"bench-room-{number}", size) for number, size in enumerate(sizes)]


def chatter(number: int) -> str:
    """The customer of a room."""
    return f"bench-chatter-{number}"


def load_rooms(sandbox: Market, now: datetime) -> None:
    """The conversations: a booking, a room, its messages, half of them of either side."""
    at, until = _text(now - timedelta(days=3)), _text(now + timedelta(days=30))
    named = list(enumerate(room_names()))
    common = {"$createdAt": at, "$updatedAt": at, "createdAt": at}
    sandbox.load(
        "bookings",
        (
            {
                "$id": f"bench-booking-{number}",
                **common,
                "status": "accepted",
                "customerId": chatter(number),
                "providerId": "bench-speaker",
                "providerType": "therapist",
                "duration": 60,
                "totalCost": 250_000,
                "source": "direct",
                "mode": "immediate",
                "acceptedAt": at,
            }
            for number, _ in named
        ),
    )
    sandbox.load(
        "chat_rooms",
        (
            {
                "$id": room,
                **common,
                "bookingId": f"bench-booking-{number}",
                "customerId": chatter(number),
                "therapistId": "bench-speaker",
                "status": "active",
                "expiresAt": until,
            }
            for number, (room, _) in named
        ),
    )
    sandbox.load("chat_messages", _messages(named, now))


def _messages(named: Sequence[tuple[int, tuple[str, int]]], now: datetime) -> Iterator[dict[str, Any]]:
    chance = random.Random(7)
    for number, (room, size) in named:
        for place in range(size):
            # several of an instant, as a burst of messages is
            at = _text(now - timedelta(days=3) + timedelta(seconds=(place // 3) * 5))
            ours = place % 2 == 0
            yield {
                "$id": f"bm-{number}-{place}",
                "$createdAt": at,
                "$updatedAt": at,
                "roomId": room,
                "bookingId": f"bench-booking-{number}",
                "senderId": chatter(number) if ours else "bench-speaker",
                "senderRole": "customer" if ours else "therapist",
                "messageType": "text",
                "message": " ".join(chance.sample(WORDS, 3)) if place % 7 == 0 else "Halo, siap jam empat",
                "isRead": True,
                "timestamp": at,
            }


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


# What is measured ----------------------------------------------------------------------------------------


class Bookings:
    """Customers and providers that nobody has seen before, and what they ask. ``count``: bookings."""

    def __init__(self, sandbox: Market, count: int, now: datetime) -> None:
        self._server, self._run = sandbox.server, f"{int(now.timestamp()):x}"
        self._now = now
        self.customers = [f"c{self._run}-{n}" for n in range(-(-count // A_CUSTOMER))]
        self.providers = [f"p{self._run}-{n}" for n in range(-(-count // A_PROVIDER))]
        sandbox.load("users", user_rows(self.customers, _text(now)))
        sandbox.load("therapists", provider_rows(self.providers, _text(now)))

    def created(self, numbers: range) -> list[dict[str, Any]]:
        """Requests to book, of all entries; the later ones of a provider on days of their own."""
        return [self._create(number) for number in numbers]

    def _create(self, number: int) -> dict[str, Any]:
        provider, turn = number % len(self.providers), number // len(self.providers)
        minutes = (60, 90, 120)[number % 3]
        body: dict[str, Any] = {
            "entry": ("bookNow", "chat", "menu", "direct")[number % 4] if turn == 0 else "schedule",
            "providerId": self.providers[provider],
            "minutes": minutes,
            "customer": {"name": "Anna", "whatsapp": f"+62813{number % 100_000_000:08}"},
            "location": "Jl. Hanoman 5",
        }
        if body["entry"] == "menu":
            body["price"] = MENU[minutes] * 1000
        if turn:
            day = (self._now + timedelta(hours=8, days=turn + 1)).date()
            body["startsAt"] = f"{day.isoformat()}T11:00:00+08:00"
        return {
            "name": str(number),
            "method": "POST",
            "path": "/bookings",
            "key": f"{self._run}-{number}",
            "body": body,
            "token": self._server.token(self.customers[number // A_CUSTOMER]),
        }

    def accepted(self, answers: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Requests to accept what came to be, by whom it was asked."""
        return [
            {
                "method": "POST",
                "path": f"/bookings/{answers[number]['bookingId']}/accept",
                "key": f"{self._run}-accept-{number}",
                "body": {},
                "token": self._server.token(self.providers[int(number) % len(self.providers)]),
            }
            for number in sorted(answers, key=int)
        ]


def pages(server: Server, count: int) -> list[dict[str, Any]]:
    """Requests for pages of conversations, the short ones and the long ones alike; who comes back reads on."""
    chance, named = random.Random(11), room_names()
    chosen = [chance.randrange(len(named)) for _ in range(count)]
    return [_of_room(server, number, "messages?limit=50") for number in chosen]


def searches(server: Server, count: int) -> list[dict[str, Any]]:
    """Requests for what holds a word; a tenth of them for one that is nowhere."""
    chance, named = random.Random(13), room_names()
    found: list[dict[str, Any]] = []
    for _ in range(count):
        word = chance.choice(WORDS) if chance.random() < 0.9 else "nirgends"
        found.append(_of_room(server, chance.randrange(len(named)), f"search?q={word}"))
    return found


def sayings(server: Server, count: int) -> list[dict[str, Any]]:
    """Requests to send a message, few enough for each who sends them."""
    return [
        {
            **_of_room(server, number, "messages"),
            "method": "POST",
            "key": f"{time.time_ns()}",
            "body": {"text": "Saya tunggu di lobi"},
        }
        for number in range(count)
    ]


def _of_room(server: Server, number: int, what: str) -> dict[str, Any]:
    room = room_names()[number][0]
    return {
        "method": "GET",
        "path": f"/rooms/{room}/{what}",
        "room": room,
        "token": server.token(chatter(number)),
    }


class Measurement:
    """What was measured, by operation."""

    def __init__(self, sandbox: Market, services: Services, load: Load) -> None:
        self._sandbox, self._services, self._load = sandbox, services, load
        self.found: dict[str, Any] = {}

    def of(self, what: str, requests_made: Sequence[Mapping[str, Any]], *, follow: bool = False) -> Any:
        """Under load: how late answers were, what they were, what it took."""
        pids = (self._services.process.pid, self._sandbox.process.pid)
        before, calls = [cpu_s(pid) for pid in pids], self._sandbox.count()
        told = self._load.run(what, requests_made, follow=follow)
        after, calls_after = [cpu_s(pid) for pid in pids], self._sandbox.count()
        late = sorted(told["late"])
        number = len(late)
        cuts = statistics.quantiles(late, n=100, method="inclusive") if number > 1 else late * 99
        own, server = ((b - a) * 1000 / number for a, b in zip(before, after, strict=True))
        self.found[what] = {
            "asked": number,
            "a_second": round(number / told["seconds"], 1),
            "p50_ms": round(cuts[49] * 1000, 1),
            "p95_ms": round(cuts[94] * 1000, 1),
            "p99_ms": round(cuts[98] * 1000, 1),
            "longest_ms": round(late[-1] * 1000, 1),
            "answers": told["statuses"],
            "cpu_ms_each": round(own, 1),
            "sandbox_cpu_ms_each": round(server, 1),
            "calls_each": round((calls_after[0] - calls[0]) / number, 1),
        }
        print(f"{what:8} {self.found[what]}", flush=True)
        return told["answers"]

    def price(self, what: str, requests_made: Sequence[Mapping[str, Any]]) -> Any:
        """One at a time on a quiet server: the calls to Appwrite each costs, what the services do by themselves taken
        off. The first of each asks who it is, too, as whoever was not heard of for a minute does."""
        quiet_from, began = self._sandbox.count(), time.monotonic()
        time.sleep(5)  # long enough to count what the services ask by themselves
        quiet = [
            (b - a) / (time.monotonic() - began)
            for a, b in zip(quiet_from, self._sandbox.count(), strict=True)
        ]
        before, began = self._sandbox.count(), time.monotonic()
        told = asked(self._services.endpoint, requests_made, 2.0, 7, follow=False)
        took = time.monotonic() - began
        after = self._sandbox.count()
        every, writing = (
            round((b - a - each_second * took) / len(requests_made), 1)
            for a, b, each_second in zip(before, after, quiet, strict=True)
        )
        alone = sorted(told["late"])[len(told["late"]) // 2]
        self.found.setdefault("price", {})[what] = {
            "calls": every,
            "of_them_writes": writing,
            "alone_ms": round(alone * 1000, 1),
            "answers": told["statuses"],
        }
        print(f"price of {what:8} {self.found['price'][what]}", flush=True)
        return told["answers"]


def measure(given: argparse.Namespace, folder: Path, stop: Callable[[subprocess.Popen[str]], None]) -> Any:
    """Everything, one after the other; what was measured."""
    began = time.monotonic()
    sandbox = Market(folder / "sandbox", given.messages)
    stop(sandbox.process)
    now = datetime.now(UTC)
    marked = folder / "rooms-loaded"
    if marked.exists():
        sandbox.forget(marked.read_text())
    else:
        load_rooms(sandbox, now)
        make_indexes(sandbox)
        marked.write_text(_text(now))
    count = int(given.rate * given.seconds)
    bookings = Bookings(sandbox, count + PRICED, now)
    print(f"filled in {time.monotonic() - began:.0f} s", flush=True)
    began = time.monotonic()
    services = Services(sandbox.environment, folder / "home")
    stop(services.process)
    print(f"services there in {time.monotonic() - began:.1f} s: {services.endpoint}", flush=True)
    load = Load(services.endpoint, folder, given.rate)
    measurement = Measurement(sandbox, services, load)
    server, found = sandbox.server, measurement.found
    chosen = given.only.split(",") if given.only else ["price", "create", "accept", "page", "search", "say"]
    if "price" in chosen:
        made = measurement.price("create", bookings.created(range(count, count + PRICED)))
        measurement.price("accept", bookings.accepted(made))
        measurement.price("page", pages(server, PRICED))
        measurement.price("search", searches(server, PRICED))
        measurement.price("say", sayings(server, PRICED))
    if "create" in chosen:
        made = measurement.of("create", bookings.created(range(count)))
        if "accept" in chosen:
            measurement.of("accept", bookings.accepted(made))
    if "page" in chosen:
        measurement.of("page", pages(server, count), follow=True)
    if "search" in chosen:
        measurement.of("search", searches(server, count))
    if "say" in chosen:
        measurement.of("say", sayings(server, len(room_names())))
    found["messages"] = given.messages + sum(size for _, size in room_names())
    found["services_mb"], found["sandbox_mb"] = (
        memory_mb(services.process.pid),
        memory_mb(sandbox.process.pid),
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, help="of each kind of load")
    parser.add_argument("--rate", type=float, default=20, help="requests a second")
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--only", default="", help="of price,create,accept,page,search,say; fill: none")
    parser.add_argument("--data", type=Path, default=None, help="keep what the sandbox is filled with there")
    parser.add_argument("--json", type=Path, default=None, help="write what was measured there, too")
    parser.add_argument("--generate", type=Path, default=None, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.generate is not None:
        generate(given.generate)
        return
    with contextlib.ExitStack() as stack:

        def stop(process: subprocess.Popen[str]) -> None:
            stack.callback(process.wait)
            stack.callback(process.terminate)

        folder = given.data or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        found = measure(given, folder, stop)
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
