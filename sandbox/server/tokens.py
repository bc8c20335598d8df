"""What a user shows instead of a key: tokens (JWT) that are signed here, secrets of sessions. Looks nobody up."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from sandbox.server.errors import Failure

COOKIE = "a_session_"  # and the project


def token_of(secret: bytes, claims: Mapping[str, Any]) -> str:
    head = _encoded(b'{"typ":"JWT","alg":"HS256"}')
    signed = f"{head}.{_encoded(orjson.dumps(dict(claims)))}"
    return f"{signed}.{_signature(secret, signed)}"


def claims_of(secret: bytes, token: str, now: datetime) -> dict[str, Any]:
    """What a token says. Raises Failure where it is none of ours, or too old."""
    parts = token.split(".")
    if len(parts) != 3:
        raise _invalid("Invalid token: Incomplete segments")
    try:
        head, claims = (orjson.loads(_decoded(part)) for part in parts[:2])
    except ValueError:
        raise _invalid("JSON failed: Syntax error") from None
    if not isinstance(head, dict) or not isinstance(claims, dict):
        raise _invalid("JSON failed: Syntax error")
    if not hmac.compare_digest(parts[2], _signature(secret, f"{parts[0]}.{parts[1]}")):
        raise _invalid("Invalid token: Signature failed")
    if claims["exp"] <= now.timestamp():
        raise _invalid("Invalid token: Expired")
    return claims


def session_secret(user: str, secret: str) -> str:
    """A session's secret as its user is told it."""
    return base64.b64encode(orjson.dumps({"id": user, "secret": secret})).decode()


def session_of(text: str) -> tuple[str, str]:
    """User and secret; nobody's where it cannot be read."""
    try:
        told = orjson.loads(base64.b64decode(text))
        return str(told["id"]), str(told["secret"])
    except (ValueError, TypeError, KeyError):
        return "", ""


def _invalid(why: str) -> Failure:
    return Failure(401, "user_jwt_invalid", f"Failed to verify JWT. {why}")


def _signature(secret: bytes, signed: str) -> str:
    return _encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
