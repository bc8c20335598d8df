"""A simulated marketplace: what its app writes, what is true of it. Imports no other room."""

from sandbox.simulator.disturbances import Disturbances, Level, Outage
from sandbox.simulator.events import Event
from sandbox.simulator.schema import TABLES, Column
from sandbox.simulator.simulation import Simulation
from sandbox.simulator.truth import truth

__all__ = ["TABLES", "Column", "Disturbances", "Event", "Level", "Outage", "Simulation", "truth"]
