"""Reads the commission policy from the project's file, or from one given. Its rules live in
marketplace/policy.py."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from marketplace.policy import Policy, PolicyError, parse_policy
from resources.errors import UsageError


def load_policy(path: Path | None = None) -> Policy:
    """The validated policy of a TOML file, by default the project's. Raises UsageError naming the version at
    fault."""
    source = _source(path)
    text = policy_text(path)
    try:
        return parse_policy(text)
    except PolicyError as wrong:
        raise UsageError.of("failure.policy_wrong", problem=str(wrong), path=str(source)) from None


def policy_text(path: Path | None = None) -> str:
    """The policy's file as it is written, by default the project's. Raises UsageError where it cannot be read."""
    source = _source(path)
    try:
        return source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as unreadable:
        kind = type(unreadable).__name__
        raise UsageError.of("failure.policy_unread", kind=kind, path=str(source)) from None


def _source(path: Path | None) -> Path | Traversable:
    return path if path is not None else files("marketplace").joinpath("commission_policy.toml")
