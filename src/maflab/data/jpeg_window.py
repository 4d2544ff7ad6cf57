"""JPEG pictures of which a part can be decoded without the rest.

Most of a decoder's time goes into the entropy code, which can only be read from its beginning. Restart markers (ITU
T.81, sections B.2.4.4 and E.1.4) are new beginnings: with one after every few blocks, tiles of the picture are left out
by leaving out their bytes. What remains is a JPEG file again, of a smaller picture.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

_BLOCK = 8  # pixels a side that the code knows
_TILE = 4  # groups of blocks between two markers at most, 64 pixels: each marker costs bits
_MARGIN = 2  # pixels beside those wanted: at a picture's edge, colour is interpolated in another way
_LONGEST_HEADER = 1024  # bytes; those of `encode` have some 630
_SOF, _SOS, _DRI, _RST, _END = 0xC0, 0xDA, 0xDD, 0xD0, b"\xff\xd9"


class _Header(NamedTuple):
    """What comes before the entropy code."""

    length: int  # bytes
    size_at: int  # where the picture's height and width stand, two bytes each
    size: tuple[int, int]  # width, height in pixels
    group: tuple[int, int]  # width, height of a group of blocks in pixels
    interval: int  # groups between two restart markers; 0: there are none


def encode(picture: NDArray[np.uint8], quality: int) -> bytes:
    """A JPEG file that `window` can take a part of.

    Args:
        picture: (H, W, 3), RGB.
        quality: 1 to 100.
    """
    groups = -(-picture.shape[1] // (2 * _BLOCK))  # of four blocks of brightness and one of each colour
    settings = {
        cv2.IMWRITE_JPEG_QUALITY: quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
        cv2.IMWRITE_JPEG_RST_INTERVAL: max(size for size in range(1, _TILE + 1) if groups % size == 0),
    }
    flags = [number for pair in settings.items() for number in pair]
    return cv2.imencode(".jpg", picture[..., ::-1], flags)[1].tobytes()


def window(
    jpeg: NDArray[np.uint8], low: Sequence[float], high: Sequence[float]
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The JPEG file of a part of a picture. What was asked for decodes to the same values as in the whole picture.

    Args:
        jpeg: (T,) the bytes of the file.
        low, high: x, y of the first and the last pixel that are wanted, and more may be given; they may lie outside the
            picture, which gives what is nearest.

    Returns:
        A file, (T,) bytes, and the pixel x, y of the picture at its corner. The whole file and (0, 0) where it was not
        made by `encode`, or is damaged.
    """
    header = _header(jpeg[:_LONGEST_HEADER].tobytes())
    if header is None or not header.interval or jpeg[-2:].tobytes() != _END:
        return jpeg, (0, 0)
    across, down = (-(-size // group) for size, group in zip(header.size, header.group, strict=True))
    begins = _tiles(jpeg, header.length)
    if across % header.interval or len(begins) * header.interval != across * down:
        return jpeg, (0, 0)
    tile = (header.interval * header.group[0], header.group[1])
    counts = (across // header.interval, down)
    first = [min(max(int((a - _MARGIN) // t), 0), n - 1) for a, t, n in zip(low, tile, counts, strict=True)]
    last = [min(max(int((b + _MARGIN) // t), f), n - 1) for b, t, f, n in zip(high, tile, first, counts, strict=True)]
    left, top = first[0] * tile[0], first[1] * tile[1]
    right, bottom = (min((k + 1) * t, size) for k, t, size in zip(last, tile, header.size, strict=True))
    part = _spliced(jpeg, header.length, begins.reshape(counts[::-1]), first, last)
    part[header.size_at : header.size_at + 4] = np.frombuffer(
        (bottom - top).to_bytes(2, "big") + (right - left).to_bytes(2, "big"), np.uint8
    )
    return part, (left, top)


def _tiles(jpeg: NDArray[np.uint8], start: int) -> NDArray[np.int64]:
    """Where each tile's code begins. Inside the code, 0xff is followed by 0 or by a marker."""
    marks = start + np.flatnonzero(jpeg[start:-1] == 0xFF)
    marks = marks[(jpeg[marks + 1] & 0xF8) == _RST]
    return np.concatenate(([start], marks + 2))


def _spliced(
    jpeg: NDArray[np.uint8], header: int, begins: NDArray[np.int64], first: list[int], last: list[int]
) -> NDArray[np.uint8]:
    """A writable copy of the file with the tiles of some columns and rows alone, whose markers count anew."""
    ends = np.append(begins.ravel()[1:], len(jpeg)).reshape(begins.shape)  # behind the marker that follows
    columns, rows = slice(first[0], last[0] + 1), range(first[1], last[1] + 1)
    pieces = [jpeg[:header], *(jpeg[begins[row, first[0]] : ends[row, last[0]]] for row in rows)]
    part = np.concatenate(pieces)
    lengths = (ends - begins)[first[1] : last[1] + 1, columns].ravel()
    marks = header + np.cumsum(lengths) - 1  # the second byte of each tile's marker
    part[marks] = _RST + np.arange(len(marks)) % 8  # they count from 0 to 7, and on from 0
    part[marks[-1]] = _END[1]
    return part


def _header(content: bytes) -> _Header | None:
    """None where the picture is not of the plain, sequential kind, or its header is longer than `content`."""
    place, interval, size_at = 2, 0, 0
    size = group = (0, 0)
    while place + 4 <= len(content) and content[place] == 0xFF:
        kind, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        body, place = place + 4, place + 2 + length
        if place > len(content):
            return None
        if kind == _SOF and length > _BLOCK:
            size_at = body + 1
            size = (
                int.from_bytes(content[body + 3 : body + 5], "big"),
                int.from_bytes(content[body + 1 : body + 3], "big"),
            )
            factors = content[body + 7 : place : 3]
            group = (_BLOCK * max(f >> 4 for f in factors), _BLOCK * max(f & 15 for f in factors))
        elif kind == _DRI:
            interval = int.from_bytes(content[body : body + 2], "big")
        elif kind == _SOS:
            return _Header(place, size_at, size, group, interval) if min(*size, *group) > 0 else None
    return None
