"""Marts as SQL: compiled once for a policy and kept in a file, as compiling takes longer than running.

What is compiled stands in the mart modules; running it is build.py's business.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from assets.marts.catalog import MARTS
from marketplace.policy import Policy

_ROOT: Final = Path(__file__).resolve().parents[2]
#: What the SQL depends on: our rules and the tools that write SQL.
_SOURCES: Final = ("assets/marts", "marketplace")
_TOOLS: Final = ("ibis-framework", "sqlglot", "duckdb")


@dataclass(frozen=True)
class Compiled:
    """A mart as SQL of the warehouse's engine: (column, type) pairs and the query."""

    name: str
    columns: tuple[tuple[str, str], ...]
    sql: str


@lru_cache(maxsize=4)
def compile_marts(policy: Policy) -> tuple[Compiled, ...]:
    """Every step and mart as SQL. The instants come from a one-row table: the SQL stays the same."""
    from ibis.backends.sql.compilers import DuckDBCompiler

    from assets.marts.tables import Instants, Tables

    compiler: Any = DuckDBCompiler()
    tables, at = Tables.of_sources(), Instants()
    compiled: list[Compiled] = []
    for mart in MARTS.values():
        make = import_module(f"assets.marts.{mart.name}").table
        expression = make(tables, at, policy) if mart.by_policy else make(tables, at)
        schema = expression.schema()
        columns = tuple((name, str(compiler.type_mapper.to_string(kind))) for name, kind in schema.items())
        compiled.append(Compiled(mart.name, columns, compiler.to_sqlglot(expression).sql("duckdb")))
        tables.add(mart.name, schema, "temp" if mart.step else "marts")
    return tuple(compiled)


@lru_cache(maxsize=4)
def compiled_marts(policy: Policy, cache: Path | None) -> tuple[Compiled, ...]:
    """``compile_marts``, read from a file in ``cache`` where one of the same rules, policy and tools is.

    A file that cannot be read or written is only a loss of time: the marts are compiled.
    """
    if cache is None:
        return compile_marts(policy)
    kept = cache / f"marts-{_fingerprint(policy)}.json"
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))
        return tuple(
            Compiled(one["name"], tuple((name, kind) for name, kind in one["columns"]), one["sql"])
            for one in found
        )
    except (OSError, ValueError, KeyError, TypeError):
        compiled = compile_marts(policy)
        _keep(kept, compiled)
        return compiled


def _fingerprint(policy: Policy) -> str:
    digest = hashlib.sha256(repr(policy).encode())
    for tool in _TOOLS:
        digest.update(f"{tool}={version(tool)}".encode())
    for folder in _SOURCES:
        for source in sorted((_ROOT / folder).glob("*.py")):
            digest.update(source.name.encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()[:24]


def _keep(path: Path, compiled: Iterable[Compiled]) -> None:
    """Write under a name of its own, then rename: a reader never sees half a file. Older ones go."""
    new = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new.write_text(json.dumps([asdict(one) for one in compiled]), encoding="utf-8")
        new.replace(path)
        for other in path.parent.glob("marts-*.json"):
            if other != path:
                other.unlink(missing_ok=True)
    except OSError:
        with suppress(OSError):
            new.unlink(missing_ok=True)
