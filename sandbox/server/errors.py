"""Appwrite's errors: type, status, sentence of each, in the words of the API that was called. Raises none."""

from __future__ import annotations

from sandbox.server.apis import VERSION, Words


class Failure(Exception):
    """An answer in Appwrite's error shape: HTTP ``status``, ``type`` and ``message``."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        self.status, self.kind, self.message = status, kind, message
        super().__init__(f"{status} {kind}: {message}")

    def body(self) -> dict[str, object]:
        return {"message": self.message, "code": self.status, "type": self.kind, "version": VERSION}


class LimitReached(Failure):
    """A number would pass the ``bound`` that the call itself set. ``edge``: maximum or minimum."""

    def __init__(self, words: Words, key: str, edge: str, bound: float) -> None:
        self.edge, self.bound = edge, bound
        told = f'{words.sdk} "{key}" has reached the {edge} value of {bound}'
        super().__init__(400, f"{words.column}_limit_exceeded", told)


RETRY_ID = "Try again with a different ID or use ID.unique() to generate a unique ID."


def argument_invalid(name: str, why: str) -> Failure:
    return Failure(400, "general_argument_invalid", f"Invalid `{name}` param: {why}")


def argument_missing(name: str) -> Failure:
    return Failure(400, "general_argument_invalid", f'Param "{name}" is not optional.')


def bad_request(message: str) -> Failure:
    return Failure(400, "general_bad_request", message)


def query_invalid(message: str) -> Failure:
    return Failure(400, "general_query_invalid", message)


def cursor_missing(what: str, identity: str) -> Failure:
    return Failure(400, "general_cursor_not_found", f"{what} '{identity}' for the 'cursor' value not found.")


def unauthorized(
    message: str = "The current user is not authorized to perform the requested action.",
) -> Failure:
    return Failure(401, "user_unauthorized", message)


def database_missing(identity: str) -> Failure:
    return Failure(
        404, "database_not_found", f"Database with the requested ID '{identity}' could not be found."
    )


def database_exists(identity: str) -> Failure:
    return Failure(
        409,
        "database_already_exists",
        f"Database with the requested ID '{identity}' already exists. {RETRY_ID}",
    )


def table_missing(words: Words, identity: str) -> Failure:
    return Failure(
        404,
        f"{words.table}_not_found",
        f"{words.table.title()} with the requested ID '{identity}' could not be found.",
    )


def table_exists(words: Words, identity: str) -> Failure:
    return Failure(
        409,
        f"{words.table}_already_exists",
        f"A {words.table} with the requested ID '{identity}' already exists. {RETRY_ID}",
    )


def column_missing(words: Words, key: str) -> Failure:
    return Failure(
        404,
        f"{words.column}_not_found",
        f"{words.column.title()} with the requested key '{key}' could not be found.",
    )


def column_exists(words: Words, key: str) -> Failure:
    name = words.column.title()
    return Failure(
        409,
        f"{words.column}_already_exists",
        f"{name} with the requested key '{key}' already exists. {name} keys must be unique, "
        "try again with a different key.",
    )


def column_failure(words: Words, kind: str, message: str) -> Failure:
    return Failure(400, f"{words.column}_{kind}", message)


def index_missing(words: Words, key: str) -> Failure:
    return Failure(
        404, f"{words.index}_not_found", f"Index with the requested key '{key}' could not be found."
    )


def index_exists(words: Words, key: str) -> Failure:
    return Failure(
        409,
        f"{words.index}_already_exists",
        f"Index with the requested key '{key}' already exists. Try again with a different key.",
    )


def index_invalid(words: Words, message: str) -> Failure:
    return Failure(400, f"{words.index}_invalid", message)


def index_column_unknown(words: Words, key: str) -> Failure:
    return Failure(
        400,
        f"{words.column}_unknown",
        f"The {words.column} '{key}' required for the index could not be found. "
        f"Please confirm all your {words.columns} are in the available state.",
    )


def row_missing(words: Words, identity: str) -> Failure:
    return Failure(
        404,
        f"{words.row}_not_found",
        f"{words.row.title()} with the requested ID '{identity}' could not be found.",
    )


def row_exists(words: Words, identity: str) -> Failure:
    return Failure(
        409,
        f"{words.row}_already_exists",
        f"{words.row.title()} with the requested ID '{identity}' already exists. {RETRY_ID}",
    )


def row_invalid(words: Words, why: str) -> Failure:
    return Failure(400, f"{words.row}_invalid_structure", f"Invalid document structure: {why}")


def row_not_unique(words: Words) -> Failure:
    return Failure(
        409,
        f"{words.row}_unique_constraint_violation",
        f"{words.row.title()} violates a unique {words.column} constraint. Try again with different value(s).",
    )


def row_newer(words: Words) -> Failure:
    return Failure(409, f"{words.row}_update_conflict", f"Remote {words.row} is newer than local.")


def row_data_missing(words: Words, message: str | None = None) -> Failure:
    return Failure(
        400,
        f"{words.row}_missing_data",
        message or f"The {words.row} data is missing. Try again with {words.row} data populated.",
    )


def row_payload_missing(words: Words) -> Failure:
    return Failure(
        400,
        f"{words.row}_missing_payload",
        f"The {words.row} data and permissions are missing. You must provide either {words.row} data or "
        "permissions to be updated.",
    )
