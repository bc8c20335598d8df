"""`bookwatch forget --rewrite` takes a person out of backups: parts, hashes, manifest, signature and ledger follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketplace.backups import BackupState
from operations.backup import bucket
from operations.backup.create import KIND
from operations.backup.manifest import MANIFEST_VERSION, Manifest, TableEntry, read_manifest, sha256_of
from operations.backup.parts import PartWriter, lines_of, packed, slug
from operations.backup.rows import Frames, row_of
from operations.backup.verify import verify_backup
from pipelines.forget import forget_customer
from resources.appwrite.columns import columns_of
from resources.appwrite.failures import CallFailure
from resources.ledger import Ledger
from resources.report_keys import make_keys
from resources.rewrites import Rewrites
from resources.settings import Settings
from resources.store import Store
from tests.pipelines.test_forget import AT, LATER, ROWS, VALUES, mirrored_once, settings

__all__ = ["mirrored_once", "settings"]  # fixtures

ID = "20260309T180000Z-0001"
#: What the mirror never had: a row it missed, a version between two scans, a table it does not read.
UNSEEN: dict[str, dict[str, dict[str, Any]]] = {
    "chat_messages": {
        "m9": {
            "conversationId": "rX",
            "senderId": "u2",
            "message": "Ask Ketuttari Widiasihan, 0812-3987-6543",
        },
    },
    "waiting_list": {"w1": {"note": "Call +62 812 3987 6543"}, "w2": {"note": "Call 0813 0000 0001"}},
}


def lines(rows: dict[str, dict[str, Any]], at: str = AT) -> list[bytes]:
    return [
        json.dumps({"$id": i, "$createdAt": AT, "$updatedAt": at, "$permissions": [], **data}).encode()
        for i, data in rows.items()
    ]


def backed_up(settings: Settings) -> Path:
    """A backup of the rows of the mirror and of what it missed, two parts a table."""
    folder = settings.home.backups / ID
    folder.mkdir(parents=True)
    tables: list[TableEntry] = []
    for number, name in enumerate({**ROWS, **UNSEEN}, 1):
        rows = lines(ROWS.get(name, {})) + lines(UNSEEN.get(name, {}), LATER)
        keys = sorted({key for line in rows for key in row_of(line) if key[0] != "$"})
        kinds = {
            "totalCost": "integer",
            "rating": "integer",
            "bookingAmount": "double",
            "commissionAmount": "double",
        }
        columns = [
            {"key": key, "type": kinds.get(key, "string"), "required": key == "message"} for key in keys
        ]
        writer = PartWriter(folder, slug(number, name), Frames(columns_of(columns)), {})
        for some in (rows[:1], rows[1:]):
            if some:
                block = b"\n".join(some) + b"\n"
                writer.add(len(some), block, packed(block))
                writer.end_part()
        tables.append(
            TableEntry(
                name,
                name,
                True,
                False,
                [],
                columns,
                [],
                "$sequence",
                len(rows),
                writer.rows_sha256,
                {},
                None,
                writer.files,
            )
        )
    signer = make_keys(settings.home)
    manifest = Manifest(
        KIND, MANIFEST_VERSION, ID, "whole", "2026-03-09T18:00:00Z", "2026-03-09T18:01:00Z", "0", {}, None,
        signer.text, tables,
    )  # fmt: skip
    from resources.report_keys import signer as signing

    key = signing(settings.home)
    assert key is not None
    data = manifest.to_bytes()
    (folder / "manifest.json").write_bytes(data)
    (folder / "manifest.json.minisig").write_bytes(key.sign(data, "file:manifest.json\thashed"))
    ledger = Ledger(settings.home.ledger)
    at = settings.clock.now()
    with ledger.writing() as db:
        db.execute(
            "INSERT INTO backups (number, backup_id, started_at, state, store) VALUES (1, ?, ?, 'running', ?)",
            (ID, at.isoformat(), str(settings.home.backups)),
        )
    ledger.finish_backup(
        ID, BackupState.WHOLE, at=at, rows=manifest.rows, size=manifest.bytes, manifest_sha256=sha256_of(data)
    )
    return folder


def content(folder: Path) -> dict[str, dict[str, Any]]:
    """Every row of a backup by table and id, of its lines; the Parquet files say the same."""
    manifest = read_manifest((folder / "manifest.json").read_bytes(), ID)
    found: dict[str, dict[str, Any]] = {}
    for table in manifest.tables:
        rows = found.setdefault(table.id, {})
        for file in table.files:
            if file.form == "jsonl":
                rows |= {
                    row["$id"]: row
                    for some in lines_of(folder / file.name, file, ID)
                    for row in map(row_of, some)
                }
            else:
                frame = pl.read_parquet(folder / file.name)
                assert {value for value in VALUES if value in str(frame.rows())} == {
                    value for value in VALUES if value in str([rows[name] for name in frame["$id"]])
                }
    return found


def held(folder: Path) -> set[str]:
    text = json.dumps(content(folder))
    return {value for value in (*VALUES, "812 3987 6543") if value in text}


def test_a_person_leaves_every_backup_and_its_manifest(settings: Settings) -> None:
    folder = backed_up(settings)
    assert verify_backup(settings, ID).holds
    before = content(folder)
    first = sha256_of((folder / "manifest.json").read_bytes())
    named = forget_customer(settings, "u1", by="Ayu")
    (kept,) = [one for one in named.kept if one.kind == "backup"]
    assert (kept.rewritten, kept.where["bookings"], kept.where["waiting_list"]) == (False, 5, 1)
    assert content(folder) == before
    done = forget_customer(settings, "u1", by="Ayu", anew=True)
    (kept,) = [one for one in done.kept if one.kind == "backup"]
    assert (kept.rewritten, kept.why, kept.sha256_before) == (True, None, first)
    after = content(folder)
    assert held(folder) == set()
    assert {name: list(rows) for name, rows in after.items()} == {
        name: list(rows) for name, rows in before.items()
    }
    for name, row in (
        ("bookings", "b2"),
        ("chat_messages", "m2"),
        ("chat_messages", "m4"),
        ("waiting_list", "w2"),
    ):
        assert after[name][row] == before[name][row]
    assert (after["bookings"]["b1"]["totalCost"], after["bookings"]["b1"]["userId"]) == (250_000, "u1")
    # All that tells of it follows: hashes, signature, ledger, what a restored row would be refused for.
    verdict = verify_backup(settings, ID)
    assert (verdict.wrong, verdict.noted) == ([], [])
    told = verdict.manifest
    assert [entry.manifest_sha256_before for entry in told.rewritten] == [first]
    messages = next(table for table in told.tables if table.id == "chat_messages")
    assert messages.nulls["message"] > 0
    entry = Ledger(settings.home.ledger).backup(ID)
    assert entry is not None
    assert (entry.manifest_sha256, entry.bytes) == (kept.sha256_after, told.bytes)
    rewritten = [one for one in Rewrites(settings.home.ledger).done() if one.kind == "backup"]
    assert [(one.by, one.path, one.sha256_after) for one in rewritten] == [
        ("Ayu", str(folder), kept.sha256_after)
    ]
    again = forget_customer(settings, "u1", by="Ayu", anew=True)
    assert [one for one in again.kept if one.kind == "backup"] == []


def test_killed_while_a_backup_is_written_anew_the_next_call_ends_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = backed_up(settings)
    before = content(folder)

    def killed(self: Store, *given: Any) -> None:
        raise SystemExit(9)

    write = Store.write

    def killed_afterwards(self: Store, *given: Any) -> None:
        write(self, *given)
        raise SystemExit(9)

    # Before the first new part is placed; once the new manifest is; while the old parts go.
    for step, dies in (("place_file", killed), ("write", killed_afterwards), ("remove", killed)):
        with monkeypatch.context() as dying:
            dying.setattr(Store, step, dies)
            with pytest.raises(SystemExit):
                forget_customer(settings, "u1", by="Ayu", anew=True)
        if step == "place_file":
            assert content(folder) == before
    forget_customer(settings, "u1", by="Ayu", anew=True)
    verdict = verify_backup(settings, ID)
    assert (verdict.wrong, verdict.noted, held(folder)) == ([], [], set())
    assert Rewrites(settings.home.ledger).unfinished() == []


def test_a_copy_that_could_not_follow_is_brought_to_follow_by_the_next_call(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    backed_up(settings)
    Ledger(settings.home.ledger).enter_copy(ID, "copies", whole=True)
    copied: list[tuple[str, str]] = []

    def broken(*_: Any, name: str) -> None:
        raise CallFailure("create_file", "server_error", status=500)

    monkeypatch.setattr(bucket, "copy", broken)
    for _ in range(2):
        (kept,) = [
            one for one in forget_customer(settings, "u1", by="Ayu", anew=True).left if one.kind == "backup"
        ]
        assert "bucket copies" in str(kept.why)
    assert f"copies/{ID}" in forget_customer(settings, "u1", by="Ayu").backups
    monkeypatch.setattr(bucket, "copy", lambda *given, name: copied.append((given[3], name)))
    done = forget_customer(settings, "u1", by="Ayu", anew=True)
    assert (copied, [one for one in done.left if one.kind == "backup"]) == ([(ID, "copies")], [])


def test_half_a_backup_of_a_killed_process_is_named_and_goes(settings: Settings) -> None:
    folder = backed_up(settings)
    (folder / "manifest.json").unlink()
    (half,) = folder.glob("*-bookings-00001.jsonl.zst")
    with Ledger(settings.home.ledger).writing() as db:
        db.execute("UPDATE backups SET state = 'running'")
    workshop = folder.with_name(f".{ID}.making")
    workshop.mkdir()
    (folder / ".manifest.json.123.partial").write_bytes(b"half of one")
    assert str(half) in forget_customer(settings, "u1", by="Ayu").backups
    forget_customer(settings, "u1", by="Ayu", anew=True)
    assert not folder.exists()
    assert not workshop.exists()
