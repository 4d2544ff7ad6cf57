"""The measures of the tiny body: joints, tubes around them, and which of their rings are landmarks and joints."""

from dataclasses import dataclass

# Rest joints in metres, roughly an adult's; the right side is the mirrored left.
JOINTS = {
    "pelvis": (0.0, -0.22, 0.0),
    "left_hip": (0.08, -0.31, 0.0),
    "spine1": (0.0, -0.11, -0.01),
    "left_knee": (0.10, -0.69, 0.01),
    "spine2": (0.0, 0.02, -0.01),
    "left_ankle": (0.10, -1.09, -0.02),
    "spine3": (0.0, 0.10, -0.01),
    "left_foot": (0.11, -1.14, 0.10),
    "neck": (0.0, 0.29, -0.02),
    "left_collar": (0.08, 0.19, -0.01),
    "head": (0.0, 0.38, 0.0),
    "left_shoulder": (0.17, 0.23, -0.01),
    "left_elbow": (0.43, 0.22, -0.02),
    "left_wrist": (0.68, 0.22, -0.02),
    "left_hand": (0.77, 0.21, -0.02),
}


@dataclass(frozen=True)
class Ring:
    """A ring of vertices around a joint (moved by an offset), and how much of it the joint's parent leaves to it."""

    joint: str
    offset: tuple[float, float, float]  # metres
    radii: tuple[float, float]  # metres, across and towards the tube's `front`
    share: float  # skinning weight of the joint; the rest is its parent's


@dataclass(frozen=True)
class Tube:
    """A closed tube: rings of `sides` vertices, and a pole at each end."""

    rings: tuple[Ring, ...]
    sides: int
    front: tuple[float, float, float]


TRUNK = Tube(
    (
        Ring("pelvis", (0, -0.14, 0), (0.09, 0.07), 1),
        Ring("pelvis", (0, -0.08, 0), (0.15, 0.10), 1),
        Ring("pelvis", (0, 0, 0), (0.16, 0.11), 1),
        Ring("spine1", (0, 0, 0), (0.14, 0.10), 0.5),
        Ring("spine2", (0, 0, 0), (0.14, 0.10), 0.5),
        Ring("spine3", (0, 0, 0), (0.15, 0.11), 0.5),
        Ring("spine3", (0, 0.09, 0), (0.15, 0.10), 1),
        Ring("spine3", (0, 0.15, 0), (0.10, 0.07), 1),
    ),
    12,
    (0, 0, 1),
)
HEAD = Tube(
    (
        Ring("neck", (0, -0.06, 0), (0.060, 0.060), 0.1),
        Ring("neck", (0, 0, 0), (0.055, 0.055), 0.6),
        Ring("head", (0, 0, 0), (0.060, 0.075), 0.5),
        Ring("head", (0, 0.05, 0.01), (0.075, 0.100), 1),
        Ring("head", (0, 0.10, 0.01), (0.078, 0.100), 1),
        Ring("head", (0, 0.16, 0), (0.070, 0.090), 1),
        Ring("head", (0, 0.21, 0), (0.040, 0.050), 1),
    ),
    12,
    (0, 0, 1),
)
ARM = Tube(
    (
        Ring("left_collar", (0, 0, 0), (0.050, 0.060), 0.5),
        Ring("left_shoulder", (0, 0, 0), (0.055, 0.055), 0.5),
        Ring("left_shoulder", (0.09, 0, 0), (0.050, 0.050), 1),
        Ring("left_elbow", (-0.05, 0, 0), (0.040, 0.040), 0.1),
        Ring("left_elbow", (0, 0, 0), (0.040, 0.040), 0.5),
        Ring("left_elbow", (0.05, 0, 0), (0.040, 0.040), 0.9),
        Ring("left_wrist", (-0.06, 0, 0), (0.030, 0.030), 0.05),
        Ring("left_wrist", (0, 0, 0), (0.028, 0.028), 0.5),
        Ring("left_hand", (0, 0, 0), (0.015, 0.045), 0.5),
        Ring("left_hand", (0.05, 0, 0), (0.012, 0.040), 1),
        Ring("left_hand", (0.10, 0, 0), (0.008, 0.025), 1),
    ),
    8,
    (0, 0, 1),
)
LEG = Tube(
    (
        Ring("left_hip", (0.01, 0.05, 0), (0.070, 0.080), 0.1),
        Ring("left_hip", (0, 0, 0), (0.085, 0.090), 0.5),
        Ring("left_hip", (0.01, -0.16, 0), (0.075, 0.080), 1),
        Ring("left_knee", (0, 0.07, 0), (0.060, 0.060), 0.1),
        Ring("left_knee", (0, 0, 0), (0.055, 0.055), 0.5),
        Ring("left_knee", (0, -0.07, 0), (0.055, 0.060), 0.9),
        Ring("left_knee", (0, -0.2, -0.01), (0.050, 0.055), 1),
        Ring("left_ankle", (0, 0.05, 0), (0.038, 0.040), 0.1),
        Ring("left_ankle", (0, 0, 0), (0.036, 0.040), 0.5),
        Ring("left_ankle", (0, -0.03, 0), (0.030, 0.035), 0.9),
    ),
    8,
    (0, 0, 1),
)
FOOT = Tube(
    (
        Ring("left_ankle", (0, -0.05, -0.05), (0.025, 0.025), 1),
        Ring("left_ankle", (0, -0.04, 0.02), (0.038, 0.040), 1),
        Ring("left_foot", (0, 0, 0), (0.045, 0.025), 0.5),
        Ring("left_foot", (0.005, -0.01, 0.06), (0.030, 0.015), 1),
    ),
    8,
    (0, 1, 0),
)

# Where smplx's landmark vertices would be on the left side or the middle; the nearest vertex stands in.
LANDMARKS = {
    "nose": (0.0, 0.43, 0.12),
    "left_eye": (0.035, 0.47, 0.10),
    "left_ear": (0.08, 0.46, 0.0),
    "left_big_toe": (0.09, -1.15, 0.18),
    "left_small_toe": (0.14, -1.15, 0.15),
    "left_heel": (0.10, -1.16, -0.09),
    "left_thumb": (0.80, 0.21, 0.05),
    "left_index": (0.87, 0.21, 0.02),
    "left_middle": (0.89, 0.21, 0.0),
    "left_ring": (0.87, 0.21, -0.03),
    "left_pinky": (0.83, 0.21, -0.06),
}

# Regressed joints: the tube and ring whose vertices' mean they are (left side or middle).
REGRESSED = {
    "LHip": ("leg", 1),
    "Neck": ("head", 0),
    "HeadTop": ("head", 6),
    "Pelvis": ("trunk", 2),
    "Thorax": ("trunk", 7),
    "Spine": ("trunk", 4),
    "Jaw": ("head", 2),
    "Head": ("head", 5),
    "LKnee": ("leg", 4),
    "LAnkle": ("leg", 8),
    "LShoulder": ("arm", 1),
    "LElbow": ("arm", 4),
    "LWrist": ("arm", 7),
}
