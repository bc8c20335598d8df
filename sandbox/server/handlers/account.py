"""The calls of a user about itself: logging in and out, who it is, a token for others."""

from __future__ import annotations

from sandbox.server.accounts import check_active, new_token, open_session, served_user, user_missing
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.errors import Failure
from sandbox.server.parameters import required
from sandbox.server.project import Project
from sandbox.storage.people import User


def _own(call: Call) -> User:
    if call.access.user is None:
        raise user_missing()
    return call.access.user


def get_account(project: Project, call: Call) -> Answer:
    return reply(200, served_user(_own(call), own=True))


def create_session(project: Project, call: Call) -> Answer:
    email, password = str(required(call, "email")), str(required(call, "password"))
    user = project.people.by_email(email)
    if user is None or not project.people.is_password(user, password):
        told = "Invalid credentials. Please check the email and password."
        raise Failure(401, "user_invalid_credentials", told)
    check_active(user)
    return open_session(project, call, user, "email")


def delete_session(project: Project, call: Call) -> Answer:
    named = call.path["sessionId"]
    session = project.people.session(call.access.session if named == "current" else named)
    if session is None or session["userId"] != _own(call)["$id"]:
        raise Failure(404, "user_session_not_found", "The current user session could not be found.")
    project.people.end_session(session["$id"])
    return Answer(204)


def create_token(project: Project, call: Call) -> Answer:
    user = _own(call)
    if call.access.by_token:
        raise Failure(
            403,
            "user_jwt_creation_denied",
            "A JWT cannot be created from a request authorized with a JWT. Authenticate with a session cookie "
            "or session header instead.",
        )
    return new_token(project, call, user, call.access.session)
