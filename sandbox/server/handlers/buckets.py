"""The calls about buckets of files."""

from __future__ import annotations

from typing import Any

from sandbox.server import errors
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.errors import Failure
from sandbox.server.lists import catalogue_answer
from sandbox.server.parameters import boolean, new_id, permissions_of, text
from sandbox.server.project import Project
from sandbox.server.values import is_int, numeric, range_rule, text_rule

BUCKET_PERMISSIONS = ("create", "read", "update", "delete", "write")
KEPT_PERMISSIONS = ("read", "create", "update", "delete")
LARGEST = 30_000_000  # bytes of a file
COMPRESSIONS = ("none", "gzip", "zstd")
FIELDS = {
    "enabled": "boolean", "name": "varchar", "fileSecurity": "boolean", "maximumFileSize": "integer",
    "encryption": "boolean", "antivirus": "boolean", "transformations": "boolean", "$id": "varchar",
}  # fmt: skip


def list_buckets(project: Project, call: Call) -> Answer:
    return catalogue_answer(call, project.files.buckets, "buckets", FIELDS, "$id", "Bucket")


def get_bucket(project: Project, call: Call) -> Answer:
    return reply(200, project.bucket(call))


def create_bucket(project: Project, call: Call) -> Answer:
    identity = new_id(call, "bucketId")
    given, now = _given(call), project.now()
    bucket = {"$id": identity, "$createdAt": now, "$updatedAt": now, **given, "totalSize": 0}
    with project.store.writing():
        if project.files.bucket(identity) is not None:
            raise Failure(
                409, "storage_bucket_already_exists", "A storage bucket with the requested ID already exists. "
                + errors.RETRY_ID,
            )  # fmt: skip
        project.files.save_bucket(bucket)
    return reply(201, bucket)


def update_bucket(project: Project, call: Call) -> Answer:
    """What is not given is as in a new one, but the permissions."""
    given, bucket = _given(call), project.bucket(call)
    if call.given.get("permissions") is None:
        given["$permissions"] = bucket["$permissions"]
    changed = {**bucket, **given, "$updatedAt": project.now()}
    project.files.save_bucket(changed)
    return reply(200, changed)


def delete_bucket(project: Project, call: Call) -> Answer:
    project.files.delete_bucket(project.bucket(call)["$id"])
    return Answer(204)


def _given(call: Call) -> dict[str, Any]:
    """What a request says of a bucket, the rest as it is where nothing is said. Raises Failure."""
    permissions = permissions_of(call, BUCKET_PERMISSIONS, KEPT_PERMISSIONS)
    largest = call.given.get("maximumFileSize", LARGEST)
    number = numeric(largest)
    if not is_int(number) or not 1 <= number <= LARGEST:
        raise errors.argument_invalid("maximumFileSize", range_rule(1, LARGEST))
    extensions = call.given.get("allowedFileExtensions") or []
    if not isinstance(extensions, list) or any(
        not isinstance(e, str) or not 1 <= len(e) <= 64 for e in extensions
    ):
        rule = f"Value must a valid array no longer than 100 items and {text_rule(64, 1)}"
        raise errors.argument_invalid("allowedFileExtensions", rule)
    compression = call.given.get("compression", "none")
    if compression not in COMPRESSIONS:
        raise errors.argument_invalid("compression", f"Value must be one of ({', '.join(COMPRESSIONS)})")
    return {
        "$permissions": permissions or [],
        "fileSecurity": boolean(call, "fileSecurity", False),
        "name": text(call, "name", 128),
        "enabled": boolean(call, "enabled", True),
        "maximumFileSize": number,
        "allowedFileExtensions": [extension.lower() for extension in extensions],
        "compression": compression,
        "encryption": boolean(call, "encryption", True),
        "antivirus": boolean(call, "antivirus", True),
        "transformations": boolean(call, "transformations", True),
    }
