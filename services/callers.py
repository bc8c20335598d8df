"""Who calls: a customer, a provider or an administrator, by an Appwrite JWT. What each may do stands with
the commands."""

from __future__ import annotations

from dataclasses import dataclass

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
