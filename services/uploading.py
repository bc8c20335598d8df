"""What every subject that keeps a file needs of Appwrite Storage (resources/appwrite/files.py). What it needs besides
it says itself; which files are taken, and who may read them, is theirs as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Keeping(Protocol):
    """Keeps a file under an id that is derived of what it is. Raises CallFailure."""

    def put(
        self,
        bucket: str,
        file_id: str,
        name: str,
        content: bytes,
        content_type: str,
        permissions: Sequence[str],
    ) -> None: ...
