"""One labelled person of a picture, as every reader of label files gives it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maflab.data.pack_format import PackError


class SourceError(PackError):
    """Label files that are missing, damaged or not of the form their reader expects; the message says what to do."""


class Unusable(NamedTuple):
    """A record that no person can be made of: a label is missing, or of another form. It is left out and counted."""

    image: str  # as far as the record names one
    why: str


class Person(NamedTuple):
    """A person in a picture on disk and whatever is known about them. Absent labels are None.

    Pixels are the picture's: (0, 0) is the centre of the top-left one, x right, y down.
    """

    image: Path
    center: NDArray[np.float32]  # (2,) box centre, pixels
    size: float  # side of the square box, pixels
    keypoints_2d: NDArray[np.float32] | None = None  # (49, 3) SPIN49: pixels and confidence
    joints_3d: NDArray[np.float32] | None = None  # (24, 4) SPIN24: metres, camera axes, any origin, confidence
    pose: NDArray[np.float32] | None = None  # (72,) axis-angle, the root's into the camera frame
    betas: NDArray[np.float32] | None = None  # (10,)
    gender: int = -1  # 0 male, 1 female, -1 neutral or unknown
    focal: float = 0.0  # pixels of the picture; 0: unknown
    sequence: str = ""
    frame: int = 0
    annotation: int = -1  # the label's own number in its set, e.g. COCO's annotation id
    image_id: int = -1  # the picture's own number in its set, e.g. COCO's image id
    camera: NDArray[np.float32] | None = None  # (3,) s, tx, ty of the box as the normalised crop
    turns: int = 0  # quarter turns clockwise by which the stored picture becomes the one that the labels belong to
