"""Pictures that lie on their side, as those of BEDLAM's close-up scenes do."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError


def quarter_turns(picture: Path, intrinsics: NDArray[Any] | None) -> int:
    """How often to turn a picture clockwise before its labels fit: 1 where the camera is upright and the picture lies.

    An upright camera has its principal point nearer to the left edge than to the top one. A picture that is missing
    or unreadable is left as it is: reading it will say so.

    Args:
        picture: the file; only its header is read. intrinsics: (3, 3), pixels, of the labels; None: unknown.
    """
    if intrinsics is None or intrinsics[0, 2] >= intrinsics[1, 2]:
        return 0
    try:
        with Image.open(picture) as image:
            return int(image.width > image.height)
    except (OSError, UnidentifiedImageError):
        return 0
