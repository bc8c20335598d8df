"""What is noted while a report is proven: sentences for its reader."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Notes:
    """``differences``: what is not as it must be; ``not_checked``: what could not be told; ``proven``: what is known
    beside that the report holds."""

    differences: list[str] = field(default_factory=list[str])
    not_checked: list[str] = field(default_factory=list[str])
    proven: list[str] = field(default_factory=list[str])
