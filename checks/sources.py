"""Source against mirror, collection by collection: what was fetched is what was stored, and what lives in Appwrite
lives here. Reads the counts of the scan and of the sweep."""

from __future__ import annotations

from dataclasses import dataclass, replace

from checks.results import CheckResult
from marketplace.collections import INGESTED
from marketplace.findings import Severity
from resources.run_report import CollectionScan, CollectionSweep


@dataclass(frozen=True)
class SourceCheck:
    """fetched = inserted + updated + unchanged + rejected for one collection. Structural: it blocks publishing."""

    collection: str
    level: Severity = "critical"
    blocking: bool = True
    looks_for: str = "rows that were fetched and are not inserted, updated, unchanged or rejected"

    @property
    def name(self) -> str:
        return f"raw_{self.collection}_counts"

    @property
    def asset(self) -> str:
        return f"raw/{self.collection}"

    @property
    def what_to_do(self) -> str:
        return (
            "Rows were fetched and not stored: an error of bookwatch; keep the last snapshot and report it."
        )

    def run(self, scan: CollectionScan | None) -> CheckResult:
        """The verdict for a scan; without one there is nothing stored to compare, and the check fails."""
        blank = CheckResult(
            self.name, self.asset, False, "ERROR", what_to_do=self.what_to_do, level=self.level
        )
        if scan is None:
            return replace(blank, broken_rules=("no scan was recorded",))
        stored = scan.inserted + scan.updated + scan.unchanged + scan.rejected
        if scan.fetched == stored:
            return replace(blank, passed=True)
        return replace(
            blank,
            failed_rows=abs(scan.fetched - stored),
            broken_rules=(f"{scan.fetched} fetched, {stored} accounted for",),
        )


SOURCE_CHECKS = tuple(SourceCheck(collection) for collection in INGESTED)


@dataclass(frozen=True)
class SweepCheck:
    """Rows in Appwrite = rows in raw not deleted, after a sweep of one collection. A warning: it stops nothing."""

    collection: str
    level: Severity = "high"
    blocking: bool = False
    looks_for: str = "after a sweep, rows that Appwrite has and the mirror has not, or the other way round"

    @property
    def name(self) -> str:
        return f"raw_{self.collection}_rows_match_source"

    @property
    def asset(self) -> str:
        return f"raw/{self.collection}"

    @property
    def what_to_do(self) -> str:
        return (
            "Run `bookwatch sweep` again; if rows stay missing in Appwrite, check APPWRITE_DATABASE_ID,"
            " BOOKWATCH_TABLES and the key, or accept the deletes with `bookwatch sweep --accept-deletes`."
        )

    def run(self, swept: CollectionSweep | None) -> CheckResult:
        """The verdict for a sweep. One that did not reach its end has compared nothing: the check fails and says so."""
        blank = CheckResult(
            self.name, self.asset, False, "WARN", what_to_do=self.what_to_do, level=self.level
        )
        if swept is None:
            return replace(blank, made=False, broken_rules=("no sweep was recorded",))
        apart = abs(swept.server_rows - swept.mirror_rows)
        if swept.held:
            return replace(blank, failed_rows=swept.missing, broken_rules=(swept.detail,))
        if swept.outcome != "complete":
            return replace(
                blank,
                level="medium",
                made=False,
                broken_rules=(f"could not be compared ({swept.outcome}): {swept.detail}",),
            )
        if apart:
            told = f"{swept.server_rows} rows in Appwrite, {swept.mirror_rows} in the mirror"
            told += f" ({swept.detail})" if swept.detail else ""
            return replace(blank, failed_rows=apart, broken_rules=(told,))
        return replace(blank, passed=True)


SWEEP_CHECKS = tuple(SweepCheck(collection) for collection in INGESTED)
