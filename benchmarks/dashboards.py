"""How fast the dashboards answer on 1 million bookings and 10 million messages, and under 30 viewers at once.

`python -m benchmarks.dashboards [--scale 1.0] [--viewers 30] [--minutes 3] [--data DIR] [--json FILE]`, or
`make bench-dashboards`. A warehouse of that size is made (benchmarks/large_warehouse.py), every mart built as a run
builds it, and published as a run publishes; a file of personal data with words of every message beside it. Then, each
in a process of its own:

- `pages`: every page drawn again by Streamlit's own script run (AppTest), without network and browser, for a viewer
  who may everything; and pages with a record opened. `fresh`: the same with no answer of the snapshot kept.
- `chats`: conversations nobody has opened yet, searches in one that is open, and searches in all.
- `viewers`: sessions over the WebSocket of a real server, each drawing its page anew every five seconds, while another
  process changes figures and publishes every minute. The clock stands still, so that what two viewers see of one page
  and snapshot has to be the same, byte for byte: where it is not, a figure is torn.

Prints a table with the targets, and exits 1 where one is not met.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import importlib
import json
import logging
import os
import pkgutil
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

BOOKINGS: Final = 1_000_000
MESSAGES_A_BOOKING: Final = 10
PAGE_MS: Final = 150
CHAT_MS: Final = 100
SEARCH_MS: Final = 1_000
VIEWER_MS: Final = 500
REFRESH_S: Final = 5
ARRIVING_S: Final = 1.1
PUBLISH_S: Final = 60
RERUNS: Final = 25
CHATS: Final = 40
FIRST: Final = "20261120T120000Z-000001"

_PRIVATE: Final = """
CREATE MACRO dice(i, salt, sides) AS (hash(i * 1024 + salt) % sides)::BIGINT;
INSERT INTO messages BY NAME
SELECT message_id, conversation_id AS room_id, change,
    ['Halo kak, apakah bisa datang jam ', 'Baik, saya sedang dalam perjalanan ke alamat ', 'Terima kasih banyak ya ',
     'Maaf, saya terlambat karena macet di jalan ', 'Ok siap ', 'Bagaimana kondisi Anda? Café dekat ',
     'Apakah harganya sudah termasuk transport? Saya tinggal di '][1 + dice(change, 60, 7)] || dice(change, 61, 100000)
    || CASE WHEN dice(change, 62, 10) = 0 THEN ' dan mohon ditunggu sebentar lagi ya kak, sedang persiapan' ELSE '' END
    || CASE WHEN dice(change, 63, 100000) = 0 THEN ' seltén' ELSE '' END AS text,
    length(text) AS letters
FROM snapshot.core.messages WHERE deleted_at IS NULL;
INSERT INTO providers BY NAME
SELECT provider_id, 'Ni Luh ' || change AS name, '+62812' || (30000000 + change) AS phone, 'therapists' AS origin
FROM snapshot.core.providers;
INSERT INTO bookings BY NAME
SELECT booking_id, 'Wayan ' || change AS customer_name, '+62813' || (30000000 + change) AS customer_phone, origin
FROM snapshot.core.bookings;
"""
WORDS: Final = (
    "terima kasih",
    "ok",
    "cafe dekat",
    "selten",
    "kata yang tidak ada",
    "ditunggu sebentar",
    "1234",
)


# -- the home ------------------------------------------------------------------------------------------------


def make(data: Path, bookings: int) -> Path:
    """A home in ``data`` with a snapshot of that size, its private file, and the warehouse it was copied from."""
    import duckdb

    from assets.core.personal_store import TABLES
    from assets.marts.build import build
    from assets.marts.views import write_views
    from assets.ops import create_ops
    from benchmarks.large_warehouse import NOW, kept
    from resources.home import Home
    from resources.ledger import Ledger
    from resources.policy_file import load_policy
    from resources.snapshots import copy_closed_file, point_link, snapshot_path
    from resources.warehouse import open_warehouse

    root = data / f"home-{bookings}"
    home = Home(root)
    if home.current.exists() and home.private.exists():
        return root
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    told("making the warehouse")
    large = kept(data, bookings, talks=True, each=MESSAGES_A_BOOKING)
    home.published.mkdir(parents=True, exist_ok=True, mode=0o700)
    home.warehouse.unlink(missing_ok=True)
    large.rename(home.warehouse)
    told("building the marts")
    policy = load_policy()
    with open_warehouse(home.warehouse) as con:
        create_ops(con)
        build(con, now=NOW, policy=policy)
        write_views(con, policy)
        con.execute("UPDATE ops.scans SET read_until = watermark")
        con.execute(
            "INSERT INTO core.state BY NAME SELECT '3' AS rules_version, max(change) AS processed_change,"
            f" TIMESTAMP '{NOW}' AS built_at, 'Asia/Makassar' AS timezone, '{{}}' AS attributes FROM core.messages"
        )
        con.execute(
            "INSERT INTO ops.snapshot BY NAME SELECT $1 AS snapshot_id, 'bench' AS run_id,"
            f" TIMESTAMP '{NOW}' AS published_at, '3' AS rules_version,"
            " {'endpoint': 'none', 'project': 'none', 'database': 'none'} AS source",
            [FIRST],
        )
        con.execute("CHECKPOINT")
    told("publishing")
    target = snapshot_path(home, FIRST)
    copy_closed_file(home.warehouse, target, Ledger(home.ledger).record_seal)
    point_link(home.current, target)
    told("writing the private file")
    path = home.published / "private_000000000001_bench.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as con:
        con.execute("SET enable_progress_bar = false")
        con.execute(f"ATTACH '{target}' AS snapshot (READ_ONLY)")
        for table, columns in TABLES.items():
            con.execute(
                f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
            )
        con.execute(_PRIVATE)
        con.execute(
            "CREATE TABLE _state AS SELECT processed_change, rules_version FROM snapshot.core.state; CHECKPOINT"
        )
        con.execute("DROP MACRO dice")
    home.private.unlink(missing_ok=True)
    home.private.symlink_to(path.name)
    return root


def told(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


def environment(root: Path) -> dict[str, str]:
    from benchmarks.large_warehouse import NOW

    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "BOOKWATCH_HOME": str(root),
        "BOOKWATCH_NOW": f"{NOW.isoformat()}Z",
        "BOOKWATCH_TIMEZONE": "Asia/Makassar",
    }


def may_everything() -> None:
    """Whoever looks, in this process, may do everything: what a role hides would take no time."""
    from dashboards import viewer
    from dashboards.viewer import Viewer
    from marketplace.roles import Role

    viewer.LOCAL = Viewer("benchmark", Role.ADMIN, known=True)  # type: ignore[misc] - what a page takes for its viewer


# -- pages, in this process ----------------------------------------------------------------------------------


@dataclass
class Drawn:
    """Milliseconds of drawing one address. ``work``: of the processor, in a rerun; what other processes take is not in
    it."""

    first: float
    again: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)
    fresh: list[float] = field(default_factory=list)

    @property
    def p95(self) -> float:
        return _p95(self.again)


def _p95(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))] if ordered else 0.0


def pages(root: Path) -> dict[str, Any]:
    """Every page, and those with a record opened: first, again (p95), and with no answer kept (median)."""
    may_everything()
    from dashboards import frame

    found: dict[str, Any] = {}
    for page, query in _addresses(root, [page.name for page in frame.PAGES]):
        drawn = _draw(page, query)
        name = page + "".join(f"?{key}" for key in query)
        found[name] = {
            "first": drawn.first,
            "p95": drawn.p95,
            "work": statistics.median(drawn.work),
            "fresh": statistics.median(drawn.fresh),
        }
        told(f"{name}: {drawn.p95:.0f} ms")
    return found


def _addresses(root: Path, names: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    from dashboards.kit.links import HOMES

    for name in names:
        yield name, {}
    for kind, sql in _RECORDS.items():
        page, choice = HOMES[kind]
        record = _one(root, sql)
        if page in names and record:
            yield page, {choice: record}


_RECORDS: Final = {
    "booking": "SELECT booking_id FROM core.bookings WHERE deleted_at IS NULL AND NOT is_test LIMIT 1 OFFSET 5000",
    "customer": "SELECT customer_id FROM core.bookings LIMIT 1",
    "provider": "SELECT provider_id FROM core.providers LIMIT 1",
    "account": "SELECT provider_id FROM core.providers LIMIT 1",
    "room": "SELECT room_id FROM core.chat_rooms LIMIT 1",
    "commission": "SELECT commission_id FROM core.commissions LIMIT 1",
    "finding": "SELECT finding_id FROM marts.commission_findings LIMIT 1",
}


def _one(root: Path, sql: str) -> str | None:
    from dashboards.queries import reading
    from resources.home import Home

    path = reading.newest(Home(root).current)
    assert path is not None
    rows = reading.ask(path, sql).rows()
    return str(rows[0][0]) if rows else None


def _app(page: str, query: dict[str, str]) -> Any:
    from streamlit.testing.v1 import AppTest

    from dashboards import launch

    app = AppTest.from_file(launch.APP, default_timeout=300)
    app.switch_page(f"pages/{page}.py")
    for name, value in query.items():
        app.query_params[name] = value
    return app


def _timed(app: Any) -> float:
    begun = time.perf_counter()
    app.run()
    spent = (time.perf_counter() - begun) * 1000
    if app.exception:
        sys.exit(f"The page failed: {app.exception}")
    if not any('class="bw-head"' in block.proto.body for block in app.html):
        sys.exit(f"The page was not drawn: {app.html[-1].proto.body[-500:]}")
    return spent


def _draw(page: str, query: dict[str, str]) -> Drawn:
    forget = _forgetting()
    app = _app(page, query)
    drawn = Drawn(_timed(app))
    for _ in range(RERUNS):
        begun = time.process_time()
        drawn.again.append(_timed(app))
        drawn.work.append((time.process_time() - begun) * 1000)
    for _ in range(3):
        forget()
        drawn.fresh.append(_timed(app))
    return drawn


def _forgetting() -> Callable[[], None]:
    """What forgets every answer of a snapshot that is kept."""
    from dashboards import queries

    kept = [
        cell.cell_contents
        for module in pkgutil.iter_modules(queries.__path__, f"{queries.__name__}.")
        for question in vars(importlib.import_module(module.name)).values()
        for cell in getattr(question, "__closure__", None) or ()
        if hasattr(cell.cell_contents, "cache_clear")
    ]

    def forget() -> None:
        for one in kept:
            one.cache_clear()

    return forget


# -- conversations -------------------------------------------------------------------------------------------


def chats(root: Path) -> dict[str, Any]:
    """Milliseconds of conversations that nobody has opened yet, of searches in one that is open, and in all."""
    may_everything()
    from dashboards.queries import private, reading, talks, words
    from resources.home import Home

    home = Home(root)
    path = reading.newest(home.current)
    assert path is not None
    rooms = reading.ask(
        path, f"SELECT room_id FROM core.chat_rooms USING SAMPLE {2 * CHATS} ROWS (reservoir, 7)"
    )["room_id"].to_list()
    from benchmarks.large_warehouse import NOW

    said: dict[str, list[float]] = defaultdict(list)
    work: dict[str, list[float]] = defaultdict(list)

    def timed(name: str, ms: Callable[[], float]) -> None:
        begun = time.process_time()
        said[name].append(ms())
        work[name].append((time.process_time() - begun) * 1000)

    app = _app("chat", {"room": rooms[0]})
    _timed(app)
    for room in rooms[:CHATS]:
        app.query_params["room"] = room
        timed("conversation, the page", lambda: _timed(app))
    for room in rooms[CHATS:]:
        app.query_params["room"] = room
        _timed(app)
        app.query_params["find_here"] = "terima kasih"
        timed("search in one, the page", lambda: _timed(app))
        del app.query_params["find_here"]
    for word in WORDS:
        timed(
            "search in all, the answer",
            lambda word=word: _ms(lambda: _search_all(home.private, path, word, NOW)),
        )
    del app.query_params["room"]
    for word in WORDS:
        app.query_params["find"] = word
        timed("search in all, the page", lambda: _timed(app))
    for room in rooms[:CHATS]:

        def look(room: str = room) -> None:
            found = talks.room(path, room)
            assert found is not None
            with private.opened(home.private) as con:
                words.texts(con, found.talk, talks.newest(path, found.talk).messages["message_id"].to_list())

        timed("conversation, the answer", lambda look=look: _ms(look))
    return {
        name: {"p95": _p95(values), "max": max(values), "work": statistics.median(work[name])}
        for name, values in said.items()
    }


def _search_all(link: Path, path: str, sought: str, now: Any) -> None:
    from dashboards.queries import private, words

    with private.opened(link) as con:
        words.excerpts(con, path, words.found(con, path, sought, now))


def _ms(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


# -- viewers, over the WebSocket -----------------------------------------------------------------------------


@dataclass
class Seen:
    """What the viewers met. ``drawn``: (page, snapshot) → by digest what was drawn whole; ``answers``: milliseconds of
    each refresh; ``whole``: of those in which a new snapshot was drawn."""

    answers: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    drawn: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))
    errors: list[str] = field(default_factory=list)


class Viewer:
    """A browser as the server knows it: one session at one page."""

    def __init__(self, socket: Any, page: str, seen: Seen, refusals: tuple[str, ...]) -> None:
        self.socket = socket
        self.page = page
        self.seen = seen
        self.refusals = refusals
        self.fragment = ""
        self.script = ""
        self.held: dict[str, Any] = {}

    async def ask(self, *, fragment: bool) -> None:
        from streamlit.proto.BackMsg_pb2 import BackMsg

        message = BackMsg()
        message.rerun_script.query_string = ""
        if fragment:
            message.rerun_script.fragment_id = self.fragment
            message.rerun_script.is_auto_rerun = True
            message.rerun_script.page_script_hash = self.script
        else:
            message.rerun_script.page_name = self.page
        begun = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        whole = await self.drawn()
        spent = (time.perf_counter() - begun) * 1000
        if fragment:
            self.seen.answers.append(spent)
            if whole:
                self.seen.whole.append(spent)

    async def drawn(self) -> bool:
        """Read until the drawing has ended; whether it was one of the whole page."""
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        parts: dict[tuple[int, ...], bytes] = {}
        whole = False
        while True:
            message = ForwardMsg()
            message.ParseFromString(await asyncio.wait_for(self.socket.recv(), timeout=120))
            kind = message.WhichOneof("type")
            if kind == "ref_hash":
                message = self.held[message.ref_hash]
                kind = message.WhichOneof("type")
            elif message.hash:
                self.held[message.hash] = message
            if kind == "new_session" and not message.metadata.run.fragment_ids:
                whole, parts = True, {}
                self.script = message.new_session.page_script_hash
            elif kind == "navigation":
                # A first drawing by name begins before its page is known; a browser goes by this, too.
                self.script = message.navigation.page_script_hash
            elif kind == "auto_rerun":
                self.fragment = message.auto_rerun.fragment_id
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                parts[tuple(message.metadata.delta_path)] = self.said(message.delta.new_element)
            elif kind == "script_finished":
                status = message.script_finished
                if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    continue
                if status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    self.seen.errors.append(f"{self.page}: did not run")
                if whole:
                    self.judge(b"\n".join(parts[place] for place in sorted(parts)))
                return whole

    def said(self, element: Any) -> bytes:
        """What an element shows, of those that show figures."""
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.seen.errors.append(f"{self.page}: {element.exception.type}")
        if kind == "html":
            return element.html.body.encode()
        if kind == "markdown":
            return element.markdown.body.encode()
        if kind == "dataframe":
            return element.dataframe.arrow_data.data  # not its style, which has a number of its own each time
        if kind in ("metric", "vega_lite_chart", "plotly_chart", "text"):
            return getattr(element, kind).SerializeToString(deterministic=True)
        return b""

    def judge(self, shown: bytes) -> None:
        text = shown.decode(errors="replace")
        for refusal in self.refusals:
            if refusal in text:
                self.seen.errors.append(f"{self.page}: {refusal}")
        snapshots = set(re.findall(r"\b\d{8}T\d{6}Z-\d{6}\b", text))
        if snapshots:
            self.seen.drawn[self.page, max(snapshots)].setdefault(hashlib.sha256(shown).hexdigest(), shown)


async def _view(
    url: str, page: str, later: float, seen: Seen, refusals: tuple[str, ...], until: float
) -> None:
    """One viewer, who comes ``later`` seconds and stays."""
    from websockets.asyncio.client import connect

    await asyncio.sleep(later)  # viewers come one after the other, as people do
    try:
        # The name is Streamlit's; websockets' own type for one is no plain text.
        async with connect(url, max_size=None, ping_interval=None, subprotocols=["streamlit"]) as socket:  # type: ignore[list-item]
            viewer = Viewer(socket, page, seen, refusals)
            await viewer.ask(fragment=False)
            while time.monotonic() < until:
                await asyncio.sleep(REFRESH_S)  # a page asks again at this rhythm
                await viewer.ask(fragment=True)
    except Exception as failure:  # noqa: BLE001 - whatever breaks a viewer is what is looked for
        seen.errors.append(f"{page}: {type(failure).__name__} {failure}")


def viewers(root: Path, number: int, minutes: float) -> dict[str, Any]:
    from dashboards import frame
    from dashboards.wording import texts

    names = [page.name for page in frame.PAGES]
    seen = Seen()
    said = texts("en")
    refusals = tuple(said[name] for name in ("fresh.unreadable_title", "fresh.absent"))
    with _serving(root) as (port, server):

        async def all_of_them() -> None:
            until = time.monotonic() + minutes * 60
            url = f"ws://127.0.0.1:{port}/_stcore/stream"
            await asyncio.gather(
                *(
                    _view(
                        url,
                        "" if (page := names[n % len(names)]) == "overview" else page,
                        n * ARRIVING_S,
                        seen,
                        refusals,
                        until,
                    )
                    for n in range(number)
                )
            )

        publishing = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.dashboards", "--only", "publish", "--home", str(root), "--minutes",
             str(minutes)],
            env=environment(root), cwd=ROOT,
        )  # fmt: skip
        try:
            asyncio.run(all_of_them())
        finally:
            publishing.terminate()
            publishing.wait(timeout=60)
        work = _processor_s(server)
    torn = [
        f"{page or 'overview'} {snapshot}: {_apart(*list(kinds.values())[:2])}"
        for (page, snapshot), kinds in sorted(seen.drawn.items())
        if len(kinds) > 1
    ]
    return {
        "refreshes": len(seen.answers),
        "p95": _p95(seen.answers),
        "median": statistics.median(seen.answers) if seen.answers else 0.0,
        "work": 1000 * work / max(1, len(seen.answers) + number),
        "whole": len(seen.whole),
        "whole_p95": _p95(seen.whole),
        "snapshots": len({snapshot for _, snapshot in seen.drawn}),
        "compared": len(seen.drawn),
        "torn": torn,
        "errors": seen.errors[:20],
    }


@contextmanager
def _serving(root: Path) -> Iterator[tuple[int, int]]:
    """A server of its own: its port and process."""
    from dashboards import launch

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (root / "server.log").open("wb") as log:
        process = subprocess.Popen(
            launch.command(port), env=environment(root), cwd=root, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)  # nobody tells when a port is open: it is tried
            yield port, process.pid
        finally:
            process.kill()  # it has nothing to finish, and would wait for its viewers
            process.wait()


def _apart(one: bytes, other: bytes) -> str:
    """Where two drawings of the same differ first."""
    place = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    around = slice(max(0, place - 40), place + 60)
    return " ≠ ".join(ascii(side[around].decode(errors="replace")) for side in (one, other))


def _processor_s(process: int) -> float:
    """Seconds of the processor that a running process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def publish(root: Path, minutes: float) -> None:
    """Every minute: other figures in the marts, published as a run does; the three newest snapshots stay."""
    from resources.home import Home
    from resources.ledger import Ledger
    from resources.snapshots import copy_closed_file, point_link, published_snapshots, snapshot_path
    from resources.warehouse import open_warehouse

    home = Home(root)
    until = time.monotonic() + minutes * 60
    newest = max(int(path.stem.rpartition("-")[2]) for path in published_snapshots(home))
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(PUBLISH_S, left))  # snapshots are published at the rhythm of runs
        newest += 1
        snapshot_id = f"{FIRST.rpartition('-')[0]}-{newest:06}"
        with open_warehouse(home.warehouse) as con:
            for table, column in con.execute(_CHANGED).fetchall():
                con.execute(f"UPDATE marts.{table} SET {column} = {column} + 1000 WHERE {column} IS NOT NULL")
            con.execute("UPDATE ops.snapshot SET snapshot_id = ?", [snapshot_id])
            con.execute("CHECKPOINT")
        copy_closed_file(home.warehouse, snapshot_path(home, snapshot_id), Ledger(home.ledger).record_seal)
        point_link(home.current, snapshot_path(home, snapshot_id))
        for old in sorted(published_snapshots(home))[:-3]:
            old.unlink()


_CHANGED: Final = """
SELECT c.table_name, min(c.column_name) FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid)
WHERE c.schema_name = 'marts' AND c.column_name LIKE '%\\_idr' ESCAPE '\\' AND c.data_type = 'BIGINT'
  AND t.estimated_size BETWEEN 1 AND 100000 GROUP BY 1
"""


# -- all of it -----------------------------------------------------------------------------------------------


def measured(what: str, root: Path, *more: str) -> dict[str, Any]:
    """One measurement in a process of its own."""
    told(what)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.dashboards", "--only", what, "--home", str(root), *more],
        env=environment(root),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{what} failed (exit status {done.returncode}).")
    return json.loads(done.stdout)


def table(found: dict[str, Any]) -> bool:
    """Print what was measured against the targets; whether all are met."""
    rows: list[tuple[str, str, str, bool]] = []

    def row(name: str, ms: float, limit: int, more: str = "") -> None:
        rows.append((name, f"{ms:,.0f} ms{more}", f"under {limit:,} ms", ms < limit))

    for name, one in found["pages"].items():
        more = f" (processor {one['work']:,.0f}; first {one['first']:,.0f}, nothing kept {one['fresh']:,.0f})"
        row(f"{name}: rerun, p95", one["p95"], PAGE_MS, more)
    for name, one in found["chats"].items():
        limit = SEARCH_MS if "in all" in name else CHAT_MS
        row(f"{name}: p95", one["p95"], limit, f" (processor {one['work']:,.0f}; at most {one['max']:,.0f})")
    seen = found["viewers"]
    if seen:
        row(
            f"{found['number']} viewers, {seen['refreshes']:,} refreshes: p95", seen["p95"], VIEWER_MS,
            f" (processor {seen['work']:,.0f}; median {seen['median']:,.0f}; {seen['whole']} of a new snapshot,"
            f" p95 {seen['whole_p95']:,.0f})",
        )  # fmt: skip
        rows.append(("errors", str(len(seen["errors"])), "none", not seen["errors"]))
        rows.append(
            ("snapshots met while they looked", str(seen["snapshots"]), "at least 2", seen["snapshots"] > 1)
        )
        rows.append(
            (
                f"torn figures ({seen['compared']} pages of {seen['snapshots']} snapshots)",
                str(len(seen["torn"])),
                "none",
                not seen["torn"],
            )
        )
    print(
        f"\n{found['bookings']:,} bookings, {found['bookings'] * MESSAGES_A_BOOKING:,} messages,"
        f" {os.cpu_count()} cores\n\n| what | measured | target | met |\n|---|---|---|---|"
    )
    for name, value, target, met in rows:
        print(f"| {name} | {value} | {target} | {'yes' if met else 'NO'} |")
    for error in (*seen["errors"], *seen["torn"]) if seen else ():
        print(f"  {error}")
    return all(met for *_, met in rows)


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of 1,000,000 bookings")
    parser.add_argument("--viewers", type=int, default=30, help="0: none")
    parser.add_argument("--minutes", type=float, default=4.0, help="for how long they look")
    parser.add_argument("--data", type=Path, help="a folder that keeps the home for the next time")
    parser.add_argument("--json", type=Path, help="a file for all that was measured")
    parser.add_argument("--only", choices=("pages", "chats", "viewers", "publish"), help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(list(arguments))
    logging.disable(logging.WARNING)
    if asked.only == "publish":
        publish(asked.home, asked.minutes)
        return 0
    if asked.only:
        found = (
            viewers(asked.home, asked.viewers, asked.minutes)
            if asked.only == "viewers"
            else {"pages": pages, "chats": chats}[asked.only](asked.home)
        )
        print(json.dumps(found))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        bookings = int(BOOKINGS * asked.scale)
        root = make(asked.data or Path(folder), bookings)
        looking = ("--viewers", str(asked.viewers), "--minutes", str(asked.minutes))
        found = {
            "bookings": bookings,
            "number": asked.viewers,
            "pages": measured("pages", root),
            "chats": measured("chats", root),
            "viewers": measured("viewers", root, *looking) if asked.viewers else {},
        }
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    return 0 if table(found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
