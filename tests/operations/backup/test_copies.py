"""A copy of each backup in a bucket of Appwrite Storage, where one is set."""

from __future__ import annotations

import errno
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marketplace.backups import BACKUP_KEPT_FOR
from operations.backup import bucket, scan
from operations.backup.bucket import Bucket, file_id
from operations.backup.create import make_backup
from operations.backup.erasing import IDS
from operations.backup.parts import PartWriter
from resources.appwrite.failures import CallFailure, PermanentFailure
from resources.ledger import Ledger
from resources.store import StoreFailure
from tests.operations.backup.marketplace import Market


def made_bucket(market: Market) -> str:
    name = f"{market.server.database}-copies"
    storage = f"{market.server.endpoint}/storage/buckets"
    answer = market.api.post(storage, json={"bucketId": name, "name": name}, timeout=60)
    assert answer.status_code == 201, answer.text
    return name


def names(market: Market, name: str) -> dict[str, int]:
    path = f"{market.server.endpoint}/storage/buckets/{name}/files"
    listed = market.api.get(path, params={"queries[0]": '{"method":"limit","values":[100]}'}, timeout=60)
    return {file["name"]: file["sizeOriginal"] for file in listed.json()["files"]}


def test_each_backup_is_copied_and_its_copy_goes_with_it(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "PIECE_BYTES", 2_000)
    market.fill(bookings=20)
    name = made_bucket(market)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    settings = market.settings(backup_bucket=name, now=start)
    made = make_backup(settings)
    assert (made.bucket, [said.code for said in made.said]) == (name, ["backup.sealed_left_out"])
    folder = settings.home.backups / made.backup_id
    wanted: dict[str, int] = {}
    for path in folder.iterdir():
        size, whole = path.stat().st_size, f"{made.backup_id}.{path.name}"
        if size <= 2_000:
            wanted[whole] = size
        else:
            pieces = range(0, size, 2_000)
            wanted |= {f"{whole}.{n:03d}": min(2_000, size - at) for n, at in enumerate(pieces, 1)}
    assert names(market, name) == wanted
    assert any(file.endswith(".002") for file in wanted)
    # What is missing there, or another, is put right; what is right is not sent again.
    gone = next(file for file in wanted if "bookings" in file)
    storage = f"{market.server.endpoint}/storage/buckets/{name}/files"
    market.api.delete(f"{storage}/{file_id(gone)}", timeout=60)
    sent: list[str] = []
    put = Bucket.put
    monkeypatch.setattr(
        Bucket, "put", lambda self, file, content: (sent.append(file), put(self, file, content))
    )
    from resources.store import open_store

    ledger = Ledger(settings.home.ledger)
    ledger.enter_copy(made.backup_id, name, whole=False)
    bucket.copy(settings, open_store(settings), ledger, made.backup_id)
    assert (sent, names(market, name)) == ([gone], wanted)
    assert [one.copied for one in ledger.backups()] == [True]
    later = make_backup(market.settings(backup_bucket=name, now=start + BACKUP_KEPT_FOR + timedelta(days=1)))
    assert {file.partition(".")[0] for file in names(market, name)} == {later.backup_id}


def test_a_file_of_several_chunks_arrives_as_it_is(market: Market) -> None:
    name = made_bucket(market)
    content = hashlib.sha256(b"x").digest() * 200_000  # 6.4 MB
    with Bucket(market.settings(), name) as there:
        there.put("large.bin", content)
        (standing,) = there.standing("large").values()
    assert (standing.size, standing.md5) == (
        len(content),
        hashlib.md5(content, usedforsecurity=False).hexdigest(),
    )
    with Bucket(market.settings(), "nowhere") as missing, pytest.raises(PermanentFailure):
        missing.put("x", b"y")


def test_a_bucket_that_takes_nothing_is_said_and_the_backup_stands(market: Market) -> None:
    market.fill(bookings=1)
    made = make_backup(market.settings(backup_bucket="nowhere"))
    assert (made.state, made.bucket) == ("whole", None)
    assert "backup.bucket_failed" in [said.code for said in made.said]


def test_a_copy_that_broke_off_is_known_and_goes_though_its_bucket_was_out_of_reach_when_it_was_due(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.fill(bookings=1)
    name = made_bucket(market)
    start = datetime(2026, 3, 1, tzinfo=UTC)

    def broken(*_: object) -> None:
        raise CallFailure("create_file", "server_error", status=500)

    put, sent = Bucket.put, list[str]()

    def once(self: Bucket, file: str, content: bytes) -> None:
        (put if not sent else broken)(self, file, content)
        sent.append(file)

    with monkeypatch.context() as dying:
        dying.setattr(Bucket, "put", once)
        first = make_backup(market.settings(backup_bucket=name, now=start))
    assert (first.bucket, [*names(market, name)]) == (None, sent)
    settings = market.settings(backup_bucket=name, now=start + BACKUP_KEPT_FOR + timedelta(days=1))
    ledger = Ledger(settings.home.ledger)
    entry = ledger.backup(first.backup_id)
    assert entry is not None
    assert (entry.bucket, entry.copied) == (name, False)
    with monkeypatch.context() as dying:
        dying.setattr(Bucket, "remove", broken)
        make_backup(settings)
    assert set(sent) < set(names(market, name))
    last = make_backup(settings)
    assert {file.partition(".")[0] for file in names(market, name)} >= {last.backup_id}
    assert not set(sent) & set(names(market, name))
    entry = ledger.backup(first.backup_id)
    assert entry is not None
    assert (entry.state, entry.bucket) == ("expired", None)


def test_a_table_is_read_though_its_rows_cannot_be_counted(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.fill(bookings=1)
    path_of = scan.path_of

    def nowhere(gateway: object, template: str, table: str = "") -> str:
        return path_of(gateway, template, table) + "/nowhere/at/all"  # type: ignore[arg-type] - as it was given

    monkeypatch.setattr(scan, "path_of", nowhere)  # the count's alone
    made = make_backup(market.settings())
    assert (made.state, made.rows > 1) == ("whole", True)


def test_homes_that_share_a_store_leave_each_others_backups_alone(market: Market, tmp_path: Path) -> None:
    """Both begin at the same instant, each its first."""
    market.fill(bookings=1)
    other = market.settings(store=str(tmp_path / "shared"))
    at = other.clock.now()
    ids = {Ledger(tmp_path / f"{n}.sqlite").begin_backup(at, "20260301T000000Z", store="s") for n in range(2)}
    assert len(ids) == 2
    assert all(IDS.fullmatch(one) for one in ids)
    working = tmp_path / "shared" / ".20260301T000000Z-0001000000.making"
    working.mkdir(parents=True)
    make_backup(other)
    assert working.is_dir()


def test_no_room_is_said_and_the_backup_failed_by_it(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    market.fill(bookings=1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(PartWriter, "end_part", full)
    settings = market.settings()
    with pytest.raises(StoreFailure, match="No space left"):
        make_backup(settings)
    (entry,) = Ledger(settings.home.ledger).backups()
    assert (entry.state, entry.why and entry.why.code) == ("failed", "failure.store")


def test_a_backup_that_a_killed_process_left_without_its_copy_gets_one_with_the_next(market: Market) -> None:
    market.fill(bookings=1)
    name, start = made_bucket(market), datetime(2026, 3, 1, tzinfo=UTC)
    before = make_backup(market.settings(now=start))
    copied = make_backup(market.settings(backup_bucket=name, now=start + timedelta(days=1)))

    class Killed(BaseException):
        pass

    def die(step: str) -> None:
        if step == "entered":
            raise Killed

    with pytest.raises(Killed):
        make_backup(market.settings(backup_bucket=name, now=start + timedelta(days=2)), reached=die)
    last = make_backup(market.settings(backup_bucket=name, now=start + timedelta(days=3)))
    entries = Ledger(market.settings().home.ledger).backups()
    uncopied = [entry.backup_id for entry in entries if not entry.copied]
    assert uncopied == [before.backup_id], "it was made before there was a bucket"
    assert len(entries) == 4
    assert {copied.backup_id, last.backup_id} < {file.partition(".")[0] for file in names(market, name)}
