"""What a pack holds: its layout, the shape and type of every label, and the error that packs raise.

A pack is one HDF5 file of JPEG person crops with labels. Layout of format version 2, for N records (every
label is a data set at the root, chunked and uncompressed):

    attributes            format, name, split, licence, source, body, recipe (a JSON string)
    images/bytes (T,)     the JPEG files, one after the other
    images/offsets (N+1,) record i is bytes[offsets[i]:offsets[i + 1]]
    sequence_names (S,)   the names that the integers in `sequence` point at
    the labels            see `LABELS`

Version 1 had not the labels of `SINCE_VERSION_2`; a pack of it is read as if they were absent.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FORMAT = "maflab-pack"
FORMAT_VERSION = 2
READABLE_VERSIONS = (1, 2)

# Shape and type of each label of one record. Absent labels are zeros, or -1 where `ABSENT` says so, never NaN.
LABELS: dict[str, tuple[tuple[int, ...], str]] = {
    "center": ((2,), "<f4"),  # box centre, pixels of the stored picture
    "size": ((), "<f4"),  # box side, pixels of the stored picture
    "keypoints_2d": ((49, 3), "<f4"),  # SPIN49: x, y in pixels of the stored picture, confidence
    "joints_3d": ((24, 4), "<f4"),  # SPIN24: metres, camera axes, any origin, confidence
    "pose": ((72,), "<f4"),  # axis-angle of the 24 joints, the root's into the camera frame
    "betas": ((10,), "<f4"),
    "has_pose": ((), "|u1"),
    "has_betas": ((), "|u1"),
    "has_joints_3d": ((), "|u1"),
    "gender": ((), "|i1"),  # 0 male, 1 female, -1 neutral or unknown
    "camera": ((3,), "<f4"),  # (s, tx, ty) of the box as the normalised crop; s = 0: not known
    "sequence": ((), "<i4"),  # index in sequence_names
    "frame": ((), "<i8"),
    # x0, y0, scale: pixel p of the stored picture shows q of the source, p = (q - (x0, y0)) * scale; scale 0: unknown
    "source_crop": ((3,), "<f4"),
    "source_size": ((2,), "<f4"),  # width, height of the source picture, upright, in pixels; 0: unknown
    "focal": ((), "<f4"),  # focal length in pixels of the source picture; 0: unknown
    "annotation": ((), "<i8"),  # number of the person in the source's own labels; -1: none
    "image_id": ((), "<i8"),  # number of the source picture in the source's own labels; -1: none
}
ABSENT = {"gender": -1, "annotation": -1, "image_id": -1}
SINCE_VERSION_2 = ("source_crop", "source_size", "focal", "annotation", "image_id")
ATTRIBUTES = ("name", "split", "licence", "source", "body")


class PackError(Exception):
    """A pack that cannot be read or written; the message names the pack, the place and the remedy."""


class PackRecord(NamedTuple):
    """One record as stored: `writer.append(**record._asdict())` copies it into another pack."""

    jpeg: bytes
    center: NDArray[np.float32]  # (2,)
    size: float
    keypoints_2d: NDArray[np.float32]  # (49, 3)
    joints_3d: NDArray[np.float32]  # (24, 4)
    pose: NDArray[np.float32]  # (72,)
    betas: NDArray[np.float32]  # (10,)
    has_pose: bool
    has_betas: bool
    has_joints_3d: bool
    gender: int
    camera: NDArray[np.float32]  # (3,)
    sequence: str
    frame: int
    source_crop: NDArray[np.float32] = np.zeros(3, np.float32)
    source_size: NDArray[np.float32] = np.zeros(2, np.float32)
    focal: float = 0.0
    annotation: int = -1
    image_id: int = -1
