"""`python -m dashboards.notebook FOLDER NAME… [--lang=id] …`: renders notebooks into a folder, in this one process, so
that others do it without importing them (pipelines/reports.py). A line of JSON on standard output for each: name,
seconds, problem (null: it stands there). Of one that fails no file stands in the folder, also none of before.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from dashboards.notebook.asked import Asked, asked
from dashboards.notebook.report import report
from resources.errors import BookwatchError
from resources.own_files import replace


def render(name: str, folder: Path, how: Asked) -> str | None:
    """Write a notebook's report; why that failed, in one sentence that repeats no value, None where it did not."""
    target = folder / f"{name}.html"
    target.unlink(missing_ok=True)
    try:
        replace(target, report(name, how).encode())
    except BookwatchError as known:
        return f"{known.problem} {known.next_step}".strip()
    except OSError as refused:
        return f"{target} could not be written ({refused.strerror})."
    except Exception as unknown:  # noqa: BLE001 - a cell may raise anything, and the text of it can hold values
        if os.environ.get("BOOKWATCH_DEBUG") == "1":
            traceback.print_exc()
        return f"A cell failed ({type(unknown).__name__})."
    return None


def main(words: Sequence[str]) -> None:
    """Render as the words say."""
    plain = [word for word in words if not word.startswith("--")]
    given = (word.removeprefix("--").partition("=") for word in words if word.startswith("--"))
    options = {option: word for option, _, word in given}
    folder, *names = plain
    how = asked(options)
    for name in names:
        began = time.perf_counter()
        problem = render(name, Path(folder), how)
        told = {"name": name, "seconds": round(time.perf_counter() - began, 3), "problem": problem}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
