"""Folded skinning against full skinning, and the choice of points."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import roma
import torch
from scipy.sparse import csr_matrix, hstack

from maflab.body.arrays import BodyArrays
from maflab.body.model import BodyModel
from maflab.body.subset import FoldedBody, select_points


def with_pose_dirs(arrays: BodyArrays) -> BodyArrays:
    pose_dirs = np.random.default_rng(0).normal(0, 0.003, (len(arrays.template), 3, 207)).astype(np.float32)
    return replace(arrays, pose_dirs=pose_dirs)


def repeated(arrays: BodyArrays, times: int) -> BodyArrays:
    """The body several times over the same place: as many vertices as a real one."""

    def wide(matrix: csr_matrix) -> csr_matrix:
        return csr_matrix(hstack([matrix, *[csr_matrix(matrix.shape)] * (times - 1)]))

    return replace(
        arrays,
        template=np.tile(arrays.template, (times, 1)),
        shape_dirs=np.tile(arrays.shape_dirs, (times, 1, 1)),
        skin_weights=np.tile(arrays.skin_weights, (times, 1)),
        mirror=np.tile(arrays.mirror, times),
        joint_regressor=wide(arrays.joint_regressor),
        extra_regressor=wide(arrays.extra_regressor),
        h36m_regressor=wide(arrays.h36m_regressor),
    )


@pytest.mark.parametrize("correcting", [False, True])
@pytest.mark.parametrize("count", [1, 101, 596])
def test_folded_is_full(tiny_arrays: BodyArrays, correcting: bool, count: int) -> None:
    body = BodyModel(with_pose_dirs(tiny_arrays) if correcting else tiny_arrays)
    folded = FoldedBody(body, count)
    rotations = roma.rotvec_to_rotmat(torch.randn(4, 24, 3) * 0.7)
    betas = torch.randn(4, 10) * 2
    points, keypoints = folded(rotations, betas)
    output = body(rotations, betas)
    torch.testing.assert_close(points, output.vertices[:, folded.indices], atol=1e-5, rtol=0)
    torch.testing.assert_close(keypoints, body.keypoints(output), atol=1e-5, rtol=0)


def test_gradients_are_those_of_full_skinning(tiny_arrays: BodyArrays) -> None:
    body = BodyModel(with_pose_dirs(tiny_arrays)).double()
    folded = FoldedBody(BodyModel(with_pose_dirs(tiny_arrays)), 50).double()
    rotations = roma.rotvec_to_rotmat(torch.randn(2, 24, 3, dtype=torch.float64)).requires_grad_()
    betas = torch.randn(2, 10, dtype=torch.float64, requires_grad=True)
    output = body(rotations, betas)
    full = output.vertices[:, folded.indices].square().sum() + body.keypoints(output).sin().sum()
    points, keypoints = folded(rotations, betas)
    ours = points.square().sum() + keypoints.sin().sum()
    for expected, found in zip(
        torch.autograd.grad(full, (rotations, betas)), torch.autograd.grad(ours, (rotations, betas)), strict=True
    ):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)  # the folded terms are float32 products


def test_folded_moves_and_casts_on_its_own(tiny_body: BodyModel) -> None:
    folded = FoldedBody(tiny_body, 20).double()
    assert not folded.state_dict()
    points, _ = folded(torch.eye(3, dtype=torch.float64).expand(1, 24, 3, 3), torch.zeros(1, 10, dtype=torch.float64))
    assert points.dtype == torch.float64
    assert tiny_body.template.dtype == tiny_body.rest_joints.dtype == torch.float32


def test_points_are_spread_and_nested(tiny_arrays: BodyArrays) -> None:
    template = tiny_arrays.template
    chosen = select_points(template, 200)
    assert len(set(chosen.tolist())) == 200
    assert np.array_equal(select_points(template, 80), chosen[:80])
    between = np.linalg.norm(template[chosen][:, None] - template[chosen][None], axis=-1)
    np.fill_diagonal(between, np.inf)
    reach = np.linalg.norm(template[:, None] - template[chosen][None], axis=-1).min(1).max()
    # What farthest point sampling promises: nobody is farther from the points than they are from each other.
    assert reach <= between.min() + 1e-6


@pytest.mark.parametrize("count", [0, 597])
def test_an_impossible_count_is_refused(tiny_arrays: BodyArrays, count: int) -> None:
    with pytest.raises(ValueError, match=f"cannot choose {count} points of 596"):
        select_points(tiny_arrays.template, count)


def test_folding_pays(tiny_arrays: BodyArrays) -> None:
    """Required: 5 times as fast as full skinning and a dense matrix product; 20 to 50 are usual."""
    body = BodyModel(repeated(tiny_arrays, 12))
    folded = FoldedBody(body, 431)
    dense = torch.zeros(431, body.num_vertices)
    dense[torch.arange(431), folded.indices] = 1
    rotations, betas = torch.eye(3).repeat(16, 24, 1, 1), torch.randn(16, 10)

    def cpu_seconds(work) -> float:
        taken = []
        for _ in range(5):
            start = time.process_time()  # neighbours on the machine do not count
            work()
            taken.append(time.process_time() - start)
        return min(taken)

    with torch.no_grad():
        full = cpu_seconds(lambda: dense @ body(rotations, betas).vertices)
        ours = cpu_seconds(lambda: folded(rotations, betas))
    assert full / ours > 5


def test_a_model_with_both_can_be_pickled(tiny_body: BodyModel, tmp_path: Path) -> None:
    torch.save(FoldedBody(tiny_body, 10), tmp_path / "folded.pt")
    again = torch.load(tmp_path / "folded.pt", weights_only=False)
    points, _ = again(torch.eye(3).expand(1, 24, 3, 3), torch.zeros(1, 10))
    torch.testing.assert_close(points[0], tiny_body.template[again.indices])


def _coarsening(body: BodyModel, points: int, width: int) -> csr_matrix:
    """Points that are sums of one to `width` vertices, with weights that sum to one."""
    rng = np.random.default_rng(0)
    counts = rng.integers(1, width + 1, points)
    row = np.repeat(np.arange(points), counts)
    column = np.concatenate([rng.choice(body.num_vertices, count, replace=False) for count in counts])
    weight = np.concatenate([rng.dirichlet(np.ones(count)) for count in counts])
    return csr_matrix((weight, (row, column)), shape=(points, body.num_vertices))


def test_given_points_are_those_sums_of_vertices(tiny_arrays: BodyArrays) -> None:
    body = BodyModel(with_pose_dirs(tiny_arrays))
    wanted = _coarsening(body, 40, 3)
    folded = FoldedBody(body, 40, vertices_a_point=3)
    folded.take_points(wanted)
    rotations, betas = roma.rotvec_to_rotmat(torch.randn(3, 24, 3) * 0.7), torch.randn(3, 10)
    output = body(rotations, betas)
    expected = torch.from_numpy(np.stack([wanted @ vertices for vertices in output.vertices.numpy()])).float()
    points, keypoints = folded(rotations, betas)
    torch.testing.assert_close(points, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(keypoints, body.keypoints(output), atol=1e-5, rtol=0)
    assert abs(folded.combination() - wanted).max() < 1e-7

    # They travel with the weights, and with nothing of the body.
    other = FoldedBody(body, 40, vertices_a_point=3)
    assert set(folded.state_dict()) == {"point_vertices", "point_weights"}
    other.load_state_dict(folded.state_dict())
    torch.testing.assert_close(other(rotations, betas)[0], points)
    assert other.indices[0] == wanted[0].indices[wanted[0].data.argmax()]


def test_points_of_another_shape_are_refused(tiny_arrays: BodyArrays) -> None:
    body = BodyModel(tiny_arrays)
    folded = FoldedBody(body, 40, vertices_a_point=2)
    with pytest.raises(ValueError, match=r"up to 3 a point, are not 40 of \d+, up to 2"):
        folded.take_points(_coarsening(body, 40, 3))


def test_chosen_points_are_no_state(tiny_arrays: BodyArrays) -> None:
    folded = FoldedBody(BodyModel(tiny_arrays), 12)
    assert not folded.state_dict()
    assert np.asarray(folded.combination().argmax(axis=1)).ravel().tolist() == folded.indices.tolist()
