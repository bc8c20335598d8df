"""Every setting: its name in the environment, form, default, range and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from pipelines.reference.layout import bullets, code, heading, paragraph, sentence, whole
from resources.home import Home
from resources.settings import Settings, variable

_OPENING = """
They stand in the environment or in `.env` (`.env.example` is one to begin with); the environment wins. `.env` is that
of the working directory, else of the nearest folder above it that has one. A setting that is wrong ends every command
with 2 and one sentence.
"""
OTHERS: Final = {
    "BOOKWATCH_DEBUG": "1 is `--debug` of this command and of those it starts.",
    "BOOKWATCH_DAGSTER_URL": "told to the dashboards by `bookwatch serve` and `demo`: where Dagster's pages are.",
    "BOOKWATCH_DAGSTER_ADDRESS": "told to Dagster by us: the address of BOOKWATCH_DAGSTER_POSTGRES as it takes it.",
    "BOOKWATCH_REQUIRE_POSTGRES": "1: the tests of PostgreSQL fail where there is none, instead of being skipped.",
    "BOOKWATCH_REQUIRE_COMPOSE": "1: the test of deploy/ fails where there is no docker-compose.",
    "BOOKWATCH_REQUIRE_BROWSER": "1: the browser tests fail where there is no browser, instead of being skipped.",
    "BOOKWATCH_SCREENSHOTS": "A folder in which the browser tests keep pictures of what they saw.",
    "BOOKWATCH_TEST_EXAMPLES": "How many examples the stateful test of ingestion tries.",
    "BOOKWATCH_TEST_KILLS": "How many runs the test of kills kills.",
}
"""What begins as a setting does and is none: switches for a developer, read from the environment alone."""

_FORMS: Final[dict[Any, str]] = {
    str: "text",
    SecretStr: "text, secret",
    int: "whole number",
    float: "number",
    bool: "1 or 0",
    datetime: "instant, ISO 8601",
    Home: "folder",
    dict: "JSON object",
    Mapping: "JSON object",
    tuple: "list",
}
_SIZES: Final = (("TiB", 40), ("GiB", 30), ("MiB", 20))


def page() -> str:
    """The page, in Markdown."""
    return whole(
        "Settings",
        "the fields in `resources/settings.py`",
        paragraph(_OPENING),
        *(_setting(name, field) for name, field in Settings.model_fields.items()),
        heading("For developers"),
        bullets(f"{code(name)}: {told}" for name, told in OTHERS.items()),
    )


def _setting(name: str, field: FieldInfo) -> str:
    facts = [f"form: {_form(field)}", f"default: {_default(field)}"]
    if bounds := _bounds(field):
        facts.append(f"range: {bounds}")
    return "\n".join([heading(variable(name)), paragraph(sentence(field.description or "")), bullets(facts)])


def _unit(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def _form(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return " or ".join(code(word) for word in get_args(kind))
    if _unit(field) == "bytes":
        return "size with its unit"
    known = [one for one in (kind, get_origin(kind), *get_args(kind)) if one in _FORMS]
    return ", ".join(part for part in (_FORMS[known[0]], _unit(field)) if part)


def _shown(value: Any, field: FieldInfo) -> str:
    if _unit(field) == "bytes":
        unit, power = next((unit, power) for unit, power in _SIZES if value >= 1 << power)
        return f"{value >> power} {unit}"
    return f"{value:,.0f}" if isinstance(value, int | float) and value == int(value) else str(value)


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Home):
        return code(value.root)
    if isinstance(value, bool):
        return "off"
    if isinstance(value, int | float):
        return _shown(value, field)
    held = value.get_secret_value() if isinstance(value, SecretStr) else value
    return code(held) if held else "none"


def _bounds(field: FieldInfo) -> str:
    said: list[str] = []
    for bound in field.metadata:
        match bound:
            case Ge(ge=least):
                said.append(f"from {_shown(least, field)}")
            case Gt(gt=least):
                said.append(f"over {_shown(least, field)}")
            case Le(le=most):
                said.append(f"to {_shown(most, field)}")
            case Lt(lt=most):
                said.append(f"and below {_shown(most, field)}")
            case _:
                pass
    return " ".join(said)
