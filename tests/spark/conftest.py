"""One cluster (a master and two workers on loopback) and one session on it for all tests of Spark. Each test of this
folder is marked `spark`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.spark_cluster import QUICK, cluster
from resources.spark import session

#: The marts of each world are the same queries: what was compiled of them for one is kept for the next (by itself
#: Spark keeps a hundred pieces).
KEPT = "spark.sql.codegen.cache.maxEntries 5000\n"


@pytest.fixture(scope="session", autouse=True)
def quick_java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    settings = tmp_path_factory.mktemp("conf")
    (settings / "spark-defaults.conf").write_text(KEPT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("JDK_JAVA_OPTIONS", QUICK)
        patched.setenv("SPARK_CONF_DIR", str(settings))
        yield


@pytest.fixture(scope="session")
def master(quick_java: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with cluster(tmp_path_factory.mktemp("cluster"), workers=2) as address:
        yield address


@pytest.fixture(scope="session")
def opened(master: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with session(master, tmp_path_factory.mktemp("session") / "spark") as made:
        yield made
