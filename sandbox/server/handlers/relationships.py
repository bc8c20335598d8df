"""The call that makes a relationship between two tables."""

from __future__ import annotations

from sandbox.server import errors
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.columns import RELATIONSHIP
from sandbox.server.parameters import boolean, key_of, required
from sandbox.server.project import Project
from sandbox.server.served import served_relation
from sandbox.storage.records import StoredColumn

TYPES = ("oneToOne", "manyToOne", "manyToMany", "oneToMany")
ON_DELETE = ("cascade", "restrict", "setNull")


def create_relation(project: Project, call: Call) -> Answer:
    """The column, and that of the other table where the relationship goes both ways."""
    words = call.words
    related_name = f"related{words.table_id[0].upper()}{words.table_id[1:]}"
    other_id, kind = required(call, related_name), required(call, "type")
    if kind not in TYPES:
        raise errors.argument_invalid("type", f"Value must be one of ({', '.join(TYPES)})")
    on_delete = call.given.get("onDelete") or "restrict"
    if on_delete not in ON_DELETE:
        raise errors.argument_invalid("onDelete", f"Value must be one of ({', '.join(ON_DELETE)})")
    two_way = boolean(call, "twoWay", False)
    table = project.table(call)
    other = project.database(call).tables.get(str(other_id))
    if other is None:
        raise errors.table_missing(words, str(other_id))
    key = key_of(call) if call.given.get("key") else other.id
    back = key_of(call, "twoWayKey") if call.given.get("twoWayKey") else table.id
    column = StoredColumn(
        key,
        RELATIONSHIP,
        related=other.id,
        relation=kind,
        two_way=two_way,
        two_way_key=back,
        on_delete=on_delete,
    )
    mirrored = StoredColumn(
        back, RELATIONSHIP, related=table.id, relation=kind, two_way=two_way, two_way_key=key, on_delete=on_delete,
        side="child",
    )  # fmt: skip
    with project.store.writing():
        for one, made in ((table, column), *(((other, mirrored),) if two_way else ())):
            if made.key.lower() in (known.lower() for known in one.columns):
                raise errors.column_exists(words, made.key)
            project.store.create_column(one, made)
    return reply(202, served_relation(words, column, "processing"))
