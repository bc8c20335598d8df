"""The calls of a server about users."""

from __future__ import annotations

import re
import string
from typing import Any

from sandbox.server.accounts import new_token, open_session, served_user, user_missing
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.errors import Failure, argument_invalid
from sandbox.server.lists import catalogue_answer
from sandbox.server.parameters import boolean, new_id, required, text
from sandbox.server.project import Project
from sandbox.storage.people import User

FIELDS = {
    "$id": "varchar", "name": "varchar", "email": "varchar", "phone": "varchar", "status": "boolean",
    "passwordUpdate": "datetime", "registration": "datetime", "emailVerification": "boolean",
    "phoneVerification": "boolean",
}  # fmt: skip
LABELS_RULE = (
    "Value must a valid array no longer than 1000 items and Value must be a valid string and at least 1 chars "
    "and no longer than 36 chars and only consist of "
    f"'{', '.join(string.digits + string.ascii_uppercase + string.ascii_lowercase)}' chars"
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def existing_user(project: Project, call: Call) -> User:
    """The one a path names. Raises Failure."""
    user = project.people.user(call.path["userId"])
    if user is None:
        raise user_missing()
    return user


def list_users(project: Project, call: Call) -> Answer:
    def items() -> list[dict[str, Any]]:
        return [served_user(user) for user in project.people.users()]

    return catalogue_answer(call, items, "users", FIELDS, "$id", "User")


def get_user(project: Project, call: Call) -> Answer:
    return reply(200, served_user(existing_user(project, call)))


def create_user(project: Project, call: Call) -> Answer:
    identity, email = new_id(call, "userId"), call.given.get("email")
    if email is not None and (not isinstance(email, str) or _EMAIL.fullmatch(email) is None):
        raise argument_invalid("email", "Value must be a valid email address")
    password = call.given.get("password")
    if password is not None and (not isinstance(password, str) or not 8 <= len(password) <= 256):
        raise argument_invalid("password", "Password must be between 8 and 256 characters long.")
    name, now, email = text(call, "name", 128, "", 0), project.now(), (email or "").lower()
    user: User = {
        "$id": identity, "$createdAt": now, "$updatedAt": now, "name": name, "password": "", "hash": "argon2",
        "hashOptions": {"type": "argon2", "memoryCost": 65536, "timeCost": 4, "threads": 3},
        "registration": now, "status": True, "labels": [], "passwordUpdate": now if password else "",
        "email": email, "phone": call.given.get("phone") or "", "emailVerification": False,
        "phoneVerification": False, "mfa": False, "prefs": {}, "targets": [], "accessedAt": "",
        "emailCanonical": email, "emailIsCanonical": True, "emailIsCorporate": True,
        "emailIsDisposable": False, "emailIsFree": False, "impersonator": False, "impersonatorUserId": "",
    }  # fmt: skip
    added = project.people.add(user, password)
    if added is None:
        raise Failure(
            409,
            "user_already_exists",
            "A user with the same id, email, or phone already exists in this project.",
        )
    return reply(201, served_user(added))


def update_labels(project: Project, call: Call) -> Answer:
    labels, user = required(call, "labels"), existing_user(project, call)
    fits = isinstance(labels, list) and len(labels) <= 1000
    if not fits or any(
        not isinstance(one, str) or re.fullmatch(r"[0-9A-Za-z]{1,36}", one) is None for one in labels
    ):
        raise argument_invalid("labels", LABELS_RULE)
    project.people.change(user, labels=list(dict.fromkeys(labels)), **{"$updatedAt": project.now()})
    return reply(200, served_user(user))


def update_status(project: Project, call: Call) -> Answer:
    status, user = boolean(call, "status"), existing_user(project, call)
    project.people.change(user, status=status, **{"$updatedAt": project.now()})
    return reply(200, served_user(user))


def delete_user(project: Project, call: Call) -> Answer:
    project.people.delete(existing_user(project, call)["$id"])
    return Answer(204)


def create_session(project: Project, call: Call) -> Answer:
    return open_session(project, call, existing_user(project, call), "server")


def delete_sessions(project: Project, call: Call) -> Answer:
    for session in project.people.sessions(existing_user(project, call)["$id"]):
        project.people.end_session(session["$id"])
    return Answer(204)


def create_token(project: Project, call: Call) -> Answer:
    user = existing_user(project, call)
    return new_token(project, call, user, str(call.given.get("sessionId") or ""))
