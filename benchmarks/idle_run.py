"""A `bookwatch run` with nothing changed against the same Dagster job whose steps do nothing. Target: 1.5 ×."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.whole_process import Measured, measure, row

ROOT = Path(__file__).parents[1]
RUN = [sys.executable, "-c", "from pipelines.cli import main; main()", "run"]
NOTHING = [sys.executable, "-m", "benchmarks.steps_that_do_nothing"]


def main(pairs: int = 5) -> None:
    with tempfile.TemporaryDirectory() as folder:
        from tests.bookwatch_process import settings_for
        from tests.sandbox_server import SandboxProcess

        with SandboxProcess("--days", "60", data=Path(folder) / "sandbox") as server:
            environment = {
                **settings_for(server),
                "BOOKWATCH_HOME": f"{folder}/home",
                "PYTHONPATH": str(ROOT),
            }
            subprocess.run(RUN, env={**os.environ, **environment}, check=False, stdout=subprocess.DEVNULL)
            ours: list[Measured] = []
            nothing: list[Measured] = []
            for _ in range(pairs + 1):
                ours.append(measure(RUN, environment=environment, folder=ROOT))
                nothing.append(measure(NOTHING, environment=environment, folder=ROOT))
    # The first pair warms the file cache.
    ours, nothing = ours[1:], nothing[1:]
    print(row("bookwatch run, nothing changed", ours))
    print(row("the same steps doing nothing", nothing))
    ratios = [a.wall_s / b.wall_s for a, b in zip(ours, nothing, strict=True)]
    print(f"ratio, pair by pair: {min(ratios):.2f} {statistics.median(ratios):.2f} {max(ratios):.2f}")


if __name__ == "__main__":
    main()
