"""Runs a command as a whole process and reads the system's own accounting of it. Judges nothing."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """One finished run: wall and processor seconds, and the peak memory (MiB) of its largest process."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    status: int


def measure(command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> Measured:
    """Run ``command`` and wait for it. Its output is read and dropped; its children are counted with it."""
    began = time.perf_counter()
    process = subprocess.Popen(
        list(command),
        env={**os.environ, **environment},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(
        time.perf_counter() - began,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
        process.returncode,
    )


def row(name: str, runs: Sequence[Measured]) -> str:
    """Minimum, median and maximum of the wall seconds, median processor seconds, highest memory."""
    wall = [run.wall_s for run in runs]
    return (
        f"{name:<34} wall {min(wall):7.2f} {statistics.median(wall):7.2f} {max(wall):7.2f} s"
        f"   cpu {statistics.median(run.cpu_s for run in runs):7.2f} s"
        f"   peak {max(run.peak_mib for run in runs):7.0f} MiB   exit {sorted({run.status for run in runs})}"
    )
