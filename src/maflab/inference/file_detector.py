"""A file of boxes in the place of a detector."""

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maflab.inference.box_file import Box, by_number, read_boxes
from maflab.inference.detections import Detections, nobody
from maflab.inference.errors import DetectorError
from maflab.inference.frames import Frame, Source
from maflab.inference.pictures import FolderSource

log = logging.getLogger(__name__)


class FileDetector:
    """Gives the boxes of a file; a frame that it does not name has nobody in it.

    Where every box has an identity these are kept, also over a cut; else people are followed as with any detector.

    Args:
        path: COCO's JSON, MOT's text or the suite's own JSON, see `box_file`.
        threshold: least score.

    Raises:
        DetectorError: the file cannot be read.
    """

    advice = "the file of boxes has none for these frames, or all lie below detector.threshold"

    def __init__(self, path: str, threshold: float = 0.0) -> None:
        self.interval = self.search = 0.0
        self._path = path
        self._boxes = read_boxes(Path(path))
        self._threshold = threshold
        self._by_number: dict[int, list[Box]] = {}
        known = [box.identity is not None for people in self._boxes.values() for box in people]
        self._identified = bool(known) and all(known)

    def check(self, source: Source) -> None:
        """Look whether the file's frames are the source's.

        Raises:
            DetectorError: one is not there.
        """
        names = [file.name for file in source.files] if isinstance(source, FolderSource) else []
        if not names and source.stills:
            names = [Path(source.name).name]
        self._by_number = by_number(self._boxes, names)
        # What a video's header says of its length may be a little off.
        last = None if source.length is None else source.length if source.stills else 1.02 * source.length + 2
        outside = [number for number in self._by_number if last is not None and number >= last]
        if outside or min(self._by_number, default=0) < 0:
            raise DetectorError(
                f"{self._path} has boxes of frame {max(outside, default=-1)}, but {source.name} has {source.length} "
                "frames, counted from 0 in JSON and from 1 in MOT's text; is it of another clip?"
            )

    def detect(self, frame: Frame, near: NDArray[np.float32] | None = None, everywhere: bool = True) -> Detections:
        """The file's boxes of a frame."""
        people = [box for box in self._by_number.get(frame.index, []) if box.score >= self._threshold]
        if not people:
            return nobody()
        return Detections(
            np.array([box.corners for box in people], np.float32),
            np.array([box.score for box in people], np.float32),
            np.array([box.identity for box in people], np.int64) if self._identified else None,
        )
