"""How other code starts the dashboards: the command line and its environment. Starts nothing itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "dashboards" / "app.py"
SERVER = ROOT / "dashboards" / "server.py"


LOOPBACK = "127.0.0.1"


def command(port: int, host: str = LOOPBACK) -> list[str]:
    """The argv that serves the dashboards on host:port from any working directory; beyond this machine they are served
    only with a login (dashboards/server.py).

    The look comes from dashboards/.streamlit/config.toml, which Streamlit reads because it lies beside the
    app; what must hold whatever a config in the working directory says stands here as flags.
    """
    return [
        sys.executable, "-m", "streamlit", "run", str(SERVER),
        "--server.address", host,
        "--server.port", str(port),
        "--server.headless", "true",
        "--server.fileWatcherType", "none",
        "--server.enableXsrfProtection", "true",  # without it Streamlit takes no cookie for a login
        "--server.trustedUserHeaders", "{}",  # nobody is whom a header says
        "--server.enableAgentApi", "false",
        "--server.baseUrlPath", "",  # what is guarded is known by its address
        "--browser.gatherUsageStats", "false",
        "--client.showErrorDetails", "none",
        # A whole collection after each drawing, also of the head alone, held every other viewer up for 0.1 s.
        "--runner.postScriptGC", "false",
        "--global.developmentMode", "false",
        "--runner.magicEnabled", "false",  # a sentence beside a name in a page's file is no part of the page
    ]  # fmt: skip


def environment() -> dict[str, str]:
    """The environment of that process: this one's, with the project on the import path."""
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
