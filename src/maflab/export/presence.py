"""When an actor is to be seen: from its first frame to its last, but not in the frames between that it is not in."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maflab.export.actors import Actor


class Presence(NamedTuple):
    """Holds from each frame until the next one listed."""

    frames: NDArray[np.int64]  # (K,) of the recording, ascending; the first is 0
    shown: NDArray[np.bool_]  # (K,)


def presence_of(actor: Actor, frame_count: int) -> Presence:
    """The frames at which an actor appears or vanishes."""
    there = np.zeros(frame_count, bool)
    there[actor.frames] = True
    changes = np.concatenate([[0], np.flatnonzero(there[1:] != there[:-1]) + 1])
    return Presence(changes, there[changes])
