"""One cluster (a master and two workers on loopback) and one session on it for all tests of Spark. Each test of this
folder is marked `spark`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.spark_cluster import cluster
from resources.spark import session


@pytest.fixture(scope="session")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with cluster(tmp_path_factory.mktemp("cluster"), workers=2) as address:
        yield address


@pytest.fixture(scope="session")
def opened(master: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with session(master, tmp_path_factory.mktemp("session") / "spark") as made:
        yield made
