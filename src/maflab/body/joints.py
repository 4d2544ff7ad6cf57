"""Named joint sets and the maps between them, so that no code slices joints by bare numbers.

The names follow one rule: two joints of different sets share a name exactly when a published protocol treats
them as the same joint. `JointSet.map_to` then reproduces the field's index lists (SPIN's `constants.py`:
H36M_TO_J17, J24_TO_J17, J24_FLIP_PERM, J49_FLIP_PERM; J24_TO_COCO of the COCO evaluation).
"""

import re
from dataclasses import dataclass
from functools import cached_property

_SIDE = re.compile(r"^(OP )?(?:(L|R)(?=[A-Z])|(left|right)(?=_))")
_OTHER_SIDE = {"L": "R", "R": "L", "left": "right", "right": "left"}


@dataclass(frozen=True)
class JointSet:
    """An ordered set of named joints.

    Args:
        name: what the set is called in messages.
        names: the joints in order; the side is a prefix (`LHip`, `OP RKnee`, `left_hip`).
    """

    name: str
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"joint set {self.name} names a joint twice")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """The position of a joint; KeyError naming the set when it has no such joint."""
        try:
            return self._positions[name]
        except KeyError:
            raise KeyError(f"joint set {self.name} has no joint {name!r}; it has {', '.join(self.names)}") from None

    def map_to(self, other: "JointSet") -> list[int]:
        """Indices into this set that give the joints of `other`, in its order.

        `points[:, source.map_to(target)]` turns (B, len(source), 3) into (B, len(target), 3). Raises KeyError
        when `other` has a joint that this set lacks.
        """
        return [self.index(name) for name in other.names]

    @cached_property
    def flip(self) -> list[int]:
        """The permutation that exchanges left and right: `points[:, flip]` after mirroring x."""
        return [self.index(_mirrored_name(name)) for name in self.names]

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.names)}


def _mirrored_name(name: str) -> str:
    match = _SIDE.match(name)
    if match is None:
        return name
    group = 2 if match.group(2) else 3
    return name[: match.start(group)] + _OTHER_SIDE[match.group(group)] + name[match.end(group) :]


SMPL_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)


def joint_set(name: str, names: str, prefix: str = "") -> JointSet:
    """A set from its joints' names, separated by spaces, each with the prefix before it."""
    return JointSet(name, tuple(prefix + joint for joint in names.split()))


SMPL24 = joint_set(
    "SMPL24",
    "pelvis left_hip right_hip spine1 left_knee right_knee spine2 left_ankle right_ankle spine3 left_foot right_foot "
    "neck left_collar right_collar head left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist "
    "left_hand right_hand",
)

# The 21 vertices that smplx appends to the 24 joints, in its order.
LANDMARKS21 = joint_set(
    "LANDMARKS21",
    "nose right_eye left_eye right_ear left_ear left_big_toe left_small_toe left_heel right_big_toe right_small_toe "
    "right_heel left_thumb left_index left_middle left_ring left_pinky right_thumb right_index right_middle "
    "right_ring right_pinky",
)

# The joints that SPIN regresses from the vertices, in the order of J_regressor_extra.npy.
EXTRA9 = joint_set("EXTRA9", "RHip LHip Neck HeadTop Pelvis Thorax Spine Jaw Head")

# What a body model can name at once: smplx's 45 joints and the nine regressed ones.
MODEL54 = JointSet("MODEL54", SMPL24.names + LANDMARKS21.names + EXTRA9.names)

BODY25 = joint_set(
    "BODY25",
    "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist MidHip RHip RKnee RAnkle LHip LKnee LAnkle REye LEye "
    "REar LEar LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel",
    prefix="OP ",
)

SPIN24 = joint_set(
    "SPIN24",
    "RAnkle RKnee RHip LHip LKnee LAnkle RWrist RElbow RShoulder LShoulder LElbow LWrist Neck HeadTop Pelvis Thorax "
    "Spine Jaw Head Nose LEye REye LEar REar",
)

SPIN49 = JointSet("SPIN49", BODY25.names + SPIN24.names)

# The rows of J_regressor_h36m.npy.
H36M17 = joint_set(
    "H36M17",
    "Pelvis LHip LKnee LAnkle RHip RKnee RAnkle Spine Neck Jaw Head LShoulder LElbow LWrist RShoulder RElbow RWrist",
)

# The 17 joints of the MPI-INF-3DHP protocol; the head is Human3.6M's, not LSP's top of the head.
J17 = joint_set(
    "J17",
    "RAnkle RKnee RHip LHip LKnee LAnkle RWrist RElbow RShoulder LShoulder LElbow LWrist Neck Head Pelvis Spine Jaw",
)

# The 14 joints of the 3DPW and Human3.6M protocols: LSP's skeleton with Human3.6M's head.
LSP14 = JointSet("LSP14", J17.names[:14])

COCO17 = joint_set(
    "COCO17",
    "Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip RHip LKnee RKnee LAnkle RAnkle",
)

# Where each SPIN49 joint comes from (SPIN's JOINT_MAP by name). OpenPose's hips and the ankles, knees, arms of both
# halves are SMPL's joints; the hips of the second half, and its trunk and head, are regressed from the vertices.
SPIN49_SOURCE = {
    "OP Neck": "neck",
    "OP MidHip": "pelvis",
    "OP LHip": "left_hip",
    "OP RHip": "right_hip",
    **{
        f"{prefix}{side[0].upper()}{joint.capitalize()}": f"{side}_{joint}"
        for prefix in ("OP ", "")
        for side in ("left", "right")
        for joint in ("knee", "ankle", "shoulder", "elbow", "wrist", "eye", "ear")
    },
    **{f"{prefix}Nose": "nose" for prefix in ("OP ", "")},
    **{
        f"OP {side[0].upper()}{joint}": f"{side}_{source}"
        for side in ("left", "right")
        for joint, source in (("BigToe", "big_toe"), ("SmallToe", "small_toe"), ("Heel", "heel"))
    },
    **{name: name for name in EXTRA9.names},
}
MODEL54_TO_SPIN49 = [MODEL54.index(SPIN49_SOURCE[name]) for name in SPIN49.names]
