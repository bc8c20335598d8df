"""Drives a marketplace through steps, and holds what an incremental build makes of it to a build of everything.

As a command it runs as many steps as asked for: ``python -m tests.marts.incremental_driver --seed 7 --steps 500``. What
differs is printed with its rows, and the fewest steps that still make it differ; they are written to a file that
``--replay`` runs again. Deterministic by seed. What the steps are is marketplaces.py's.
"""

from __future__ import annotations

import argparse
import inspect
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import duckdb

from assets.core.engine import process
from assets.marts.build import build
from assets.marts.every import MART_NAMES
from assets.marts.make import LATER
from assets.ops import create_ops, mirror_quarantine, mirror_rows
from checks.every import all_checks
from marketplace.policy import Policy
from resources.sql import attach, quoted
from resources.warehouse import open_warehouse
from tests.core.raw_file import RawFile
from tests.marts.marketplaces import BEGIN, TABLES, Drawing, Step
from tests.marts.test_build import DATED
from tests.policies import DEFAULT_POLICY

Builder = Callable[..., object]
#: What is driven. It is a build of everything, and no proof of anything, as long as ``build`` makes nothing in parts.
IN_PARTS: Final = {"in_parts": True, "parts_from": 0}
INCREMENTAL: Final = IN_PARTS.keys() <= inspect.signature(build).parameters.keys()
incremental_build: Final[Builder] = partial(build, **IN_PARTS) if INCREMENTAL else build

POLICIES: Final[tuple[Policy, ...]] = (DEFAULT_POLICY, DATED)
#: An instant at which time alone changes a row: grace, deadline, restriction, ages, answers, rooms, windows, days.
_FLIPS: Final = (
    "SELECT unnest([deadline_at, restriction_at, service_ended_at, service_ended_at + INTERVAL 3 HOUR,"
    " service_ended_at + INTERVAL 24 HOUR, service_ended_at + INTERVAL 7 DAY]) FROM marts.commission_open"
    " UNION ALL SELECT accrued_at + INTERVAL 2 MINUTE FROM marts.commission_reconciliation WHERE state = 'awaiting'"
    " UNION ALL SELECT unnest([response_deadline, response_deadline + INTERVAL 24 HOUR]) FROM core.bookings"
    " WHERE status = 'pending'"
    " UNION ALL SELECT deadline FROM core.booking_offers WHERE state = 'offered'"
    " UNION ALL SELECT unnest([created_at, created_at + INTERVAL 5 MINUTE, created_at + INTERVAL 24 HOUR,"
    " created_at + INTERVAL 7 DAY, created_at + INTERVAL 30 DAY]) FROM core.bookings"
    " UNION ALL SELECT expires_at FROM core.chat_rooms"
    " UNION ALL SELECT last_seen_at + INTERVAL 24 HOUR FROM core.providers"
    " UNION ALL SELECT unnest([sent_at + INTERVAL 2 MINUTE, sent_at + INTERVAL 24 HOUR]) FROM core.notifications"
    " UNION ALL SELECT coalesce(sent_at, created_at) + INTERVAL 10 MINUTE FROM core.messages"
    " UNION ALL SELECT date_trunc('month', created_at) + INTERVAL 1 MONTH - INTERVAL 8 HOUR FROM core.bookings"
    " UNION ALL SELECT date_trunc('day', created_at) + INTERVAL 1 DAY - INTERVAL 9 HOUR FROM core.bookings"
    " UNION ALL SELECT unnest([updated_at, updated_at - INTERVAL 1 MINUTE]) FROM core.commissions"
)


class Killed(BaseException):
    """The process ended amid its work."""


class Dying:
    """A connection whose process ends at one of its statements: none is run after it, not even what would tidy up.
    ``at``: how many are run before it, of all, or of those that commit. ``then``: is called as it ends."""

    # What builds asks whether it was given a connection, or a path.
    __class__ = property(lambda self: duckdb.DuckDBPyConnection)  # type: ignore[assignment]

    def __init__(
        self, con: duckdb.DuckDBPyConnection, at: int, *, commits: bool, then: Callable[[], None]
    ) -> None:
        self._con = con
        self._then = then
        self._left = at
        self._commits = commits

    def _live(self, query: str) -> None:
        if self._left < 0:
            raise Killed
        if not self._commits or "COMMIT" in query.upper():
            self._left -= 1
        if self._left < 0:
            self._then()
            raise Killed

    def execute(self, query: str, *values: Any) -> Any:
        self._live(query)
        return self._con.execute(query, *values)

    def __getattr__(self, name: str) -> Any:
        if self._left < 0:
            raise Killed
        return getattr(self._con, name)


@dataclass(frozen=True)
class Difference:
    """A mart, or a check, that two builds made differently; its rows, and where each of them is."""

    what: str
    rows: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([f"{self.what} differs:", *(f"  {row}" for row in self.rows)])


@dataclass
class _Given:
    """What a build is given."""

    now: datetime = BEGIN
    policy: int = 0
    waived: set[str] = field(default_factory=set[str])

    def options(self) -> dict[str, Any]:
        return {
            "now": self.now,
            "policy": POLICIES[self.policy % len(POLICIES)],
            "waived": sorted(self.waived),
            "utc_offset": timedelta(hours=8),
        }


class Marketplace:
    """A mirror, and the warehouse that lives with it. ``builder``: how its marts are made; ``tables``: which of them;
    ``cache``: a folder for their SQL."""

    def __init__(
        self,
        folder: Path,
        builder: Builder = incremental_build,
        *,
        tables: Collection[str] = MART_NAMES,
        cache: Path | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._builder = builder
        self._tables = tables
        self._cache = cache
        self._raw = RawFile(folder / "raw.duckdb", TABLES)
        self._path = folder / "warehouse.duckdb"
        self._left = folder / "left"
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        self._gone: set[tuple[str, str]] = set()
        self._waiting: list[tuple[str, str, str]] = []
        self._scans: dict[str, tuple[str, str | None, str | None, str | None]] = {}
        self._hidden: dict[str, str] = {}
        self._verdicts: list[tuple[Any, ...]] = []
        self._given = _Given()
        self.builds = Counter[str]()
        """How many builds were made in parts, or whole for what reason."""
        self._con = open_warehouse(self._path)
        create_ops(self._con)

    def close(self) -> None:
        self._con.close()

    def flips(self) -> list[datetime]:
        """Instants from the clock on at which time alone may change a mart, the next first."""
        try:
            found = self._con.execute(_FLIPS).fetchall()
        except duckdb.CatalogException:
            return []  # nothing is built yet
        # Chosen here: DuckDB 1.5 fails where a condition on them is brought below what takes lists apart.
        return sorted({flip for (flip,) in found if flip is not None and flip >= self._given.now})[:40]

    def take(self, step: Step) -> None:
        """One step. Raises what a build raises."""
        kind, *rest = step
        getattr(self, f"_on_{kind}")(*rest)

    # Rows

    def _on_put(self, collection: str, row_id: str, values: dict[str, Any], changed: str) -> None:
        key = (collection, row_id)
        self._rows.setdefault(key, {}).update(values)
        self._gone.discard(key)
        if any(key == (name, waiting) for name, waiting, _ in self._waiting):
            self._flush()
        self._waiting.append((collection, row_id, changed))

    def _on_delete(self, collection: str, row_id: str, _: str) -> None:
        key = (collection, row_id)
        if key not in self._rows or key in self._gone:
            return
        self._flush()
        self._raw.delete(collection, row_id)
        self._gone.add(key)

    def _flush(self) -> None:
        """Store what waits, each collection in one transaction."""
        waiting, self._waiting = self._waiting, []
        for collection in dict.fromkeys(name for name, _, _ in waiting):
            self._raw.put(
                collection,
                *(
                    {"$id": row_id, "$updatedAt": datetime.fromisoformat(changed)}
                    | self._rows[collection, row_id]
                    for name, row_id, changed in waiting
                    if name == collection
                ),
                at=self._given.now,
            )

    def _on_attribute(self, collection: str, name: str) -> None:
        """The deployment has another attribute, which no row has a value of."""
        self._flush()
        if name not in self._raw.tables[collection]:
            self._raw.add_attribute(collection, name, "VARCHAR")
            self._raw.tables[collection][name] = "VARCHAR"

    # What builds are given

    def _on_clock(self, now: str) -> None:
        self._flush()
        self._given.now = datetime.fromisoformat(now)

    def _on_scan(self, collection: str, outcome: str, at: str, mark: str, until: str | None) -> None:
        self._flush()
        _, *before = self._scans.get(collection, ("", None, None, None))
        read = (at, mark, until) if outcome == "complete" else (before[0], before[1], before[2])
        if outcome == "never":
            self._scans.pop(collection, None)
            return
        self._scans[collection] = (outcome, *read)
        if collection in ("therapists", "places"):
            self._raw.scanned(
                collection, outcome, upto=datetime.fromisoformat(mark), at=datetime.fromisoformat(at)
            )

    def _on_unread(self, collection: str, name: str) -> None:
        """Appwrite does not hand out a relationship of a collection, or (no name) all of them."""
        self._hidden[collection] = name

    def _on_policy(self, number: int) -> None:
        self._given.policy = number

    def _on_waive(self, finding: str) -> None:
        self._given.waived ^= {finding}

    def _on_health(self, point: int, status: str, at: str) -> None:
        """A verdict on a point, as the ledger knows it."""
        self._verdicts.append((len(self._verdicts) + 1, point, status, at, None, at, "so", None, None))

    # Runs

    def _on_derive(self) -> None:
        self._flush()
        process(self._raw.path, self._con, **self._deriving())
        self._keep_books()

    def _on_build(self) -> None:
        self._on_derive()
        self._build(self._con, self._builder)

    def _on_kill(self, where: str, at: int) -> None:
        self._flush()
        with suppress(Killed):
            if where == "derive":
                chunks = iter(range(at, -1, -1))

                def die(collection: str, rows: int) -> None:
                    if next(chunks, 0) == 0:
                        raise Killed

                process(self._raw.path, self._con, after_chunk=die, **self._deriving())
            else:
                self._on_derive()
                dying = Dying(self._con, at, commits=where == "commit", then=self.keep_files)
                self._build(dying, self._builder)
        self._con.close()
        self._put_files_back()
        self._con = open_warehouse(self._path)

    def _files(self) -> list[Path]:
        """The warehouse, and what stands beside it."""
        return [path for path in self._folder.glob("warehouse*") if path.is_file()]

    def keep_files(self) -> None:
        """Keep the files as a process that ends leaves them: an exception is followed by tidying up, a kill is not."""
        self._left.mkdir()
        for path in self._files():
            shutil.copyfile(path, self._left / path.name)

    def _put_files_back(self) -> None:
        if not self._left.exists():
            return
        for path in self._files():
            path.unlink()
        for path in self._left.iterdir():
            path.rename(self._folder / path.name)
        self._left.rmdir()

    def _deriving(self) -> dict[str, Any]:
        return {"timezone": "Asia/Makassar", "rules_version": "1", "now": self._given.now}

    def _keep_books(self) -> None:
        """What a run mirrors beside core before it makes the marts."""
        con = self._con
        con.execute("DELETE FROM ops.scans; DELETE FROM ops.health_changes")
        attach(con, self._raw.path, "mirror", read_only=True)
        mirror_quarantine(con, self._raw.path)
        mirror_rows(con, self._raw.path, {})
        con.execute("DETACH mirror")
        scans = [
            [
                name,
                at,
                mark,
                until,
                outcome,
                json.dumps([hidden]) if (hidden := self._hidden.get(name)) else None,
            ]
            for name, (outcome, at, mark, until) in self._scans.items()
        ]
        if scans:
            con.executemany(
                "INSERT INTO ops.scans (collection, completed_at, watermark, read_until, required, outcome, unread)"
                " VALUES ($1, $2, $3, $4, true, $5, $6)",
                scans,
            )
        if self._verdicts:
            con.executemany(
                f"INSERT INTO ops.health_changes VALUES ({', '.join('?' * len(self._verdicts[0]))})",
                self._verdicts,
            )

    def _build(self, con: Any, builder: Builder) -> None:
        """As a run does: the marts that history waits for, then the others."""
        options = {**self._given.options(), "cache": self._cache}
        made = builder(con, tables=[name for name in self._tables if name not in LATER], **options)
        if builder is self._builder:
            self.builds[getattr(made, "whole", None) or "in parts"] += 1
        later = [name for name in self._tables if name in LATER]
        if later:
            build(con, tables=later, **options)

    # What is to be equal

    def differences(self, *, checks: bool = True) -> list[Difference]:
        """What the living warehouse, as the last build left it, and one that is made whole of the same core and
        bookkeeping do not have in common."""
        copy = self._folder / "whole.duckdb"
        self._con.execute("CHECKPOINT")
        self._con.close()
        shutil.copyfile(self._path, copy)
        with open_warehouse(copy) as whole:
            for schema in ("marts", "since"):
                whole.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            whole.execute("DELETE FROM ops.mart_digests; DELETE FROM ops.judged")
            self._build(whole, build)
            verdicts = _verdicts(whole, anew=True) if checks else {}
        self._con = open_warehouse(self._path)
        found: list[Difference] = []
        attach(self._con, copy, "whole", read_only=True)
        for name in self._tables:
            found += _difference(self._con, name)
        digests = [
            dict(self._con.execute(f"SELECT mart, digest FROM {side}ops.mart_digests").fetchall())
            for side in ("", "whole.")
        ]
        found += [
            Difference(f"the digest of {name}", tuple(f"{d.get(name)}" for d in digests))
            for name in sorted(digests[0].keys() | digests[1].keys())
            if digests[0].get(name) != digests[1].get(name)
        ]
        self._con.execute("DETACH whole")
        copy.unlink()
        if checks:
            mine = _verdicts(self._con)
            found += [
                Difference(f"the verdict of {name}", (str(mine[name]), str(verdicts[name])))
                for name in verdicts
                if mine[name] != verdicts[name]
            ]
        return found


def _difference(con: duckdb.DuckDBPyConnection, name: str) -> Iterator[Difference]:
    mine, whole = f"marts.{quoted(name)}", f"whole.marts.{quoted(name)}"
    counted = [
        con.execute(f"SELECT count(*), sum(hash(t)::HUGEINT) FROM {place} AS t").fetchone()
        for place in (mine, whole)
    ]
    if counted[0] == counted[1]:
        return
    rows: list[str] = []
    for side, one, other in (("in parts", mine, whole), ("whole", whole, mine)):
        found = con.sql(f"FROM {one} EXCEPT ALL FROM {other} ORDER BY ALL LIMIT 5")
        rows += [f"{side}: {dict(zip(found.columns, row, strict=True))}" for row in found.fetchall()]
    yield Difference(f"marts.{name}", tuple(rows))


def _verdicts(con: duckdb.DuckDBPyConnection, *, anew: bool = False) -> dict[str, tuple[Any, ...]]:
    """Of each check whether it passed, how many rows fail, and why; ``anew``: whatever is known from before."""
    found = {name: (check.look if anew else check.run)(con) for name, check in all_checks().items()}
    return {
        name: (one.passed, one.made, one.failed_rows, tuple(sorted(map(str, one.found))))
        for name, one in found.items()
    }


@contextmanager
def marketplace(builder: Builder = incremental_build, **options: Any) -> Iterator[Marketplace]:
    """One in a folder of its own, gone afterwards. ``options`` as of ``Marketplace``."""
    folder = Path(tempfile.mkdtemp(prefix="bookwatch-driver-"))
    try:
        place = Marketplace(folder, builder, **options)
        try:
            yield place
        finally:
            place.close()
    finally:
        shutil.rmtree(folder)


def drawn(seed: int, most: int, place: Marketplace, *, policies: int = len(POLICIES)) -> Iterator[Step]:
    """The steps of a seed, each drawn when the one before was taken."""
    drawing = Drawing(seed, place.flips, policies=policies)
    taken = 0
    yield from drawing.first()
    while taken < most:
        for step in drawing.next():
            yield step
            taken += 1
    yield ("build",)


@dataclass(frozen=True)
class Outcome:
    """The steps that were taken, and what differs after them."""

    steps: tuple[Step, ...]
    differences: tuple[Difference, ...] = ()
    error: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.differences or self.error)

    @property
    def signs(self) -> frozenset[str]:
        """What tells one failure from another."""
        return frozenset({one.what for one in self.differences} or {self.error.split(":")[0]})


def run(
    place: Marketplace,
    steps: Iterator[Step] | Sequence[Step],
    *,
    every: int = 1,
    checks: bool = True,
    only_last: bool = False,
    told: Callable[[int], None] = lambda number: None,
) -> Outcome:
    """Take steps, and compare after every so many builds and (``only_last``: only) after the last step, until something
    differs."""
    taken: list[Step] = []
    builds = 0

    def compared() -> list[Difference]:
        return place.differences(checks=checks)

    for step in steps:
        taken.append(step)
        is_build = step[0] == "build"
        builds += is_build
        try:
            place.take(step)
            if is_build and not only_last and builds % every == 0:
                told(len(taken))
                if found := compared():
                    return Outcome(tuple(taken), tuple(found))
        except Exception as broken:  # noqa: BLE001 - whatever a build raises is looked for, and told with its steps
            return Outcome(tuple(taken), error=f"{type(broken).__name__}: {broken}")
    missed = taken[-1:] == [("build",)] and (only_last or builds % every)
    return Outcome(tuple(taken), tuple(compared()) if missed else ())


def shrunk(
    failed: Outcome, builder: Builder = incremental_build, *, tries: int = 400, **options: Any
) -> Outcome:
    """The fewest steps found that still fail in one of the same places (delta debugging)."""
    checks = any(what.startswith("the verdict") for what in failed.signs)

    def again(steps: Sequence[Step]) -> Outcome | None:
        with marketplace(builder, **options) as place:
            found = run(place, [*steps], only_last=True, checks=checks)
        return found if found.failed and found.signs & failed.signs else None

    best = again(failed.steps)
    if best is None:
        return failed  # what failed hangs on the comparisons in between
    parts = 2
    while len(best.steps) > 1 and tries > 0:
        steps, last = best.steps[:-1], best.steps[-1]
        size = max(1, -(-len(steps) // parts))
        for begin in range(0, len(steps), size):
            tries -= 1
            fewer = again((*steps[:begin], *steps[begin + size :], last))
            if fewer is not None:
                best, parts = fewer, max(parts - 1, 2)
                break
            if tries <= 0:
                break
        else:
            if size == 1:
                break
            parts = min(parts * 2, len(steps))
    return best


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 where something differs."""
    parser = argparse.ArgumentParser(prog="incremental_driver", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--every", type=int, default=1, help="builds between two comparisons")
    parser.add_argument("--policies", type=int, default=len(POLICIES))
    parser.add_argument("--no-checks", action="store_true", help="compare no verdicts")
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--replay", type=Path, help="steps of a file, in the place of drawn ones")
    parser.add_argument(
        "--out", type=Path, help="where the steps that fail are written; default: a file in TMPDIR"
    )
    asked = parser.parse_args(arguments)
    if not INCREMENTAL:
        print(
            "build() makes nothing in parts here: everything is equal, and proves nothing.", file=sys.stderr
        )
    cache = Path(tempfile.gettempdir()) / "bookwatch-driver-sql"
    cache.mkdir(exist_ok=True)
    with marketplace(cache=cache) as place:
        steps: Iterator[Step] | list[Step]
        if asked.replay:
            steps = [tuple(step) for step in json.loads(asked.replay.read_text(encoding="utf-8"))]
        else:
            steps = drawn(asked.seed, asked.steps, place, policies=asked.policies)
        found = run(
            place,
            steps,
            every=asked.every,
            checks=not asked.no_checks,
            told=lambda number: print(f"\r{number} steps", end="", file=sys.stderr, flush=True),
        )
        builds = place.builds
    print(f"\n{builds.total()} builds: {dict(builds)}", file=sys.stderr)
    if not found.failed:
        print(f"{len(found.steps)} steps of seed {asked.seed}: equal.")
        return 0
    _tell(found, f"After {len(found.steps)} steps of seed {asked.seed}")
    if not asked.no_shrink:
        found = shrunk(found, cache=cache)
        _tell(found, f"The fewest steps found ({len(found.steps)})")
        for step in found.steps:
            print(f"    {json.dumps(step)}")
    out = asked.out or Path(tempfile.gettempdir()) / f"incremental-{asked.seed}.json"
    out.write_text(json.dumps(found.steps, indent=1), encoding="utf-8")
    print(f"Again: python -m tests.marts.incremental_driver --replay {out}")
    return 1


def _tell(found: Outcome, when: str) -> None:
    print(f"{when}: {found.error}" if found.error else f"{when}:")
    for one in found.differences:
        print(one)


if __name__ == "__main__":
    raise SystemExit(main())
