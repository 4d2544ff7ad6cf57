"""Where on the body is a point? Coordinates that clothes, hair and faces are cut by.

They are properties of the rest pose, so they are worked out once a body and interpolated to the pixels.
"""

from typing import NamedTuple

import numpy as np

from maflab.body.arrays import BodyArrays
from maflab.body.joints import LANDMARKS21

_ARMS = (16, 17, 18, 19, 20, 21, 22, 23)
_HEAD = (12, 15)
_FEET = (7, 8, 10, 11)


class Rows(NamedTuple):
    """Body coordinates of N points, metres or as said."""

    place: np.ndarray  # (N, 3) in the rest pose: x to the person's left, y up from the pelvis, z forward
    arm: np.ndarray  # (N,) 0 at the shoulder, 1 at the elbow, 2 at the wrist, 3 at the finger tips; below 0 elsewhere
    leg: np.ndarray  # (N,) 0 at the hip, 1 at the knee, 2 at the ankle; below 0 above the hips
    head: np.ndarray  # (N,) how much of the point belongs to neck and head, 0..1
    foot: np.ndarray  # (N,) how much of the point belongs to the feet, 0..1
    skull: np.ndarray  # (N, 3) from the middle between the ears, in units of half their distance; y up, z forward


class Chart:
    """The body coordinates of a body's vertices.

    Attributes:
        table: (V, 10) float32, the fields of `Rows` side by side.
        neck, waist: heights in metres above the pelvis of the neck's joint and of the spine's lowest one.
        eyes: (2, 3), mouth: (3,) places on the face, skull coordinates.
    """

    def __init__(self, arrays: BodyArrays) -> None:
        joints = np.asarray(arrays.joint_regressor @ arrays.template.astype(np.float64))
        place = arrays.template.astype(np.float64) - joints[0]
        joints = joints - joints[0]
        weights = arrays.skin_weights.astype(np.float64)
        arm_joints = np.abs(joints[[16, 18, 20], 0])
        arm = np.interp(np.abs(place[:, 0]), [*arm_joints, np.abs(place[:, 0]).max()], [0.0, 1.0, 2.0, 3.0])
        arm = np.where(weights[:, _ARMS].sum(1) > 0.4, arm, -1.0)
        heights = joints[[1, 4, 7], 1]
        leg = np.interp(-place[:, 1], [*-heights, -place[:, 1].min()], [0.0, 1.0, 2.0, 3.0])
        leg = np.where(-place[:, 1] < -heights[0], -0.5, leg)
        marks = place[arrays.landmarks]
        ears = marks[[LANDMARKS21.index("right_ear"), LANDMARKS21.index("left_ear")]]
        half = max(float(np.linalg.norm(ears[1] - ears[0])) / 2, 1e-3)
        skull = (place - ears.mean(0)) / half
        eyes = (marks[[LANDMARKS21.index("right_eye"), LANDMARKS21.index("left_eye")]] - ears.mean(0)) / half
        nose = (marks[LANDMARKS21.index("nose")] - ears.mean(0)) / half
        head, foot = weights[:, _HEAD].sum(1), weights[:, _FEET].sum(1)
        columns = [place, arm[:, None], leg[:, None], head[:, None], foot[:, None], skull]
        self.table = np.concatenate(columns, 1).astype(np.float32)
        self.neck, self.waist = float(joints[12, 1]), float(joints[3, 1])
        self.eyes = eyes.astype(np.float32)
        self.mouth = (nose + np.array([0.0, -0.55, -0.2])).astype(np.float32)

    def rows(self, table: np.ndarray) -> Rows:
        """Names the columns of a table (N, 10) that was gathered or interpolated from `table`."""
        return Rows(table[:, :3], table[:, 3], table[:, 4], table[:, 5], table[:, 6], table[:, 7:])
