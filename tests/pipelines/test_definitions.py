"""The graph people and alerts refer to by name: loaded in a fresh interpreter and held to a golden list.

After a wanted change: ``python -m tests.pipelines.test_definitions > tests/pipelines/golden_definitions.json``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bookwatch_process import ROOT, Bookwatch

GOLDEN = Path(__file__).with_name("golden_definitions.json")


def described() -> dict[str, Any]:
    """Every key, job, schedule and check of the definitions; each asset's upstreams and group."""
    from pipelines.definitions import build_definitions

    repository = build_definitions().get_repository_def()
    graph = repository.asset_graph
    return {
        "assets": sorted(key.to_user_string() for key in graph.get_all_asset_keys()),
        "checks": sorted(f"{key.asset_key.to_user_string()}:{key.name}" for key in graph.asset_check_keys),
        "jobs": sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")),
        "schedules": sorted(f"{s.name} {s.cron_schedule}" for s in repository.schedule_defs),
        "upstreams": {
            key.to_user_string(): sorted(parent.to_user_string() for parent in graph.get(key).parent_keys)
            for key in sorted(graph.get_all_asset_keys())
        },
        "groups": {
            key.to_user_string(): graph.get(key).group_name for key in sorted(graph.get_all_asset_keys())
        },
        "sensors": sorted(sensor.name for sensor in repository.sensor_defs),
    }


def test_the_definitions_of_a_fresh_interpreter_are_the_golden_ones(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipelines.test_definitions"],
        cwd=ROOT,
        env=Bookwatch(tmp_path / "home").env(),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert json.loads(done.stdout) == json.loads(GOLDEN.read_text())


def test_building_twice_gives_separate_definitions() -> None:
    from pipelines.definitions import build_definitions

    assert build_definitions() is not build_definitions()


def test_loading_the_definitions_writes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    subprocess.run(
        [sys.executable, "-c", "import pipelines.definitions"],
        cwd=tmp_path,
        env=Bookwatch(home).env(),
        check=True,
        timeout=120,
    )
    assert list(tmp_path.iterdir()) == []


if __name__ == "__main__":
    sys.stdout.write(json.dumps(described(), indent=1) + "\n")
