"""Degrees of freedom of the human skeleton: named angles with anatomical limits, turned into SMPL's joint rotations.

A pose is a vector of angles in degrees (`NAMES` gives their order), because anatomy is stated that way: a knee has
one angle with a range, not a rotation. Interpolating, perturbing and clipping angles keeps a pose possible;
interpolating or perturbing rotations does not.

Convention: SMPL's T-pose is zero rotation (y up, facing +z, left arm at +x). All angles are written for the left
side; the right side is its mirror image, so equal left and right angles mean a symmetric pose. Angles are zero for
a person standing upright with the arms hanging straight down.
"""

import numpy as np
from scipy.spatial.transform import Rotation

# Ranges of motion in degrees, inside the active ranges of healthy adults (American Academy of Orthopaedic
# Surgeons, "Joint Motion", 1965); the extremes of those are left out because they look broken on a skinned body.
_CENTRAL = {
    "lean": (-30.0, 110.0),  # pelvis pitches forward
    "tilt": (-30.0, 30.0),  # pelvis rolls to its left
    "spine_bend": (-25.0, 80.0),  # forward
    "spine_side": (-30.0, 30.0),
    "spine_twist": (-45.0, 45.0),
    "neck_bend": (-40.0, 40.0),
    "neck_side": (-28.0, 28.0),
    "neck_twist": (-65.0, 65.0),
}
_SIDED = {
    "hip_flex": (-28.0, 120.0),  # thigh forward
    "hip_abduct": (-16.0, 60.0),  # thigh outward
    "hip_turn": (-30.0, 45.0),  # toes outward
    "knee": (0.0, 145.0),  # shank backward, never forward
    "ankle": (-25.0, 45.0),  # toes down
    "ankle_turn": (-15.0, 15.0),
    "toes": (-35.0, 10.0),  # toes down
    "collar_raise": (-6.0, 22.0),
    "collar_front": (-12.0, 18.0),
    "arm_raise": (5.0, 172.0),  # away from hanging, in the plane that arm_plane names
    "arm_plane": (-50.0, 175.0),  # 0 to the front, 90 to the side, 180 to the back
    "arm_twist": (-70.0, 85.0),  # upper arm turned inward
    "elbow": (0.0, 145.0),
    "forearm_twist": (-70.0, 70.0),
    "wrist_flex": (-45.0, 50.0),  # towards the palm
    "wrist_side": (-15.0, 25.0),
    "fingers": (-10.0, 40.0),
}
NAMES: tuple[str, ...] = (
    *_CENTRAL,
    *(f"left_{name}" for name in _SIDED),
    *(f"right_{name}" for name in _SIDED),
)
SIDED: tuple[str, ...] = tuple(_SIDED)
INDEX: dict[str, int] = {name: i for i, name in enumerate(NAMES)}
_LIMITS = np.array([*_CENTRAL.values(), *_SIDED.values(), *_SIDED.values()])
LOWER: np.ndarray = _LIMITS[:, 0]
UPPER: np.ndarray = _LIMITS[:, 1]

_MIRROR = np.diag([-1.0, 1.0, 1.0])
_HANGING = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # T-pose's left arm turned down
_SPINE_SHARES = (0.35, 0.35, 0.3)  # of SMPL's spine1, spine2, spine3
_NECK_SHARES = (0.5, 0.5)


def swap_sides(angles: np.ndarray) -> np.ndarray:
    """Mirror image of poses: left and right exchanged, sideways and turning angles negated. (..., A) -> (..., A)."""
    mirrored = angles.copy()
    for name in ("tilt", "spine_side", "spine_twist", "neck_side", "neck_twist"):
        mirrored[..., INDEX[name]] *= -1.0
    first, middle = len(_CENTRAL), len(_CENTRAL) + len(_SIDED)
    mirrored[..., first:middle] = angles[..., middle:]
    mirrored[..., middle:] = angles[..., first:middle]
    return mirrored


def clip_to_limits(angles: np.ndarray) -> np.ndarray:
    """Nearest possible pose: each angle in its range, then the ranges that depend on another joint. (..., A)."""
    result = np.clip(angles, LOWER, UPPER)
    for side in ("left_", "right_"):
        knee = result[..., INDEX[side + "knee"]]
        hip = INDEX[side + "hip_flex"]
        # The hamstrings span hip and knee: a straight leg cannot be lifted as far as a bent one.
        result[..., hip] = np.minimum(result[..., hip], 80.0 + 0.6 * knee)
        raised = INDEX[side + "arm_raise"]
        plane = result[..., INDEX[side + "arm_plane"]]
        highest = np.interp(plane, [-50.0, -20.0, 0.0, 100.0, 135.0, 175.0], [75.0, 130.0, 172.0, 172.0, 75.0, 50.0])
        result[..., raised] = np.minimum(result[..., raised], highest)
    # Belly on thigh: the more the hips bend, the less the spine can.
    hips = np.maximum(result[..., INDEX["left_hip_flex"]], result[..., INDEX["right_hip_flex"]])
    bend = INDEX["spine_bend"]
    result[..., bend] = np.minimum(result[..., bend], np.interp(hips, [60.0, 120.0], [80.0, 40.0]))
    return result


def to_rotations(angles: np.ndarray) -> np.ndarray:
    """Joint rotations of poses.

    angles (N, A) degrees in the order of `NAMES` -> (N, 24, 3, 3) local rotation matrices, float64. Joint 0 holds
    the pelvis' lean and tilt alone: where the person faces and the camera are multiplied on by the caller.
    """
    value = dict(zip(NAMES, np.moveaxis(angles, -1, 0), strict=True))
    rotations = np.broadcast_to(np.eye(3), (len(angles), 24, 3, 3)).copy()
    rotations[:, 0] = _euler("XZ", value["lean"], -value["tilt"])
    _chains(value, rotations)
    sides = {name: np.stack([value[f"left_{name}"], value[f"right_{name}"]]) for name in SIDED}
    for joint, (left, right) in (_leg(sides) | _arm(sides)).items():
        rotations[:, joint], rotations[:, joint + 1] = left, _MIRROR @ right @ _MIRROR
    return rotations


def _chains(value: dict[str, np.ndarray], rotations: np.ndarray) -> None:
    """Splits the angles of spine and neck over their joints, in place."""
    for chain, joints, shares in (("spine", (3, 6, 9), _SPINE_SHARES), ("neck", (12, 15), _NECK_SHARES)):
        bend, side, twist = (np.outer(shares, value[f"{chain}_{kind}"]) for kind in ("bend", "side", "twist"))
        rotations[:, joints] = np.moveaxis(_euler("XZY", bend, -side, twist), 0, 1)


def _leg(own: dict[str, np.ndarray]) -> dict[int, np.ndarray]:
    """Hip, knee, ankle and foot (SMPL joints 1, 4, 7, 10) of a left leg. Angles (2, N) -> (2, N, 3, 3) each."""
    zero = np.zeros_like(own["knee"])
    stacked = _euler(
        "XZY",
        np.stack([-own["hip_flex"], own["knee"], own["ankle"], own["toes"]]),
        np.stack([own["hip_abduct"], zero, zero, zero]),
        np.stack([own["hip_turn"], zero, own["ankle_turn"], zero]),
    )
    return dict(zip((1, 4, 7, 10), stacked, strict=True))


def _arm(own: dict[str, np.ndarray]) -> dict[int, np.ndarray]:
    """Collar, shoulder, elbow, wrist, hand (SMPL joints 13, 16, 18, 20, 22) of a left arm. (2, N) -> (2, N, 3, 3)."""
    zero = np.zeros_like(own["elbow"])
    collar, upper, elbow = _euler(
        "YXZ",
        np.stack([-own["collar_front"], zero, -own["elbow"]]),
        np.stack([zero, own["arm_twist"], 0.35 * own["forearm_twist"]]),
        np.stack([own["collar_raise"], zero, zero]),
    )
    # A swing about an axis in the horizontal plane is a turn there, a raise and the turn back.
    plane = own["arm_plane"]
    swing = _euler("YXY", plane, -own["arm_raise"], -plane)
    wrist = _euler("XZY", 0.65 * own["forearm_twist"], -own["wrist_flex"], -own["wrist_side"])
    # The swing is stated relative to the chest, so the collar's share is taken back out.
    shoulder = np.swapaxes(collar, -1, -2) @ swing @ _HANGING @ upper
    return {13: collar, 16: shoulder, 18: elbow, 20: wrist, 22: _euler("Z", -own["fingers"])}


def _euler(axes: str, *degrees: np.ndarray) -> np.ndarray:
    """Product of elementary rotations, first axis outermost (intrinsic). Each (...) degrees -> (..., 3, 3)."""
    stacked = np.stack(degrees, -1)
    matrices = Rotation.from_euler(axes, stacked.reshape(-1, len(axes)), degrees=True).as_matrix()
    return matrices.reshape(*stacked.shape[:-1], 3, 3)
