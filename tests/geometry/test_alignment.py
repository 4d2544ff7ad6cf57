"""Similarity alignment against SciPy's Procrustes and as a property."""

import numpy as np
import torch
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from maflab.geometry.alignment import similarity_align


def test_undoes_a_similarity() -> None:
    target = torch.randn(20, 14, 3, dtype=torch.float64)
    rotation = torch.from_numpy(Rotation.random(20, random_state=0).as_matrix())
    source = 0.3 * target @ rotation + torch.randn(20, 1, 3)
    torch.testing.assert_close(similarity_align(source, target), target)


def test_residual_is_scipys() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        target, source = rng.normal(size=(2, 14, 3))
        if np.linalg.det((target - target.mean(0)).T @ (source - source.mean(0))) < 0:
            source[:, 0] *= -1  # SciPy allows reflections: keep to pairs whose best alignment is a rotation
        _, _, disparity = procrustes(target, source)
        aligned = similarity_align(torch.from_numpy(source)[None], torch.from_numpy(target)[None])[0].numpy()
        ours = np.square(aligned - target).sum() / np.square(target - target.mean(0)).sum()
        np.testing.assert_allclose(ours, disparity, atol=1e-9)


def test_never_reflects() -> None:
    target = torch.randn(50, 14, 3, dtype=torch.float64)
    mirrored = target * torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    aligned = similarity_align(mirrored, target)
    assert ((aligned - target).norm(dim=-1).mean(-1) > 0.1).all()


def test_a_single_repeated_point_gives_no_nan() -> None:
    aligned = similarity_align(torch.ones(1, 14, 3), torch.randn(1, 14, 3))
    assert torch.isfinite(aligned).all()
