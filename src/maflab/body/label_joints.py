"""The joint sets that label files come in, and how their joints find their place among SPIN's."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maflab.body.joints import BODY25, LANDMARKS21, SMPL24, SPIN24, SPIN49_SOURCE, JointSet, joint_set

# What smplx's SMPL returns: the 24 joints and 21 vertices. BEDLAM's `gtkps` and AGORA's `gt_joints_*` of SMPL.
MODEL45 = JointSet("MODEL45", SMPL24.names + LANDMARKS21.names)

# The joints of SMPL-X that are also SMPL's, the first of its 127 or 144; the hands' roots are not among them.
SMPLX22 = JointSet("SMPLX22", SMPL24.names[:22])

# 4D-Humans' 25 + 19 (its FLIP_KEYPOINT_PERMUTATION), which CameraHMR's `gtkps` follow: SPIN's 49 without the face.
HUMANS44 = JointSet("HUMANS44", BODY25.names + SPIN24.names[:19])

# 3DPW's `poses2d`: OpenPose's first, 18-joint order, which its readme calls COCO's.
OPENPOSE18 = joint_set(
    "OPENPOSE18",
    "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist RHip RKnee RAnkle LHip LKnee LAnkle REye LEye REar LEar",
    prefix="OP ",
)

# MPI-INF-3DHP's joints, the order of `all_joint_names` in its own util/mpii_get_joint_set.m, and of its test set
# ("relevant" there). Its head is Human3.6M's jaw and its head_top Human3.6M's head, as SPIN's preprocessing has it.
MPI28 = joint_set(
    "MPI28",
    "spine3 spine4 spine2 Spine Pelvis Neck Jaw Head left_clavicle LShoulder LElbow LWrist left_hand right_clavicle "
    "RShoulder RElbow RWrist right_hand LHip LKnee LAnkle left_foot left_toe RHip RKnee RAnkle right_foot right_toe",
)
MPI17 = joint_set(
    "MPI17",
    "Head Neck RShoulder RElbow RWrist LShoulder LElbow LWrist RHip RKnee RAnkle LHip LKnee LAnkle Pelvis Spine Jaw",
)


def placed(points: NDArray[Any], source: JointSet, target: JointSet) -> NDArray[np.float32]:
    """The points of one joint set at their places in another; zeros where the source has no such joint.

    A joint of the target is the source's of the same name, or for sets named as the model names them the one that
    `SPIN49_SOURCE` takes it from; a joint of the source may fill two places (OpenPose's and SPIN's knee are one).

    Args:
        points: (..., len(source), C), coordinates and, last, a confidence. source, target: the sets.

    Returns:
        (..., len(target), C) float32.

    Raises:
        ValueError: the points are not one for each joint of the source.
    """
    if points.shape[-2] != len(source):
        raise ValueError(f"{points.shape[-2]} points are given for the {len(source)} joints of {source.name}")
    found = np.zeros((*points.shape[:-2], len(target), points.shape[-1]), np.float32)
    for place, name in enumerate(target.names):
        origin = name if name in source.names else SPIN49_SOURCE.get(name)
        if origin in source.names:
            found[..., place, :] = points[..., source.index(origin), :]
    return found
