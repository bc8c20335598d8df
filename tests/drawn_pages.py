"""Streamlit's own way to draw a page in a test, without what took most of it. Holds no test."""

from __future__ import annotations

from functools import cache

from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest as AppTest
from streamlit.testing.v1 import app_test, local_script_runner
from streamlit.testing.v1.local_script_runner import LocalScriptRunner

# For each page it draws it reads what every installed package says of itself, and finds the same each time.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
# And compiles the files of the pages anew; a server compiles them once, and no test writes one.
app_test.ScriptCache = cache(ScriptCache)

_given_up = local_script_runner.require_widgets_deltas


def _drawn(runner: LocalScriptRunner, timeout: float = 3) -> None:
    """Wait for the page's thread to end. Streamlit asks a thousand times a second, and each time takes the interpreter
    from the thread that draws."""
    thread = runner._script_thread
    assert thread is not None, "it was started"
    thread.join(timeout)
    if thread.is_alive():
        _given_up(runner, 0)


local_script_runner.require_widgets_deltas = _drawn
