"""A database of its own for each test, in the session's sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.backup.marketplace import Market
from tests.sandbox_server import SandboxProcess


@pytest.fixture
def market(empty_sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Market]:
    with empty_sandbox.own_database() as server:
        made = Market(server, tmp_path / "home")
        yield made
        made.close()
