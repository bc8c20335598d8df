"""Source against mirror: what was fetched is what was stored, collection by collection. Reads the scan's own counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from checks.results import CheckResult
from marketplace.collections import INGESTED
from resources.run_context import CollectionScan


@dataclass(frozen=True)
class SourceCheck:
    """fetched = inserted + updated + unchanged + rejected for one collection. Structural: it blocks publishing."""

    collection: str
    blocking: bool = True

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
        blank = CheckResult(self.name, self.asset, False, "ERROR", what_to_do=self.what_to_do)
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
