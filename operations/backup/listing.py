"""Which backups there are: those of the ledger, and those in the store that another home made. Reads only."""

from __future__ import annotations

from marketplace.backups import BackupState
from operations.backup.manifest import MANIFEST, DamagedBackup, read_manifest, sha256_of
from resources.instants import instant_of
from resources.ledger import BackupEntry, Ledger
from resources.settings import Settings
from resources.store import open_store


def listed(settings: Settings) -> list[BackupEntry]:
    """Every backup, the newest first. Raises StoreFailure."""
    store = open_store(settings)
    found = {entry.backup_id: entry for entry in Ledger(settings.home.ledger).backups()}
    for name in store.folders():
        if name in found:
            continue
        data = store.read(name, MANIFEST)
        if data is None:
            continue
        try:
            manifest = read_manifest(data, name)
        except DamagedBackup:
            continue  # whatever else lies there: no backup of ours
        found[name] = BackupEntry(
            name,
            instant_of(manifest.started_at),
            instant_of(manifest.finished_at),
            BackupState(manifest.state),
            manifest.rows,
            manifest.bytes,
            None,
            None,
            store.place,
            None,
            False,
            sha256_of(data),
            None,
        )
    return sorted(found.values(), key=lambda entry: (entry.started_at, entry.backup_id), reverse=True)
