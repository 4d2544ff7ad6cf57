"""Motion at equal steps in time, for formats that have a frame rate instead of time stamps."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from maflab.export.actors import Actor
from maflab.inference.blocks import blocks
from maflab.inference.recording import Recording
from maflab.inference.time_stamps import frame_rate, steady_rate

# What a single picture's rate is: formats ask for one.
DEFAULT_RATE = 30.0


class EvenMotion(NamedTuple):
    """An actor's motion at equal steps, from its first frame to its last."""

    actor: Actor
    rate: float  # frames a second
    start: int  # steps from the recording's first frame to the actor's
    times: NDArray[np.float64] | None  # (C,) seconds of the steps; None: they are the actor's own frames

    @property
    def resampled(self) -> bool:
        """Whether the steps lie between the actor's frames."""
        return self.times is not None

    @property
    def steps(self) -> int:
        """Steps."""
        return len(self.actor.times if self.times is None else self.times)

    def blocks(self, size: int = 512) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Local rotations (f, 24, 3, 3) as of `Actor`, and the root joint's places (f, 3), at most `size` at once."""
        actor = self.actor
        if self.times is None:
            yield from ((actor.rotations(rows), actor.positions[rows]) for rows in blocks(self.steps, size))
            return
        for piece in blocks(len(self.times), size):
            at = self.times[piece]
            first = int(min(np.searchsorted(actor.times, at[0], "right") - 1, len(actor.times) - 2))
            rows = slice(first, max(int(np.searchsorted(actor.times, at[-1], "left")) + 1, first + 2))
            positions = np.stack([np.interp(at, actor.times[rows], axis) for axis in actor.positions[rows].T], axis=1)
            yield _between(actor.times[rows], actor.rotations(rows), at), positions


def sample_evenly(actor: Actor, recording: Recording) -> EvenMotion:
    """An actor at the recording's frame rate.

    Frames at equal steps are taken as they are. Where the rate varies, or the actor is away for some frames, the
    motion is interpolated at the nominal rate: rotations along the shortest way (Shoemake, "Animating Rotation with
    Quaternion Curves", 1985), the root joint's place linearly.
    """
    rate = steady_rate(recording.times)
    whole = len(actor.frames) == actor.frames[-1] - actor.frames[0] + 1
    if rate is not None and whole:
        return EvenMotion(actor, rate, int(actor.frames[0]), None)
    rate = frame_rate(recording.times) or DEFAULT_RATE
    start = round((actor.times[0] - recording.times[0]) * rate)
    if len(actor.frames) < 2:
        return EvenMotion(actor, rate, start, None)
    count = int((actor.times[-1] - actor.times[0]) * rate + 1e-6) + 1
    times = np.minimum(actor.times[0] + np.arange(count) / rate, actor.times[-1])
    return EvenMotion(actor, rate, start, times)


def _between(
    times: NDArray[np.float64], rotations: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    paths = [Slerp(times, Rotation.from_matrix(rotations[:, joint])) for joint in range(rotations.shape[1])]
    return np.stack([path(at).as_matrix() for path in paths], axis=1)
