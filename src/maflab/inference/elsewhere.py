"""Whether there is anything new in a picture away from the people who are known: where nothing is, nobody has come."""

import cv2
import numpy as np
from numpy.typing import NDArray

from maflab.inference.frames import Picture

_WIDTH = 64  # cells; the mean of one has little of the picture's noise
_LEVELS = 10  # by which a cell has changed
_SHARE = 0.005  # of the cells; the smallest people who are looked for cover several times as much
_ROOM = 0.25  # about known people, in heights of theirs


class Elsewhere:
    """Remembers how a place looked when it was last searched for people."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Another place: all of it is new."""
        self._cells: NDArray[np.int16] | None = None
        self._known: NDArray[np.bool_] | None = None

    def searched(self, image: Picture, boxes: NDArray[np.float32]) -> None:
        """The whole picture has been searched, and these people (N, 4) found."""
        self._cells = _cells(image)
        self._known = _covered(image, boxes, self._cells.shape[:2])

    def changed(self, image: Picture, boxes: NDArray[np.float32]) -> bool:
        """Whether something has come since then that is not about these people (N, 4) or those of then."""
        if self._cells is None or self._known is None:
            return True
        cells = _cells(image)
        new = np.abs(cells - self._cells).max(-1) > _LEVELS
        new &= ~(self._known | _covered(image, boxes, cells.shape[:2]))
        return bool(new.mean() > _SHARE)


def _cells(image: Picture) -> NDArray[np.int16]:
    height, width = image.shape[:2]
    size = (_WIDTH, max(round(_WIDTH * height / width), 1))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.int16)


def _covered(image: Picture, boxes: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    covered = np.zeros(shape, np.bool_)
    scale = np.array([shape[1] / image.shape[1], shape[0] / image.shape[0]])
    for box in boxes:
        room = _ROOM * (box[3] - box[1])
        left, top = np.maximum(np.floor((box[:2] - room) * scale), 0).astype(int)
        right, bottom = np.ceil((box[2:] + room) * scale).astype(int)
        covered[top : max(bottom, 0), left : max(right, 0)] = True
    return covered
