"""Source against mirror, collection by collection: what was fetched is what was stored, and what lives in Appwrite
lives here. Reads the counts of the scan and of the sweep."""

from __future__ import annotations

from dataclasses import dataclass, replace

from checks.results import CheckResult
from marketplace.collections import INGESTED
from messages.message import Arg, Message
from resources.run_report import CollectionScan, CollectionSweep


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
    def what_to_do(self) -> Message:
        return Message("check.counts_do")

    def run(self, scan: CollectionScan | None) -> CheckResult:
        """The verdict for a scan; without one there is nothing stored to compare, and the check fails."""
        blank = CheckResult(self.name, self.asset, False, "ERROR", what_to_do=self.what_to_do)
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
    blocking: bool = False

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
        blank = CheckResult(self.name, self.asset, False, "WARN", what_to_do=self.what_to_do, level="high")
        if swept is None:
            return replace(blank, made=False, found=(Message("broken.no_sweep"),))
        apart = abs(swept.server_rows - swept.mirror_rows)
        if swept.held:
            return replace(blank, failed_rows=swept.missing, found=(swept.detail,))
        if swept.outcome != "complete":
            return replace(
                blank,
                level="medium",
                made=False,
                found=(Message("broken.not_compared", {"outcome": swept.outcome, "why": swept.detail}),),
            )
        if apart:
            counts: dict[str, Arg] = {"server": swept.server_rows, "mirror": swept.mirror_rows}
            told = (
                Message("broken.apart_why", {**counts, "why": swept.detail})
                if swept.detail
                else Message("broken.apart", counts)
            )
            return replace(blank, failed_rows=apart, found=(told,))
        return replace(blank, passed=True)


SWEEP_CHECKS = tuple(SweepCheck(collection) for collection in INGESTED)
