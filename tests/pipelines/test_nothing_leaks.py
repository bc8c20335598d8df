"""Personal values planted in every attribute of every collection stand in raw, in the private file and nowhere else:
not in a published byte, a page in either language, an alert, an export, a command's output or a log."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import duckdb
import pytest
from appwrite.services.tables_db import TablesDB

from dashboards import launch
from dashboards.frame import PAGES
from dashboards.wording import LANGUAGES
from marketplace.pseudonyms import PREFIX
from resources.home import Home
from resources.snapshots import require_snapshot
from tests.bookwatch_process import Bookwatch, settings_for
from tests.drawn_pages import AppTest
from tests.personal_values import everything_under, texts_in
from tests.planted_values import PLANTED, Marketplace, Place, columns_of, is_published
from tests.resources.receiver import Receiver
from tests.sandbox_server import SandboxProcess
from tests.server_second import wrote

DAYS = ("--from", "2020-01-01", "--to", "2100-01-01")


@dataclass
class World:
    """A marketplace with planted values, after two runs, and all that was said of it."""

    market: Marketplace
    bookwatch: Bookwatch
    said: dict[str, str]
    alerts: str
    out: Path

    @property
    def home(self) -> Home:
        return Home(self.bookwatch.home)

    def leaks(self, content: str | bytes) -> set[Place]:
        return {place for place in self.market.planted.found(content) if not is_published(place)}


def told(leaks: dict[str, set[Place]]) -> list[str]:
    """A line for each outlet with a leak, as far as one can read it."""
    return [
        f"{where}: {len(places)} ({'; '.join(sorted(map(str, places))[:12])})"
        for where, places in sorted(leaks.items())
        if places
    ]


def _unpacked(path: Path) -> Iterator[str | bytes]:
    """A file as it lies there, and what a reader finds in it."""
    yield path.read_bytes()
    yield from texts_in(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as workbook:
            yield from (workbook.read(name) for name in workbook.namelist())


def _delete(server: SandboxProcess, collection: str, row_id: str) -> None:
    path = f"tablesdb/{server.database}/tables/{collection}/rows/{quote(row_id, safe='')}"
    asked = Request(
        f"{server.endpoint}/{path}",
        method="DELETE",
        headers={"X-Appwrite-Project": server.project, "X-Appwrite-Key": server.key},
    )
    with urlopen(asked, timeout=30):
        wrote(server)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("leaks")
    market = Marketplace(datetime.now(UTC)).build()
    said: dict[str, str] = {}
    with SandboxProcess("--empty", data=folder / "sandbox") as server, Receiver() as receiver:
        TablesDB(server.client()).create(server.database, "marketplace")
        for collection in PLANTED:
            table = {"database": server.database, "table": collection, "columns": columns_of(collection)}
            server.control("POST", "tables", table)
            server.load_rows(collection, market.rows[collection])
        wrote(server)
        channel = {"BOOKWATCH_ALERT_URLS": f"json://{receiver.address}/alerts"}
        bookwatch = Bookwatch(folder / "home", {**settings_for(server), **channel})

        def say(*words: str, status: tuple[int, ...] = (0, 10)) -> None:
            done = bookwatch(*words)
            assert done.returncode in status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
            said[" ".join(words)] = done.stdout + done.stderr

        say("run")
        for collection in PLANTED:
            _delete(server, collection, f"{collection}-name-0")
            _delete(server, collection, market.planted.value(collection, "$id", "bare phone"))
        say("sweep", "--accept-deletes")
        for words in (
            ("status",), ("status", "--json"), ("doctor",), ("errors",), ("alerts", "list"), ("alerts", "test"),
            ("sql", "FROM marts.data_findings", "--format", "csv"), ("sql", "FROM core.bookings"),
        ):  # fmt: skip
            say(*words)
        for name, options in {
            "csv": (), "json": ("--format", "json"), "xlsx": ("--format", "xlsx"), "id": ("--locale", "id"),
        }.items():  # fmt: skip
            say("export", "commissions", *DAYS, *options, "--out", str(folder / "out" / name))
        say("verify", str(folder / "out" / "csv"), "--alone")
        yield World(market, bookwatch, said, "\n".join(map(repr, receiver.taken)), folder / "out")


def _planted_in(path: Path) -> Iterator[str]:
    """What may be planted values in a database: sought by the database itself, as it is long."""
    with duckdb.connect(str(path), read_only=True) as con:
        for (table,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            found = con.execute(
                f"""WITH texts AS (SELECT lower(t::VARCHAR) AS text FROM "{table}" t)
                SELECT DISTINCT unnest(regexp_extract_all(text, 'zq[a-z]{{5}}kx')) FROM texts UNION
                SELECT unnest(regexp_extract_all(regexp_replace(text, '[^0-9a-z,]', '', 'g'), '81[0-9]{{10}}'))
                FROM texts"""
            )
            yield from (value for (value,) in found.fetchall())


def test_what_is_planted_is_mirrored_and_figures_are_made_of_it(world: World) -> None:
    """Else nothing could leak."""
    there = world.market.planted.found("\n".join(_planted_in(world.home.raw)))
    lacking = {place for place in world.market.planted.places if place not in there}
    lacking = {
        p for p in lacking if "phone" not in p.kind or Place(p.collection, p.attribute, "phone") not in there
    }
    assert not lacking, told({"raw": lacking})
    counted = world.bookwatch.rows(
        """SELECT (SELECT count(*) FROM core.bookings) AS bookings, (SELECT count(*) FROM core.messages) AS messages,
        (SELECT count(*) FROM ops.quarantine) AS quarantined,
        (SELECT count(*) FROM core.bookings WHERE deleted_at IS NOT NULL) AS deleted,
        (SELECT count(*) FROM marts.data_findings WHERE finding = 'not_an_id') AS hidden,
        (SELECT count(*) FROM marts.data_findings WHERE finding = 'value_set_aside') AS set_aside,
        (SELECT count(*) FROM marts.booking_anomalies) AS anomalies,
        (SELECT count(DISTINCT finding) FROM marts.commission_findings) AS findings"""
    )[0]
    assert counted["bookings"] > 100, counted
    assert counted["messages"] > 80, counted
    assert counted["quarantined"] >= 15 * len(PLANTED), counted
    assert counted["deleted"] == 4, counted
    assert counted["hidden"] > 600, counted
    assert counted["set_aside"] == 4, counted
    assert counted["anomalies"] >= 3, counted
    assert counted["findings"] >= 4, counted


def test_a_phone_in_four_spellings_is_one_customer_and_one_provider(world: World) -> None:
    rows = world.bookwatch.rows(
        """SELECT count(DISTINCT customer_id) AS customers, count(DISTINCT b.provider_id) AS providers,
        count(*) AS bookings, bool_and(p.provider_id IS NOT NULL) AS known
        FROM core.bookings b LEFT JOIN core.providers p USING (provider_id)
        WHERE customer_id IN (SELECT customer_id FROM core.bookings GROUP BY 1 HAVING count(*) = 8)"""
    )
    assert rows == [{"customers": 1, "providers": 1, "bookings": 8, "known": True}]


def test_no_file_but_raw_and_private_holds_a_value(world: World) -> None:
    kept = {world.home.raw, world.home.private.resolve()}
    leaks = {}
    for path in (*everything_under(world.home.root), *everything_under(world.out)):
        if path not in kept:
            found = (world.leaks(content) for content in _unpacked(path))
            leaks[str(path.relative_to(world.home.root.parent))] = set().union(*found)
    assert leaks
    assert not told(leaks)


def test_no_column_of_the_snapshot_holds_a_value_or_a_long_text(world: World) -> None:
    leaks: dict[str, set[Place]] = {}
    long: list[tuple[str, int]] = []
    published: set[Place] = set()
    with duckdb.connect(str(require_snapshot(world.home)), read_only=True) as con:
        for schema, table, column in con.execute(
            "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE NOT internal AND database_name ="
            " current_database()"
        ).fetchall():
            values = con.execute(f'SELECT DISTINCT "{column}"::VARCHAR FROM "{schema}"."{table}"').fetchall()
            texts = [value for (value,) in values if value is not None]
            found = world.market.planted.found("\n".join(texts))
            published |= found
            leaks[f"{schema}.{table}.{column}"] = {place for place in found if not is_published(place)}
            longest = max(map(len, texts), default=0)
            # What our own code writes of itself: how core was derived, and what the marts were made of.
            if longest > 256 and schema != "ops" and f"{schema}.{table}" not in ("core.state", "since.made"):
                long.append((f"{schema}.{table}.{column}", longest))
    assert not told(leaks)
    assert not long
    assert any(is_published(place) for place in published), (
        "names of businesses are published, and are sought"
    )


def test_no_alert_holds_a_value(world: World) -> None:
    assert PREFIX in world.alerts, "alerts name rows"
    assert not told({"alerts": world.leaks(world.alerts)})


def test_no_command_says_a_value(world: World) -> None:
    assert PREFIX in world.said["sql FROM core.bookings"]
    assert not told({words: world.leaks(text) for words, text in world.said.items()})


def _drawn(node: Any) -> Iterator[str]:
    """All that a page was drawn with, down to the tables behind it."""
    proto = getattr(node, "proto", None)
    if proto is not None:
        yield str(proto)
    for child in getattr(node, "children", {}).values():
        yield from _drawn(child)


@pytest.fixture
def draw(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    def drawn(page: str, language: str) -> str:
        monkeypatch.setenv("BOOKWATCH_HOME", str(world.home.root))
        monkeypatch.setenv("BOOKWATCH_TIMEZONE", "Asia/Makassar")
        app = AppTest.from_file(launch.APP, default_timeout=60)
        app.query_params["lang"] = language
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception, app.exception
        return "\n".join(_drawn(app._tree))

    return drawn


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", [entry.name for entry in PAGES])
def test_no_page_shows_a_value(
    world: World, draw: Callable[[str, str], str], page: str, language: str
) -> None:
    text = draw(page, language)
    assert len(text) > 1000
    assert PREFIX in text or page not in ("findings", "commissions", "providers", "health"), "rows are named"
    assert not told({f"{page} ({language})": world.leaks(text)})
