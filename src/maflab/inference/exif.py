"""The focal length that a picture's own data tell."""

import math
from pathlib import Path

from PIL import Image

_FILM_DIAGONAL = math.hypot(36, 24)
_MILLIMETRES = {2: 25.4, 3: 10.0}  # of EXIF's units of resolution: inch and centimetre
_EXIF = 0x8769
_FOCAL_35, _FOCAL_LENGTH, _PLANE_RESOLUTION, _PLANE_UNIT, _PIXEL_WIDTH = 41989, 37386, 41486, 41488, 40962


def exif_focal(path: Path) -> float | None:
    """The focal length of a picture in its pixels, or None where it does not tell.

    Raises:
        OSError: the picture cannot be read.
    """
    with Image.open(path) as image:
        tags = image.getexif().get_ifd(_EXIF)
        width, height = image.size
    try:
        if float(tags.get(_FOCAL_35, 0)) > 0:
            # The 35 mm equivalent is that of the diagonals.
            return float(tags[_FOCAL_35]) * math.hypot(width, height) / _FILM_DIAGONAL
        per_mm = float(tags[_PLANE_RESOLUTION]) / _MILLIMETRES[int(tags.get(_PLANE_UNIT, 2))]
        # The sensor's pixels are the picture's where it was not made smaller.
        shrunk = width / float(tags.get(_PIXEL_WIDTH, width))
        focal = float(tags[_FOCAL_LENGTH]) * per_mm * shrunk
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return focal if 0 < focal < math.inf else None
