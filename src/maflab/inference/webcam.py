"""A camera at this machine, through OpenCV."""

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from maflab.inference.errors import InputError
from maflab.inference.frames import Frame
from maflab.inference.overlay_file import VideoWriter
from maflab.silence import silent_stderr


class CameraSource:
    """Frames of a camera until it is unplugged or the caller stops; their times are those of the clock.

    What is not fetched in time is lost, as the camera does not wait.
    """

    length: int | None = None
    stills = False
    live = True

    def __init__(self, number: int) -> None:
        """
        Args:
            number: as the system counts its cameras, from 0.

        Raises:
            InputError: there is no such camera, or another program has it.
        """
        self.name = f"camera {number}"
        with silent_stderr():
            self._capture = cv2.VideoCapture(number)
        if not self._capture.isOpened():
            raise InputError(
                f"There is no camera {number} that can be opened; input takes a file, a folder or a camera"
            )
        self.rate = float(self._capture.get(cv2.CAP_PROP_FPS)) or 30.0

    def __iter__(self) -> Iterator[Frame]:
        """What the camera sees; once."""
        index, start = 0, None
        try:
            while True:
                there, image = self._capture.read()
                if not there:
                    return
                now = time.monotonic()
                start = start or now
                picture = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
                yield Frame(index, now - start, picture.astype(np.uint8, copy=False))
                index += 1
        finally:
            self._capture.release()


class FilmedSource:
    """A camera whose frames are also written to a video, so that they can be drawn over afterwards."""

    length: int | None = None
    stills = False
    live = True

    def __init__(self, camera: CameraSource, path: Path) -> None:
        """
        Args:
            camera: gives the frames.
            path: of the video; it is whole when the frames have ended, however they do.
        """
        self.name = str(path)
        self.rate = camera.rate
        self._camera = camera

    def __iter__(self) -> Iterator[Frame]:
        """The camera's frames.

        Raises:
            OSError: the video cannot be written.
        """
        writer = VideoWriter(self.name, self.rate)
        try:
            for frame in self._camera:
                writer.write(frame.image, frame.time)
                yield frame
        finally:
            writer.close()
