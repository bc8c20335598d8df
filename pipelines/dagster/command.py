"""`python -m pipelines.dagster.command WORDS`: Dagster's own command on the home and the history of our settings, for
`schedule start` and `instance migrate`. With a history in files `DAGSTER_HOME=… dagster WORDS` does the same.
"""

from __future__ import annotations

import os
import sys

from pipelines.environment import prepare
from resources.errors import BookwatchError
from resources.settings import load_settings


def main(words: list[str]) -> None:
    """Becomes Dagster's command, which reads its own environment when it is loaded."""
    prepare(load_settings())
    os.execv(sys.executable, [sys.executable, "-m", "dagster", *words])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BookwatchError as refused:
        print(refused, file=sys.stderr)  # noqa: T201 - a command for a person
        sys.exit(refused.exit_status)
