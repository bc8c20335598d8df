"""One run at a time: a second holder is refused at once, and a dead one holds nothing."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resources.errors import RunActive
from resources.home import Home
from resources.lock import is_run_active, run_lock

HOLD = """
import sys, time
from pathlib import Path
from resources.home import Home
from resources.lock import run_lock
with run_lock(Home(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def test_a_second_run_is_refused_and_says_so(home: Home) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(home.root)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        assert is_run_active(home)
        with pytest.raises(RunActive) as error, run_lock(home):
            pass
        assert error.value.exit_status == 12
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert not is_run_active(home)
    with run_lock(home):
        pass


def test_the_lock_is_free_after_an_error(home: Home) -> None:
    with pytest.raises(ValueError, match="x"), run_lock(home):
        raise ValueError("x")
    assert not is_run_active(home)
