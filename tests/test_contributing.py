"""CONTRIBUTING.md, followed to the letter: its blocks of code are put where its sentences say, in a copy of the rooms,
and what they declare is built, checked, published, documented, shown and downloaded.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from appwrite.services.tables_db import TablesDB

from marketplace.commission import rupiah
from resources.home import Home
from resources.snapshots import open_snapshot, require_snapshot
from tests.bookwatch_process import ROOT, Bookwatch, settings_for
from tests.published import PUBLISHED_AT, copied_home
from tests.sandbox_server import SandboxProcess
from tests.server_second import wrote

PAGE = ROOT / "CONTRIBUTING.md"
#: A sentence that says where a block of code goes, and the block.
STEP = re.compile(
    r"`(?P<path>[\w/]+\.(?:py|toml))`,\s(?P<where>a\snew\sfile|at\s+its\s+end|at\s+the\s+end\s+of\s+`(?P<name>\w+)`):"
    r"\n\n *```\w+\n(?P<code>.*?)\n *```\n",
    re.DOTALL,
)


@dataclass(frozen=True)
class Step:
    """A block of code and where it goes: to the end of a file (of a tuple in it), or into a new one."""

    path: str
    new: bool
    tuple_name: str | None
    code: str

    def follow(self, house: Path) -> None:
        file = house / self.path
        assert file.exists() != self.new, self.path
        if self.new:
            file.write_text(self.code, encoding="utf-8")
            return
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        at = len(lines) if self.tuple_name is None else _last_line(file, self.tuple_name)
        space = "\n\n" if self.tuple_name is None else ""
        file.write_text("".join([*lines[:at], space, self.code, *lines[at:]]), encoding="utf-8")


def _last_line(file: Path, name: str) -> int:
    """The number of lines before the one that closes the tuple of that name."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            value = node.value.args[0] if isinstance(node.value, ast.Call) else node.value
            assert isinstance(value, ast.Tuple)
            assert value.end_lineno
            return value.end_lineno - 1
    raise AssertionError(f"{name} is no tuple of {file.name}")


def steps(*headings: str) -> list[Step]:
    """The steps of some chapters, in their order."""
    chapters = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S))
    found = []
    for heading in headings:
        in_chapter = [*STEP.finditer(chapters[heading])]
        assert in_chapter, heading
        for step in in_chapter:
            code = textwrap.dedent(step["code"])  # a step may stand in a list of the page
            end = "," if step["name"] else ""
            found.append(Step(step["path"], "new" in step["where"], step["name"], f"{code}{end}\n"))
    return found


MART_TO_PAGE = ("Add a mart", "Add a check", "Add a page")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the rooms, with every step of CONTRIBUTING.md followed."""
    house = tmp_path_factory.mktemp("followed") / "house"
    for room in sorted(ROOT.iterdir()):
        if (room / "__init__.py").exists() and room.name not in ("tests", "benchmarks", "sandbox"):
            shutil.copytree(room, house / room.name)
    for step in steps(*MART_TO_PAGE, "Add a collection", "Add a finding"):
        step.follow(house)
    return house


def _in(house: Path, home: Home, code: str, **environment: str) -> Any:
    """What a program prints that runs with the rooms of that house."""
    environment = {"PYTHONPATH": str(house), **environment}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=house,
        env=Bookwatch(home.root).env(**environment),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


#: A run as `bookwatch run` makes it, but for the reading; then the page, drawn in each language.
RUN = """
import json
from functools import partial

import marketplace
from checks import verdicts
from pipelines.run import build, check, open_run, publish
from resources.settings import load_settings

with open_run(load_settings()) as found:
    for step in (build, partial(check, group=verdicts.MARTS), publish):
        found = step(found)
    assert not found.failed, found.failure
    told = {c.check_name: [c.asset, c.passed, c.failed_rows, c.severity] for c in found.checks}

from checks.every import all_checks
from messages.catalogue import say
from messages.names import name_of

words = {
    name: [[say(name_of(name), language), say(check.what_to_do, language)] for language in ("en", "id")]
    for name, check in all_checks().items() if name in ("city_known", "no_unknown_status")
}

from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest
from dashboards import launch

files = {}
button = DeltaGenerator.download_button

def kept(self, label, data, **look):
    files[look["file_name"]] = data().decode("utf-8-sig")
    return button(self, label, data, **look)

DeltaGenerator.download_button = kept
pages = {}
for language in ("en", "id"):
    app = AppTest.from_file(launch.APP, default_timeout=60)
    app.query_params["lang"] = language
    app.switch_page("pages/cities.py").run()
    assert not app.exception, app.exception
    (table,) = app.dataframe
    columns = {name: look["label"] for name, look in json.loads(table.proto.columns).items() if "label" in look}
    pages[language] = {
        "html": " ".join(block.proto.body for block in app.html), "columns": columns,
        "rows": json.loads(table.value.to_json(orient="values")),
    }
print(json.dumps({
    "rooms": marketplace.__file__, "checks": told, "words": words, "pages": pages, "files": files,
}))
"""


@dataclass(frozen=True)
class Followed:
    home: Home
    told: dict[str, Any]


@pytest.fixture(scope="module")
def followed(house: Path, publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """The publication, published once more by the house in which the steps were followed."""
    home = copied_home(publication, tmp_path_factory.mktemp("home") / "home", whole=True)
    now = (PUBLISHED_AT + timedelta(minutes=1)).isoformat() + "Z"
    return Followed(home, _in(house, home, RUN, BOOKWATCH_NOW=now))


def _asked(home: Home, query: str) -> list[tuple[Any, ...]]:
    with open_snapshot(require_snapshot(home), in_full=True) as con:
        return con.execute(query).fetchall()


#: What the mart must hold, by core itself.
TRUTH = """
SELECT p.city, count(*), sum(coalesce(b.amount_idr, 0))
FROM core.bookings b LEFT JOIN core.providers p USING (provider_id)
WHERE b.deleted_at IS NULL AND NOT coalesce(b.is_test, false) GROUP BY ALL ORDER BY 3 DESC, 1
"""


def test_a_table_a_mart_a_check_and_a_page_take_five_files_and_forty_lines_beside_the_query() -> None:
    followed = steps(*MART_TO_PAGE)
    assert len({step.path for step in followed}) <= 5
    lines = [line for step in followed for line in step.code.splitlines() if line.strip()]
    queries = [line for line in lines if "marts.city_bookings " in line]
    (mart,) = [step.code for step in followed if step.path.startswith("assets/")]
    # The mart, and the rows behind it.
    functions = [node for node in ast.parse(mart).body if isinstance(node, ast.FunctionDef)]
    assert len(functions) == 2
    made, behind = functions
    for first, last in ((made.body[1], made.body[-1]), (behind.decorator_list[0], behind.body[-1])):
        assert last.end_lineno
        queries += mart.splitlines()[first.lineno - 1 : last.end_lineno]
    queries += [line for line in lines if "assets.marts.behind import" in line]
    assert len(queries) >= 6
    assert len(lines) - len(queries) <= 40


def test_what_was_declared_is_built_and_published_as_its_query_says(followed: Followed, house: Path) -> None:
    assert Path(followed.told["rooms"]).is_relative_to(house)
    rows = _asked(followed.home, "FROM marts.city_bookings ORDER BY booked_idr DESC, city")
    assert len(rows) > 2
    assert rows == _asked(followed.home, TRUTH)


def test_the_snapshot_says_what_its_table_and_columns_hold(followed: Followed) -> None:
    of_it = "WHERE schema_name = 'marts' AND table_name = 'city_bookings'"
    assert _asked(followed.home, f"SELECT comment FROM duckdb_tables() {of_it}") == [
        ("A city: what was booked there; null where a provider has none.",)
    ]
    assert _asked(followed.home, f"SELECT column_name, data_type, comment FROM duckdb_columns() {of_it}") == [
        ("city", "VARCHAR", "the provider's city"),
        ("bookings", "BIGINT", "counted bookings; bookings"),
        ("booked_idr", "BIGINT", "what was booked; rupiah"),
    ]


def test_its_declaration_and_its_check_are_held(followed: Followed) -> None:
    nowhere = _asked(followed.home, "SELECT count(*) FROM marts.city_bookings WHERE city IS NULL")[0][0]
    told = followed.told["checks"]
    assert told["marts_city_bookings_schema"][:3] == ["marts/city_bookings", True, 0]
    assert told["city_known"] == [
        "marts/city_bookings",
        nowhere == 0,
        nowhere,
        "low",
    ]
    assert followed.told["words"]["city_known"] == [
        ["Every booking has a city", "Write their city into the accounts of these providers."],
        ["Setiap pesanan memiliki kota", "Isi kota di akun penyedia tersebut."],
    ]
    assert _asked(
        followed.home,
        "SELECT check_name, passed FROM ops.check_results WHERE asset = 'marts/city_bookings' ORDER BY 1",
    ) == [("city_known", nowhere == 0), ("marts_city_bookings_schema", True)]


def test_its_page_shows_it_in_both_languages_and_hands_all_of_it_out(followed: Followed) -> None:
    rows = _asked(followed.home, "FROM marts.city_bookings ORDER BY booked_idr DESC, city")
    for language, title, said, headings in (
        ("en", "Cities", "What was booked in each city", ["City", "Bookings", "Booked"]),
        ("id", "Kota", "Yang dipesan di setiap kota", ["Kota", "Pesanan", "Dipesan"]),
    ):
        page = followed.told["pages"][language]
        assert title in page["html"]
        assert said in page["html"]
        assert list(page["columns"].values()) == headings
        assert [row[1:] for row in page["rows"]] == [list(row[1:]) for row in rows]
    ((name, file),) = followed.told["files"].items()
    assert re.fullmatch(r"bookwatch_cities_\d{8}T\d{6}Z-\d{6}\.csv", name)
    assert file.splitlines()[0] == "city,bookings,booked_idr"
    assert [line.split(",")[1:] for line in file.splitlines()[1:]] == [
        [str(number) for number in row[1:]] for row in rows
    ]


def test_a_finding_is_found_told_in_both_languages_and_fails_its_check(followed: Followed) -> None:
    found = _asked(
        followed.home,
        "SELECT finding_id, severity, commission_id, detail, waived FROM marts.commission_findings"
        " WHERE finding = 'unknown_status' ORDER BY commission_id",
    )
    assert found
    assert found == [
        (
            f"unknown_status:{record}",
            "medium",
            record,
            f"Commission {record} over {rupiah(idr)} has an unknown status.",
            False,
        )
        for record, idr in _asked(
            followed.home,
            "SELECT commission_id, commission_idr FROM core.commissions"
            " WHERE status = 'unknown' AND deleted_at IS NULL AND NOT coalesce(is_test, false) ORDER BY 1",
        )
    ]
    asset, passed, failed_rows, severity = followed.told["checks"]["no_unknown_status"]
    assert (asset, passed, failed_rows) == ("marts/commission_findings", not found, len(found))
    assert severity == "medium"
    assert followed.told["words"]["no_unknown_status"] == [
        ["No unknown status", "Correct the record's status, or report the word that the app writes."],
        [
            "Tidak ada status tidak dikenal",
            "Perbaiki status catatan, atau laporkan kata yang ditulis aplikasi.",
        ],
    ]


DESCRIBED = """
import json
from dagster import AssetKey
from pipelines.definitions import build_definitions
from pipelines.reference import PAGES

graph = build_definitions().get_repository_def().asset_graph

def shown(*key):
    node = graph.get(AssetKey(key))
    schema = node.metadata.get("dagster/column_schema")
    return {
        "upstreams": sorted(parent.to_user_string() for parent in node.parent_keys),
        "group": node.group_name,
        "description": node.description,
        "columns": [[c.name, c.description] for c in schema.columns] if schema else None,
        "checks": sorted(check.name for check in node.check_keys),
    }

print(json.dumps({
    "mart": shown("marts", "city_bookings"), "collection": shown("raw", "promotions"),
    "published": shown("published", "snapshot")["upstreams"],
    "pages": {path.split("/")[-1]: page() for path, page in PAGES.items()},
}))
"""


@pytest.fixture(scope="module")
def described(house: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Dagster and the page of tables say of it."""
    return _in(house, Home(tmp_path_factory.mktemp("none") / "home"), DESCRIBED)


def test_dagster_shows_the_mart_with_its_true_upstreams_its_subject_and_its_sentences(
    described: dict[str, Any],
) -> None:
    assert described["mart"] == {
        "upstreams": ["core/bookings", "core/providers"],
        "group": "demand",
        "description": "What was booked in the city of each provider, whenever that was.",
        "columns": [
            ["city", "the provider's city"],
            ["bookings", "counted bookings; bookings"],
            ["booked_idr", "what was booked; rupiah"],
        ],
        "checks": ["city_known", "marts_city_bookings_schema"],
    }
    assert "marts/city_bookings" in described["published"]


def test_the_reference_documents_the_table_the_check_and_the_finding(described: dict[str, Any]) -> None:
    def chapter(page: str, name: str) -> str:
        return " ".join(described["pages"][page].partition(f"### {name}\n")[2].partition("\n###")[0].split())

    table = chapter("tables.md", "marts.city_bookings")
    assert "A city: what was booked there" in table
    for line in ("`city` VARCHAR: the", "`bookings` BIGINT: counted", "`booked_idr` BIGINT: what"):
        assert line in table
    assert "Correct the record's status" in chapter("findings.md", "unknown_status")
    assert "bookings of providers whose city is not written" in chapter("checks.md", "city_known")
    assert "`no_unknown_status` on `marts/commission_findings`: medium" in described["pages"]["checks.md"]


def test_a_collection_is_mirrored_with_its_checks_and_its_asset(
    house: Path, described: dict[str, Any], tmp_path: Path
) -> None:
    assert described["collection"]["checks"] == ["raw_promotions_counts", "raw_promotions_rows_match_source"]
    assert described["collection"]["group"] == "raw"
    with promotions() as server:
        home = Home(tmp_path / "home")
        told = _in(house, home, READ, **settings_for(server))
    assert told["promotions"] == ["complete", 2]
    assert told["rows"] == [["p-1", "BALI10"], ["p-2", "UBUD5"]]
    assert "promotions" in told["doctor"]


#: One reading of every collection, and what doctor says.
READ = """
import json
from marketplace.quarantine import reject_reasons
from marketplace.collections import INGESTED
from resources.appwrite.examination import examine
from resources.appwrite.gateway import Gateway
from resources.appwrite.sync import sync
from resources.progress import Quiet
from resources.raw.store import RawStore
from resources.settings import load_settings

settings = load_settings()
settings.home.root.mkdir(parents=True)
with Gateway(settings, settings.clock, lambda event: None) as gateway, RawStore(settings.home.raw) as store:
    outcomes = sync(gateway, store, INGESTED, settings=settings, run_id="followed",
                    reject_reasons=reject_reasons, progress=Quiet())
    rows = store.connection.execute("SELECT _id, code FROM raw.promotions ORDER BY ALL").fetchall()
    doctor = " ".join(line.sentence for line in examine(gateway))
print(json.dumps({
    "promotions": next([o.outcome, o.counts.inserted] for o in outcomes if o.collection == "promotions"),
    "rows": rows, "doctor": doctor,
}))
"""


@contextmanager
def promotions() -> Iterator[SandboxProcess]:
    """A server whose database has the collection, with two rows."""
    with SandboxProcess("--empty") as server:
        tables = TablesDB(server.client())
        tables.create(server.database, "Marketplace")
        tables.create_table(server.database, "promotions", "promotions")
        tables.create_varchar_column(server.database, "promotions", "code", 32, False)
        at = "2026-11-20T03:00:00.000+00:00"
        server.load_rows(
            "promotions",
            [
                {"$id": row_id, "$createdAt": at, "$updatedAt": at, "code": code}
                for row_id, code in (("p-1", "BALI10"), ("p-2", "UBUD5"))
            ],
        )
        wrote(server)
        yield server
