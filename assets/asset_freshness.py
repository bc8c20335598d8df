"""How old an asset of the pipeline may be before Dagster calls it stale: one policy for every layer."""

from dagster import FreshnessPolicy

from marketplace.health import SCAN_AGE

#: Every layer is made by every run. As health point 5 asks of the scans.
FRESHNESS = FreshnessPolicy.time_window(fail_window=SCAN_AGE)
