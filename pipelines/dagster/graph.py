"""Every asset and check of the main job, in one place."""

from __future__ import annotations

import warnings

from dagster import BetaWarning

warnings.filterwarnings("ignore", category=BetaWarning)

from assets.core.core_assets import core_assets  # noqa: E402 - the filter must stand before Dagster's definitions
from assets.marts.mart_assets import mart_assets  # noqa: E402 - the filter stands first
from pipelines.dagster.asset_checks import core_checks, mart_checks, raw_checks, sweep_checks  # noqa: E402 - the filter stands first
from pipelines.dagster.assets import check_results, published_assets, raw_assets  # noqa: E402 - the filter stands first

ASSETS = (raw_assets, core_assets, mart_assets, published_assets, check_results)
CHECKS = (raw_checks, sweep_checks, core_checks, mart_checks)
