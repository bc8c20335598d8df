"""`bookwatch forget --rewrite`: a customer whose id is a phone leaves every kept file; figures and proofs stay."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pypdfium2 as pdfium
import pytest

from assets.core import since
from assets.core.engine import process
from assets.core.personal_store import update_private
from assets.marts.parts.kept_steps import steps_file
from checks.schemas import CORE
from marketplace.pseudonyms import Pseudonyms
from pipelines import kept as keeping
from pipelines.cli.forget import forget
from pipelines.exports.commissions import export_commissions
from pipelines.exports.erasing import WORKSHOP
from pipelines.exports.month.package import export_month
from pipelines.exports.storing import store_export, store_reports, stored_manifest
from pipelines.exports.tables import export_table
from pipelines.exports.verify import verify_export
from pipelines.forget import Forgetting, forget_customer
from resources.errors import BookwatchError
from resources.home import Home
from resources.ledger import Ledger, Seal
from resources.objects import StoreFailure, objects_of
from resources.phone_key import read_phone_key
from resources.raw.column_types import Column
from resources.raw.store import RawStore
from resources.report_keys import make_keys
from resources.rewrites import Rewrites
from resources.seals import SnapshotChanged, require_unchanged, sealed
from resources.settings import Settings
from resources.shared.fetching import fetch
from resources.shared.sharing import Source, share, share_status, shared_hashes
from resources.snapshots import open_snapshot
from tests.exports.published import OCTOBER, Finding, publish
from tests.personal_values import everything_under, sentinels_in
from tests.pipelines.test_forget import NOW, columns, merge, settings_of
from tests.published import copied_home

PHONE = "+6281239876543"
SPELLINGS = (PHONE, "081239876543", "62 812-3987-6543", "0812 3987 6543")
NAME = "Ketuttari Widiasihan"
VALUES = (
    "Ketuttari",
    "ketuttari",
    "6281239876543",
    "081239876543",
    "3987-6543",
    "3987 6543",
    "kt@mail.example",
    "Pantai Sentinela",
)
SNAPSHOT, LATER = "20261105T000000Z-000001", "20261105T010000Z-000002"
PLACE = "Jl. Pantai Sentinela 7"

MINE: dict[str, Any] = {
    "status": "completed", "totalCost": 250_000, "providerId": "p1", "customerName": NAME,
    "customerWhatsApp": PHONE, "customerEmail": "KT@mail.example", "location": PLACE,
}  # fmt: skip
ROWS: dict[str, dict[str, dict[str, Any]]] = {
    "users": {"u2": {"name": "Made Surya"}},
    "therapists": {
        "p1": {"name": "Ketuttari Spa", "city": "Ubud"},
        "p2": {"name": "Made Surya", "city": NAME},
        "p3": {"name": "Sri", "city": "Ubud"},
    },
    "bookings": {
        **{f"b{n}": {"bookingId": f"BK{n}", **MINE, "userId": text} for n, text in enumerate(SPELLINGS, 1)},
        "b5": {"bookingId": "BK5", **MINE, "userId": json.dumps({"$id": PHONE, "name": "x"})},
        "b6": {"bookingId": "BK6", **MINE, "customerDetails": json.dumps({"id": SPELLINGS[2], "name": NAME})},
        "b7": {"bookingId": "BK7", **MINE, "userId": PHONE, "providerName": NAME},
        "b8": {"bookingId": "BK8", **MINE, "userId": PHONE, "providerName": "Ketuttari Spa"},
        "b9": {"bookingId": "BK9", **MINE, "userId": PHONE, "customerName": None, "providerName": NAME},
        "o1": {"bookingId": "BKO", **MINE, "userId": "u2", "customerName": "Made Surya", "providerName": "Made Surya",
               "customerWhatsApp": "+6281300000001", "customerEmail": None, "location": None},
        "o2": {"bookingId": "BKP", **MINE, "userId": "u2", "customerName": "Made Surya", "providerName": NAME.lower(),
               "customerWhatsApp": "+6281300000001", "customerEmail": None, "location": None},
    },
    "chat_messages": {
        "m1": {"conversationId": "r1", "senderId": SPELLINGS[1], "receiverId": "p1", "message": "geheim"},
        "m2": {"conversationId": "r1", "senderId": "p1", "receiverId": SPELLINGS[3], "message": "On my way"},
    },
}  # fmt: skip

EXTRA = f"""
INSERT INTO core.notifications (notification_id, recipient_id, kind, change) VALUES
    ('n1', '{SPELLINGS[1]}', '{NAME}', 1), ('n2', '{PHONE}', 'booking', 2),
    ('n3', 'booking_6281239876543', 'booking', 3), ('n4', 'booking_1781239876543', 'booking', 4);
CREATE TABLE core.people (customer_id VARCHAR, customer_key VARCHAR, amount_idr BIGINT, notes VARCHAR[]);
INSERT INTO core.people VALUES ('{PHONE}', 'c:{PHONE}', 5, ['a', 'call {SPELLINGS[3]}']), ('u2', 'c:u2', 6, ['b']);
INSERT INTO ops.waivers (finding_id, reason, waived_by) VALUES
    ('x', 'ketuttari widiasihan asked', '{NAME}'), ('y', 'agreed with Made', 'Ayu');
"""
SLIP = replace(
    OCTOBER,
    providers=(*OCTOBER.providers, ("p3", "therapist", NAME), ("p4", "place", "Ketuttari Spa")),
    rows=tuple(
        replace(row, provider_id=place)
        for row, place in zip(OCTOBER.rows, ("p1", "p3", "p4", *(["p2"] * len(OCTOBER.rows))), strict=False)
    ),
    findings=(
        *OCTOBER.findings,
        Finding("unpaid", "b-first", "c-first", "p3", detail=f'Call "{SPELLINGS[3]}": {NAME}; kt@mail.example.'),
        Finding("unpaid", "b-last", "c-last", "p4", detail=f"{NAME} lives at {PLACE}."),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def mirrored_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a mirror that nobody changes: take a copy."""
    home = settings_of(tmp_path_factory.mktemp("mirrored") / "home").home.create()
    with RawStore(home.raw) as store:
        store.source.claim("http://e/v1", "p", "d", NOW)
        for collection, rows in ROWS.items():
            more = ("customerEmail", "location") if collection == "bookings" else ()
            more = [Column(name, "string", False) for name in more]
            store.columns.reconcile(collection, [*columns(collection), *more], NOW)
            merge(store, collection, rows)
    update_private(home.raw, home.published)
    return home.root


@pytest.fixture(scope="module")
def published_before(
    mirrored_once: Path, publication: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same with three snapshots."""
    home = copied_home(mirrored_once, tmp_path_factory.mktemp("published") / "home", whole=True)
    publish(publication, home, OCTOBER, "20261104T000000Z-000000")
    publish(publication, home, SLIP, SNAPSHOT, also=(EXTRA,))
    publish(publication, home, OCTOBER, LATER)
    return home.root


@pytest.fixture
def settings(mirrored_once: Path, tmp_path: Path) -> Settings:
    return settings_of(copied_home(mirrored_once, tmp_path / "home", whole=True).root)


def seal(home: Home, snapshot: str) -> None:
    path = home.published / f"{snapshot}.duckdb"
    path.chmod(0o400)
    Ledger(home.ledger).record_seal(sealed(path, keeping._sha256(path), path.stat()))


@pytest.fixture
def published(published_before: Path, tmp_path: Path) -> Settings:
    return settings_of(copied_home(published_before, tmp_path / "home", whole=True).root)


def exported(settings: Settings, name: str, **more: Any) -> Path:
    out = settings.home.exports / name
    export_commissions(
        settings.home, settings.clock, first=date(2026, 9, 1), until=date(2026, 11, 1), out=out, made_by=NAME,
        time_zone="Asia/Makassar", snapshot_id=SNAPSHOT, **more,
    )  # fmt: skip
    return out


def package_exported(settings: Settings) -> Path:
    """A month's package, signed, of a month that somebody signed off with words they should not have written."""
    Ledger(settings.home.ledger).sign_off(
        date(2026, 10, 1), by="Ayu", at=settings.clock.now(), reason=f"{NAME} has paid", snapshot_id=None,
        manifest_sha256=None,
    )  # fmt: skip
    out = settings.home.exports / "package"
    export_month(
        settings.home, settings.clock, first=date(2026, 9, 1), until=date(2026, 11, 1), out=out, made_by=NAME,
        time_zone="Asia/Makassar", snapshot_id=SNAPSHOT,
    )  # fmt: skip
    return out


def table_exported(settings: Settings, table: str, form: Any) -> Path:
    out = settings.home.exports / f"{table}-{form}"
    export_table(
        settings.home, settings.clock, table=table, out=out, made_by=NAME, snapshot_id=SNAPSHOT, form=form
    )
    return out


def found(home: Home) -> set[tuple[str, str]]:
    """(file, value) of what stands anywhere under the home; the name of an operator and of a business stay."""
    return {
        (path.name, value)
        for path in everything_under(home.root)
        for value in sentinels_in(path, VALUES)
        if path.name not in ("ledger.sqlite", "manifest.json") and value not in ("Ketuttari",)
    }


def figures(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every column of every table that holds no text, in the order of the rows."""
    with duckdb.connect(str(path), read_only=True) as con:
        told: dict[str, list[tuple[Any, ...]]] = {}
        for schema, table in con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() ORDER BY ALL"
        ).fetchall():
            names = [
                f'"{name}"'
                for (name,) in con.execute(
                    "SELECT column_name FROM duckdb_columns() WHERE schema_name = ? AND table_name = ?"
                    " AND NOT contains(data_type, 'VARCHAR') ORDER BY column_index", [schema, table],
                ).fetchall()
            ]  # fmt: skip
            told[f"{schema}.{table}"] = con.execute(
                f"SELECT {', '.join(['1', *names])} FROM {schema}.{table}"
            ).fetchall()
        return told


def forgotten(settings: Settings, given: str = PHONE, *, anew: bool = True) -> Forgetting:
    return forget_customer(settings, given, by="Ayu", anew=anew)


def hash_of(settings: Settings) -> str:
    return Pseudonyms(read_phone_key(settings.home.raw)).id_of(PHONE)


@pytest.mark.parametrize("given", [*SPELLINGS[1:], '{"$id": "+6281239876543"}', "the hash"])
def test_every_spelling_and_the_published_id_mean_the_same_person(settings: Settings, given: str) -> None:
    home = settings.home
    done = forgotten(settings, hash_of(settings) if given == "the hash" else given, anew=False)
    assert done.customer_id == hash_of(settings)
    assert done.rows["bookings"] == 10
    assert done.rows["chat_messages"] == 2
    assert found(home) == set()
    for path in (home.raw, home.ledger):
        assert not sentinels_in(path, VALUES[1:])
    assert Ledger(home.ledger).erasures()[0][0] == hash_of(settings)
    with duckdb.connect(str(home.raw), read_only=True) as con:
        names = con.execute(
            "SELECT _id, providerName, customerName FROM bookings WHERE providerName NOT NULL ORDER BY 1"
        )
        # a slip goes wherever it stands; a business that is called so stays, also where it is a customer's name
        assert names.fetchall() == [("b8", "Ketuttari Spa", None), ("o1", "Made Surya", "Made Surya")]
        assert con.execute("SELECT _id, city FROM therapists ORDER BY 1").fetchall() == [
            ("p1", "Ubud"), ("p2", None), ("p3", "Ubud"),
        ]  # fmt: skip
        details = con.execute("SELECT customerDetails FROM bookings WHERE _id = 'b6'").fetchone()
        assert details is not None
        assert json.loads(details[0]) == {"id": hash_of(settings)}
        assert con.execute("SELECT DISTINCT userId FROM bookings WHERE userId <> 'u2'").fetchall() == [
            (hash_of(settings),)
        ]
    # what comes again, in whatever spelling, and what is new
    with RawStore(home.raw) as store:
        for collection, rows in ROWS.items():
            counts = merge(store, collection, rows, forced=True)
            assert (counts.updated, counts.inserted) == (0, 0), collection
        new = {**MINE, "userId": "(0812) 3987-6543", "bookingId": "BKN", "providerName": NAME}
        merge(
            store,
            "bookings",
            {"n1": new, "n2": {**new, "providerName": "Ketuttari Spa"}},
            "2026-03-11T03:00:00.000+00:00",
        )
    update_private(home.raw, home.published)
    assert found(home) == set()
    with duckdb.connect(str(home.raw), read_only=True) as con:
        rows = con.execute(
            "SELECT _id, userId, providerName, customerName, totalCost FROM bookings WHERE _id LIKE 'n%' ORDER BY 1"
        )
        assert rows.fetchall() == [
            ("n1", hash_of(settings), None, None, 250_000), ("n2", hash_of(settings), "Ketuttari Spa", None, 250_000),
        ]  # fmt: skip


def test_what_stands_for_a_hash_is_not_kept_of_a_forgotten_person(settings: Settings) -> None:
    home = settings.home
    with RawStore(home.raw) as store:
        merge(store, "users", {"081239876543": {"name": NAME}, "6281300000001": {"name": "Made Surya"}})
        merge(store, "chat_messages", {
            "m3": {"conversationId": f"chat of {NAME}", "senderId": "p1", "receiverId": "6281300000001"},
            "m4": {"conversationId": "r9", "senderId": "p1", "receiverId": "call 0812 3987 6543 please"},
        })  # fmt: skip

    def hidden() -> set[str]:
        update_private(home.raw, home.published)
        with duckdb.connect(str((home.published / "private.duckdb").resolve()), read_only=True) as con:
            return {written for (written,) in con.execute("SELECT written FROM hidden_values").fetchall()}

    others = {"6281300000001", "BKO", "BKP"}
    assert {*SPELLINGS, "081239876543", *others, f"chat of {NAME}"} <= hidden()
    forgotten(settings, anew=False)
    assert hidden() == others
    with RawStore(home.raw) as store:
        later = {"bookingId": "BKN", "userId": "(0812) 3987-6543", "paymentMethod": "Ask KT@mail.example"}
        merge(store, "bookings", {"n1": later}, "2026-03-11T03:00:00.000+00:00")
    assert hidden() == others
    assert not sentinels_in(home.private.resolve(), VALUES[1:])


def test_an_account_leaves_the_private_file_and_a_backup_of_it(settings: Settings) -> None:
    home = settings.home
    with RawStore(home.raw) as store:
        merge(store, "users", {"081239876543": {"name": "Bo"}})  # too short to be sought elsewhere

    def accounts(path: Path) -> list[str | None]:
        with duckdb.connect(str(path), read_only=True) as con:
            return [name for (name,) in con.execute("SELECT name FROM customers ORDER BY ALL").fetchall()]

    update_private(home.raw, home.published)
    backup = home.backups / "private-old.duckdb"
    home.backups.mkdir(exist_ok=True)
    shutil.copyfile(home.private.resolve(), backup)
    assert accounts(backup) == ["Bo", "Made Surya"]
    forgotten(settings)
    assert accounts(home.private.resolve()) == ["Made Surya"]
    assert accounts(backup) == ["Made Surya", None]
    with duckdb.connect(str(home.private.resolve()), read_only=True) as con:
        rows = con.execute("SELECT provider_id, name FROM providers ORDER BY ALL").fetchall()
    assert rows == [("p1", "Ketuttari Spa"), ("p2", "Made Surya"), ("p3", "Sri")]


def test_the_warehouse_loses_them_and_the_next_run_derives_the_same_figures(settings: Settings) -> None:
    home = settings.home

    def core() -> dict[str, list[tuple[Any, ...]]]:
        process(home.raw, home.warehouse, timezone="Asia/Makassar", rules_version="1", now=NOW)
        told = figures(home.warehouse)
        return {name: sorted(rows, key=str) for name, rows in told.items() if name != "core.state"}

    # figures() tells a 1, then what is no text.
    columns_told = [column.name for column in CORE["bookings"].columns if column.sql != "VARCHAR"]
    change = 1 + columns_told.index("change")

    def kept(told: dict[str, list[tuple[Any, ...]]]) -> list[str]:
        """Bookings without the number of the change that a row was read with."""
        return sorted(str(row[:change] + row[change + 1 :]) for row in told["core.bookings"])

    before = core()
    with duckdb.connect(str(home.warehouse)) as con:
        since.clear(con)
        since.whole(con, "the marts are older")
    kept_steps = steps_file(home.warehouse, kept=True)
    with duckdb.connect(str(kept_steps)) as con:
        con.execute(f"CREATE TABLE commission_reviews AS SELECT '{NAME}' AS provider_name")
    written = figures(home.warehouse)
    done = forgotten(settings)
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        assert since.reason(con) == "values of a person were erased"
    assert [(file.kind, file.rewritten) for file in done.kept] == [("warehouse", True)]
    assert done.kept[0].where["core.bookings.provider_name"] == 3
    assert not kept_steps.exists()
    assert found(home) == set()
    # Whom rows name in other letters is found out once more, from what is left.
    del written["since.spelled"]
    assert figures(home.warehouse) == written
    assert kept(core()) == kept(before)
    assert found(home) == set()
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        told = con.execute(
            "SELECT count(DISTINCT customer_id), count(*), sum(amount_idr) FROM core.bookings WHERE customer_id <> 'u2'"
        ).fetchone()
    assert told == (1, 9, 2_250_000)
    assert forgotten(settings).kept == ()


def test_the_command_names_the_files_and_no_value(
    published: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = published.home
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOOKWATCH_HOME", str(home.root))
    monkeypatch.setenv("BOOKWATCH_NOW", "2026-03-10T12:00:00Z")
    report = exported(published, "october")
    assert forget(customer=SPELLINGS[3], by="Ayu", json=False) == 0
    said = capsys.readouterr().out
    assert f"Forgot the customer {hash_of(published)}: 13 rows" in said
    assert f"A trace of them is in {home.published / SNAPSHOT}.duckdb (core.notifications.kind 1" in said
    assert f"A trace of them is in {report} (commissions_" in said
    assert "`bookwatch forget … --rewrite` writes these files anew without them; no figure changes." in said
    with Ledger(home.ledger).pinned(SNAPSHOT):
        assert forget(customer=hash_of(published), by="Ayu", rewrite=True, json=False) == 1
    assert forget(customer=hash_of(published), by="Ayu", rewrite=True, json=True) == 0
    told = capsys.readouterr().out
    assert f"Left as it is: {home.published / SNAPSHOT}.duckdb. An export is being made" in told
    assert f"Written anew: {report} (commissions_" in told
    outcome = json.loads(told[told.index("{\n") :])
    assert [(kept["kind"], kept["rewritten"]) for kept in outcome["kept"]] == [("snapshot", True)] * 2
    # somebody unknown is not repeated either
    with pytest.raises(BookwatchError) as unknown:
        forget(customer="0813 5550 1234", by="Ayu")
    assert not [value for value in (*VALUES, "1234", "0813") if value in said + told + str(unknown.value)]


def test_a_role_word_is_nobody(settings: Settings) -> None:
    with pytest.raises(Exception, match="is a role and names nobody"):
        forgotten(settings, "guest")


def test_a_list_that_a_version_before_wrote_goes_on(settings: Settings) -> None:
    home = settings.home
    with RawStore(home.raw) as store, store.transaction() as con:
        con.execute("INSERT INTO _forgotten VALUES (?, ?, ?, true)", [SPELLINGS[1], NOW, None])
        con.execute(
            "INSERT INTO _forgotten_keys VALUES (?, 'BK1'), (?, ?)", [SPELLINGS[1], SPELLINGS[1], PHONE]
        )
        con.execute("DROP TABLE _forgotten_marks")
    with RawStore(home.raw) as store:
        merge(store, "bookings", {"n1": {**MINE, "userId": PHONE}}, "2026-03-11T03:00:00.000+00:00")
        with store.transaction() as con:
            assert con.execute("SELECT customerName FROM bookings WHERE _id = 'n1'").fetchall() == [(None,)]
    Ledger(home.ledger).record_erasure(PHONE, by="Ayu", at=settings.clock.now(), rows={})
    assert forgotten(settings, anew=False).rewritten
    with duckdb.connect(str(home.raw), read_only=True) as con:
        assert con.execute("SELECT DISTINCT customer_id FROM _forgotten").fetchall() == [(hash_of(settings),)]
        assert con.execute("SELECT count(*) FROM _forgotten").fetchall() == [(1,)]
    assert [entry[0] for entry in Ledger(home.ledger).erasures()] == [hash_of(settings)] * 2
    assert found(home) == set()


def test_without_rewrite_files_are_named_and_stand_as_they_were(published: Settings) -> None:
    home = published.home
    report = exported(published, "october")
    before = {path: path.read_bytes() for path in (*home.published.glob("2026*"), *report.iterdir())}
    went = home.published / ".spare-20260101T000000Z-0001.duckdb"  # the next one would be written over it
    shutil.copyfile(home.published / f"{SNAPSHOT}.duckdb", went)
    half = home.published / ".20261101T000000Z-0001.duckdb.partial"  # a run was killed over it
    shutil.copyfile(went, half)
    done = forgotten(published, anew=False)
    assert not went.exists()
    assert not half.exists()
    assert [(kept.kind, Path(kept.path).name, kept.rewritten) for kept in done.kept] == [
        ("snapshot", f"{SNAPSHOT}.duckdb", False), ("export", "october", False),
    ]  # fmt: skip
    assert done.kept[0].where == {
        "core.notifications.kind": 1, "core.notifications.recipient_id": 3, "core.people.customer_id": 1,
        "core.people.customer_key": 1, "core.people.notes": 1, "core.providers.provider_name": 1,
        "marts.commission_findings.detail": 2, "ops.waivers.reason": 1,
    }  # fmt: skip
    assert {path: path.read_bytes() for path in before} == before
    assert Rewrites(home.ledger).done() == []
    # the values are gone from the mirror, and yet the files are found by their marks later
    again = forgotten(published)
    assert [kept.rewritten for kept in again.kept] == [True] * 3
    assert found(home) == set()


def test_kept_files_are_written_anew_and_no_figure_changes(published: Settings) -> None:
    home = published.home
    reports = [
        exported(published, "csv"), exported(published, "json", form="json"), exported(published, "xlsx", form="xlsx"),
        exported(published, "id", locale="id"),
        *(table_exported(published, "core.people", form) for form in ("csv", "parquet", "json", "xlsx")),
    ]  # fmt: skip
    make_keys(home)
    reports.append(package_exported(published))
    parquet = next(reports[5].glob("*.parquet"))
    assert any(value in str(pl.read_parquet(parquet).rows()) for value in VALUES)
    gone = exported(published, "gone", form="json", locale="id")
    shutil.rmtree(gone)
    shutil.copyfile(home.raw, home.backups / "raw-old.duckdb")
    shutil.copyfile(home.private.resolve(), home.backups / "private-old.duckdb")
    shutil.copyfile(home.published / f"{SNAPSHOT}.duckdb", home.backups / "snapshot-old.duckdb")
    (home.backups / "notes.txt").write_text("by hand")
    Ledger(home.ledger).waive("f", reason=f"{NAME} called", by=NAME, at=published.clock.now())
    home.status.write_text(json.dumps({"run": {"message": f"for {NAME}", "count": 3}}))
    path = home.published / f"{SNAPSHOT}.duckdb"
    before, money = figures(path), [verify_export(report, home.ledger, alone=True) for report in reports]
    done = forgotten(published)
    assert done.left == ()
    assert sorted({kept.kind for kept in done.kept}) == ["backup", "export", "snapshot", "status"]
    assert (done.gone, done.backups) == ((str(gone),), (str(home.backups / "notes.txt"),))
    assert found(home) == set()
    assert not any(value in str(pl.read_parquet(parquet).rows()) for value in VALUES)
    assert figures(path) == before
    assert Ledger(home.ledger).waived() == {"f": "(erased) called"}
    with open_snapshot(path, in_full=True) as con:
        rows = con.execute("SELECT * FROM core.people ORDER BY amount_idr").fetchall()
        assert rows == [
            (hash_of(published), f"c:{hash_of(published)}", 5, ["a", "call (erased)"]), ("u2", "c:u2", 6, ["b"]),
        ]  # fmt: skip
        assert con.execute("SELECT recipient_id FROM core.notifications ORDER BY 1").fetchall() == [
            ("booking_1781239876543",), (f"booking_{hash_of(published)}",),
            (hash_of(published),), (hash_of(published),),
        ]  # fmt: skip
        assert con.execute("SELECT reason, waived_by FROM ops.waivers ORDER BY finding_id").fetchall() == [
            ("(erased) asked", NAME), ("agreed with Made", "Ayu"),
        ]  # fmt: skip
        names = con.execute(
            "SELECT provider_name FROM core.providers WHERE provider_id IN ('p3', 'p4') ORDER BY provider_id"
        )
        assert names.fetchall() == [(None,), ("Ketuttari Spa",)]
    assert path.stat().st_mode & 0o777 == 0o400
    for report, was in zip(reports, money, strict=True):
        verdict = verify_export(report, home.ledger)
        # the bridges of rows made by hand lead nowhere, before and after
        assert verdict.differences == was.differences
        assert (verdict.files, verdict.rows) == (was.files, was.rows)
        assert [said.split()[0] for said in verdict.proven[:1]] == [
            said.split()[0] for said in was.proven[:1]
        ]
        assert "rewritten at 2026-03-10T12:00:00Z because of an erasure" in verdict.rewritten[0]
    assert [one.reason for one in Ledger(home.ledger).sign_off_log()] == ["(erased) has paid"]
    entered = Rewrites(home.ledger).done()
    assert {(entry.customer_id, entry.by) for entry in entered} == {(hash_of(published), "Ayu")}
    assert all(entry.sha256_before != entry.sha256_after for entry in entered)
    assert len(entered) == len(done.kept)
    # exported again from the snapshot written anew: the same report
    again = export_commissions(
        home, published.clock, first=date(2026, 9, 1), until=date(2026, 11, 1), out=reports[0], made_by="Ayu",
        time_zone="Asia/Makassar", snapshot_id=SNAPSHOT,
    )  # fmt: skip
    assert again.already_there
    assert forgotten(published).kept == ()


def test_copies_in_the_store_follow_and_no_reader_gets_the_values_again(
    published: Settings, tmp_path: Path
) -> None:
    home, settings = published.home, published.model_copy(update={"store": str(tmp_path / "store")})
    objects = objects_of(settings)

    def shared(snapshot: str) -> Source:
        path = home.published / f"{snapshot}.duckdb"
        return Source(path, keeping._sha256(path), None, None)

    for snapshot in (SNAPSHOT, LATER):
        share(
            objects,
            shared(snapshot),
            changes_only=True,
            base=home.published,
            now=published.clock.now(),
            cited=set(),
        )
    report = exported(published, "october")
    store_export(objects, report)
    reader = tmp_path / "reader"
    fetch(objects, reader, at=published.clock.now())
    fetch(objects, reader, snapshot_id=SNAPSHOT, at=published.clock.now())
    assert found(Home(tmp_path / "store")) != set()

    told = forgotten(settings, anew=False)
    places = [kept.path for kept in told.kept if kept.path.startswith(objects.place)]
    assert places == [f"{objects.place}/published/{SNAPSHOT}", f"{objects.place}/exports/october"]
    done = forgotten(settings)
    assert done.left == ()
    assert [kept.path for kept in done.kept if kept.path.startswith(objects.place)] == [
        f"{objects.place}/published", f"{objects.place}/exports/october",
    ]  # fmt: skip
    assert found(Home(tmp_path / "store")) == set()
    assert shared_hashes(objects) == {name: shared(name).sha256 for name in (LATER, SNAPSHOT)}
    assert stored_manifest(objects, report) == keeping._sha256(report / "manifest.json")
    fetch(objects, reader, at=published.clock.now())
    assert found(Home(reader)) == set()
    assert [kept.path for kept in forgotten(settings).kept if kept.path.startswith(objects.place)] == []
    shutil.rmtree(report)
    assert forgotten(settings, anew=False).backups == (f"{objects.place}/exports/october",)


def test_the_cover_of_a_providers_package_is_drawn_anew_without_the_person(published: Settings) -> None:
    """Its account names the provider, whose name was the person's by a slip; its words are compressed glyphs, so only
    the text of its pages tells."""
    home = published.home
    make_keys(home)
    out = home.exports / "p3"
    export_month(
        home, published.clock, first=date(2026, 9, 1), until=date(2026, 11, 1), out=out, made_by="Ayu",
        time_zone="Asia/Makassar", snapshot_id=SNAPSHOT, provider="p3",
    )  # fmt: skip
    (cover,) = out.glob("*_cover.pdf")
    assert NAME in words_of(cover)
    before = verify_export(out, home.ledger, alone=True)
    forgotten(published)
    words = words_of(cover)
    assert "Ketuttari" not in words
    manifest = json.loads((out / "manifest.json").read_bytes())
    for entry in manifest["files"]:
        if entry["name"].endswith("_statements.csv"):
            assert entry["sha256"] in words  # the cover lists the files as they are now
    assert cover.name in manifest["rewritten"][0]["files"]
    assert "clock:frozen" in (out / "manifest.json.minisig").read_text()
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == []
    verdict = verify_export(out, home.ledger, alone=True)
    assert verdict.differences == before.differences
    assert not any(cover.name in said for said in verdict.not_checked)


def words_of(cover: Path) -> str:
    with pdfium.PdfDocument(cover) as pdf:
        return " ".join(
            " ".join(pdf[number].get_textpage().get_text_bounded().split()) for number in range(len(pdf))
        )


def test_killed_at_any_instant_nothing_is_half_written_and_the_next_call_finishes(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = published.home
    report = exported(published, "october")

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    places = (
        ("pipelines.kept.write_without", False), ("resources.rewrites.Rewrites.begin", False),
        ("pipelines.kept.os.replace", False), ("resources.rewrites.Rewrites.finish", True),
    )  # fmt: skip
    for place, replaced in places:
        with monkeypatch.context() as patch:
            patch.setattr(place, killed)
            with pytest.raises(KeyboardInterrupt):
                forgotten(published)
        # readers go on, with the old file or the new one
        with open_snapshot(home.published / f"{SNAPSHOT}.duckdb", in_full=True) as con:
            told = con.execute("SELECT count(*) FROM core.people WHERE customer_id LIKE 'hash%'").fetchone()
        assert told == (int(replaced),)
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.exports.erasing.finish", killed)
        with pytest.raises(KeyboardInterrupt):
            forgotten(published)
    # The report is whole; what the killed call left in its folder is seen until the next one takes it away.
    assert verify_export(report, home.ledger).differences == (f"{WORKSHOP}/ does not belong to this report.",)
    forgotten(published)
    assert verify_export(report, home.ledger).holds
    assert verify_export(report, home.ledger).rewritten
    assert found(home) == set()
    assert Rewrites(home.ledger).unfinished() == []
    assert [path.name for path in home.published.iterdir() if "rewriting" in path.name] == []


def test_what_is_in_use_or_changed_is_left_and_said(published: Settings) -> None:
    home = published.home
    report = exported(published, "october")
    rows = next(path for path in report.iterdir() if path.name.endswith("_findings.csv"))
    rows.write_bytes(rows.read_bytes() + b"x")
    (home.backups / "broken.duckdb").write_bytes(b"\0" * 8 + b"DUCK" + b"x" * 100)
    shutil.copyfile(home.published / f"{SNAPSHOT}.duckdb", home.root / "warehouse.damaged-1.duckdb")
    with Ledger(home.ledger).pinned(SNAPSHOT):
        done = forgotten(published)
    assert {Path(kept.path).name for kept in done.kept if kept.rewritten} == {
        f"{LATER}.duckdb", "warehouse.damaged-1.duckdb"
    }  # fmt: skip
    assert {kept.kind: kept.why for kept in done.left} == {
        "backup": f"{home.backups / 'broken.duckdb'} could not be looked through (IOException). It may still hold the"
        " values: open it with the version of bookwatch that made it, or delete it.",
        "snapshot": "An export is being made from the snapshot 20261105T000000Z-000001. Run this again when it is done"
        " (an export that was killed holds its snapshot for a day).",
        "export": f"The report in {report} was left as it is: it is not as it was exported: `bookwatch verify` says"
        " how.",
    }  # fmt: skip
    path = home.published / f"{SNAPSHOT}.duckdb"
    path.chmod(0o600)
    with open(path, "r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    with pytest.raises(SnapshotChanged):
        require_unchanged(path)
    assert "was changed after it was published" in str(forgotten(published).left[0].why)


def test_an_export_in_progress_does_not_outlast_a_rewriting(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.exports import commissions

    write = commissions._write_within_memory

    def meanwhile(path: Path, *more: Any) -> Any:
        done = write(path, *more)
        fresh = path.with_name(".fresh")
        shutil.copyfile(path, fresh)
        state = fresh.stat()
        fresh.replace(path)
        Ledger(published.home.ledger).record_seal(
            Seal(path.stem, keeping._sha256(path), state.st_size, state.st_mtime_ns, state.st_ino)
        )
        return done

    monkeypatch.setattr(commissions, "_write_within_memory", meanwhile)
    with pytest.raises(Exception, match="was written anew while it was exported"):
        exported(published, "october")


def test_a_page_shows_the_file_written_anew(published: Settings) -> None:
    from dashboards.queries import reading

    home = published.home
    path = home.published / f"{SNAPSHOT}.duckdb"

    @reading.cached
    def people(path: str) -> list[Any]:
        return (
            reading.ask(path, "SELECT customer_id FROM core.people ORDER BY amount_idr").to_series().to_list()
        )

    old = shutil.copyfile(path, home.root / "old")
    forgotten(published)
    new = shutil.copyfile(path, home.root / "new")
    for file, told in ((old, PHONE), (new, hash_of(published))):
        # as another process does it while this one has the file before open
        file.replace(path)
        seal(home, SNAPSHOT)
        assert people(str(path)) == [told, "u2"]


def test_a_report_of_a_notebook_that_holds_a_trace_is_deleted(settings: Settings) -> None:
    folder = settings.home.reports / "2026-11-05"
    folder.mkdir(parents=True)
    page = '<title>r</title><script>"{0}"</script><td>{0}</td><script type="application/json">{1}</script>'
    for name, cell, figure in (
        ("revenue", NAME.lower(), "{}"),
        ("health", "Sri", json.dumps({"data": [{"y": [SPELLINGS[3]]}]})),
        ("demand", "Ketut &amp; Sri", json.dumps({"data": [{"x": ["Rp 1.239.876"]}]})),
    ):
        (folder / f"{name}.html").write_text(page.format(cell, figure), encoding="utf-8")
    named = {one.path: one.where for one in forgotten(settings, anew=False).kept if one.kind == "report"}
    assert named == {str(folder / f"{name}.html"): {"cells": 1} for name in ("health", "revenue")}
    done = forgotten(settings)
    assert {str(folder / f"{name}.html") for name in ("health", "revenue")} <= set(done.gone)
    assert [path.name for path in folder.iterdir()] == ["demand.html"]


def test_reports_in_the_store_go_also_where_none_is_here_any_more(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(update={"store": str(tmp_path / "store")})
    objects, day = objects_of(settings), settings.home.reports / "2026-11-05"
    day.mkdir(parents=True)
    for name, told in (("revenue", NAME), ("demand", "Sri")):
        (day / f"{name}.html").write_text(f"<td>{told}</td>", encoding="utf-8")
    store_reports(objects, day)
    (day / "demand.html").write_text(f"<td>{NAME} made it</td>", encoding="utf-8")
    store_reports(objects, day)
    (day / "demand.html").write_text("<td>Sri</td>", encoding="utf-8")
    objects.put("reports/2026-07-01/health.html", f"<td>{NAME}</td>".encode())
    objects.put("reports/2026-07-01/revenue.html", b"<td>Sri</td>")
    settings.home.status.parent.mkdir(exist_ok=True)
    settings.home.status.write_text(json.dumps({"alerts": [{"message": f"{NAME} waits."}]}))
    share_status(objects, settings.home.status.read_bytes())
    away = StoreFailure.of("failure.store_away", place=objects.place)

    def does_not_answer(*given: object) -> None:
        raise away

    with monkeypatch.context() as patched:
        patched.setattr(keeping, "drop_report", does_not_answer)
        left = {one.path: one.why for one in forgotten(settings).left}
    assert left == {str(day / "revenue.html"): f"{away.problem} {away.next_step}"}
    assert objects.get("published/status.json") == settings.home.status.read_bytes()
    assert NAME not in settings.home.status.read_text()
    done = forgotten(settings)
    assert done.left == ()
    assert [one.key for one in objects.listed("reports")] == ["reports/2026-07-01/revenue.html"]
    assert [path.name for path in day.iterdir()] == ["demand.html"]
