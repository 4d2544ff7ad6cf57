"""A contact sheet: many pictures of a pack at one glance."""

from pathlib import Path

import cv2
import numpy as np

from maflab.body.joints import SPIN49
from maflab.data.pack_format import PackError
from maflab.data.pack_reader import PackReader

_LEFT, _RIGHT, _MIDDLE = (40, 220, 60), (235, 60, 50), (250, 220, 60)
_COLOURS = [{"L": _LEFT, "R": _RIGHT}.get(name.removeprefix("OP ")[0], _MIDDLE) for name in SPIN49.names]


def contact_sheet(
    path: str | Path, rows: int = 6, cols: int = 8, size: int | None = None, points: bool = False
) -> np.ndarray:
    """The first rows * cols pictures of a pack side by side.

    Args:
        path: the pack.
        size: side of each picture in pixels; by default that of the first one.
        points: draw the key points of confidence above zero (left green, right red, middle yellow) and the box.

    Returns:
        (rows * size, cols * size, 3) uint8 RGB; black where the pack has no more pictures.

    Raises:
        PackError: the pack cannot be read or is empty.
    """
    reader = PackReader(path)
    if not len(reader):
        raise PackError(f"{path} holds no pictures to show.")
    size = size or reader.image(0).shape[0]
    sheet = np.zeros((rows * size, cols * size, 3), np.uint8)
    for index in range(min(rows * cols, len(reader))):
        picture = reader.image(index)
        if points:
            picture = _with_labels(picture, reader, index)
        row, column = divmod(index, cols)
        tile = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        sheet[row * size : (row + 1) * size, column * size : (column + 1) * size] = tile
    return sheet


def _with_labels(picture: np.ndarray, reader: PackReader, index: int) -> np.ndarray:
    record = reader.record(index)
    picture = np.ascontiguousarray(picture)
    for (x, y, confidence), colour in zip(record.keypoints_2d, _COLOURS, strict=True):
        if confidence > 0:
            cv2.circle(picture, (round(float(x)), round(float(y))), max(1, len(picture) // 120), colour, -1)
    low, high = record.center - record.size / 2, record.center + record.size / 2
    cv2.rectangle(picture, [int(v) for v in low], [int(v) for v in high], (255, 255, 255), 1)
    return picture
