"""Random poses: an action, often another one for the upper body, personal variation, and no limb inside another.

Everything is drawn from the generator that is passed in, so that a pose depends on nothing else.
"""

from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from maflab.body.joints import SMPL_PARENTS
from maflab.data.synthetic.actions import LIBRARY
from maflab.data.synthetic.angles import NAMES, clip_to_limits, swap_sides, to_rotations
from maflab.data.synthetic.paths import path_of, pose_on_path

_PATHS = {name: path_of(action) for name, action in LIBRARY.items()}
_ACTIONS = tuple(LIBRARY)
_WEIGHTS = np.array([LIBRARY[name].weight for name in _ACTIONS]) / sum(LIBRARY[name].weight for name in _ACTIONS)
_UPPER_ACTIONS = tuple(name for name in _ACTIONS if LIBRARY[name].upper_only)
_UPPER_ANGLES = np.array(
    [any(part in name for part in ("collar", "arm", "elbow", "wrist", "fingers")) for name in NAMES]
)
_CAMERA = np.diag([1.0, -1.0, -1.0])  # SMPL's axes (y up, z to the viewer) in the camera's (y down, z away)

# Standard deviation in degrees of the personal variation of each angle.
_JITTER = {
    "lean": 4, "tilt": 3, "spine_bend": 6, "spine_side": 5, "spine_twist": 8, "neck_bend": 9, "neck_side": 6,
    "neck_twist": 16, "hip_flex": 7, "hip_abduct": 5, "hip_turn": 8, "knee": 8, "ankle": 6, "ankle_turn": 4,
    "toes": 4, "collar_raise": 3, "collar_front": 4, "arm_raise": 11, "arm_plane": 13, "arm_twist": 14, "elbow": 14,
    "forearm_twist": 22, "wrist_flex": 12, "wrist_side": 7, "fingers": 12,
}  # fmt: skip
_SPREAD = np.array([_JITTER[name.removeprefix("left_").removeprefix("right_")] for name in NAMES], float)

# Limbs as capsules: first joint, second joint, radius in metres, how far the limb reaches beyond the second joint.
_CAPSULES = np.array(
    [
        (0, 12, 0.125, 0.0), (15, 15, 0.105, 0.0),  # torso, head
        (18, 20, 0.035, 0.6), (19, 21, 0.035, 0.6),  # forearms with hands
        (1, 4, 0.07, 0.0), (2, 5, 0.07, 0.0), (4, 7, 0.05, 0.15), (5, 8, 0.05, 0.15),  # thighs, shanks
    ]
)  # fmt: skip
_PAIRS = np.array(
    [(2, 0), (3, 0), (2, 1), (3, 1), (2, 3), (2, 4), (2, 5), (3, 4), (3, 5), (2, 6), (3, 7), (6, 7), (4, 7), (5, 6),
     (4, 1), (5, 1), (6, 0), (7, 0)]
)  # fmt: skip
_TOLERANCE = 0.02  # metres of overlap that soft bodies and clothes excuse


class Pose(NamedTuple):
    """A pose in the camera frame and where it came from."""

    rotations: np.ndarray  # (24, 3, 3) float64 local rotations; joint 0 takes the body into the camera frame
    angles: np.ndarray  # (A,) degrees, order of `angles.NAMES`
    action: str


def sample_angles(rng: np.random.Generator, count: int, liveliness: float = 1.0) -> tuple[np.ndarray, list[str]]:
    """Angles (count, A) in degrees within the anatomical limits, and the names of their actions.

    liveliness scales the personal variation; the actions themselves stay.
    """
    poses, names = [], []
    for _ in range(count):
        name = _ACTIONS[rng.choice(len(_ACTIONS), p=_WEIGHTS)]
        angles = pose_on_path(_PATHS[name], rng.random())
        if rng.random() < 0.5:
            angles = swap_sides(angles)
        if rng.random() < 0.4:
            other = _UPPER_ACTIONS[rng.integers(len(_UPPER_ACTIONS))]
            upper = pose_on_path(_PATHS[other], rng.random())
            upper = swap_sides(upper) if rng.random() < 0.5 else upper
            share = rng.uniform(0.5, 1.0)
            angles = np.where(_UPPER_ANGLES, (1 - share) * angles + share * upper, angles)
            name = f"{name}+{other}"
        poses.append(angles + liveliness * rng.uniform(0.4, 1.3) * _SPREAD * rng.standard_normal(len(NAMES)))
        names.append(name)
    return clip_to_limits(np.stack(poses)), names


def sample_pose(
    rng: np.random.Generator,
    rest_joints: np.ndarray,
    rounds: int = 4,
    liveliness: float = 1.0,
    frontal: float = 0.5,
) -> Pose:
    """A random pose whose limbs do not run through each other, or else the best of a few.

    Args:
        rest_joints: (24, 3) metres, the T-pose's joints.
        rounds: how often two poses are drawn before the best one so far has to do.
        liveliness: scale of the personal variation.
        frontal: share of people whose facing is drawn from a bell around the camera's direction.
    """
    best = float("inf"), Pose(np.empty(0), np.empty(0), "")
    for _ in range(max(rounds, 1)):
        angles, names = sample_angles(rng, 2, liveliness)
        rotations = to_rotations(angles)
        overlap = penetration(joint_positions(rotations, rest_joints))
        chosen = int(overlap.argmin())
        if overlap[chosen] < best[0]:
            best = float(overlap[chosen]), Pose(rotations[chosen], angles[chosen], names[chosen])
        if best[0] <= 0:
            break
    pose = best[1]
    pose.rotations[0] = sample_facing(rng, frontal) @ pose.rotations[0]
    return pose


def sample_facing(rng: np.random.Generator, frontal: float) -> np.ndarray:
    """Rotation (3, 3) of an upright person into the camera frame: turned, seen from a little above or below."""
    yaw = rng.normal(0.0, 42.0) if rng.random() < frontal else rng.uniform(-180.0, 180.0)
    pitch = np.clip(rng.normal(6.0, 11.0), -20.0, 45.0)  # cameras look down more often than up
    roll = np.clip(rng.normal(0.0, 5.0), -20.0, 20.0)
    return _CAMERA @ Rotation.from_euler("ZXY", [roll, pitch, yaw], degrees=True).as_matrix()


def joint_positions(rotations: np.ndarray, rest_joints: np.ndarray) -> np.ndarray:
    """Joints (N, 24, 3) of local rotations (N, 24, 3, 3) by forward kinematics from rest joints (24, 3), metres."""
    world = np.empty_like(rotations)
    positions = np.empty(rotations.shape[:2] + (3,))
    for joint, parent in enumerate(SMPL_PARENTS):
        if parent < 0:
            world[:, joint], positions[:, joint] = rotations[:, joint], rest_joints[joint]
            continue
        world[:, joint] = world[:, parent] @ rotations[:, joint]
        positions[:, joint] = positions[:, parent] + world[:, parent] @ (rest_joints[joint] - rest_joints[parent])
    return positions


def penetration(joints: np.ndarray) -> np.ndarray:
    """How deep the worst pair of limbs runs into each other beyond what is excused, metres. (N, 24, 3) -> (N,)."""
    first = joints[:, _CAPSULES[:, 0].astype(int)]
    last = joints[:, _CAPSULES[:, 1].astype(int)]
    last = last + _CAPSULES[:, 3, None] * (last - first)
    steps = np.linspace(0.0, 1.0, 6)[:, None]
    points = first[:, :, None] + steps * (last - first)[:, :, None]  # (N, C, 6, 3)
    one, other = points[:, _PAIRS[:, 0]], points[:, _PAIRS[:, 1]]
    distance = np.linalg.norm(one[:, :, :, None] - other[:, :, None], axis=-1).min((-1, -2))  # (N, P)
    room = _CAPSULES[_PAIRS, 2].sum(-1) + np.where((_PAIRS == 1).any(-1), 0.0, -_TOLERANCE)
    return np.maximum(room - distance, 0.0).max(-1)
