"""Backups: every table is in one, row for row; what is altered is found; a restore is the same, to the byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyrage
import pytest

from marketplace.backups import BACKUP_KEPT_FOR, BackupState
from messages.catalogue import english
from operations.backup import restore as restoring
from operations.backup.create import BackupActive, backups_lock, make_backup
from operations.backup.listing import listed
from operations.backup.manifest import Manifest, read_manifest
from operations.backup.parts import lines_of
from operations.backup.restore import restore_backup
from operations.backup.rows import row_of
from operations.backup.verify import verify_backup
from resources.appwrite.failures import TransientFailure
from resources.errors import BookwatchError, UsageError
from resources.home import Home
from resources.ledger import Ledger
from resources.objects import BucketObjects
from resources.report_keys import make_keys
from resources.settings import Settings
from resources.store import Store
from tests.operations.backup.marketplace import ACCOUNT, PERSONAL, Market
from tests.personal_values import everything_under, sentinels_in

LATER = "2026-04-01T00:00:00.000+00:00"


def manifest_of(settings: Settings, backup_id: str) -> Manifest:
    return read_manifest((folder_of(settings, backup_id) / "manifest.json").read_bytes(), backup_id)


def folder_of(settings: Settings, backup_id: str) -> Path:
    return settings.home.backups / backup_id


def digests(manifest: Manifest) -> dict[str, str | None]:
    return {table.id: table.rows_sha256 for table in manifest.tables}


def test_restored_and_backed_up_again_the_rows_are_the_same_bytes(market: Market) -> None:
    market.fill()
    market.relate()
    settings = market.settings()
    make_keys(settings.home)
    lines: list[str] = []
    made = make_backup(settings, say=lambda line: lines.append(english(line)))
    assert (made.state, made.rows) == (BackupState.WHOLE, 125)
    assert [english(said).partition(":")[0] for said in made.said] == [
        "Left out, as BOOKWATCH_BACKUP_RECIPIENT names no public key to encrypt them to",
        "No copy in Appwrite's storage",
    ]
    assert verify_backup(settings, made.backup_id).holds
    into = market.other("restored")
    done = restore_backup(settings, made.backup_id, into=into)
    assert (done.wrong, done.rows, done.differences) == ([], 125, 0)
    again = make_backup(market.settings(appwrite_database_id=into))
    before, after = manifest_of(settings, made.backup_id), manifest_of(settings, again.backup_id)
    assert digests(before) == digests(after)
    assert before.signed_with is not None
    assert before.tables[-1].columns == after.tables[-1].columns
    # Parquet holds the same rows for analysts, by Appwrite's own names.
    bookings = next(table for table in before.tables if table.id == "bookings")
    parquet = next(file.name for file in bookings.files if file.form == "parquet")
    frame = pl.read_parquet(folder_of(settings, made.backup_id) / parquet)
    assert frame.height == 121
    assert {"$id", "$createdAt", "$updatedAt", "$permissions", "totalCost"} <= set(frame.columns)
    assert frame["$permissions"][0] == '["read(\\"user:u1\\")"]'
    # Names and phones are in the rows, in no manifest, ledger or line that was said.
    written = before.to_bytes() + "".join(lines).encode() + (settings.home.ledger).read_bytes()
    assert [value for value in PERSONAL if value.encode() in written] == []
    assert [path for path in everything_under(market.home) if sentinels_in(path, [ACCOUNT])] == []


def test_bank_details_open_with_the_secret_key_alone(market: Market, tmp_path: Path) -> None:
    market.fill(bookings=3)
    identity = pyrage.x25519.Identity.generate()
    key = tmp_path / "key.txt"
    key.write_text(f"# created: today\n{identity}\n")
    settings = market.settings(backup_recipient=str(identity.to_public()))
    made = make_backup(settings)
    manifest = manifest_of(settings, made.backup_id)
    bank = next(table for table in manifest.tables if table.id == "bank_details")
    assert ([file.name for file in bank.files], bank.rows, bank.rows_sha256) == (
        ["t001-bank_details-00001.jsonl.zst.age"],
        1,
        None,
    )
    assert manifest.recipient == str(identity.to_public())
    closed = restore_backup(settings, made.backup_id, into=market.other("closed"))
    assert [said.code for said in closed.said] == ["backup.still_sealed"]
    opened = restore_backup(settings, made.backup_id, into=market.other("opened"), identity=key)
    assert (opened.same, opened.rows - closed.rows) == (True, 1)
    with pytest.raises(UsageError, match="no public key"):
        make_backup(market.settings(backup_recipient="age1nonsense"))


def altered(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "cut off":
        path.write_bytes(content[:-7])
    elif how == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:20] + bytes([content[20] ^ 1]) + content[21:])


def test_what_is_altered_is_found_and_not_restored(market: Market) -> None:
    market.fill(bookings=30)
    settings = market.settings()
    make_keys(settings.home)
    made = make_backup(settings)
    folder = folder_of(settings, made.backup_id)
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    bookings = [path for path in kept if "bookings" in path.name]
    assert len(bookings) == 2
    for path in bookings:
        for how in ("cut off", "gone", "a bit"):
            altered(path, how)
            verdict = verify_backup(settings, made.backup_id)
            assert verdict.damaged == [path.name], how
            entry = Ledger(settings.home.ledger).backup(made.backup_id)
            assert entry is not None
            assert entry.verified is False
            with pytest.raises(BookwatchError, match="does not hold"):
                restore_backup(settings, made.backup_id, into=market.other("damaged"))
            path.write_bytes(kept[path])
    manifest = folder / "manifest.json"
    manifest.write_bytes(kept[manifest].replace(b'"rows": 31', b'"rows": 30'))
    told = [wrong.code for wrong in verify_backup(settings, made.backup_id).wrong]
    assert {"backup.manifest_other", "backup.signature_other"} <= set(told)
    altered(manifest, "cut off")
    with pytest.raises(BookwatchError, match="edited or cut off"):
        verify_backup(settings, made.backup_id)
    with pytest.raises(UsageError, match="no backup"):
        verify_backup(settings, "../../etc")


def test_a_database_with_tables_is_refused_and_nothing_is_written(market: Market) -> None:
    market.fill(bookings=2)
    settings = market.settings()
    made = make_backup(settings)
    before = market.call("GET", "/bookings/rows")
    with pytest.raises(UsageError, match="is not empty"):
        restore_backup(settings, made.backup_id)
    assert market.call("GET", "/bookings/rows") == before


def test_rows_that_cannot_be_made_are_told_and_the_others_are_there(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.fill(bookings=5)
    settings = market.settings()
    made = make_backup(settings)
    real = restoring._Filling._make

    def tampered(self: Any, lines: list[bytes]) -> int:
        return real(self, [line.replace(b'"totalCost":100002', b'"totalCost":-5') for line in lines])

    monkeypatch.setattr(restoring._Filling, "_make", tampered)
    done = restore_backup(settings, made.backup_id, into=market.other("refused"))
    assert [(wrong.code, wrong.args["n"]) for wrong in done.wrong] == [
        ("backup.rows_refused", 1),
        ("backup.row_missing", 1),
    ]
    assert done.differences == 1


def test_an_answer_that_never_came_makes_no_row_twice(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.fill(bookings=150)
    settings = market.settings()
    made = make_backup(settings)
    from operations.backup.target import Target
    from resources.appwrite.gateway import PooledClient

    real = PooledClient.request
    lost: list[str] = []

    def request(self: Any, operation: str, collection: str, method: str, *more: Any, **named: Any) -> Any:
        answer = real(self, operation, collection, method, *more, **named)
        if method == "post" and len(lost) < 4:
            lost.append(operation)
            raise TransientFailure(operation, "time_out", collection=collection)
        return answer

    monkeypatch.setattr(PooledClient, "request", request)
    monkeypatch.setattr(Target, "_rest", lambda self, tried: None)
    done = restore_backup(settings, made.backup_id, into=market.other("lost"))
    assert (len(lost), done.same, done.rows) == (4, True, made.rows)


def test_rows_written_while_it_is_read_are_not_lost(market: Market) -> None:
    market.fill(bookings=160)
    # After the first page rows of it and of later pages are touched, one is deleted, one is made.
    market.server.between_pages(
        {
            "table": "bookings",
            "after": 3,
            "update": [{"$id": name, "notes": "touched", "$updatedAt": LATER} for name in ("b0002", "b0155")],
            "delete": ["b0003"],
            "insert": [{"$id": "late", "customerName": "Late", "$createdAt": LATER, "$updatedAt": LATER}],
        }
    )
    settings = market.settings()
    made = make_backup(settings)
    bookings = next(t for t in manifest_of(settings, made.backup_id).tables if t.id == "bookings")
    file = next(file for file in bookings.files if file.form == "jsonl")
    path = folder_of(settings, made.backup_id) / file.name
    rows = {row["$id"]: row for some in lines_of(path, file, made.backup_id) for row in map(row_of, some)}
    assert len(rows) == bookings.rows == file.rows
    assert {f"b{n:04d}" for n in range(1, 161)} - rows.keys() <= {"b0003"}
    assert {"late", "nulls"} <= rows.keys()
    assert rows["b0155"]["notes"] == "touched"


def test_old_ones_go_after_their_time_but_never_the_newest_whole_one(market: Market) -> None:
    market.fill(bookings=1)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    made = [make_backup(market.settings(now=start + timedelta(days=days))).backup_id for days in (0, 1)]
    settings = market.settings(now=start + BACKUP_KEPT_FOR + timedelta(days=20))
    with pytest.raises(BookwatchError):
        make_backup(settings.model_copy(update={"appwrite_database_id": "nowhere"}))
    later = start + BACKUP_KEPT_FOR + timedelta(days=1, hours=1)
    newest = make_backup(settings.model_copy(update={"now": later}))
    entries = {entry.backup_id: entry.state for entry in listed(settings)}
    assert [entries[name] for name in (*made, newest.backup_id)] == ["expired", "expired", "whole"]
    assert sorted(path.name for path in settings.home.backups.iterdir()) == [newest.backup_id]


def test_an_object_store_holds_the_same(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    import obstore.store

    market.fill(bookings=60)
    kept = obstore.store.MemoryStore()
    home = market.settings().home
    memory = Store(BucketObjects("memory://backups", kept), home.backups)
    for module in ("create", "verify", "restore", "listing"):
        monkeypatch.setattr(f"operations.backup.{module}.open_store", lambda settings: memory)
    settings = market.settings(store="memory://backups")
    made = make_backup(settings)
    assert list(home.backups.iterdir()) == []
    assert verify_backup(settings, made.backup_id).holds
    assert restore_backup(settings, made.backup_id, into=market.other("objects")).same
    assert [entry.store for entry in listed(settings)] == ["memory://backups"]
    name = next(name for name in memory.files(made.backup_id) if name.endswith(".parquet"))
    memory.write(made.backup_id, name, b"other")
    assert verify_backup(settings, made.backup_id).damaged == [name]


def test_one_at_a_time(market: Market) -> None:
    settings = market.settings()
    with backups_lock(settings), pytest.raises(BackupActive):
        make_backup(settings)


def test_a_manifest_names_no_row(market: Market) -> None:
    market.fill(bookings=2)
    settings = market.settings()
    made = make_backup(settings)
    told = json.loads((folder_of(settings, made.backup_id) / "manifest.json").read_text())
    bookings = next(table for table in told["tables"] if table["id"] == "bookings")
    assert bookings["nulls"] == {"status": 1}
    assert (bookings["rows"], bookings["counted"]) == (3, 3)
    assert [index["key"] for index in bookings["indexes"]] == ["ix_status", "ux_phone"]


@pytest.mark.parametrize("into", ["", "a b", ".x", "x" * 37, "läs"])
def test_a_database_is_named_by_an_id(market: Market, into: str) -> None:
    with pytest.raises(UsageError) as refused:
        restore_backup(market.settings(), "any", into=into)
    assert refused.value.exit_status == 2


def test_the_older_api_gives_the_same_backup_and_takes_it_back(market: Market) -> None:
    market.fill(bookings=7)
    newer = market.settings()
    older = market.settings(appwrite_api="databases", home=Home(market.home.with_name("older")))
    made = [make_backup(settings) for settings in (newer, older)]
    told = [manifest_of(s, one.backup_id) for s, one in zip((newer, older), made, strict=True)]
    assert [one.state for one in made] == [BackupState.WHOLE, BackupState.WHOLE]
    assert digests(told[0]) == digests(told[1])
    done = restore_backup(older, made[1].backup_id, into=market.other("older"))
    assert (done.same, done.rows) == (True, made[1].rows)
