"""Who calls: an API key by its scopes, or a guest."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from sandbox.server.calls import Access
from sandbox.server.errors import Failure

GUEST_SCOPES = frozenset(
    ("public", "rows.read", "rows.write", "documents.read", "documents.write", "files.read", "files.write")
)
READ_SCOPES = ("rows.read", "tables.read", "documents.read", "collections.read")
ALL_SCOPES = (
    "databases.read", "databases.write", "tables.read", "tables.write", "collections.read",
    "collections.write", "columns.read", "columns.write", "attributes.read", "attributes.write",
    "indexes.read", "indexes.write",
    "rows.read", "rows.write", "documents.read", "documents.write", "health.read",
    "buckets.read", "buckets.write", "files.read", "files.write",
)  # fmt: skip


class Keys:
    """The keys of one project."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._by_secret: dict[str, Access] = {}

    def add(self, scopes: Sequence[str], secret: str | None = None) -> str:
        """Make a key of these scopes known; its secret."""
        secret = secret or f"standard_{secrets.token_hex(64)}"
        self._by_secret[secret] = Access(frozenset(scopes), secret)
        return secret

    def identify(self, headers: Mapping[str, str]) -> Access:
        """Who a request comes from. Raises Failure where it names no project, or another."""
        project, secret = headers.get("x-appwrite-project"), headers.get("x-appwrite-key")
        if not project:
            if secret:
                raise Failure(
                    403,
                    "project_id_missing",
                    "When using project API key, make sure to pass x-appwrite-project header with your "
                    "project ID.",
                )
        elif project != self._project:
            raise Failure(
                404,
                "project_not_found",
                "Project with the requested ID could not be found. Please check the value of the "
                "X-Appwrite-Project header to ensure the correct project ID is being used.",
            )
        return self._by_secret.get(secret or "", Access(GUEST_SCOPES))
