"""Reads who has which role from the file that BOOKWATCH_ROLES names. What the roles may, and which of two rules wins,
is marketplace/roles.py's.

Example::

    group_claim = "groups"        # the claim that lists a person's groups; "realm_access.roles" leads into others

    [email]
    "sari@example.com" = "admin"

    [group]
    "bookwatch-support" = "support"

    [claim.hd]
    "example.com" = "viewer"

    [provider]                    # who is which therapist or place, by its id in Appwrite
    "ketut@example.com" = "665f1c0b0022"
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

from marketplace.roles import GIVEN, Role, RoleRules
from messages.message import Message
from resources.errors import UsageError

_TABLES: Final = ("email", "group", "claim", "provider")
_SWITCHES: Final = ("group_claim", "unverified_emails")


def load_roles(path: Path) -> RoleRules:
    """The rules of a file, read anew where it changed. Raises UsageError with one sentence where it cannot be read or
    is wrong: then nobody has a role. No value of it is repeated."""
    try:
        state = os.stat(path)
    except OSError as unreadable:
        raise UsageError.of("failure.roles_unread", path=str(path), why=str(unreadable.strerror)) from None
    if state.st_mode & stat.S_IWOTH:
        raise UsageError.of("failure.roles_open", path=str(path))
    return _read(path, (state.st_ino, state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=4)
def _read(path: Path, stamp: tuple[int, ...]) -> RoleRules:
    del stamp  # what tells this file from another under its name
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as unreadable:
        raise UsageError.of("failure.roles_unread", path=str(path), why=str(unreadable.strerror)) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise UsageError.of("failure.roles_form", path=str(path)) from None
    return _parsed(said, path)


def _parsed(said: dict[str, Any], path: Path) -> RoleRules:
    if unknown := [name for name in said if name not in (*_TABLES, *_SWITCHES)]:
        raise _wrong(path, unknown[0], "roles.unknown_name")
    group_claim, unverified = said.get("group_claim", "groups"), said.get("unverified_emails", False)
    if not isinstance(group_claim, str) or not group_claim:
        raise _wrong(path, "group_claim", "roles.no_text")
    if not isinstance(unverified, bool):
        raise _wrong(path, "unverified_emails", "roles.no_switch")
    emails: dict[str, Role] = {}
    for email, role in _rules(said, "email", path):
        emails[_email(email, "email", emails, path)] = role
    from marketplace.app_rows import (
        names_somebody,
    )  # it brings Polars, which a command that only reads does without

    providers: dict[str, str] = {}
    for email, provider in _table(said, "provider", path).items():
        known = _email(email, "provider", emails | providers, path)
        if not isinstance(provider, str) or not names_somebody(provider):
            raise _wrong(path, "provider", "roles.no_provider")
        providers[known] = provider
    claims = tuple(
        (claim, value, role)
        for claim in _table(said, "claim", path)
        for value, role in _rules(said["claim"], claim, path, f"claim.{claim}")
    )
    groups = tuple(_rules(said, "group", path))
    if not (emails or groups or claims or providers):
        raise _wrong(path, "email", "roles.nobody")
    return RoleRules(emails, groups, claims, group_claim, unverified, providers)


def _email(said: str, place: str, known: Mapping[str, object], path: Path) -> str:
    """An address as it is compared; each stands in the file once, whatever it is given."""
    email = said.strip().lower()
    if "@" not in email:
        raise _wrong(path, place, "roles.no_email")
    if email in known:
        raise _wrong(path, place, "roles.email_twice")
    return email


def _rules(said: dict[str, Any], name: str, path: Path, place: str = "") -> list[tuple[str, Role]]:
    """Each value of a table with its role, in the order of the file."""
    found: list[tuple[str, Role]] = []
    for value, role in _table(said, name, path, place).items():
        if role not in GIVEN:
            raise _wrong(path, place or name, "roles.no_role")
        found.append((value, Role(role)))
    return found


def _table(said: dict[str, Any], name: str, path: Path, place: str = "") -> dict[str, Any]:
    found = said.get(name, {})
    if not isinstance(found, dict):
        raise _wrong(path, place or name, "roles.no_table")
    return cast("dict[str, Any]", found)


def _wrong(path: Path, place: str, problem: str) -> UsageError:
    return UsageError.of(
        "failure.roles_wrong", path=str(path), place=place, problem=Message(problem, {"roles": list(GIVEN)})
    )
