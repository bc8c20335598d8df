"""One sandbox for the tests of a module; each test makes tables of its own and ends the faults it ordered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.sandbox_server import SandboxProcess


@pytest.fixture(scope="package")
def shared_server() -> Iterator[SandboxProcess]:
    with SandboxProcess("--empty") as server:
        yield server


@pytest.fixture
def server(shared_server: SandboxProcess) -> Iterator[SandboxProcess]:
    shared_server.faults()
    shared_server.between_pages()
    yield shared_server
    shared_server.faults()
    shared_server.between_pages()


@pytest.fixture
def table() -> str:
    return f"t{uuid4().hex[:10]}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
