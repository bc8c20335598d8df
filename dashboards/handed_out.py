"""To whom each file to download was made, so that the server gives it to nobody else (dashboards/entrance.py):
Streamlit keeps files under addresses that anybody could be told. Makes none itself.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Final

from dashboards.viewer import Viewer
from marketplace.roles import Right

KEPT: Final = 20_000
"""Files that are remembered; the oldest are forgotten, and refused."""


class HandedOut:
    """To whom each file was made: by a digest of what is in it, so that nobody else is given it, whatever address they
    guess or were told."""

    _lock = threading.Lock()
    _of: Final[OrderedDict[str, tuple[frozenset[str], Right]]] = OrderedDict()

    @classmethod
    def enter(cls, made: bytes, to: Viewer, right: Right) -> None:
        with cls._lock:
            name = _digest(made)
            names, _ = cls._of.pop(name, (frozenset[str](), right))
            cls._of[name] = (names | {to.name}, right)
            while len(cls._of) > KEPT:
                cls._of.popitem(last=False)

    @classmethod
    def may_have(cls, made: bytes, who: Viewer) -> bool:
        with cls._lock:
            names, right = cls._of.get(_digest(made), (frozenset[str](), Right.DOWNLOAD))
        return who.name in names and who.may(right)


def _digest(made: bytes) -> str:
    return hashlib.sha256(made).hexdigest()
