"""`bookwatch demo --once`, 60 days: the time to a published snapshot and the peak memory. Target: 60 s, 1.5 GB."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.whole_process import measure, row

COMMAND = [sys.executable, "-c", "from pipelines.cli import main; main()", "demo", "--once"]


def main(runs: int = 3) -> None:
    done = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            done.append(
                measure(
                    COMMAND,
                    environment={"BOOKWATCH_HOME": f"{folder}/home"},
                    folder=Path(__file__).parents[1],
                )
            )
    print(row("bookwatch demo --once", done))


if __name__ == "__main__":
    main()
