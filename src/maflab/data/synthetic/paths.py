"""Key poses and the paths through them.

A key pose names the angles (degrees, see `angles`) that differ from standing at ease; a name without a side means
both sides. An action is two or more key poses: a point drawn on the path through them is one pose, so the angles
that belong together (hips, knees and ankles of a crouch) move together. A cyclic path closes: gaits.
"""

from typing import NamedTuple

import numpy as np

from maflab.data.synthetic.angles import INDEX, NAMES, SIDED

Key = dict[str, float]


class Action(NamedTuple):
    """A path through key poses and how often it is drawn."""

    weight: float
    keys: tuple[Key, ...]
    cyclic: bool = False
    upper_only: bool = False  # says nothing about the legs: goes well with any stance


STANDING: Key = {
    "hip_abduct": 5, "hip_turn": 7, "knee": 4, "arm_raise": 13, "arm_plane": 75, "elbow": 16, "arm_twist": 6,
    "fingers": 15,
}  # fmt: skip


def angles_of(key: Key) -> np.ndarray:
    """Angles (A,) in degrees of a key pose: standing, overwritten by what the key pose names."""
    angles = np.zeros(len(NAMES))
    for source in (STANDING, key):
        # Names for both sides first, so that a sided name in the same key pose wins.
        for name in sorted(source, key=lambda each: each not in SIDED):
            sides = ("left_", "right_") if name in SIDED else ("",)
            for side in sides:
                angles[INDEX[side + name]] = source[name]
    return angles


def path_of(action: Action) -> np.ndarray:
    """Key poses of an action as angles (K, A) in degrees; a cyclic path repeats its first key pose at the end."""
    keys = [angles_of(key) for key in action.keys]
    return np.stack([*keys, keys[0]] if action.cyclic else keys)


def pose_on_path(path: np.ndarray, position: float) -> np.ndarray:
    """Angles (A,) at a position in [0, 1] along a path (K, A), linear between its key poses."""
    place = position * (len(path) - 1)
    start = min(int(place), len(path) - 2)
    return path[start] + (place - start) * (path[start + 1] - path[start])
