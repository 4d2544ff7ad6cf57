"""Who is in a frame, before anybody is followed: boxes, and what every detector can do."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from maflab.inference.frames import Frame, Source


class Detections(NamedTuple):
    """The people of one frame; pixel (0, 0) is the centre of the top-left one."""

    boxes: NDArray[np.float32]  # (N, 4) left, top, right, bottom of the people themselves, without margin, pixels
    scores: NDArray[np.float32]  # (N,) in [0, 1]
    identities: NDArray[np.int64] | None = None  # (N,) where the detector knows who is who, else None


class Detector(Protocol):
    """Finds people."""

    interval: float  # seconds between the frames that it looks at; 0: every frame
    search: float  # seconds between looks at the whole frame, where people are known; 0: always
    advice: str  # what to try where it finds nobody

    def check(self, source: Source) -> None:
        """Stop before the work where this detector cannot serve these frames.

        Raises:
            DetectorError: it cannot.
        """

    def detect(self, frame: Frame, near: NDArray[np.float32] | None = None, everywhere: bool = True) -> Detections:
        """The people of a frame.

        Args:
            near: (M, 4) boxes where people who were seen a moment ago are expected, which may save time; none, or None:
                nobody is known.
            everywhere: whether somebody else may be found too.
        """


def nobody() -> Detections:
    """No boxes."""
    return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


class WholeFrame:
    """The frame as the box of one person: for pictures that were cut to a person before."""

    advice = "give another input: the whole frame is taken for a person"

    def __init__(self) -> None:
        self.interval = self.search = 0.0

    def check(self, source: Source) -> None:
        """Serves everything."""

    def detect(self, frame: Frame, near: NDArray[np.float32] | None = None, everywhere: bool = True) -> Detections:
        """One box."""
        height, width = frame.image.shape[:2]
        box = np.array([[-0.5, -0.5, width - 0.5, height - 0.5]], np.float32)
        return Detections(box, np.ones(1, np.float32), np.zeros(1, np.int64))
