"""The truth about a simulated marketplace, computed a second time from its canonical world."""

from sandbox.simulator.truth.figures import truth

__all__ = ["truth"]
