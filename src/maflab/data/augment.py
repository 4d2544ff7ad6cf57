"""Augmentation of a labelled crop: where the crop is taken from, and how it looks.

Both are drawn from a random generator that the caller gives, so a sample can be made again. The published settings
(Kolotouros et al., SPIN, ICCV 2019, section 4; kept by PyMAF) are the defaults.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maflab.body.joints import SMPL24, SPIN24, SPIN49
from maflab.geometry.crops import crop_affine

if TYPE_CHECKING:
    from albumentations import BasicTransform

# Importing albumentations asks the network for a newer version unless told otherwise.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

_FLIP_49 = np.array(SPIN49.flip)
_FLIP_24 = np.array(SPIN24.flip)
_FLIP_SMPL = np.array(SMPL24.flip)


class Placement(NamedTuple):
    """How a crop is taken from its picture, and what that does to the labels.

    The picture is mirrored about the box's centre first, then turned about it. Both are exact for the crop's camera,
    whose axis passes through the crop's centre; scale and shift change the camera only.
    """

    flip: bool = False
    rotation: float = 0.0  # degrees that the content turns, from x (right) towards y (down)
    scale: float = 1.0  # factor on the box's side: above 1 the person gets smaller
    shift: tuple[float, float] = (0.0, 0.0)  # of the box's centre, in box sides, right and down in the picture

    def affine(self, center: NDArray[np.floating], side: float, resolution: int) -> NDArray[np.float64]:
        """The map (2, 3) from the picture's pixels to the crop's, for a box of `center` (2,) and `side` pixels."""
        middle = np.asarray(center, np.float64) + side * np.asarray(self.shift)
        matrix = crop_affine(middle, side * self.scale, resolution, self.rotation)
        if self.flip:
            matrix[:, 2] += 2 * middle[0] * matrix[:, 0]
            matrix[:, 0] *= -1
        return matrix

    def keypoints(self, keypoints: NDArray[np.floating], affine: NDArray[np.floating]) -> NDArray[np.floating]:
        """SPIN49 key points (49, 3) in the crop's pixels, from the picture's; the confidence stays theirs."""
        moved = np.concatenate((keypoints[:, :2] @ affine[:, :2].T + affine[:, 2], keypoints[:, 2:]), axis=1)
        return moved[_FLIP_49] if self.flip else moved

    def joints(self, joints: NDArray[np.floating]) -> NDArray[np.floating]:
        """SPIN24 joints (24, 4) in camera axes; mirrored and turned about their origin."""
        points, confidence = joints[:, :3], joints[:, 3:]
        if self.flip:
            points, confidence = (points * (-1, 1, 1))[_FLIP_24], confidence[_FLIP_24]
        return np.concatenate((points @ self._about_z().T, confidence), axis=1)

    def rotations(self, pose: NDArray[np.floating]) -> NDArray[np.float64]:
        """Rotation matrices (24, 3, 3) of a pose (72,) in axis-angle, mirrored and turned.

        Mirroring about the plane x = 0 keeps the x component of an axis-angle vector and negates the others.
        """
        vectors = pose.reshape(24, 3)
        if self.flip:
            vectors = vectors[_FLIP_SMPL] * (1, -1, -1)
        matrices = Rotation.from_rotvec(vectors).as_matrix()
        matrices[0] = self._about_z() @ matrices[0]
        return matrices

    def _about_z(self) -> NDArray[np.float64]:
        angle = np.deg2rad(self.rotation)
        return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])


@dataclass(frozen=True)
class GeometricAugmentation:
    """Draws placements.

    Args:
        flip: probability of mirroring.
        rotation_probability: how often a sample is turned.
        rotation_std, rotation_limit: degrees; N(0, std) clipped at +-limit.
        scale_std, scale_limit: the box's side is multiplied by N(1, std) clipped at 1 +- limit.
        shift: the box's centre moves uniformly within +- this part of its side (0 as published).
    """

    flip: float = 0.5
    rotation_probability: float = 0.4
    rotation_std: float = 30.0
    rotation_limit: float = 60.0
    scale_std: float = 0.25
    scale_limit: float = 0.25
    shift: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.scale_limit < 1:
            raise ValueError(f"scale_limit must be in [0, 1), not {self.scale_limit}")

    def draw(self, rng: np.random.Generator) -> Placement:
        """One placement; always takes the same numbers from `rng`, whatever the settings."""
        flip, turn = rng.random(2)
        angle, scale = rng.standard_normal(2) * (self.rotation_std, self.scale_std)
        right, down = rng.uniform(-1, 1, 2) * self.shift
        return Placement(
            flip=bool(flip < self.flip),
            rotation=_limited(float(angle), self.rotation_limit) if turn < self.rotation_probability else 0.0,
            scale=1 + _limited(float(scale), self.scale_limit),
            shift=(float(right), float(down)),
        )


@dataclass
class Augmentation:
    """What training does to a crop: its placement, then its look.

    Args:
        geometry: draws placements; None leaves every crop in place.
        channel_noise: each colour channel is multiplied by U(1 - noise, 1 + noise), then clipped.
        appearance: albumentations transforms that change pixels only (colour, blur, noise, cut-out), applied in
            order to the RGB crop; a list, or by names of one's own, of which those that are None are left out.
    """

    geometry: GeometricAugmentation | None = field(default_factory=GeometricAugmentation)
    channel_noise: float = 0.4
    appearance: "Sequence[BasicTransform] | Mapping[str, BasicTransform | None]" = ()

    def __post_init__(self) -> None:
        self._compose = None
        steps = self.appearance.values() if isinstance(self.appearance, Mapping) else self.appearance
        if steps := [step for step in steps if step is not None]:
            import albumentations  # half a second that only those who use it pay

            moving = [type(step).__name__ for step in steps if _moves_pixels(step)]
            if moving:
                raise ValueError(
                    f"{', '.join(moving)} would move pixels and leave the labels behind; "
                    "use `geometry` for flips, rotation, scale and shift."
                )
            self._compose = albumentations.Compose(steps)

    def placement(self, rng: np.random.Generator) -> Placement:
        """Where this sample's crop is taken from."""
        return Placement() if self.geometry is None else self.geometry.draw(rng)

    def gains(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Factors (3,) on the RGB channels."""
        return rng.uniform(1 - self.channel_noise, 1 + self.channel_noise, 3)

    def change_look(self, crop: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """The RGB crop (H, W, 3) after the appearance transforms."""
        if self._compose is None:
            return crop
        self._compose.set_random_seed(int(rng.integers(1 << 32)))
        return self._compose(image=crop)["image"]


def _limited(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)


def _moves_pixels(transform: "BasicTransform") -> bool:
    from albumentations import DualTransform
    from albumentations.augmentations.dropout.transforms import BaseDropout

    return isinstance(transform, DualTransform) and not isinstance(transform, BaseDropout)
