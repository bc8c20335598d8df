"""Changes of a provider's status as the mirror saw them, from its replaced versions and its present one."""

from __future__ import annotations

import polars as pl

from assets.core.batch import Batch, Reader, constant
from assets.core.versions import changes, observed
from checks.schemas import CORE
from marketplace.aliases import ALIASES
from marketplace.collections import PROVIDER_TYPES
from marketplace.instants import INSTANT
from marketplace.statuses import PROVIDER_STATUS
from marketplace.text import coalesce
from marketplace.zones import resolve_all

STATE_ATTRIBUTES = ("status", "timezone", *ALIASES["provider.last_seen_at"])


def observe_states(versions: Batch, known: pl.DataFrame | None = None) -> pl.DataFrame:
    """All versions of some providers (STATE_ATTRIBUTES, ``_deleted_at``) → rows of core.provider_states: one a change
    of status, the first sight included. Of a version that was deleted nothing is known.

    ``known``: the newest row of each, where these are only the versions since then; the rows that follow it are
    returned.
    """
    schema = CORE["provider_states"].polars_schema
    if not versions.frame.height:
        return pl.DataFrame(schema=schema)
    read = Reader(versions)
    _, offset = resolve_all(read.text("timezone"))
    deleted = read.attributes.own("_deleted_at", INSTANT)
    when = observed(read.attributes)
    status = read.word(PROVIDER_STATUS, "status_unknown", "status")
    seen = pl.DataFrame(
        {
            "provider_id": read.ids,
            "provider_type": constant(PROVIDER_TYPES[versions.collection], pl.String(), read.height),
            "status": status.set(deleted.is_not_null(), None),
            "last_seen_at": read.instant(
                offset.fill_null(versions.zones.default), *ALIASES["provider.last_seen_at"]
            ),
            "observed_at": coalesce(deleted, when["observed_at"]),
            "change": when["change"],
        }
    )
    if known is None:
        return changes(seen, "provider_id", "status").select(list(schema))
    found = changes(pl.concat([known, seen.select(list(schema))]), "provider_id", "status").select(
        list(schema)
    )
    return found.join(known, on=["provider_id", "change"], how="anti")
