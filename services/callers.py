"""Who calls: a customer, a provider or an administrator, by an Appwrite JWT. What each may do stands with
the commands."""

from __future__ import annotations

from dataclasses import dataclass

from marketplace.identifiers import ROLE_WORDS
from marketplace.transitions import Actor


@dataclass(frozen=True)
class Caller:
    """An account that was proven. ``provider_id``, ``provider_collection``: the row of a provider it is; ``language``:
    in which its errors are said (en, id)."""

    user_id: str
    actor: Actor
    language: str = "en"
    provider_id: str | None = None
    provider_collection: str | None = None

    @property
    def is_nobody(self) -> bool:
        """Whether the account is called as a role (guest, admin): of many, or taken to see what rows say of the word.
        What names it is nobody's to see."""
        return self.user_id.lower() in ROLE_WORDS
