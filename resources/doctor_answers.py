"""What `bookwatch doctor` found when it last examined Appwrite, kept in the home: what each line was about and how it
ended, without its sentence. Examines nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson

from resources.home import Home
from resources.instants import instant_of, text_of
from resources.own_files import replace


@dataclass(frozen=True)
class DoctorAnswers:
    """``found``: (topic, verdict, what about: '' or a word for a line that others look for)."""

    at: datetime
    found: tuple[tuple[str, str, str], ...]

    def verdicts(self, topic: str = "", about: str = "") -> list[str]:
        """The verdicts of lines: of a topic, about a thing; of all."""
        return [v for t, v, a in self.found if (not topic or t == topic) and (not about or a == about)]


def keep(home: Home, found: Iterable[tuple[str, str, str]], at: datetime) -> None:
    """Keep them in the place of those before. Only in a home that is there. Raises OSError."""
    if home.root.is_dir():
        replace(home.doctor, orjson.dumps({"at": text_of(at), "found": list(found)}))


def newest(home: Home) -> DoctorAnswers | None:
    """The newest answers; None where there are none that can be read."""
    try:
        content: object = orjson.loads(home.doctor.read_bytes())
        told = cast("dict[str, Any]", content)
        return DoctorAnswers(instant_of(told["at"]), tuple((t, v, a) for t, v, a in told["found"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
