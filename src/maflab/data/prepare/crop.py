"""A person's part of a picture, small enough to decode quickly, with the labels moved into its pixels."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maflab.data.jpeg_window import encode
from maflab.data.prepare.pictures import Picture
from maflab.data.sources.person import Person


@dataclass(frozen=True)
class CropSettings:
    """How much of a picture is kept.

    Args:
        side: longest side of a stored picture in pixels.
        margin: how many box sides it shows, room for augmentation: a box enlarged by 25% and turned by 45 degrees
            spans 1.25 * sqrt(2) = 1.77 of its own sides, and the default leaves 1.5% of that at each edge.
        quality: of the JPEG, 1 to 100.
    """

    side: int = 384
    margin: float = 1.7
    quality: int = 90

    def __post_init__(self) -> None:
        if self.side < 32 or self.margin < 1 or not 1 <= self.quality <= 100:
            raise ValueError(
                f"crops need a side of at least 32 pixels, a margin of at least 1 and a quality of 1 to 100, not "
                f"{self.side}, {self.margin} and {self.quality}"
            )

    def scale(self, size: float) -> float:
        """Stored pixels for one of the source's, for a box of `size` source pixels; pictures are never enlarged."""
        return min(1.0, self.side / (self.margin * size))


def cut_record(person: Person, picture: Picture, settings: CropSettings) -> dict[str, Any]:
    """What `PackWriter.append` takes of a person whose box meets the picture and whose labels are finite."""
    scale = _scale(picture, person, settings)
    pixels, corner = _cut(picture, person, settings, scale)
    # Pixel centres are whole numbers on both sides: p + 1/2 = (q + 1/2 - corner) scale.
    origin = np.asarray(corner) - 0.5 + 0.5 / scale
    pose, betas = person.pose, person.betas
    joints = _zeroed(person.joints_3d, (24, 4))
    keypoints = _zeroed(person.keypoints_2d, (49, 3))
    keypoints[:, :2] = np.where(keypoints[:, 2:] > 0, (keypoints[:, :2] - origin) * scale, 0)
    return {
        "jpeg": encode(pixels, settings.quality),
        "center": (np.asarray(person.center, np.float64) - origin) * scale,
        "size": person.size * scale,
        "keypoints_2d": keypoints,
        "joints_3d": joints,
        "pose": np.zeros(72, np.float32) if pose is None else pose,
        "betas": np.zeros(10, np.float32) if betas is None else betas,
        "has_pose": pose is not None,
        "has_betas": betas is not None,
        "has_joints_3d": bool((joints[:, 3] > 0).any()),
        "gender": person.gender,
        "camera": np.zeros(3, np.float32) if person.camera is None else person.camera,
        "sequence": person.sequence,
        "frame": person.frame,
        "source_crop": np.array([*origin, scale], np.float32),
        "source_size": np.array([picture.width, picture.height], np.float32),
        "focal": person.focal,
        "annotation": person.annotation,
        "image_id": person.image_id,
    }


def _cut(
    picture: Picture, person: Person, settings: CropSettings, scale: float
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The pixels to store, and which corner of the source (x, y), between pixels, they begin at."""
    height, width = picture.pixels.shape[:2]
    half = settings.margin * person.size / 2
    low = np.floor((np.asarray(person.center) - half) / picture.reduction)
    high = np.ceil((np.asarray(person.center) + half + 1) / picture.reduction)
    factor = scale * picture.reduction
    least = math.ceil(1 / factor)  # that one pixel is stored of a box that hardly touches the picture
    left, top = (int(v) for v in low.clip(0, (width - least, height - least)))
    right, bottom = (int(v) for v in high.clip((left + least, top + least), (width, height)))
    pixels = picture.pixels[top:bottom, left:right]
    if factor < 1:
        # By factors, not by a size: OpenCV then keeps the exact scale, equal in both directions.
        resized = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        pixels = resized.astype(np.uint8, copy=False)
    return pixels, (left * picture.reduction, top * picture.reduction)


def _scale(picture: Picture, person: Person, settings: CropSettings) -> float:
    """The scale to store; a picture too narrow to give a pixel at the usual one is stored as it was decoded."""
    scale = settings.scale(person.size)
    return scale if min(picture.pixels.shape[:2]) * scale * picture.reduction >= 1 else 1 / picture.reduction


def _zeroed(points: NDArray[Any] | None, shape: tuple[int, int]) -> NDArray[np.float64]:
    """A copy in which what has no confidence is zeros, and no confidence negative; all zeros for None."""
    if points is None:
        return np.zeros(shape)
    return np.where(np.asarray(points)[:, -1:] > 0, points, 0).astype(np.float64)
