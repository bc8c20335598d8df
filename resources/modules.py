"""What stands in one of our folders: its modules, so that a file put there is known without being listed anywhere.

Which folders hold what stands with the subject: checks/every.py, assets/marts/every.py, dashboards/frame.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def modules_of(folder: ModuleType) -> Iterator[ModuleType]:
    """Each module right in a package, imported, by name; packages in it are left alone."""
    for found in sorted(iter_modules(folder.__path__), key=lambda found: found.name):
        if not found.ispkg:
            yield import_module(f"{folder.__name__}.{found.name}")
