"""`bookwatch verify` of a month's package: its files held to each other, and made once more from the kept snapshot."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.exports.manifest import sha256_of_bytes
from pipelines.exports.month.package import export_month
from pipelines.exports.verify import Verdict, verify_export
from resources.clock import Clock
from resources.home import Home
from resources.report_keys import make_keys
from tests.exports.published import OCTOBER

Publish = Callable[..., Path]
Edit = Callable[[dict[str, Any]], None]


class Standing:
    """One package made once for many tries at changing it."""

    def __init__(self, home: Home, folder: Path, trial: Path) -> None:
        self.home, self.folder, self.trial = home, folder, trial

    def copy(self) -> Path:
        shutil.rmtree(self.trial, ignore_errors=True)
        return Path(shutil.copytree(self.folder, self.trial))

    def verify(self, folder: Path | None = None) -> Verdict:
        return verify_export(folder or self.folder, self.home.ledger)

    def file(self, folder: Path, end: str) -> Path:
        (found,) = (path for path in folder.iterdir() if path.name.endswith(end))
        return found


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, publish: Publish) -> Standing:
    base = tmp_path_factory.mktemp("standing")
    home = Home(base / "home").create()
    publish(home, OCTOBER)
    make_keys(home)
    exported = export_month(
        home,
        Clock(datetime(2026, 11, 6, 1, 2, 3, tzinfo=UTC)),
        first=date(2026, 10, 1),
        until=date(2026, 11, 1),
        out=base / "out",
        made_by="Rani",
        time_zone="Asia/Makassar",
    )
    return Standing(home, exported.folder, base / "trial")


def test_an_untouched_package_holds_and_says_what_is_proven(standing: Standing) -> None:
    verdict = standing.verify()
    assert verdict.differences == ()
    proven = " ".join(verdict.proven)
    for what in (
        "signed with the key",
        "marts of the snapshot",
        "figures are those",
        "tables are, row by row",
    ):
        assert what in proven
    told = " ".join(verdict.not_checked)
    assert "made by Rani under the account" in told
    assert "self-declared" in told
    assert "the clock was stopped" in told
    assert len(verdict.not_checked) == 2
