"""Which operations there are: those that have a file in operations/kinds/, by name."""

from __future__ import annotations

from functools import cache
from typing import cast

from marketplace.operations import BY_ORDER, Operation
from operations import kinds
from operations.action import Kind
from resources.errors import UsageError
from resources.modules import modules_of


@cache
def every_kind() -> dict[Operation, Kind]:
    """Operation → how it plans and writes, in the order of marketplace/operations.py. Raises ValueError for one that
    has two files."""
    found: dict[Operation, Kind] = {}
    for module in modules_of(kinds):
        kind = cast("Kind | None", getattr(module, "KIND", None))
        if kind is None:
            continue
        if kind.operation in found:
            raise ValueError(f"{kind.operation} stands in two files of operations/kinds/")
        found[kind.operation] = kind
    return {operation: found[operation] for operation in Operation if operation in found}


def kind_of(operation: Operation) -> Kind:
    """How an operation plans and writes. Raises UsageError for one that has no file."""
    kind = every_kind().get(operation)
    if kind is None:
        raise UsageError.of("operations.unknown", name=operation.value, names=[o.value for o in every_kind()])
    return kind


def operation_named(name: str) -> Operation:
    """The operation of a name. Raises UsageError for none."""
    try:
        operation = Operation(name)
    except ValueError:
        raise UsageError.of("operations.unknown", name=name, names=[o.value for o in every_kind()]) from None
    kind_of(operation)
    return operation


def scheduled() -> list[Operation]:
    """Those that plan by themselves, no admin's orders."""
    return [operation for operation in every_kind() if operation not in BY_ORDER]
