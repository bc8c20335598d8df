"""How far each collection is known, and where its next scan begins or goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from resources.raw.column_types import Order, Position
from resources.raw.file import RawFile
from resources.raw.sweeps import Sweeps


@dataclass(frozen=True)
class Watermark:
    """How far a collection is known.

    Instants are naive UTC; ``scan_bound`` is set while a scan is unfinished. ``ordered_by``: what its rows are followed
    by, None before its first scan. ``read_until``: the moment as of which the last complete scan read; the watermark
    itself, unless that had to be the newest row (``scan_until``: of an unfinished one).
    """

    collection: str
    watermark: datetime | None = None
    completed_at: datetime | None = None
    scan_bound: datetime | None = None
    resume_sequence: int | None = None
    run_id: str | None = None
    scan_lower: datetime | None = None
    rescan: bool = False
    rules_version: str | None = None
    resume_id: str | None = None
    ordered_by: Order | None = None
    read_until: datetime | None = None
    scan_until: datetime | None = None

    @property
    def order(self) -> Order:
        return self.ordered_by or "$sequence"

    @property
    def resume(self) -> Position | None:
        """Where an unfinished scan goes on."""
        return self.resume_sequence if self.order == "$sequence" else self.resume_id


@dataclass(frozen=True)
class ScanPlan:
    """The window of a scan.

    ``lower`` <= $updatedAt <= ``bound`` (lower None: from the beginning), after a $sequence (or $id, by ``order``).
    """

    collection: str
    lower: datetime | None
    bound: datetime
    after: Position | None
    resumed: bool
    order: Order = "$sequence"


class Watermarks:
    """``_watermarks``."""

    def __init__(self, file: RawFile, sweeps: Sweeps) -> None:
        self._file = file
        self._sweeps = sweeps
        self._marks: dict[str, Watermark] = {}

    def of(self, collection: str) -> Watermark:
        """How far a collection is known; an empty Watermark before its first scan."""
        if collection not in self._marks:
            rows = self._file.rows(
                "SELECT collection, watermark, completed_at, scan_bound, resume_sequence, run_id, scan_lower, "
                "coalesce(rescan, false), rules_version, resume_id, ordered_by, read_until, scan_until "
                "FROM _watermarks WHERE collection = ?",
                [collection],
            )
            self._marks[collection] = Watermark(*rows[0]) if rows else Watermark(collection)
        return self._marks[collection]

    def begin_scan(
        self,
        collection: str,
        *,
        bound: datetime,
        overlap: timedelta,
        run_id: str,
        full: bool = False,
        order: Order | None = None,
        until: datetime | None = None,
    ) -> ScanPlan:
        """Resume the unfinished scan of a collection, or begin one up to ``bound`` (server's clock).

        ``full`` reads everything anew. So does a bound that lies further behind the watermark than the
        overlap: the server's clock was wrong once, and rows written meanwhile may lie below the watermark. And so does
        another ``order`` (None: as before; ``full``: by $sequence) than the rows here were followed by. ``until``: the
        moment as of which it reads, where that is not the bound.
        """
        mark = self.of(collection)
        chosen = order or ("$sequence" if full else mark.order)
        anew = full or mark.rescan or chosen != mark.order
        if mark.scan_bound is not None and not anew and mark.scan_bound <= bound + overlap:
            return ScanPlan(
                collection, mark.scan_lower, mark.scan_bound, mark.resume, resumed=True, order=chosen
            )
        lower: datetime | None = None
        if mark.watermark is not None and not anew and bound >= mark.watermark - overlap:
            lower = min(mark.watermark, bound) - overlap
        begun = replace(
            mark,
            scan_bound=bound,
            scan_until=until or bound,
            resume_sequence=None,
            resume_id=None,
            scan_lower=lower,
            rescan=False,
            run_id=run_id,
            ordered_by=chosen,
        )
        if lower is None:
            with self._file.transaction():
                if chosen != mark.order:
                    self._sweeps.end(collection)
                self.write(begun)
        else:
            # Written with the first rows: killed before, the next scan begins from the same watermark.
            self._marks[collection] = begun
        return ScanPlan(collection, lower, bound, None, resumed=False, order=chosen)

    def reach(
        self,
        collection: str,
        reached: Position | None,
        complete: bool,
        run_id: str,
        now: datetime,
        rules_version: str,
    ) -> None:
        """Note how far the scan has come: to a position, or (``complete``) to its end. Joins the running
        transaction."""
        if complete:
            mark = self.of(collection)
            self.write(
                replace(
                    mark,
                    watermark=mark.scan_bound or mark.watermark,
                    read_until=mark.scan_until or mark.scan_bound or mark.read_until,
                    completed_at=now,
                    scan_bound=None,
                    scan_until=None,
                    resume_sequence=None,
                    resume_id=None,
                    scan_lower=None,
                    run_id=run_id,
                    rules_version=rules_version or mark.rules_version,
                )
            )
        elif reached is not None:
            number, name = (reached, None) if isinstance(reached, int) else (None, reached)
            self.write(replace(self.of(collection), resume_sequence=number, resume_id=name, run_id=run_id))

    def write(self, mark: Watermark) -> None:
        """Joins the running transaction."""
        self._file.on_rollback(lambda: self._marks.pop(mark.collection, None))
        self._marks[mark.collection] = mark
        self._file.connection.execute("DELETE FROM _watermarks WHERE collection = ?", [mark.collection])
        self._file.connection.execute(
            "INSERT INTO _watermarks (collection, watermark, completed_at, scan_bound, resume_sequence, "
            "run_id, scan_lower, rescan, rules_version, resume_id, ordered_by, read_until, scan_until) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                mark.collection,
                mark.watermark,
                mark.completed_at,
                mark.scan_bound,
                mark.resume_sequence,
                mark.run_id,
                mark.scan_lower,
                mark.rescan,
                mark.rules_version,
                mark.resume_id,
                mark.ordered_by,
                mark.read_until,
                mark.scan_until,
            ],
        )

    def read_anew(self, collection: str) -> None:
        """Have the next scan read everything. Joins the running transaction."""
        mark = self.of(collection)
        self.write(
            replace(
                mark,
                scan_bound=None,
                scan_until=None,
                resume_sequence=None,
                resume_id=None,
                scan_lower=None,
                rescan=True,
            )
        )
