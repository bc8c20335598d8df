"""By what moves are judged, as settings and the policy's file say it."""

from __future__ import annotations

from functools import cache

from marketplace.money import AmountBounds
from resources.policy_file import load_policy
from resources.settings import Settings
from services.moving.standing import Terms


def terms_of(settings: Settings) -> Terms:
    """The terms of a deployment. Raises UsageError where the policy cannot be used."""
    return _terms(settings.amount_min, settings.amount_max)


@cache
def _terms(minimum: int, maximum: int) -> Terms:
    return Terms(load_policy(), AmountBounds(minimum, maximum))
