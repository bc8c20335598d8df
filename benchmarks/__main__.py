"""`python -m benchmarks [NAME …]`: run the measurements named, or all of them."""

from __future__ import annotations

import importlib
import sys

NAMES = ("demo", "idle_run", "overview", "export", "month", "ingest")


def main(names: list[str]) -> None:
    for name in names or NAMES:
        if name not in NAMES:
            sys.exit(f"There is no benchmark {name}; there are {', '.join(NAMES)}.")
        print(f"# {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
