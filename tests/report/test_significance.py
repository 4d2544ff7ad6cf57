"""Spreads and paired tests, against scipy and the closed form."""

import math

import numpy as np
import pytest
from scipy import stats

from maflab.report.significance import Spread, holm, paired_samples, paired_t


def test_a_spread_leaves_nan_out_and_counts_it() -> None:
    spread = Spread.of([110.0, math.nan, 114.0])
    assert (spread.mean, spread.n, spread.excluded) == (112.0, 2, 1)
    assert spread.sd == pytest.approx(math.sqrt(8))


def test_one_value_has_no_spread() -> None:
    assert math.isnan(Spread.of([3.0]).sd)
    assert math.isnan(Spread.of([math.nan]).mean)


def test_paired_t_agrees_with_scipy() -> None:
    generator = np.random.default_rng(3)
    first, second = generator.normal(100, 4, 5), generator.normal(98, 4, 5)
    expected = stats.ttest_rel(first, second)
    low, high = expected.confidence_interval(0.95)
    got = paired_t(first - second)
    assert got == pytest.approx((np.mean(first - second), low, high, expected.pvalue, 5))


def test_paired_t_of_two_pairs_in_closed_form() -> None:
    # One degree of freedom is the Cauchy distribution: p = 1 - 2 atan(t) / pi.
    got = paired_t([-1.0, -3.0])
    assert got.p == pytest.approx(1 - 2 * math.atan(2) / math.pi)
    assert (got.low, got.high) == pytest.approx((-2 - math.tan(0.475 * math.pi), -2 + math.tan(0.475 * math.pi)))


def test_paired_t_without_scatter_or_pairs() -> None:
    assert paired_t([0.0, 0.0]).p == 1
    assert paired_t([-2.0, -2.0]).p == 0
    assert math.isnan(paired_t([-2.0]).p)


def test_sample_interval_covers_the_truth_as_often_as_it_says() -> None:
    # 95% of 100 intervals, give or take three standard deviations of the binomial.
    generator = np.random.default_rng(0)
    found = [paired_samples(generator.normal(-2, 5, 80)) for _ in range(100)]
    assert 88 <= sum(pair.low <= -2 <= pair.high for pair in found) <= 100
    width = np.mean([pair.high - pair.low for pair in found])
    assert width == pytest.approx(2 * 1.96 * 5 / math.sqrt(80), rel=0.05)


def test_sample_p_is_wilcoxons_and_needs_no_normal_errors() -> None:
    differences = np.random.default_rng(1).standard_cauchy(60) - 0.4
    assert paired_samples(differences).p == pytest.approx(stats.wilcoxon(differences).pvalue)
    assert paired_samples(np.zeros(9)).p == 1


def test_sample_interval_is_the_same_twice() -> None:
    differences = np.random.default_rng(2).normal(size=50)
    assert paired_samples(differences) == paired_samples(differences)


def test_holm_by_hand() -> None:
    # Smallest times 3, then 2, then 1, never below an earlier one.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1, 1]
    adjusted = holm([0.02, math.nan, 0.03])
    assert adjusted[0] == pytest.approx(0.04)
    assert math.isnan(adjusted[1])
