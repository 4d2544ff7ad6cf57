"""Joints as sparse convex combinations of vertices, fitted on samples of shapes."""

import itertools

import numpy as np
from scipy.optimize import nnls
from scipy.sparse import csr_matrix, vstack

_PER_DIRECTION = 60
_LEAST_WEIGHT = 1e-3


def fit_regressor(vertices: np.ndarray, targets: np.ndarray, mirror: np.ndarray, flip: list[int]) -> csr_matrix:
    """Weights that give the targets from the vertices in every sample.

    Non-negative least squares over the vertices around each target, with a row that asks the weights to sum to 1;
    its solutions are sparse by themselves. Mirrored targets get mirrored weights.

    Args:
        vertices: (N, V, 3) metres. targets: (N, K, 3). mirror: (V,) each vertex's mirror image. flip: K, each
        target's mirror image.

    Returns:
        (K, V) non-negative, rows sum to 1.
    """
    count = vertices.shape[1]
    mean = vertices.mean(0)
    rows: list[csr_matrix | None] = [None] * targets.shape[1]
    for target, image in enumerate(flip):
        if rows[target] is not None:
            continue
        row = _fit_row(vertices, mean, targets[:, target])
        if image == target:
            row = (row + row[mirror]) / 2
        rows[target] = csr_matrix(row)
        rows[image] = csr_matrix(row if image == target else row[mirror])
    return csr_matrix(vstack(rows), shape=(len(flip), count))


def _fit_row(vertices: np.ndarray, mean: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(V,) weights for one target (N, 3)."""
    near = _surrounding(mean, target.mean(0))
    # Offsets from the target: their weighted sum must vanish, whatever the sample.
    offsets = (vertices[:, near] - target[:, None]).transpose(0, 2, 1).reshape(-1, len(near))
    firm = 10 * np.sqrt(len(vertices))
    system = np.concatenate([offsets, np.full((1, len(near)), firm)])
    weights, _ = nnls(system, np.append(np.zeros(len(offsets)), firm))
    weights[weights < _LEAST_WEIGHT] = 0
    row = np.zeros(vertices.shape[1])
    row[near] = weights / weights.sum()
    return row


def _surrounding(points: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The vertices nearest to a place in each of 26 directions: a convex combination cannot leave the hull of its
    points, and the nearest ones alone may all lie on one side."""
    directions = np.array([step for step in itertools.product((-1.0, 0.0, 1.0), repeat=3) if any(step)])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    offsets = points - centre
    distance = np.linalg.norm(offsets, axis=1)
    cone = (offsets @ directions.T).argmax(1)
    nearest = np.argsort(distance, kind="stable")
    return np.concatenate([nearest[cone[nearest] == number][:_PER_DIRECTION] for number in range(len(directions))])
