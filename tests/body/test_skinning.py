"""Our skinning against smplx's, closed forms and numerical derivatives."""

from dataclasses import replace

import numpy as np
import pytest
import roma
import smplx.lbs
import torch
from torch import Tensor

from maflab.body.arrays import BodyArrays
from maflab.body.joints import H36M17, SMPL24, SPIN49
from maflab.body.model import BodyModel
from maflab.body.skinning import joint_transforms


@pytest.fixture(scope="module")
def correcting_body(tiny_arrays: BodyArrays) -> BodyModel:
    """The tiny body with pose directions, which it lacks by itself."""
    pose_dirs = np.random.default_rng(0).normal(0, 0.003, (len(tiny_arrays.template), 3, 207)).astype(np.float32)
    return BodyModel(replace(tiny_arrays, pose_dirs=pose_dirs))


def random_pose(batch: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    rotations = roma.rotvec_to_rotmat(torch.randn(batch, 24, 3, dtype=dtype) * 0.7)
    return rotations, torch.randn(batch, 10, dtype=dtype)


def reference(body: BodyModel, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
    """smplx.lbs.lbs, in its own layout of the same arrays."""
    arrays = body.arrays
    vertices = len(arrays.template)
    pose_dirs = torch.zeros(207, vertices * 3) if body.pose_dirs is None else body.pose_dirs.flatten(0, 1).T
    return smplx.lbs.lbs(
        betas,
        rotations,
        body.template,
        body.shape_dirs,
        pose_dirs.to(betas),
        torch.from_numpy(arrays.joint_regressor.toarray()).to(betas),
        torch.tensor([-1, *body.parents[1:]]),
        body.skin_weights,
        pose2rot=False,
    )


@pytest.mark.parametrize("kind", ["plain", "correcting"])
def test_skinning_is_smplx(kind: str, tiny_body: BodyModel, correcting_body: BodyModel) -> None:
    body = tiny_body if kind == "plain" else correcting_body
    rotations, betas = random_pose(5)
    output = body(rotations, betas)
    vertices, joints = reference(body, rotations, betas)
    torch.testing.assert_close(output.vertices, vertices, atol=1e-5, rtol=0)
    torch.testing.assert_close(output.joints, joints, atol=1e-5, rtol=0)


# Depths 0 1 2 1 3 2 2, then 0 1 2 1: a depth's joints are not together; in the second to sort them is its own reverse.
@pytest.mark.parametrize("parents", [[-1, 0, 1, 0, 2, 3, 1], [-1, 0, 1, 0]])
def test_joints_may_stand_in_any_order_below_their_parents(parents: list[int]) -> None:
    rotations = roma.random_rotmat((3, len(parents)))
    rest = torch.randn(3, len(parents), 3)
    transforms, posed = joint_transforms(rotations, rest, parents)
    vertices, reference_transforms = smplx.lbs.batch_rigid_transform(rotations, rest, torch.tensor(parents))
    torch.testing.assert_close(posed, vertices, atol=1e-5, rtol=0)
    torch.testing.assert_close(transforms, reference_transforms[:, :, :3], atol=1e-5, rtol=0)


def test_rest_pose_is_the_template(tiny_body: BodyModel) -> None:
    output = tiny_body(torch.eye(3).expand(1, 24, 3, 3), torch.zeros(1, 10))
    torch.testing.assert_close(output.vertices[0], tiny_body.template, atol=1e-6, rtol=0)


def test_root_turns_about_the_pelvis(tiny_body: BodyModel) -> None:
    rotations, betas = random_pose(2)
    turned = rotations.clone()
    turned[:, 0] = roma.rotvec_to_rotmat(torch.tensor([[0.3, -2.0, 0.5], [1.0, 0.1, 0.2]])) @ rotations[:, 0]
    before, after = tiny_body(rotations, betas), tiny_body(turned, betas)
    turn = turned[:, 0] @ rotations[:, 0].mT
    expected = (before.vertices - before.joints[:, :1]) @ turn.mT + before.joints[:, :1]
    torch.testing.assert_close(after.vertices, expected, atol=1e-5, rtol=0)


def test_a_bent_elbow_moves_the_forearm_only(tiny_body: BodyModel) -> None:
    rotations = torch.eye(3).repeat(1, 24, 1, 1)
    rotations[0, SMPL24.index("left_elbow")] = roma.rotvec_to_rotmat(torch.tensor([0.0, -torch.pi / 2, 0.0]))
    joints = tiny_body(rotations, torch.zeros(1, 10)).joints[0]
    rest = tiny_body.rest_joints
    elbow, wrist = (SMPL24.index(f"left_{name}") for name in ("elbow", "wrist"))
    moved = (joints - rest).norm(dim=-1) > 1e-5
    assert {SMPL24.names[joint] for joint in moved.nonzero().flatten()} == {"left_wrist", "left_hand"}
    # Bent about -y, the left forearm (along +x) comes to the front (+z).
    length = (rest[wrist] - rest[elbow]).norm()
    assert joints[wrist, 2] - joints[elbow, 2] == pytest.approx(length.item(), abs=0.01)


def test_derivatives(correcting_body: BodyModel) -> None:
    body = BodyModel(correcting_body.arrays).double()
    some = torch.arange(0, body.num_vertices, 211)
    rotations, betas = random_pose(1, torch.float64)

    def posed(rotations: Tensor, betas: Tensor) -> Tensor:
        output = body(rotations, betas)
        return torch.cat([output.vertices[:, some], output.joints[:, 4::9]], dim=1)

    assert torch.autograd.gradcheck(posed, (rotations.requires_grad_(), betas.requires_grad_()))


def test_key_points_name_the_sides(tiny_body: BodyModel) -> None:
    output = tiny_body(torch.eye(3).expand(1, 24, 3, 3), torch.zeros(1, 10))
    points = tiny_body.keypoints(output)[0]
    assert points.shape == (49, 3)
    for number, name in enumerate(SPIN49.names):
        side = name.removeprefix("OP ")[:2]
        if side[0] in "LR" and side[1].isupper():
            assert points[number, 0] * (1 if side[0] == "L" else -1) > 0, name
    torch.testing.assert_close(points[SPIN49.index("LWrist")], output.joints[0, SMPL24.index("left_wrist")])
    assert points[SPIN49.index("HeadTop"), 1] == points[:, 1].max()


def test_h36m_joints_follow_the_body(tiny_body: BodyModel) -> None:
    rotations, betas = random_pose(3)
    output = tiny_body(rotations, betas)
    dense = torch.from_numpy(tiny_body.arrays.h36m_regressor.toarray()).float() @ output.vertices
    joints = tiny_body.h36m_joints(output.vertices)
    torch.testing.assert_close(joints, dense, atol=1e-6, rtol=0)
    knee = joints[:, H36M17.index("RKnee")] - output.joints[:, SMPL24.index("right_knee")]
    assert knee.norm(dim=-1).max() < 0.02


def test_standing_in_the_camera_frame(tiny_body: BodyModel) -> None:
    joints = tiny_body(tiny_body.mean_rotations[None], tiny_body.mean_betas[None]).joints[0]
    place = {name: joints[number] for number, name in enumerate(SMPL24.names)}
    assert place["head"][1] < place["pelvis"][1] < place["left_ankle"][1]  # y is down
    assert place["left_foot"][2] < place["left_ankle"][2]  # faces the camera, which is at smaller z
    assert place["left_wrist"][1] > place["left_elbow"][1] > place["left_shoulder"][1]  # arms hang
    assert place["left_wrist"][0] > 0 > place["right_wrist"][0]
    assert place["left_wrist"][0] > place["left_hip"][0]


def test_nothing_of_the_body_goes_into_a_checkpoint(tiny_body: BodyModel) -> None:
    assert not tiny_body.state_dict()
