"""How a problem is answered: RFC 9457, all that is wrong at once, in the caller's language, nothing of the input
repeated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast, get_args

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from messages.catalogue import say
from messages.message import Message
from resources.appwrite.failures import CallFailure, CircuitOpen, TransientFailure
from services.callers import Caller
from services.context import language_asked
from services.problems import Problem, Wrong
from services.store import Contended, Doubtful

MEDIA_TYPE: Final = "application/problem+json"
COME_AGAIN_S: Final = 2
"""Seconds after which it may be asked again where nothing better is known."""
BROKEN_S: Final = 30
"""The same while the marketplace's server does not answer: so long the breaker keeps calls from it."""


class WrongField(BaseModel):
    """One thing that is wrong in a request."""

    code: str = Field(description="For programs.")
    at: str = Field(description="Where: a JSON pointer into the body, or a parameter's name.")
    message: str = Field(description="For people, in their language.")


class ProblemBody(BaseModel):
    """A problem as RFC 9457 has it."""

    type: str = Field(description="urn:bookwatch:problem: and the code.")
    title: str = Field(description="What kind of problem, in the caller's language.")
    status: int
    detail: str = Field(description="What is wrong, in the caller's language.")
    instance: str = Field(description="The id of this request, as in X-Request-Id.")
    code: str = Field(description="For programs.")
    errors: list[WrongField] = Field(
        default_factory=list[WrongField], description="All that is wrong, at once."
    )
    state: str | None = Field(
        default=None, description="The booking's state now, where it does not allow it (409)."
    )


def language_of(request: Request) -> str:
    """In which language a request is answered: the one it asks for, else that of its caller."""
    caller = cast("Caller | None", getattr(request.state, "caller", None))
    return language_asked(request.headers.get("accept-language")) or (caller.language if caller else "en")


def problem_answer(request: Request, problem: Problem) -> JSONResponse:
    """A problem as it is answered."""
    language = language_of(request)
    request.scope["bookwatch.code"] = problem.code
    body = ProblemBody(
        type=f"urn:bookwatch:problem:{problem.code}",
        title=say(Message(f"services.title_{problem.status}"), language),
        status=problem.status,
        detail=say(problem.message, language),
        instance=str(request.scope.get("bookwatch.request_id", "")),
        code=problem.code,
        errors=[
            WrongField(code=one.code, at=one.at, message=say(one.message, language)) for one in problem.errors
        ],
        state=problem.state,
    )
    headers: dict[str, str] = {}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(max(1, problem.retry_after))
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    content = body.model_dump(exclude_none=True)
    return JSONResponse(content, problem.status, headers, media_type=MEDIA_TYPE)


def install_answers(app: FastAPI) -> None:
    """Let an app answer every failure so."""

    async def answer(request: Request, failure: Exception) -> JSONResponse:
        answered = problem_answer(request, _problem_of(failure, request))
        if isinstance(failure, HTTPException):
            answered.headers.update(failure.headers or {})  # Allow, of a method that there is none
        return answered

    for kind in (
        Problem, RequestValidationError, HTTPException, CallFailure, Contended, Doubtful, Exception,
    ):  # fmt: skip
        app.add_exception_handler(kind, answer)


def _problem_of(failure: Exception, request: Request) -> Problem:
    match failure:
        case Problem():
            return failure
        case RequestValidationError():
            return Problem(422, "not_valid", wrongs_of(failure.errors(), _body_model(request)))
        case HTTPException():
            return _of_http(failure)
        case CallFailure():
            return _of_call(failure)
        case Contended():
            return Problem(503, "busy", retry_after=COME_AGAIN_S)
        case Doubtful():
            return Problem(503, "outcome_unknown", retry_after=COME_AGAIN_S)
        case _:
            return Problem(500, "unforeseen")


_OF_STATUS: Final = {404: "no_such_path", 405: "no_such_method", 413: "too_large"}


def _of_http(failure: HTTPException) -> Problem:
    code = _OF_STATUS.get(failure.status_code)
    return Problem(failure.status_code, code) if code else Problem(400, "unreadable")


def _of_call(failure: CallFailure) -> Problem:
    if isinstance(failure, TransientFailure):
        wait = failure.retry_after or (BROKEN_S if isinstance(failure, CircuitOpen) else COME_AGAIN_S)
        return Problem(503, "marketplace_unavailable", retry_after=round(wait))
    return Problem(502, "marketplace_refused")


# What pydantic finds ---------------------------------------------------------------------------------------

_CODES: Final = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "json_invalid": "not_json",
    "string_type": "not_text",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "string_pattern_mismatch": "not_of_the_form",
    "int_type": "not_whole",
    "int_parsing": "not_whole",
    "int_from_float": "not_whole",
    "int_parsing_size": "not_whole",
    "float_type": "not_a_number",
    "float_parsing": "not_a_number",
    "finite_number": "not_a_number",
    "bool_type": "not_yes_or_no",
    "bool_parsing": "not_yes_or_no",
    "greater_than": "too_small",
    "greater_than_equal": "too_small",
    "less_than": "too_large_number",
    "less_than_equal": "too_large_number",
    "literal_error": "not_one_of",
    "enum": "not_one_of",
    "model_type": "not_an_object",
    "model_attributes_type": "not_an_object",
    "dict_type": "not_an_object",
    "list_type": "not_a_list",
    "too_long": "too_many",
    "too_short": "too_few",
    "datetime_type": "not_an_instant",
    "datetime_parsing": "not_an_instant",
    "datetime_from_date_parsing": "not_an_instant",
    "timezone_aware": "no_offset",
    "timezone_naive": "not_an_instant",
}
_LIMITS: Final = ("max_length", "min_length", "ge", "gt", "le", "lt")


def _body_model(request: Request) -> object:
    """What the body of a request is to be; None where its route has none."""
    field = getattr(request.scope.get("route"), "body_field", None)
    return getattr(getattr(field, "field_info", None), "annotation", None)


def _known_fields(kind: object, place: Sequence[str]) -> list[str]:
    """The fields that the object at a place has; none where that cannot be told."""
    models = list(_models_in(kind))
    for model in models:
        named = {one.alias or name: one.annotation for name, one in model.model_fields.items()}
        if not place:
            return sorted(named)
        if place[0] in named:
            return _known_fields(named[place[0]], place[1:])
    return _known_fields(kind, place[1:]) if models and place and place[0].isdigit() else []


def _models_in(kind: object) -> Iterator[type[BaseModel]]:
    """The models that a type names: itself, those of a union, of a list."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _models_in(part)


def wrongs_of(found: Sequence[Mapping[str, Any]], model: object = None) -> list[Wrong]:
    """What pydantic found, without what was given. A validator of ours says ``ValueError(Wrong)``. ``model``: that the
    body is to be."""
    wrongs: list[Wrong] = []
    for one in found:
        kind, context = str(one["type"]), cast("dict[str, Any]", one.get("ctx") or {})
        place = [str(part) for part in one["loc"]]
        if kind in ("extra_forbidden", "json_invalid"):
            place = place[:-1]  # a field's name as it was sent, or where in the text
        at = _pointer(place)
        error = context.get("error")
        told = error.args[0] if isinstance(error, ValueError) and error.args else None
        if isinstance(told, Wrong):
            wrongs.append(Wrong(told.code, f"{at}{told.at}", told.args))
            continue
        code = _CODES.get(kind, "invalid")
        args: dict[str, Any] = {}
        limit = next((context[name] for name in _LIMITS if name in context), None)
        if code in ("too_long", "too_short", "too_small", "too_large_number", "too_many", "too_few"):
            args = {"limit": int(limit or 0)}
        elif code == "unknown_field":
            args = {"known": _known_fields(model, place[1:])}
        elif code == "not_one_of":
            args = {"words": str(context.get("expected", "")).replace("'", "")}
        wrong = Wrong(code, at, args)
        if wrong not in wrongs:
            wrongs.append(wrong)
    return wrongs


def _pointer(place: Sequence[str]) -> str:
    """A JSON pointer into the body; the name of a parameter."""
    if not place:
        return ""
    where, *rest = place
    if where != "body":
        return rest[0] if rest else where
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in rest)
