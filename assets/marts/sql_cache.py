"""Marts as SQL: compiled once for a policy and kept in a file, as compiling takes longer than running.

What is compiled stands in the mart modules; running it is build.py's business.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from assets.engines.compiled import Compiled, Engine
from assets.marts.every import MARTS
from assets.marts.given import INSTANTS
from checks.schemas import CORE
from marketplace.policy import Policy
from resources.collector import paused
from resources.own_files import create

_ROOT: Final = Path(__file__).resolve().parents[2]
#: What the SQL depends on: our rules and the tools that write SQL.
_SOURCES: Final = ("assets/engines", "assets/marts", "checks/schemas", "marketplace", "messages")
_TOOLS: Final = ("ibis-framework", "sqlglot", "duckdb")


#: (dialect, how it is made, of what) → a mart or step that does not ask for the policy, and its columns as Ibis knows
#: them.
_WITHOUT_POLICY: dict[Any, tuple[Compiled, Any]] = {}


@lru_cache(maxsize=4)
@paused()
def compile_marts(policy: Policy) -> tuple[Compiled, ...]:
    """Every step and mart as SQL. The instants come from variables: the SQL stays the same."""
    from assets.engines.duckdb import DuckDB

    return _compile("duckdb", DuckDB(), policy)


@lru_cache(maxsize=4)
@paused()
def compile_spark(policy: Policy) -> tuple[Compiled, ...]:
    """Every step and mart as SQL of Spark, which asks for neither Java nor pyspark."""
    from assets.engines.spark import Spark

    return _compile("spark", Spark(), policy)


def _compile(dialect: str, engine: Engine, policy: Policy) -> tuple[Compiled, ...]:
    from assets.marts.tables import Instants, ibis_table, sources

    tables, at = sources(), Instants()
    compiled: list[Compiled] = []
    for mart in MARTS.values():
        # Of a mart that does not ask for it the policy says nothing: most are compiled once, whatever the policy.
        shared = (
            None
            if mart.asks_policy
            else (dialect, mart.make, *(tables[name].schema() for name in mart.reads))
        )
        known = _WITHOUT_POLICY.get(shared)
        if known is None:
            expression = mart.query(tables, at, policy)
            known = engine.compiled(mart.name, expression), expression.schema()
            if shared is not None:
                _WITHOUT_POLICY[shared] = known
        made, schema = known
        compiled.append(made)
        if mart.through is not None and mart.table is not None:
            schema = mart.table.ibis_schema
        # A name that core has is core's to whatever reads it.
        if mart.name not in CORE:
            tables[mart.name] = ibis_table(mart.name, schema, "temp" if mart.step else "marts")
    return tuple(compiled)


@lru_cache(maxsize=4)
@paused()
def compile_behind(policy: Policy) -> tuple[Compiled, ...]:
    """The rows behind every mart as SQL on the tables of a snapshot: the instants are those of ops.judged."""
    from assets.engines.duckdb import DuckDB
    from assets.marts.behind import explained
    from assets.marts.tables import Instants, ibis_table, sources
    from checks.schemas import MARTS as DECLARED

    engine = DuckDB(variables=False)
    # A name that core has is core's to whatever reads it.
    marts = {one.name: ibis_table(one.name, one.ibis_schema, "marts") for one in DECLARED.values()}
    tables = marts | sources()
    at = Instants(ibis_table("judged", dict(INSTANTS), "ops"))
    return tuple(engine.compiled(name, one.query(tables, at, policy)) for name, one in explained().items())


@lru_cache(maxsize=4)
def compiled_marts(policy: Policy, cache: Path | None) -> tuple[Compiled, ...]:
    """``compile_marts``, read from a file in ``cache`` where one of the same rules, policy and tools is.

    A file that cannot be read or written is only a loss of time: the marts are compiled.
    """
    return _kept("marts", compile_marts, policy, cache)


@lru_cache(maxsize=4)
def compiled_spark(policy: Policy, cache: Path | None) -> tuple[Compiled, ...]:
    """``compile_spark``, kept as the marts are."""
    return _kept("spark", compile_spark, policy, cache)


@lru_cache(maxsize=4)
def compiled_behind(policy: Policy, cache: Path | None) -> tuple[Compiled, ...]:
    """``compile_behind``, kept as the marts are."""
    return _kept("behind", compile_behind, policy, cache)


def _kept(
    what: str, compiling: Callable[[Policy], tuple[Compiled, ...]], policy: Policy, cache: Path | None
) -> tuple[Compiled, ...]:
    if cache is None:
        return compiling(policy)
    path = cache / f"{what}-{fingerprint(policy)}.json"
    try:
        return tuple(
            Compiled(one["name"], tuple((name, kind) for name, kind in one["columns"]), one["sql"])
            for one in json.loads(path.read_text(encoding="utf-8"))
        )
    except (OSError, ValueError, KeyError, TypeError):
        compiled = compiling(policy)
        _keep(path, what, compiled)
        return compiled


def fingerprint(policy: Policy) -> str:
    """Of the rules, the policy and the tools that the SQL depends on."""
    digest = hashlib.sha256(repr(policy).encode())
    for tool in _TOOLS:
        digest.update(f"{tool}={version(tool)}".encode())
    for folder in _SOURCES:
        for source in sorted(f for f in (_ROOT / folder).rglob("*") if f.suffix in (".py", ".po", ".toml")):
            digest.update(str(source.relative_to(_ROOT)).encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()[:24]


def sql_file(cache: Path, name: str) -> Path:
    """Where the SQL of a mart or step stands for people to read; nothing reads it back."""
    return cache / f"{name}.sql"


def _keep(path: Path, what: str, compiled: Sequence[Compiled]) -> None:
    """Write under a name of its own, then rename: a reader never sees half a file. What is of other rules goes, also
    what a process that was killed left, and the SQL of marts there are no more."""
    new = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with create(new) as file:
            file.write(json.dumps([asdict(one) for one in compiled]).encode())
        new.replace(path)
        # Views tell their SQL themselves.
        shown = [(sql_file(path.parent, one.name), one.sql) for one in compiled if what == "marts"]
        for file_of, sql in shown:
            with create(file_of) as file:
                file.write(f"{sql}\n".encode())
        kept = {path, *(file_of for file_of, _ in shown)}
        for other in (*path.parent.glob(f"{what}-*"), *(path.parent.glob("*.sql") if shown else ())):
            if other not in kept:
                other.unlink(missing_ok=True)
    except OSError:
        with suppress(OSError):
            new.unlink(missing_ok=True)
