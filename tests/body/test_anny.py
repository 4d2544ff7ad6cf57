"""The licence-free body itself. The bake takes most of a minute of a core, so this runs with the slow tests."""

import numpy as np
import pytest
import torch
from body_checks import check_atlas, check_body

from maflab.body.anny_bake import bake
from maflab.body.arrays import BodyArrays
from maflab.body.joints import SMPL24
from maflab.body.model import BodyModel
from maflab.body.subset import FoldedBody

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def anny() -> BodyArrays:
    steps: list[str] = []
    arrays = bake(steps.append)
    assert len(steps) >= 4
    return arrays


def test_form(anny: BodyArrays) -> None:
    assert anny.template.shape == (6890, 3)
    assert anny.faces.shape == (13776, 3)  # a closed surface of genus 0, as SMPL's
    assert (anny.skin_weights > 0).sum(1).max() <= 4
    check_body(anny)


def test_atlas(anny: BodyArrays) -> None:
    check_atlas(anny)


def test_size_of_adults(anny: BodyArrays) -> None:
    generator = np.random.default_rng(0)
    shapes = anny.template[:, 1] + np.einsum("vs,ns->nv", anny.shape_dirs[:, 1], generator.normal(size=(200, 10)))
    heights = np.ptp(shapes, axis=1)
    assert 1.6 < heights.mean() < 1.8
    assert 0.05 < heights.std() < 0.13


def test_first_beta_is_height(anny: BodyArrays) -> None:
    assert anny.shape_dirs[anny.template[:, 1].argmax(), 1, 0] > 0
    strength = (anny.shape_dirs**2).sum((0, 1))
    assert (np.diff(strength) < 0).all()


def test_arms_are_level_and_pelvis_in_place(anny: BodyArrays) -> None:
    joints = anny.joint_regressor @ anny.template
    arm = joints[[SMPL24.index(f"left_{name}") for name in ("shoulder", "elbow", "wrist")]]
    assert np.ptp(arm[:, 1]) < 0.01
    assert np.ptp(arm[:, 2]) < 0.01
    assert np.abs(joints[0] - (0, -0.22, 0)).max() < 0.005


def test_folded_is_full(anny: BodyArrays) -> None:
    body = BodyModel(anny)
    folded = FoldedBody(body, 431)
    rotations, betas = body.mean_rotations.expand(3, 24, 3, 3), torch.randn(3, 10)
    points, keypoints = folded(rotations, betas)
    output = body(rotations, betas)
    torch.testing.assert_close(points, output.vertices[:, folded.indices], atol=1e-5, rtol=0)
    torch.testing.assert_close(keypoints, body.keypoints(output), atol=1e-5, rtol=0)
