"""The session's sandbox; each test makes tables of its own and ends the faults it ordered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.sandbox_server import SandboxProcess


@pytest.fixture
def server(empty_sandbox: SandboxProcess) -> Iterator[SandboxProcess]:
    yield empty_sandbox
    empty_sandbox.as_it_was()


@pytest.fixture
def table() -> str:
    return f"t{uuid4().hex[:10]}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
