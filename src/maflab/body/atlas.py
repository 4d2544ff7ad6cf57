"""An atlas of 24 DensePose-like parts (Güler et al., 2018) computed from skinning weights.

DensePose's own charts are a licensed download; what the auxiliary head needs is only that every visible pixel has
a part and smooth coordinates within it. Parts: 1 torso back, 2 torso front, 3 right hand, 4 left hand, 5 left foot,
6 right foot, then back/front halves of upper legs (7 R back, 8 L back, 9 R front, 10 L front), lower legs (11..14
likewise), upper arms (15 L back, 16 R back, 17 L front, 18 R front), lower arms (19..22 likewise), 23 right half
and 24 left half of the head with the neck.
"""

from dataclasses import dataclass

import numpy as np

from maflab.body.joints import SMPL24


@dataclass(frozen=True)
class _Segment:
    joints: tuple[str, ...]  # whose skinning weights claim a face
    axis: tuple[str, str]  # U runs along the line between these joints
    parts: tuple[int, int]  # back and front; (right, left) for the head; the same number twice: not divided


def _limb(side: str, joints: tuple[str, ...], axis: tuple[str, str], back: int, front: int) -> _Segment:
    def named(joint: str) -> str:
        return f"{side}_{joint}"

    return _Segment(tuple(map(named, joints)), (named(axis[0]), named(axis[1])), (back, front))


_SEGMENTS = (
    _Segment(("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar"), ("pelvis", "neck"), (1, 2)),
    _limb("right", ("wrist", "hand"), ("wrist", "hand"), 3, 3),
    _limb("left", ("wrist", "hand"), ("wrist", "hand"), 4, 4),
    _limb("left", ("ankle", "foot"), ("ankle", "foot"), 5, 5),
    _limb("right", ("ankle", "foot"), ("ankle", "foot"), 6, 6),
    _limb("right", ("hip",), ("hip", "knee"), 7, 9),
    _limb("left", ("hip",), ("hip", "knee"), 8, 10),
    _limb("right", ("knee",), ("knee", "ankle"), 11, 13),
    _limb("left", ("knee",), ("knee", "ankle"), 12, 14),
    _limb("left", ("shoulder",), ("shoulder", "elbow"), 15, 17),
    _limb("right", ("shoulder",), ("shoulder", "elbow"), 16, 18),
    _limb("left", ("elbow",), ("elbow", "wrist"), 19, 21),
    _limb("right", ("elbow",), ("elbow", "wrist"), 20, 22),
    _Segment(("neck", "head"), ("neck", "head"), (23, 24)),
)
_HEAD = len(_SEGMENTS) - 1


def body_atlas(
    template: np.ndarray, faces: np.ndarray, skin_weights: np.ndarray, joints: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Divide a T-posed body into parts and lay coordinates on each.

    Args:
        template: (V, 3) metres, y up, facing +z. faces: (F, 3). skin_weights: (V, 24). joints: (24, 3) at rest.

    Returns:
        (F,) uint8 parts in 1..24 and (F, 3, 2) float32 U, V in [0, 1] at the corners of each face. U runs along the
        part's bone, V around it (halves of limbs) or across it (torso, head, hands, feet: there an angle would
        have a seam or a pole). Within a part a vertex has one coordinate, so they are continuous.
    """
    claims = np.stack(
        [skin_weights[:, [SMPL24.index(name) for name in segment.joints]].sum(1) for segment in _SEGMENTS],
        axis=1,
    )
    face_segment = claims[faces].sum(1).argmax(1)  # (F,)
    parts = np.zeros(len(faces), np.uint8)
    uv = np.zeros((len(faces), 3, 2), np.float32)
    for number, segment in enumerate(_SEGMENTS):
        mine = np.flatnonzero(face_segment == number)
        if len(mine) == 0:
            continue
        start, end = (joints[SMPL24.index(name)] for name in segment.axis)
        parts[mine] = _divide(template[faces[mine]].mean(1), number, segment, start, end)
        for part in set(segment.parts):
            chosen = mine[parts[mine] == part]
            if len(chosen) == 0:
                continue
            coordinates = _coordinates(template[faces[chosen]], part, segment, start, end)  # (f, 3, 2)
            low, high = coordinates.min((0, 1)), coordinates.max((0, 1))
            uv[chosen] = (coordinates - low) / np.maximum(high - low, 1e-9)
    return parts, uv


def _divide(centres: np.ndarray, number: int, segment: _Segment, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Which of the segment's two parts each face centre (f, 3) belongs to."""
    first, second = segment.parts
    if number == _HEAD:
        return np.where(centres[:, 0] < 0, first, second)
    along, frame = _axis_frame(start, end)
    front = (centres - start) @ frame[1]
    if number == 0:
        # The spine lies far behind the trunk's middle: halve it at half its depth instead.
        front = front - _middle_depth(centres @ along, front)
    return np.where(front < 0, first, second)


def _middle_depth(height: np.ndarray, depth: np.ndarray, slices: int = 24) -> np.ndarray:
    """The middle between the foremost and hindmost depth of the slice each point is in, smoothed along the axis."""
    edges = np.linspace(height.min(), height.max() + 1e-6, slices + 1)
    which = np.digitize(height, edges) - 1
    middle = np.array([_middle(depth[which == number]) for number in range(slices)])
    known = np.flatnonzero(~np.isnan(middle))
    middle = np.interp(np.arange(slices), known, middle[known])
    middle = np.convolve(np.pad(middle, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    centres = (edges[:-1] + edges[1:]) / 2
    return np.interp(height, centres, middle)


def _middle(values: np.ndarray) -> float:
    return float((values.min() + values.max()) / 2) if len(values) else float("nan")


def _coordinates(corners: np.ndarray, part: int, segment: _Segment, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Unscaled U, V of points (f, 3, 3)."""
    along, (across, front) = _axis_frame(start, end)
    offset = corners - start
    u = offset @ along
    halved_limb = segment.parts[0] != segment.parts[1] and part not in (1, 2, 23, 24)
    if halved_limb:
        facing = 1.0 if part == segment.parts[1] else -1.0
        v = np.arctan2(offset @ across, facing * (offset @ front))
    elif part in (23, 24):
        v = offset @ front
    else:
        v = offset @ across
    return np.stack([u, v], axis=-1)


def _axis_frame(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """The unit axis, and two directions square to it: across, and the one that faces most to the front (+z).

    A foot's axis points to the front itself; there "front" becomes upwards and V runs from side to side.
    """
    along = (end - start) / np.linalg.norm(end - start)
    forward = np.array([0.0, 1.0, 0.0]) if abs(along[2]) > 0.6 else np.array([0.0, 0.0, 1.0])
    front = forward - along * (forward @ along)
    front /= np.linalg.norm(front)
    return along, (np.cross(front, along), front)
