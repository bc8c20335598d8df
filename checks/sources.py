"""Source against mirror, collection by collection: what was fetched is what was stored, and what lives in Appwrite
lives here. Reads the counts of the scan and of the sweep."""

from __future__ import annotations

from dataclasses import dataclass, replace

from checks.results import CheckResult
from marketplace.collections import INGESTED, OF_SERVICES
from marketplace.events import ScanOutcome
from marketplace.findings import Severity
from messages.message import Arg, Message, as_message
from resources.run_report import CollectionScan, CollectionSweep


@dataclass(frozen=True)
class SourceCheck:
    """fetched = inserted + updated + unchanged + rejected for one collection. Structural: it blocks publishing."""

    collection: str
    level: Severity = Severity.CRITICAL
    blocking: bool = True
    looks_for: str = "rows that were fetched and are not inserted, updated, unchanged or rejected"

    @property
    def name(self) -> str:
        return f"raw_{self.collection}_counts"

    @property
    def asset(self) -> str:
        return f"raw/{self.collection}"

    @property
    def what_to_do(self) -> Message:
        return Message("check.counts_do")

    def run(self, scan: CollectionScan | None) -> CheckResult:
        """The verdict for a scan; without one there is nothing stored to compare, and the check fails (unless the
        collection is one that not every marketplace has)."""
        blank = CheckResult(
            self.name, self.asset, False, "ERROR", what_to_do=self.what_to_do, level=self.level
        )
        if scan is None and self.collection in OF_SERVICES:
            return replace(blank, passed=True)
        if scan is None:
            return replace(blank, found=(Message("broken.no_scan"),))
        stored = scan.inserted + scan.updated + scan.unchanged + scan.rejected
        if scan.fetched == stored:
            return replace(blank, passed=True)
        return replace(
            blank,
            failed_rows=abs(scan.fetched - stored),
            found=(Message("broken.unaccounted", {"fetched": scan.fetched, "stored": stored}),),
        )


SOURCE_CHECKS = tuple(SourceCheck(collection) for collection in INGESTED)


@dataclass(frozen=True)
class SweepCheck:
    """Rows in Appwrite = rows in raw not deleted, after a sweep of one collection. A warning: it stops nothing."""

    collection: str
    level: Severity = Severity.HIGH
    blocking: bool = False
    looks_for: str = "after a sweep, rows that Appwrite has and the mirror has not, or the other way round"

    @property
    def name(self) -> str:
        return f"raw_{self.collection}_rows_match_source"

    @property
    def asset(self) -> str:
        return f"raw/{self.collection}"

    @property
    def what_to_do(self) -> Message:
        return Message("check.rows_match_do")

    def run(self, swept: CollectionSweep | None) -> CheckResult:
        """The verdict for a sweep. One that did not reach its end has compared nothing: the check fails and says so."""
        blank = CheckResult(
            self.name, self.asset, False, "WARN", what_to_do=self.what_to_do, level=self.level
        )
        if swept is None and self.collection in OF_SERVICES:
            return replace(blank, passed=True)
        if swept is None:
            return replace(blank, made=False, found=(Message("broken.no_sweep"),))
        apart = abs(swept.server_rows - swept.mirror_rows)
        told = swept.why or swept.detail
        if swept.held:
            return replace(blank, failed_rows=swept.missing, found=(told,))
        if swept.outcome != ScanOutcome.COMPLETE:
            return replace(
                blank,
                level=Severity.MEDIUM,
                made=False,
                found=(Message("broken.not_compared", {"outcome": swept.outcome, "why": as_message(told)}),),
            )
        if apart:
            counts: dict[str, Arg] = {"server": swept.server_rows, "mirror": swept.mirror_rows}
            apart_by = (
                Message("broken.apart_why", {**counts, "why": as_message(told)})
                if told
                else Message("broken.apart", counts)
            )
            return replace(blank, failed_rows=apart, found=(apart_by,))
        return replace(blank, passed=True)


SWEEP_CHECKS = tuple(SweepCheck(collection) for collection in INGESTED)
