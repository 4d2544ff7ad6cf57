"""Pictures as label files mean them: upright, RGB, no larger than needed."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ExifTags import Base

from maflab.data.sources.tar_files import read_member

_REDUCTIONS = (8, 4, 2, 1)


class Picture(NamedTuple):
    """A decoded picture. Pixel q of the full one is at (q + 0.5) / reduction - 0.5 here."""

    pixels: NDArray[np.uint8]  # (H, W, 3) RGB
    width: int  # of the full picture, pixels
    height: int
    reduction: int


class UnreadablePicture(Exception):
    """A picture that is there and cannot be decoded; the message says why."""


class PictureFile:
    """Reads pictures and keeps the last one: people of one picture follow each other in most label files.

    The turn that a camera noted in a file (EXIF) is applied, as OpenCV does by default, with which the field's labels
    and detections were made.
    """

    def __init__(self) -> None:
        self._key: tuple[Path, int, int] | None = None
        self._picture: Picture | None = None

    def read(self, path: Path, scale: float = 1.0, turns: int = 0) -> Picture:
        """
        Args:
            path: the file, which may lie inside a tar archive.
            scale: how much smaller the picture is about to be made, 1 for not at all; a JPEG is decoded at an eighth,
                a quarter or half of its size where that is still enough.
            turns: quarter turns clockwise to make after decoding.

        Raises:
            FileNotFoundError: there is no such file. UnreadablePicture: it is damaged or no picture.
        """
        reduction = next(r for r in _REDUCTIONS if r == 1 or scale * r <= 1)
        key = (path, reduction, turns)
        if self._key != key or self._picture is None:
            self._picture, self._key = _decoded(path, reduction, turns), key
        return self._picture


def _decoded(path: Path, reduction: int, turns: int) -> Picture:
    try:
        source = path if path.is_file() else io.BytesIO(read_member(path))
        with Image.open(source) as file:
            width, height = file.size
            orientation = file.getexif().get(Base.Orientation, 1)
            if orientation == 1 and not turns:  # turned, an incomplete block at the far edge would shift the rest
                file.draft("RGB", (max(width // reduction, 1), max(height // reduction, 1)))
            reduction = round(width / file.size[0])  # formats other than JPEG are not reduced
            upright = ImageOps.exif_transpose(file)
            pixels = np.asarray(upright.convert("RGB"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise UnreadablePicture(str(error)) from error
    pixels = np.rot90(pixels, -turns)
    if (orientation >= 5) != bool(turns % 2):
        width, height = height, width
    return Picture(np.ascontiguousarray(pixels), width, height, reduction)
