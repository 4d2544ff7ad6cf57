"""Fitted regressors on points whose true weights are known."""

import numpy as np

from maflab.body.regress import fit_regressor


def test_recovers_convex_combinations_and_mirrors_them() -> None:
    generator = np.random.default_rng(0)
    half = generator.normal(size=(30, 40, 3)) * 0.03 + generator.normal(size=(1, 40, 3))
    vertices = np.concatenate([half, half * (-1, 1, 1)], axis=1)
    mirror = np.roll(np.arange(80), 40)
    weights = np.zeros((3, 80))
    weights[0, [1, 5, 9]] = 0.5, 0.3, 0.2  # a left joint
    weights[1] = weights[0, mirror]  # its mirror image
    weights[2, [3, 43, 7, 47]] = 0.25  # one in the middle
    targets = np.einsum("kv,nvc->nkc", weights, vertices)
    found = fit_regressor(vertices, targets, mirror, [1, 0, 2]).toarray()
    assert found.min() >= 0
    assert np.allclose(found.sum(1), 1)
    assert np.array_equal(found[1], found[0][mirror])
    assert np.array_equal(found[2], found[2][mirror])
    error = np.linalg.norm(np.einsum("kv,nvc->nkc", found, vertices) - targets, axis=-1)
    assert error.max() < 2e-3
    assert (found > 0).sum(1).max() < 20
