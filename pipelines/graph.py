"""Every asset and check of the main job, in one place."""

from __future__ import annotations

import warnings

from dagster import BetaWarning

warnings.filterwarnings("ignore", category=BetaWarning)

from assets.core.core_assets import CORE_KEYS, core_assets  # noqa: E402 - the filter must stand before Dagster's definitions
from assets.marts.mart_assets import MART_KEYS, mart_assets  # noqa: E402
from assets.published import published_assets  # noqa: E402
from assets.raw import raw_assets  # noqa: E402
from assets.reports import check_results  # noqa: E402
from checks.asset_checks import core_checks, mart_checks, raw_checks, sweep_checks  # noqa: E402

ASSETS = (
    raw_assets,
    core_assets,
    mart_assets,
    published_assets([*CORE_KEYS.values(), *MART_KEYS]),
    check_results,
)
CHECKS = (raw_checks, sweep_checks, core_checks, mart_checks)
