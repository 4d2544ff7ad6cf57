"""What the time stamps of a clip's frames say of its rate."""

import numpy as np
from numpy.typing import NDArray

# Share of a step by which a stamp may be off: those of many files are whole milliseconds.
_JITTER = 0.1


def steady_rate(times: NDArray[np.float64]) -> float | None:
    """Frames a second if every time stamp (N,) is within a tenth of a step of equal steps, else None."""
    if len(times) < 2 or times[-1] <= times[0]:
        return None
    step = (times[-1] - times[0]) / (len(times) - 1)
    even = times[0] + step * np.arange(len(times))
    return float(1 / step) if np.abs(times - even).max() < _JITTER * step else None


def frame_rate(times: NDArray[np.float64]) -> float:
    """Usual frames a second of time stamps (N,): the steady rate, else the median's, so that a pause does not count.

    0 for fewer than two frames.
    """
    steps = np.diff(times)
    steps = steps[steps > 0]
    return steady_rate(times) or (float(1 / np.median(steps)) if len(steps) else 0.0)
