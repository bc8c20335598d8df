"""What an hour's figure is expected to be, and how unlikely the one that was seen: from the same weekday and hour of
the weeks before. Pure arrays; the distributions are scipy's. What is watched and where the limits lie: unusual.py.

Counts: a gamma-Poisson predictive with the series' own dispersion, a negative binomial of mean m and variance
d·m·(1 + 1/n) after n weeks: m is itself only known from them. At d = 1 that is the predictive of Poisson counts under
a gamma prior; d is the variance of the weeks over their mean, of spans of the same length, never under 1. (Gelman et
al., Bayesian Data Analysis, 3rd ed., 2.6; McCullagh and Nelder, Generalized Linear Models, 6.2.) A silence is one of
things that come d at a time: what comes in bursts is silent more often than a negative binomial has it.

Shares: a beta-binomial whose beta is that of the weeks' own trials, widened by the correlation the weeks show beyond
chance (Williams 1982).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final

import numpy as np

from marketplace.unusual import (
    HOURS_A_WEEK,
    INTERVAL,
    JUDGED_HOURS,
    LEAST_WEEKS,
    SPANS,
    SUSPECT,
    UNLIKELY,
    WEEKS,
    Side,
)

#: Hours of an array: the weeks before, the hours that are judged, the last of them open.
HISTORY: Final = WEEKS * HOURS_A_WEEK
LENGTH: Final = HISTORY + JUDGED_HOURS
#: How many weeks the shape of day and week weighs beside an hour's own: it fills hours in which nothing came.
_PRIOR_WEEKS: Final = 1.0
_PRIOR_TRIALS: Final = 10.0

#: Below and above which lies what low and high leave out.
_ENDS: Final = ((1 - INTERVAL) / 2, (1 + INTERVAL) / 2)

Array = Any


@dataclass(frozen=True)
class Hours:
    """A series by the hour: ``LENGTH`` values each, the last one of the open hour up to now.

    ``counts``: things, of a share the trials; ``hits`` of them, None for counts. ``first``, ``last``: the hours, as
    numbers from the array's beginning, at which the first and the last thing of the hour came (nan without any).
    ``ordinary``: the hour can be judged and judged by: no holiday, not before the history begins. ``part``: how much
    of the open hour is over.
    """

    counts: Array
    hits: Array | None
    first: Array
    last: Array
    ordinary: Array
    part: float


@dataclass(frozen=True)
class Seen:
    """What was seen in a span and what was to be expected there."""

    figure: float
    expected: float
    low: float
    high: float
    likelihood: float
    since: float
    hits: int
    trials: int


@dataclass(frozen=True)
class Judged:
    """An hour of a series; ``seen`` is None where it is usual and over, or unknown. ``since``: the hour, as a number,
    since which it is unusual; of an hour that cannot be told, since which it was when it could last be told. None: it
    is usual, or was."""

    hour: int
    state: str
    seen: Seen | None
    since: float | None


def judge(hours: Hours, *, side: Side, silent: float) -> list[Judged]:
    """Every hour that is judged, in order."""
    if hours.hits is None:
        return _walk(hours, _Counts(hours), side, silent)
    return _walk(hours, _Shares(hours), side, silent)


def _walk(hours: Hours, of: _Counts | _Shares, side: Side, silent: float) -> list[Judged]:
    """Hour by hour: what went before decides since when something is unusual, and no span reaches behind the end of
    what was unusual before it, nor behind an hour that cannot be told."""
    found: list[Judged] = []
    begins, since = HISTORY, None
    likelihoods = [of.likelihood(span, side) for span in SPANS]
    silences = None if side is Side.HIGH else of.silences()
    for hour in range(HISTORY, LENGTH):
        if not of.known[hour]:
            begins = hour + 1
            found.append(Judged(hour, "unknown", None, since))
            continue
        best: Seen | None = None
        if silences is not None and silences.likelihood[hour] < silent:
            best = silences.seen(hour)
        else:
            allowed = [
                (values[hour], span)
                for values, span in zip(likelihoods, SPANS, strict=True)
                if hour - span + 1 >= begins and values[hour] < UNLIKELY
            ]
            if allowed:
                best = of.seen(hour, min(allowed)[1])
                if not of.goes_on(hour, best):
                    best = None
        if best is None:
            if since is not None:
                begins, since = hour, None
            usual = of.seen(hour, 1) if hour == LENGTH - 1 else None
            found.append(Judged(hour, "usual", usual, None))
        else:
            since = best.since if since is None else min(since, best.since)
            found.append(Judged(hour, "unusual", best, since))
    return found


@dataclass(frozen=True)
class _Silences:
    """The longest time without anything that reached into each hour: up to its end or now, or up to what came first in
    it."""

    likelihood: Array
    expected: Array
    since: Array
    r: Array
    p: Array
    dispersion: float

    def seen(self, hour: int) -> Seen:
        stats = _stats()

        r, p = float(self.r[hour]), float(self.p[hour])
        low, high = (self.dispersion * float(stats.nbinom.ppf(q, r, p)) for q in _ENDS)
        return Seen(
            0.0,
            float(self.expected[hour]),
            low,
            high,
            float(self.likelihood[hour]),
            float(self.since[hour]),
            0,
            0,
        )


def _stats() -> Any:
    """The distributions, loaded when the first hour is judged: no other command waits for them."""
    return import_module("scipy.stats")


class _Weeks:
    """The weeks before each judged hour."""

    known: Array
    weeks: Array
    share: Array

    def __init__(self, hours: Hours) -> None:
        self.hours = hours
        judged = np.arange(HISTORY, LENGTH)
        back = judged[:, None] - HOURS_A_WEEK * np.arange(1, WEEKS + 1)[None, :]
        self.back, self.usable = back, hours.ordinary[back]
        self.weeks = self._whole(self.usable.sum(axis=1))
        self.known = hours.ordinary & (self.weeks >= LEAST_WEEKS)
        self.share = np.ones(LENGTH)
        self.share[-1] = hours.part

    @staticmethod
    def _whole(values: Array) -> Array:
        """With zeros for the history."""
        return np.concatenate([np.zeros(HISTORY), values])

    def _sums(self, values: Array) -> Array:
        """Of the weeks before each hour, over those that are usable."""
        return self._whole(np.where(self.usable, values[self.back], 0).sum(axis=1))

    def _blocks(self, values: Array, span: int) -> Array:
        """The history in spans: a row a week, a column for each that begins at the same time of the week."""
        return values[:HISTORY].reshape(WEEKS, HOURS_A_WEEK // span, span).sum(axis=2)

    def _whole_blocks(self, span: int) -> Array:
        return self._blocks(self.hours.ordinary.astype(float), span) == span


def _over(values: Array, span: int) -> Array:
    """The sum of each hour and those before it, ``span`` in all."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    found = total[1:].copy()
    found[span:] = total[span + 1 :] - total[1:-span]
    return found


class _Counts(_Weeks):
    def __init__(self, hours: Hours) -> None:
        super().__init__(hours)
        n = self.weeks + _PRIOR_WEEKS
        self.mean = (self._sums(hours.counts) + _PRIOR_WEEKS * self._shape()) / n
        self.mean[~self.known] = 0.0
        # What came in none of the weeks may still come once: half a thing is expected of them all (Jeffreys' prior). Of
        # silences that is not so, or an entry point that nobody uses would be told.
        floor = np.where(self.known, 0.5 / n, 0.0)
        self.expected = np.maximum(self.mean, floor) * self.share
        self.spread = self.expected * (1 + 1 / n)

    def _shape(self) -> Array:
        """What an hour would have if all days had the same hours and all hours the same days."""
        week = np.arange(HISTORY) % HOURS_A_WEEK
        usable = self.hours.ordinary[:HISTORY]
        sums = np.bincount(week, np.where(usable, self.hours.counts[:HISTORY], 0.0), minlength=HOURS_A_WEEK)
        seen = np.bincount(week, usable, minlength=HOURS_A_WEEK)
        means = np.divide(sums, seen, out=np.zeros(HOURS_A_WEEK), where=seen > 0).reshape(7, 24)
        mean = means.mean()
        shape = np.outer(means.mean(axis=1), means.mean(axis=0)) / mean if mean > 0 else means
        return shape.reshape(-1)[np.arange(LENGTH) % HOURS_A_WEEK]

    @cache  # noqa: B019 - as long as the series is judged
    def dispersion(self, span: int) -> float:
        """Variance over mean of spans of that length at the same time of the week; at least 1, and that of an hour."""
        x, whole = self._blocks(self.hours.counts, span), self._whole_blocks(span)
        weeks = whole.sum(axis=0)
        use = weeks >= 2
        means = np.where(whole, x, 0.0).sum(axis=0) / np.maximum(weeks, 1)
        square = (np.where(whole, x - means, 0.0) ** 2).sum(axis=0)[use].sum()
        usual = (means * (weeks - 1))[use].sum()
        own = float(square / usual) if usual > 0 else 1.0
        return max(1.0, own if span == 1 else max(own, self.dispersion(1)))

    @cache  # noqa: B019 - as long as the series is judged
    def _distribution(self, span: int) -> tuple[Array, Array]:
        """Of the sum of each span: r and p of a negative binomial."""
        return _negative_binomial(
            _over(self.expected, span), self.dispersion(span) * _over(self.spread, span)
        )

    def likelihood(self, span: int, side: Side) -> Array:
        """How likely so much or more, or so little or less, is in each span that ends with an hour."""
        stats = _stats()

        r, p = self._distribution(span)
        x = _over(np.where(self.known, self.hours.counts, 0.0), span)
        judged = slice(HISTORY, None)
        found = np.ones(LENGTH)
        found[judged] = _sided(
            stats.nbinom.cdf(x[judged], r[judged], p[judged]),
            stats.nbinom.sf(x[judged] - 1, r[judged], p[judged]),
            side,
        )
        return found

    def seen(self, hour: int, span: int) -> Seen:
        stats = _stats()

        r, p = (float(values[hour]) for values in self._distribution(span))
        x = float(_over(np.where(self.known, self.hours.counts, 0.0), span)[hour])
        low, high = (float(stats.nbinom.ppf(q, r, p)) for q in _ENDS)
        return Seen(
            figure=x,
            expected=float(_over(self.expected, span)[hour]),
            low=low,
            high=high,
            likelihood=float(_sided(stats.nbinom.cdf(x, r, p), stats.nbinom.sf(x - 1, r, p), Side.BOTH)),
            since=float(hour - span + 1),
            hits=int(x),
            trials=0,
        )

    def silences(self) -> _Silences:
        stats = _stats()

        hour = np.arange(LENGTH, dtype=float)
        last, first = self.hours.last, self.hours.first
        newest = _newest(last)
        before = np.concatenate([[np.nan], newest[:-1]])
        # What runs on at the hour's end, and what ended in it with the first thing that came.
        spans = [(newest, hour + self.share), (before, first)]
        rate, spread = (np.concatenate([[0.0], np.cumsum(v)]) for v in (self.mean, self._hourly_spread()))
        dispersion = self.dispersion(1)
        best: tuple[Array, ...] | None = None
        for since, until in spans:
            come = ~np.isnan(since) & ~np.isnan(until)
            begin, end = np.where(come, since, 0.0), np.where(come, until, 0.0)
            expected, variance = (
                np.interp(end, np.arange(LENGTH + 1), total) - np.interp(begin, np.arange(LENGTH + 1), total)
                for total in (rate, spread)
            )
            # Things that come d at a time are silent as often as a d-th of them that come one by one.
            r, p = _negative_binomial(expected / dispersion, variance / dispersion)
            likely = np.where(come & (expected > 0), stats.nbinom.pmf(0, r, p), 1.0)
            found = (likely, expected, since, r, p)
            best = (
                found
                if best is None
                else tuple(np.where(likely < best[0], new, old) for new, old in zip(found, best, strict=True))
            )
        assert best is not None
        likelihood, expected, since, r, p = best
        return _Silences(likelihood, expected, since, r, p, dispersion)

    def _hourly_spread(self) -> Array:
        return self.mean * (1 + 1 / (self.weeks + _PRIOR_WEEKS))

    def goes_on(self, hour: int, seen: Seen) -> bool:
        """Whether the hour itself lies on the same side as its span."""
        if seen.figure < seen.expected:
            return bool(self.hours.counts[hour] <= self.expected[hour])
        return bool(self.hours.counts[hour] >= self.expected[hour])


class _Shares(_Weeks):
    before: Array
    before_hits: Array

    def __init__(self, hours: Hours) -> None:
        super().__init__(hours)
        assert hours.hits is not None
        usable = hours.ordinary[:HISTORY]
        trials, hits = (
            float(np.where(usable, values[:HISTORY], 0.0).sum()) for values in (hours.counts, hours.hits)
        )
        self.overall = hits / trials if trials else 0.5
        self.before, self.before_hits = self._sums(hours.counts), self._sums(hours.hits)

    @cache  # noqa: B019 - as long as the series is judged
    def correlation(self, span: int) -> float:
        """How alike the trials of one span are beyond chance: 0 where the weeks vary as chance has it."""
        assert self.hours.hits is not None
        n, k = self._blocks(self.hours.counts, span), self._blocks(self.hours.hits, span)
        n: Array = np.where(self._whole_blocks(span), n, 0.0)
        k = np.where(n > 0, k, 0.0)
        total = n.sum(axis=0)
        p = np.divide(k.sum(axis=0), total, out=np.zeros_like(total), where=total > 0)
        left = np.divide(n, total, out=np.zeros_like(n), where=total > 0)
        chance = (n * p * (1 - p) * (1 - left)).sum()
        if chance <= 0:
            return 0.0
        excess = ((k - n * p) ** 2).sum() / chance - 1
        size = (n**2 * p * (1 - p)).sum() / (n * p * (1 - p)).sum()
        return float(min(0.5, max(0.0, excess / (size - 1)))) if size > 1 else 0.0

    def _beta(self, span: int) -> tuple[Array, Array]:
        trials = _over(np.where(self.known, self.before, 0.0), span) + _PRIOR_TRIALS
        hits = _over(np.where(self.known, self.before_hits, 0.0), span) + _PRIOR_TRIALS * self.overall
        p = np.clip(hits / trials, 1e-6, 1 - 1e-6)
        size = 1 / (1 / trials + self.correlation(span))
        return p * size, (1 - p) * size

    def _spans(self, span: int) -> tuple[Array, Array]:
        hits: Array = self.hours.hits
        n = _over(np.where(self.known, self.hours.counts, 0.0), span)
        return n, _over(np.where(self.known, hits, 0.0), span)

    def likelihood(self, span: int, side: Side) -> Array:
        """As of counts. The distribution is asked only where the share lies far out: it is summed trial by trial."""
        stats = _stats()

        n, k = self._spans(span)
        a, b = self._beta(span)
        found = np.ones(LENGTH)
        size = a + b
        p = a / size
        spread = np.sqrt(n * p * (1 - p) * (size + n) / (size + 1))
        far = (np.abs(k - n * p) > SUSPECT * spread) & (n > 0)
        far[:HISTORY] = False
        for hour in np.flatnonzero(far):
            found[hour] = _sided(
                stats.betabinom.cdf(k[hour], n[hour], a[hour], b[hour]),
                stats.betabinom.sf(k[hour] - 1, n[hour], a[hour], b[hour]),
                side,
            )
        return found

    def seen(self, hour: int, span: int) -> Seen:
        stats = _stats()

        n, k = (float(values[hour]) for values in self._spans(span))
        a, b = (float(values[hour]) for values in self._beta(span))
        low, high = (float(stats.betabinom.ppf(q, n, a, b)) for q in _ENDS) if n else (0.0, 0.0)
        likely = (
            float(_sided(stats.betabinom.cdf(k, n, a, b), stats.betabinom.sf(k - 1, n, a, b), Side.BOTH))
            if n
            else 1.0
        )
        return Seen(
            figure=k / n if n else float("nan"),
            expected=a / (a + b),
            low=low / n if n else 0.0,
            high=high / n if n else 1.0,
            likelihood=likely,
            since=float(hour - span + 1),
            hits=int(k),
            trials=int(n),
        )

    def silences(self) -> None:
        """A share is never silent: without trials nothing can be told."""

    def goes_on(self, hour: int, seen: Seen) -> bool:
        assert self.hours.hits is not None
        n, k = float(self.hours.counts[hour]), float(self.hours.hits[hour])
        return n == 0 or (k / n <= seen.expected if seen.figure < seen.expected else k / n >= seen.expected)


def _sided(low: Array, high: Array, side: Side) -> Array:
    """The likelihood of a figure so far out on a side; on either, twice the lesser."""
    if side is Side.BOTH:
        return np.minimum(1.0, 2 * np.minimum(low, high))
    return low if side is Side.LOW else high


def _negative_binomial(mean: Array, variance: Array) -> tuple[Array, Array]:
    """Its r and p; of a mean of 0 one that is 0 for certain."""
    some = mean > 1e-9
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(some, mean / variance, 0.5)
        r = np.where(some, mean * p / (1 - p), 1e-12)
    return r, p


def _newest(values: Array) -> Array:
    """Each value, where it is nan the one before."""
    index: Array = np.where(np.isnan(values), -1, np.arange(len(values)))
    index = np.maximum.accumulate(index)
    return np.concatenate([[float("nan")], values])[index + 1]
