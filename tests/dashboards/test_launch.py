"""The command that other code starts, and the look it finds from any working directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dashboards import launch


def test_the_command_binds_loopback_only() -> None:
    argv = launch.command(8501)
    assert argv[:4] == [sys.executable, "-m", "streamlit", "run"]
    assert Path(argv[4]).is_absolute()
    assert Path(argv[4]).is_file()
    options = dict(zip(argv[5::2], argv[6::2], strict=True))
    assert options["--server.address"] == "127.0.0.1"
    assert options["--server.port"] == "8501"
    assert options["--browser.gatherUsageStats"] == "false"
    assert options["--client.showErrorDetails"] == "none"
    assert options["--runner.postScriptGC"] == "false"
    assert options["--server.trustedUserHeaders"] == "{}"
    assert options["--server.enableXsrfProtection"] == "true"
    assert options["--server.enableAgentApi"] == "false"
    assert options["--server.baseUrlPath"] == ""


def test_the_environment_lets_the_app_import_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/elsewhere", str(launch.ROOT)]))
    assert launch.environment()["PYTHONPATH"] == os.pathsep.join([str(launch.ROOT), "/elsewhere"])


def test_the_theme_is_found_from_another_working_directory(tmp_path: Path) -> None:
    code = (
        "import sys; from streamlit import config; config._main_script_path = sys.argv[1];"
        "config.get_config_options(force_reparse=True);"
        "print(config.get_option('theme.light.primaryColor'), config.get_option('browser.gatherUsageStats'),"
        " config.get_option('client.showErrorDetails'), config.get_option('server.address'))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(launch.APP)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout.split() == ["#0F766A", "False", "none", "127.0.0.1"]
