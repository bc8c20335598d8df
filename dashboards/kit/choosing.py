"""What the options of a choice are called. Streamlit knows the option that was picked by its words alone, and takes the
last of those with the same. Draws nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


def told_apart(called: Mapping[str, str]) -> dict[str, str]:
    """Code → what it is called; of those that are called the same each with its code behind."""
    times = Counter(called.values())
    return {code: f"{said} · {code}" if times[said] > 1 else said for code, said in called.items()}
