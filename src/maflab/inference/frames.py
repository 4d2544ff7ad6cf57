"""Pictures, folders, videos and cameras as one thing: frames with their times, one after the other."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from maflab.inference.errors import InputError

log = logging.getLogger(__name__)

Picture = NDArray[np.uint8]
"""(H, W, 3) RGB."""


class Frame(NamedTuple):
    """One picture of a sequence."""

    index: int  # type: ignore[assignment]  # from 0
    time: float  # seconds from the first frame
    image: Picture
    name: str = ""  # of the picture's file, where it is one


class Source(Protocol):
    """What frames come from; it may be gone through more than once, unless it is live."""

    name: str  # the file or folder, as a recording names its source
    length: int | None  # frames, where it is known; of a video it is what its header says
    rate: float  # usual frames a second; 0 where there is none
    stills: bool  # pictures that need not have anything to do with each other
    live: bool  # a camera: it ends when it is told to

    def __iter__(self) -> Iterator[Frame]: ...


def open_source(given: str | int, rate: float = 30.0) -> Source:
    """The source that a person means.

    Args:
        given: the path of a picture, a folder of pictures or a video, or the number of a camera.
        rate: frames a second that a folder's pictures are taken for.

    Raises:
        InputError: there is no such thing, or it cannot be read.
    """
    from maflab.inference.pictures import SUFFIXES, FolderSource, PictureSource
    from maflab.inference.video import VideoSource
    from maflab.inference.webcam import CameraSource

    if rate <= 0:
        raise InputError(f"rate={rate}: a folder's pictures need a positive number of frames a second")
    path = Path(str(given))
    if str(given).isdecimal() and not path.exists():
        return CameraSource(int(given))
    if path.is_dir():
        return FolderSource(path, rate)
    if not path.exists():
        raise InputError(
            f"There is no {path}; input takes a picture, a folder of pictures, a video, or a camera's number"
        )
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); copy or download it again")
    return PictureSource(path) if path.suffix.lower() in SUFFIXES else VideoSource(path)


def of_one_size(frames: Iterator[Frame], source: str) -> Iterator[Frame]:
    """Frames of the first one's size: others are scaled to fit into it, and what is left over is black.

    A recording has one size. That some frames had another is said once.
    """
    size: tuple[int, int] | None = None
    told = False
    for frame in frames:
        own = (frame.image.shape[1], frame.image.shape[0])
        size = size or own
        if own == size:
            yield frame
            continue
        if not told:
            told = True
            log.warning(
                "%s: frame %d measures %dx%d and the first %dx%d; frames of another size are fitted into the first's",
                *(source, frame.index, *own, *size),
            )
        yield frame._replace(image=fitted(frame.image, size))


def fitted(image: Picture, size: tuple[int, int]) -> Picture:
    """A picture scaled to lie within (width, height), in the middle of black."""
    width, height = size
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=way)
    return canvas
