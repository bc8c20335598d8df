"""What `bookwatch doctor` says of the store: whether it answers, and whether it heeds conditions where snapshots are
shared, by an object of its own that it takes away again."""

from __future__ import annotations

from typing import Final

from resources.appwrite.examination import Line
from resources.errors import BookwatchError
from resources.objects import FolderObjects, Objects, Outrun, Tag, objects_of
from resources.settings import Settings

TOPIC: Final = "store"
PROBE: Final = "published/probe"


def examine_store(settings: Settings) -> list[Line]:
    """The lines; none where no store is set. Raises nothing of a store's."""
    if not settings.store:
        return []
    try:
        objects = objects_of(settings)
        if settings.share_snapshots == "off":
            objects.size(PROBE)
            return [Line(TOPIC, "ok", f"The store {objects.place} answers; snapshots are not shared.")]
        return _examined(objects)
    except BookwatchError as refused:
        return [Line(TOPIC, "problem", refused.problem, refused.next_step)]


def _examined(objects: Objects) -> list[Line]:
    objects.delete(PROBE)  # a doctor that was killed left it
    try:
        first = objects.put_if(PROBE, b"1", None)
        heeded = _refused(objects, None)
        second = objects.put_if(PROBE, b"2", first)
        heeded = heeded and first != second and _refused(objects, first) and objects.get(PROBE) == b"2"
    finally:
        objects.delete(PROBE)
    if not heeded:
        return [
            Line(
                TOPIC,
                "problem",
                f"The store {objects.place} overwrites objects whatever the condition: an older snapshot could replace"
                " a newer one.",
                "Take a server that heeds If-Match and If-None-Match (docs/store.md).",
            )
        ]
    here = " (processes of one machine)" if isinstance(objects, FolderObjects) else ""
    return [Line(TOPIC, "ok", f"The store {objects.place} answers and takes writes on condition{here}.")]


def _refused(objects: Objects, tag: Tag | None) -> bool:
    try:
        objects.put_if(PROBE, b"3", tag)
    except Outrun:
        return True
    return False
