"""What is known of core's and the marts' rows after a run that made parts: each verdict is that of looking at all."""

from __future__ import annotations

import random
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.core.engine import process
from assets.marts.build import build
from assets.marts.every import MART_NAMES
from assets.ops import create_ops
from checks import factory, proven
from checks.check import TableCheck
from checks.results import violations
from checks.schemas import CORE, MARTS
from resources.warehouse import HeldWarehouse
from tests.core.changes import KINDS, TABLES, Changes
from tests.core.raw_file import START, RawFile
from tests.policies import DEFAULT_POLICY

#: `unusual` has no parts, and its judges take seconds to load.
BUILT = [name for name in MART_NAMES if name != "unusual"]
CHECKS = [TableCheck(one) for one in (*CORE.values(), *(MARTS[name] for name in BUILT)) if one.checked]
NOW = datetime(2025, 11, 21, 3, 0, 0)


def verdicts(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[bool, int]]:
    found = {check.name: check.run(con) for check in CHECKS}
    assert all(result.made for result in found.values())
    return {name: (result.passed, result.failed_rows) for name, result in found.items()}


def test_the_verdicts_after_parts_were_made_are_those_of_looking_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def counted(schema: Any, frame: pl.DataFrame) -> Any:
        looked.append(frame.height)
        return violations(schema, frame)

    raw, chance = RawFile(tmp_path / "raw.duckdb", TABLES), random.Random(1)
    changes = Changes(raw, 1)
    path = tmp_path / "warehouse.duckdb"
    held = HeldWarehouse(path)
    statuses = ["pending", "accepted", "cancelled", "odd", "completed"]
    seen: list[int] = []
    for number in range(3):
        for _ in range(12 if number == 0 else 2):
            changes.act(chance.choice(KINDS), chance.randrange(4), chance.choice(statuses))
        now = NOW + timedelta(minutes=number)
        with held.open() as con:
            process(raw.path, con, timezone="Asia/Makassar", rules_version="1", now=now)
            create_ops(con)
            if number == 0:
                con.executemany(
                    "INSERT INTO ops.scans (collection, watermark, completed_at, required, outcome)"
                    " VALUES (?, ?, ?, true, 'complete')",
                    [[name, START, START] for name in TABLES],
                )
            build(con, now=now, policy=DEFAULT_POLICY, tables=BUILT, in_parts=True, parts_from=0)
        monkeypatch.setattr(factory, "violations", counted)
        with held.open(read_only=True) as con:
            known = verdicts(con)
        seen.append(sum(looked))
        looked.clear()
        monkeypatch.setattr(factory, "violations", violations)
        held.close()
        proven.keep(path)
        shutil.copyfile(path, tmp_path / f"copy{number}.duckdb")
        with duckdb.connect(str(tmp_path / f"copy{number}.duckdb")) as con:
            assert verdicts(con) == known
    assert max(seen[1:]) < seen[0], "what did not change was not looked at again"
