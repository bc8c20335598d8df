"""Step: what names a test booking and no real one, for whatever is left out of figures with it.

Few are tests. They are looked for by themselves: in one query with chat rooms and what was said in them, millions of
each are more than a run's memory.
"""

from __future__ import annotations

from typing import Any

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import BY_TEST
from assets.marts.steps.commission_matches import DELETED


@step(part=BY_TEST)
def keys_of_tests(bookings: Any, booking_cases: Any) -> ir.Table:
    """test_key: an id or a business id as others write it, each once."""
    b = bookings.filter(bookings.deleted_at.isnull())
    tests, real = b.filter(b.is_test), b.filter(~b.is_test)
    keys = ibis.union(
        tests.select(test_key=tests.booking_id),
        tests.filter(tests.business_id.notnull()).select(test_key=tests.business_id),
        distinct=True,
    )
    # Few are tests: only what has one of their keys is looked at.
    for key in ("booking_id", "business_id"):
        same = real.semi_join(keys, real[key] == keys.test_key).select(same=real[key])
        keys = keys.anti_join(same, keys.test_key == same.same)
    c = booking_cases
    c = c.filter((c.kind != DELETED) & (c.test == 1))
    return ibis.union(keys, c.select(test_key=c.written), distinct=True)
