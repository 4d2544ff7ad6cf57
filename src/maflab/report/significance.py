"""Means, spreads and paired comparisons."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Values = NDArray[np.float64]

CONFIDENCE = 0.95
RESAMPLES = 2000
_CHUNK = 4_000_000  # resampled values held at once


class Spread(NamedTuple):
    """Of one figure over the seeds."""

    mean: float
    sd: float  # of the sample (n - 1); NaN for fewer than two values
    n: int
    excluded: int  # values that were NaN

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Mean and standard deviation of what is a number."""
        finite = [value for value in values if np.isfinite(value)]
        mean = float(np.mean(finite)) if finite else np.nan
        sd = float(np.std(finite, ddof=1)) if len(finite) > 1 else np.nan
        return cls(mean, sd, len(finite), len(values) - len(finite))


class Paired(NamedTuple):
    """A mean difference with its 95% interval."""

    difference: float
    low: float
    high: float
    p: float  # two-sided, that there is no difference
    n: int  # pairs


def paired_t(differences: Sequence[float]) -> Paired:
    """Student's paired t-test over seeds, and its interval; NaN interval and p for a single pair.

    Args:
        differences: (S,) the cell's error minus the baseline's, a seed each.
    """
    values = np.asarray(differences, np.float64)
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return Paired(mean, np.nan, np.nan, np.nan, count)
    error = float(values.std(ddof=1)) / np.sqrt(count)
    if error == 0:
        return Paired(mean, mean, mean, 1.0 if mean == 0 else 0.0, count)
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, count - 1))
    return Paired(mean, mean - reach, mean + reach, p, count)


def paired_samples(differences: Values) -> Paired:
    """Wilcoxon's signed-rank test over samples, and a percentile bootstrap interval of the mean.

    Samples count as independent; neighbouring frames of a video are not, and then the interval is too narrow.

    Args:
        differences: (N,) the cell's error minus the baseline's, a sample each.
    """
    values, count = np.asarray(differences, np.float64), len(differences)
    mean = float(values.mean())
    if not values.any():
        return Paired(mean, mean, mean, 1.0, count)
    p = float(stats.wilcoxon(values).pvalue)
    low, high = np.quantile(_bootstrap_means(values), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Paired(mean, float(low), float(high), p, count)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's correction for asking several questions at once; NaN is no question.

    Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", 1979.
    """
    values = np.asarray(p, np.float64)
    asked = np.flatnonzero(np.isfinite(values))
    order = asked[np.argsort(values[asked], kind="stable")]
    adjusted = values.copy()
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1) if len(order) else []
    return [float(value) for value in adjusted]


def _bootstrap_means(values: Values) -> Values:
    # The same resamples for the same samples: a report made twice says the same.
    generator = np.random.default_rng(0)
    rows = max(1, _CHUNK // len(values))
    means = [
        values[generator.integers(0, len(values), (min(rows, RESAMPLES - start), len(values)))].mean(1)
        for start in range(0, RESAMPLES, rows)
    ]
    return np.concatenate(means)
