"""The terms the simulated app works by. The truth is computed from terms of its own."""

from sandbox.simulator.times import HOUR, MINUTE

RATE_PPM = 300_000
FEE_IDR = 25_000
PAYMENT_TIME = 3 * HOUR
RESTRICTION_DELAY = 30 * MINUTE
