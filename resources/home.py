"""Where bookwatch keeps its files: the paths under BOOKWATCH_HOME and their permissions. Opens none of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The folder BOOKWATCH_HOME. Folders are 0700, files 0600 (the umask is set by our start code)."""

    root: Path

    @property
    def raw(self) -> Path:
        return self.root / "raw.duckdb"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def current(self) -> Path:
        return self.published / "current"

    @property
    def private(self) -> Path:
        return self.published / "private.duckdb"

    @property
    def status(self) -> Path:
        return self.published / "status.json"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.sqlite"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def lock(self) -> Path:
        return self.root / "run.lock"

    def create(self) -> Home:
        """Make the folders, private to this user. Returns itself."""
        os.umask(0o077)
        for folder in (
            self.root,
            self.published,
            self.dagster,
            self.exports,
            self.reports,
            self.backups,
        ):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self
