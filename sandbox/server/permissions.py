"""The permissions of a table or a row: which may stand, what they come to."""

from __future__ import annotations

import re
from typing import Any

from sandbox.server.values import KEY_RULE, is_key

ROLES = ("any", "guests", "users", "user", "team", "member", "label")
LABEL_RULE = "Value must be a valid string between 1 and 36 chars containing only alphanumeric chars"
_PERMISSION = re.compile(r'([a-z]+)\("([a-z]+)(?::([^"/]+))?(?:/([^"]+))?"\)')
_LABEL = re.compile(r"[A-Za-z0-9]{1,36}")
_STATES = ("verified", "unverified")
_MAY_HAVE_ID = frozenset(("user", "team", "member", "label"))  # and must
_MAY_HAVE_DIMENSION = frozenset(("users", "user", "team"))


def permission_refusal(permissions: Any, allowed: tuple[str, ...]) -> str | None:
    """Why a list of permissions is refused; None if it may stand."""
    if not isinstance(permissions, list):
        return "Permissions must be an array of strings."
    if len(permissions) > 100:
        return "You can only provide up to 100 permissions."
    for permission in permissions:
        if not isinstance(permission, str):
            return "Every permission must be of type string."
        if permission == "*":
            return 'Wildcard permission "*" has been replaced. Use "any" instead.'
        found = _PERMISSION.fullmatch(permission)
        if not permission.startswith(allowed):
            return f'Permission "{permission}" is not allowed. Must be one of: {", ".join(allowed)}.'
        if found is None:
            return f'Invalid permission string format: "{permission}".'
        if found[2] not in ROLES:
            return f'Role "{found[2]}" is not allowed. Must be one of: {", ".join(ROLES)}.'
        why = _role_refusal(found[2], found[3] or "", found[4] or "")
        if why:
            return f'Role "{found[2]}" {why}'
    return None


def _role_refusal(role: str, identity: str, dimension: str) -> str | None:
    """What is wrong with a role's id or dimension; None if it may stand."""
    if role not in _MAY_HAVE_ID and identity:
        return "can not have an ID value."
    if role in _MAY_HAVE_ID and not identity:
        return "must have an ID value."
    if role == "label" and _LABEL.fullmatch(identity) is None:
        return f"identifier value is invalid: {LABEL_RULE}"
    if role in _MAY_HAVE_ID and not is_key(identity):
        return f"identifier value is invalid: {KEY_RULE}"
    if not dimension:
        return None
    if role not in _MAY_HAVE_DIMENSION:
        return "can not have a dimension value."
    if role != "team" and dimension not in _STATES:
        return f"dimension value is invalid. Must be one of: {', '.join(_STATES)}."
    return None if is_key(dimension) else f"dimension value is invalid: {KEY_RULE}"


def aggregate(permissions: list[str], allowed: tuple[str, ...]) -> list[str]:
    """``write`` spelt out as the actions it stands for, each permission once."""
    result: list[str] = []
    for permission in permissions:
        action, role = permission.split("(", 1)
        for name in ("create", "update", "delete") if action == "write" else (action,):
            if name in allowed and f"{name}({role}" not in result:
                result.append(f"{name}({role}")
    return result
