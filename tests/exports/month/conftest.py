"""Two packages of the session's publication, made once: everything, and one provider's with Indonesian separators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.exports.csv_writer import Locale
from pipelines.exports.manifest import Manifest, read_manifest
from pipelines.exports.month.package import export_month
from resources.clock import Clock
from resources.home import Home
from resources.snapshots import require_snapshot
from tests.published import PUBLISHED_AT, copied_home

PERIOD = (date(PUBLISHED_AT.year, PUBLISHED_AT.month, 1), date(PUBLISHED_AT.year, PUBLISHED_AT.month + 1, 1))


@dataclass(frozen=True)
class Package:
    """A package in its folder."""

    folder: Path
    manifest: Manifest

    def file(self, ending: str) -> Path:
        """The one file whose name ends so, after label and snapshot."""
        (found,) = [
            path for path in self.folder.iterdir() if path.name.endswith(self.manifest.snapshot + ending)
        ]
        return found

    def table(self, name: str) -> pl.DataFrame:
        """A table as text, cell by cell."""
        return pl.read_csv(self.file(f"_{name}.csv"), infer_schema=False).fill_null("")


def package(
    home: Home,
    out: Path,
    *,
    provider: str | None = None,
    locale: Locale = "en",
    period: tuple[date, date] = PERIOD,
) -> Package:
    export_month(
        home,
        Clock(),
        first=period[0],
        until=period[1],
        out=out,
        made_by="Rani",
        time_zone="Asia/Makassar",
        provider=provider,
        locale=locale,
    )
    return Package(out, read_manifest((out / "manifest.json").read_bytes()))


@pytest.fixture(scope="session")
def home_of_packages(publication: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return copied_home(publication, tmp_path_factory.mktemp("packages") / "home")


@pytest.fixture(scope="session")
def whole(home_of_packages: Home, tmp_path_factory: pytest.TempPathFactory) -> Package:
    return package(home_of_packages, tmp_path_factory.mktemp("whole") / "out")


@pytest.fixture(scope="session")
def of_provider(home_of_packages: Home, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Of the provider with the most lines in the ledger that is a record of every kind's."""
    with duckdb.connect(str(require_snapshot(home_of_packages)), read_only=True) as con:
        ((provider,),) = con.execute(
            "SELECT provider_id FROM marts.commission_entries WHERE provider_id <> 'none' GROUP BY provider_id"
            " ORDER BY count(DISTINCT kind) DESC, count(*) DESC, provider_id LIMIT 1"
        ).fetchall()
    out = tmp_path_factory.mktemp("provider") / "out"
    return package(home_of_packages, out, provider=provider, locale="id")
