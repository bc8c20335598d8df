"""What the booking services keep is in a backup as everything else is, and comes back from it."""

from __future__ import annotations

from marketplace.backups import BackupState
from operations.backup.create import make_backup
from operations.backup.manifest import read_manifest
from operations.backup.restore import restore_backup
from resources.appwrite.writing import Create, WritingGateway
from resources.report_keys import make_keys
from services.installing import install, lacking
from services.tables import COUNTERS, DISCOUNTS, GUARDS, OFFERS, REQUESTS, TABLES
from tests.operations.backup.marketplace import MADE, Market

ROWS = {
    OFFERS: {
        "bookingId": "b1",
        "providerId": "p1",
        "state": "offered",
        "round": 1,
        "offeredAt": MADE,
        "deadline": MADE,
    },
    GUARDS: {"kind": "calendar", "providerId": "p1", "version": 3, "at": MADE},
    COUNTERS: {"userId": "u1", "kind": "bookings", "instants": "[1]"},
    REQUESTS: {
        "what": "create_booking",
        "digest": "d",
        "status": 201,
        "answer": '{"bookingId":"b1"}',
        "at": MADE,
    },
    DISCOUNTS: {"code": "TEN", "percent": 10, "uses": 5, "active": True},
}


def test_every_collection_of_the_services_is_in_a_backup_and_comes_back(market: Market) -> None:
    settings = market.settings()
    assert not lacking(install(settings))
    assert set(ROWS) == {table.name for table in TABLES}
    with WritingGateway(settings, settings.clock) as gateway:
        for collection, data in ROWS.items():
            gateway.create(Create(collection, f"row_{collection}", data, ['read("user:u1")']))
    make_keys(settings.home)
    made = make_backup(settings)
    assert made.state == BackupState.WHOLE
    manifest = read_manifest(
        (settings.home.backups / made.backup_id / "manifest.json").read_bytes(), made.backup_id
    )
    assert {table.id: table.rows for table in manifest.tables if table.id in ROWS} == dict.fromkeys(ROWS, 1)
    into = market.other("restored")
    done = restore_backup(settings, made.backup_id, into=into)
    assert (done.wrong, done.differences) == ([], 0)
    with WritingGateway(
        settings.model_copy(update={"appwrite_database_id": into}), settings.clock
    ) as gateway:
        for collection, data in ROWS.items():
            row = gateway.row(collection, f"row_{collection}")
            assert row is not None
            assert {name: row[name] for name in data} == data
            assert row["$permissions"] == ['read("user:u1")']
