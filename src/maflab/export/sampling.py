"""Motion at equal steps in time, for formats that have a frame rate instead of time stamps."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from maflab.export.actors import Actor
from maflab.inference.recording import Recording
from maflab.inference.result_file import frame_rate

# What a single picture's rate is: formats ask for one.
DEFAULT_RATE = 30.0
_JITTER = 0.1


class Sampled(NamedTuple):
    """An actor's motion at equal steps, from its first frame to its last."""

    rate: float  # frames a second
    start: int  # steps from the recording's first frame to the actor's
    rotations: NDArray[np.float64]  # (F, 24, 3, 3) local, as of Actor
    positions: NDArray[np.float64]  # (F, 3) of the root joint
    resampled: bool  # False: these are the actor's own frames


def steady_rate(times: NDArray[np.float64]) -> float | None:
    """Frames a second if every time stamp (N,) is within a tenth of a step of equal steps, else None."""
    if len(times) < 2 or times[-1] <= times[0]:
        return None
    step = (times[-1] - times[0]) / (len(times) - 1)
    even = times[0] + step * np.arange(len(times))
    return float(1 / step) if np.abs(times - even).max() < _JITTER * step else None


def sample_evenly(actor: Actor, recording: Recording) -> Sampled:
    """An actor at the recording's frame rate.

    Frames at equal steps are taken as they are. Where the rate varies, or the actor is away for some frames, the
    motion is interpolated at the nominal rate (the median's): rotations along the shortest way (Shoemake, "Animating
    Rotation with Quaternion Curves", 1985), the root joint's place linearly.
    """
    rate = steady_rate(recording.times)
    whole = len(actor.frames) == actor.frames[-1] - actor.frames[0] + 1
    if rate is not None and whole:
        return Sampled(rate, int(actor.frames[0]), actor.rotations, actor.positions, resampled=False)
    rate = rate or frame_rate(recording.times) or DEFAULT_RATE
    start = round((actor.times[0] - recording.times[0]) * rate)
    if len(actor.frames) < 2:
        return Sampled(rate, start, actor.rotations, actor.positions, resampled=False)
    count = int((actor.times[-1] - actor.times[0]) * rate + 1e-6) + 1
    times = np.minimum(actor.times[0] + np.arange(count) / rate, actor.times[-1])
    rotations = np.stack(
        [
            Slerp(actor.times, Rotation.from_matrix(actor.rotations[:, joint]))(times).as_matrix()
            for joint in range(actor.rotations.shape[1])
        ],
        axis=1,
    )
    positions = np.stack([np.interp(times, actor.times, axis) for axis in actor.positions.T], axis=1)
    return Sampled(rate, start, rotations, positions, resampled=True)
