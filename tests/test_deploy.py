"""deploy/: that its compose file is one, and that it names nothing bookwatch does not know. No engine runs here, so no
image is built."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from pipelines.cli import app
from resources.home import Home
from resources.settings import Settings, variable
from tests.bookwatch_process import ROOT

DEPLOY = ROOT / "deploy"
HOME = "/var/lib/bookwatch"
OURS = ("pipeline", "dashboards", "services")
#: What stands in the files of secrets; no word of them may stand in the compose file.
SECRET_NAMES = re.compile(r"KEY|SECRET|PASSWORD|POSTGRES$|ALERT_URLS|RECEIVER")


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def dockerfile() -> str:
    return (DEPLOY / "Dockerfile").read_text()


def example(name: str) -> dict[str, str]:
    lines = (DEPLOY / f"{name}.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_docker_compose_takes_it_with_every_profile(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        reason = "No docker-compose on this machine: install the package docker-compose to check deploy/."
        if os.environ.get("BOOKWATCH_REQUIRE_COMPOSE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path / "deploy"
    shutil.copytree(DEPLOY, folder)
    for path in folder.glob("*.example"):
        path.rename(path.with_suffix(""))
    profiles = [word for name in ("services", "store") for word in ("--profile", name)]
    done = subprocess.run(
        [program, "-f", str(folder / "compose.yaml"), *profiles, "config"],
        capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr.strip(), "a warning is a setting that is not meant"
    taken = yaml.safe_load(done.stdout)
    assert set(taken["services"]) == {*OURS, "postgres", "store"}
    environment = taken["services"]["dashboards"]["environment"]
    assert not any(environment[name] for name in ("APPWRITE_API_KEY", "APPWRITE_WRITE_KEY"))
    assert not environment["BOOKWATCH_DAGSTER_POSTGRES"]


def test_every_setting_it_names_is_one(composed: dict[str, Any]) -> None:
    known = {variable(field) for field in Settings.model_fields}
    named = set(example("bookwatch.env"))
    for service in OURS:
        named |= set(composed["services"][service].get("environment", {}))
    named |= set(re.findall(r"\b(?:BOOKWATCH|APPWRITE)_[A-Z_]+", dockerfile()))
    assert named <= known
    filled = {name: value for name, value in example("bookwatch.env").items() if value}
    for name in known:
        assert name not in filled or not SECRET_NAMES.search(name) or "CHANGE-ME" in filled[name]


def test_every_command_of_bookwatch_is_one(composed: dict[str, Any]) -> None:
    for service in ("pipeline", "services"):
        words: list[str] = composed["services"][service]["command"]
        command: Any = get_command(app)
        while words and words[0] in getattr(command, "commands", {}):
            command, words = command.commands[words[0]], words[1:]
        assert not hasattr(command, "commands"), f"{service}: a command is missing"
        command.make_context("bookwatch", list(words))  # raises for an option that there is none of
    assert 'ENTRYPOINT ["bookwatch"]' in dockerfile()
    _, _, module = composed["services"]["dashboards"]["entrypoint"]
    assert (ROOT / module / "__main__.py").exists()


def test_every_path_is_one_the_code_knows(composed: dict[str, Any]) -> None:
    assert f"BOOKWATCH_HOME={HOME}" in dockerfile()
    assert f"VOLUME {HOME}" in dockerfile()
    for service in OURS:
        assert f"home:{HOME}" in composed["services"][service]["volumes"]
    [_, test] = composed["services"]["pipeline"]["healthcheck"]["test"]
    assert str(Home(Path(HOME)).status) in test
    roles = example("bookwatch.env")["BOOKWATCH_ROLES"]
    assert f"./roles.toml:{roles}:ro" in composed["services"]["dashboards"]["volumes"]
    for written in re.findall(r"^COPY ([\w./]+) ", dockerfile(), re.MULTILINE):
        assert (ROOT / written).exists()


def test_what_runs_is_nobody_who_may_write_the_code(composed: dict[str, Any]) -> None:
    assert re.search(r"^USER bookwatch$", dockerfile(), re.MULTILINE)
    for service in OURS:
        told = composed["services"][service]
        assert told["read_only"]
        assert told["cap_drop"] == ["ALL"]
        assert "privileged" not in told
        assert all(port.startswith("127.0.0.1:") for port in told.get("ports", ()))
        assert told["healthcheck"]["test"]


def test_the_image_holds_every_room_and_nothing_of_a_machine() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "what is not named stays out: .env, a home, .git"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert let_in == rooms | {"dagster.yaml", "pyproject.toml", "README.md", "requirements.lock"}


def test_what_is_filled_in_is_no_part_of_the_project() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"deploy/*.env", "deploy/roles.toml", "deploy/s3.json"} <= set(ignored)
