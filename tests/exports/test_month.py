"""The month's package as a whole: one command, one folder, what its manifest says, and that its bytes repeat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from resources.home import Home
from tests.exports.conftest import Outcome
from tests.exports.published import SNAPSHOT

Cli = Callable[..., Outcome]


@pytest.fixture
def package(october: Home, cli: Cli, tmp_path: Path) -> Callable[..., Path]:
    """October's package in a folder, which must succeed."""

    def run(name: str = "out", *more: str) -> Path:
        outcome = cli("export", "month", "2026-10", "--out", str(tmp_path / name), *more)
        assert outcome.status == 0, outcome
        return tmp_path / name

    return run


def test_one_command_makes_every_table_in_three_forms(package: Callable[..., Path]) -> None:
    folder = package()
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    for table in ("commissions", "findings", "waivers", "summary"):
        for ending in (".csv", "_spreadsheet.csv", ".json"):
            assert (folder / f"2026-10_{SNAPSHOT}_{table}{ending}").is_file()
    assert manifest["report"] == "month"
    assert manifest["figures"]["rows"] > 0
