"""Poses of the synthetic people: anatomy, sides, variety. Held to geometry that is easy to see."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maflab.body.arrays import BodyArrays
from maflab.body.joints import SMPL24
from maflab.data.synthetic.actions import LIBRARY
from maflab.data.synthetic.angles import INDEX, LOWER, NAMES, UPPER, clip_to_limits, swap_sides, to_rotations
from maflab.data.synthetic.paths import angles_of, path_of
from maflab.data.synthetic.poses import (
    joint_positions,
    penetration,
    sample_angles,
    sample_facing,
    sample_pose,
)


@pytest.fixture(scope="module")
def rest(tiny_arrays: BodyArrays) -> np.ndarray:
    return np.asarray(tiny_arrays.joint_regressor @ tiny_arrays.template.astype(np.float64))


@pytest.fixture(scope="module")
def sampled() -> np.ndarray:
    return sample_angles(np.random.default_rng(3), 600)[0]


def place(joints: np.ndarray, name: str) -> np.ndarray:
    return joints[:, SMPL24.index(name)]


def posed(rest: np.ndarray, **angles: float) -> np.ndarray:
    values = np.zeros((1, len(NAMES)))
    for name, value in angles.items():
        values[0, INDEX[name]] = value
    return joint_positions(to_rotations(values), rest)


def test_no_angles_is_upright_with_hanging_arms(rest: np.ndarray) -> None:
    joints = posed(rest)
    for side in ("left", "right"):
        arm = place(joints, f"{side}_wrist") - place(joints, f"{side}_shoulder")
        assert arm[0, 1] < -0.9 * np.linalg.norm(arm)
    legs = [SMPL24.index(name) for name in ("left_ankle", "right_ankle", "left_knee", "head")]
    np.testing.assert_allclose(joints[0, legs], rest[legs], atol=1e-9)


@pytest.mark.parametrize(
    ("angle", "joint", "axis", "sign"),
    [
        ("left_knee", "left_ankle", 2, -1),
        ("left_hip_flex", "left_knee", 2, 1),
        ("right_hip_abduct", "right_knee", 0, -1),
        ("left_elbow", "left_wrist", 2, 1),
        ("spine_bend", "head", 2, 1),
        ("spine_side", "head", 0, 1),
        ("tilt", "head", 0, 1),
        ("lean", "head", 2, 1),
        ("left_ankle", "left_foot", 1, -1),
        ("right_arm_raise", "right_wrist", 2, 1),  # the plane of zero is to the front
        ("left_collar_raise", "left_shoulder", 1, 1),
    ],
)
def test_angles_move_joints_the_way_they_are_named(
    rest: np.ndarray, angle: str, joint: str, axis: int, sign: int
) -> None:
    move = place(posed(rest, **{angle: 20.0}), joint) - place(posed(rest), joint)
    assert sign * move[0, axis] > 0.005


def test_sideways_raised_arms_are_the_t_pose(rest: np.ndarray) -> None:
    sides = {f"{side}_arm_{what}": 90.0 for side in ("left", "right") for what in ("raise", "plane")}
    np.testing.assert_allclose(posed(rest, **sides)[0], rest, atol=1e-9)


def test_swapping_sides_mirrors_the_body(sampled: np.ndarray) -> None:
    mirror = np.diag([-1.0, 1.0, 1.0])
    expected = mirror @ to_rotations(sampled[:50])[:, SMPL24.flip] @ mirror
    np.testing.assert_allclose(to_rotations(swap_sides(sampled[:50])), expected, atol=1e-9)


def test_rotations_keep_to_anatomy(sampled: np.ndarray) -> None:
    """Read from the rotations, not from the angles that made them."""
    rotations = to_rotations(sampled)
    for side, sign in (("left", 1), ("right", -1)):
        knee = Rotation.from_matrix(rotations[:, SMPL24.index(f"{side}_knee")]).as_rotvec(degrees=True)
        assert np.abs(knee[:, 1:]).max() < 1e-6
        assert knee[:, 0].min() >= -1e-9
        assert knee[:, 0].max() <= 145 + 1e-9
        forearm = rotations[:, SMPL24.index(f"{side}_elbow")] @ [sign, 0, 0]
        assert forearm[:, 2].min() >= -1e-9  # never behind the upper arm
        thigh = rotations[:, SMPL24.index(f"{side}_hip")] @ [0, -1, 0]
        assert np.degrees(np.arctan2(-thigh[:, 2], -thigh[:, 1]))[thigh[:, 1] < 0].max() < 29  # backwards
    for name in ("spine1", "spine2", "spine3", "neck", "head"):
        turned = Rotation.from_matrix(rotations[:, SMPL24.index(name)]).magnitude()
        assert np.degrees(turned).max() < 48


def test_angles_stay_in_their_limits_and_clipping_is_idempotent(sampled: np.ndarray) -> None:
    assert (sampled >= LOWER - 1e-9).all()
    assert (sampled <= UPPER + 1e-9).all()
    np.testing.assert_array_equal(clip_to_limits(sampled), sampled)


def test_every_key_pose_is_possible() -> None:
    for name, action in LIBRARY.items():
        path = path_of(action)
        far = np.abs(path - clip_to_limits(path)).max()
        assert far <= 12, f"{name} asks for {far:.0f} degrees more than a joint has"


def test_a_sided_name_wins_over_both_sides() -> None:
    angles = angles_of({"knee": 10, "left_knee": 50})
    assert angles[INDEX["left_knee"]] == 50
    assert angles[INDEX["right_knee"]] == 10


def test_penetration_knows_a_hand_in_the_belly(rest: np.ndarray) -> None:
    free = posed(rest, left_arm_raise=40, left_arm_plane=90, right_arm_raise=40, right_arm_plane=90)
    assert penetration(free)[0] == 0
    through = free.copy()
    through[:, SMPL24.index("left_wrist")] = place(through, "spine1")
    assert penetration(through)[0] > 0.05


def test_poses_rarely_run_through_themselves(rest: np.ndarray) -> None:
    rng = np.random.default_rng(5)
    depths = []
    for _ in range(120):
        pose = sample_pose(rng, rest)
        depths.append(penetration(joint_positions(pose.rotations[None], rest))[0])
    assert np.mean(np.array(depths) > 0) < 0.03
    assert max(depths) < 0.06


def test_poses_are_varied(sampled: np.ndarray, rest: np.ndarray) -> None:
    joints = joint_positions(to_rotations(sampled), rest)
    joints = joints - joints[:, :1]
    spread = np.linalg.norm(joints - joints.mean(0), axis=-1).mean(0)
    for name, least in (("left_wrist", 0.15), ("right_ankle", 0.12), ("head", 0.06), ("left_knee", 0.08)):
        assert spread[SMPL24.index(name)] > least
    # Both sides are drawn alike.
    left, right = spread[SMPL24.index("left_wrist")], spread[SMPL24.index("right_wrist")]
    assert abs(left - right) < 0.12 * left


def test_people_face_all_ways_but_mostly_the_camera() -> None:
    rng = np.random.default_rng(6)
    forward = np.stack([sample_facing(rng, 0.5) @ [0, 0, 1] for _ in range(2000)])
    yaw = np.degrees(np.arctan2(forward[:, 0], -forward[:, 2]))
    assert 0.5 < np.mean(np.abs(yaw) < 60) < 0.7
    counts, _ = np.histogram(yaw, bins=12, range=(-180, 180))
    assert counts.min() > 40
    up = np.stack([sample_facing(rng, 0.5) @ [0, 1, 0] for _ in range(200)])
    assert (up[:, 1] < -0.6).all()  # y points down in the camera frame


def test_sampling_is_reproducible(rest: np.ndarray) -> None:
    one, other = (sample_pose(np.random.default_rng(9), rest) for _ in range(2))
    np.testing.assert_array_equal(one.rotations, other.rotations)
    assert one.action == other.action
