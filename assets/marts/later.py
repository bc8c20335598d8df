"""Ibis, loaded when the first query is put together: a process whose marts are compiled already knows every mart by
name and does without it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis as ibis
    import ibis.expr.types as ir
else:

    class _Later:
        """A module that is imported when something of it is asked for."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            return getattr(import_module(self._name), attribute)

    ibis = _Later("ibis")
    ir = _Later("ibis.expr.types")

__all__ = ["ibis", "ir"]
