"""The photograph: a person in front of a scene, behind things, through a lens, on a sensor, in a file."""

import cv2
import numpy as np

from maflab.data.synthetic.figure import Figure
from maflab.data.synthetic.occluders import occlude
from maflab.data.synthetic.recipe import Recipe
from maflab.data.synthetic.scenes import background

_GAMMA = (255 * np.linspace(0, 1, 2048) ** (1 / 2.2)).round().astype(np.uint8)  # linear light to sRGB


def compose(rng: np.random.Generator, figure: Figure, size: int, recipe: Recipe) -> np.ndarray:
    """(size, size, 3) uint8 RGB picture of the figure."""
    rows = np.flatnonzero(figure.mask.any(1))
    lowest = figure.top + float(rows[-1]) if len(rows) else float(size)
    picture = background(rng, size, lowest)
    person = np.zeros((size, size), np.uint8)
    height, width = figure.mask.shape
    window = np.s_[figure.top : figure.top + height, figure.left : figure.left + width]
    person[window] = figure.mask * np.uint8(255)
    _cast_shadow(rng, picture, person, lowest)
    picture[window] = _blend(rng, picture[window], figure)
    if rng.random() < recipe.occluded:
        occlude(rng, picture, person, int(rng.integers(1, 4)))
    return _expose(rng, picture)


def encode(picture: np.ndarray, quality: int) -> bytes:
    """The JPEG file of an RGB picture."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 0]
    done, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), flags)
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG: its build lacks the JPEG codec; reinstall opencv-python.")
    return data.tobytes()


def _blend(rng: np.random.Generator, behind: np.ndarray, figure: Figure) -> np.ndarray:
    """The person over the background with soft edges: colours are spread together with how much they cover."""
    levels = np.clip(figure.colour * (rng.uniform(0.85, 1.2) * (len(_GAMMA) - 1)), 0, len(_GAMMA) - 1)
    layers = np.zeros((*figure.mask.shape, 4), np.uint8)
    layers[figure.mask, :3] = _GAMMA[levels[figure.mask].astype(np.uint16)]
    layers[figure.mask, 3] = 255
    layers = cv2.GaussianBlur(layers, (0, 0), rng.uniform(0.45, 0.75))
    bare = cv2.cvtColor(255 - layers[..., 3], cv2.COLOR_GRAY2RGB)
    return cv2.add(cv2.multiply(np.ascontiguousarray(behind), bare, scale=1 / 255), layers[..., :3])


def _cast_shadow(rng: np.random.Generator, picture: np.ndarray, person: np.ndarray, lowest: float) -> None:
    """Darkens the ground under the person, and now and then the wall behind, in place."""
    size = len(picture)
    small = size // 4
    shadow = np.zeros((small, small), np.float32)
    if rng.random() < 0.7:
        columns = np.flatnonzero(person.any(0))
        if len(columns):
            middle, reach = columns.mean() / 4, max(np.ptp(columns) / 8, 2)
            centre, axes = (int(middle), int(lowest / 4)), (int(reach * 1.1), max(int(reach * 0.25), 1))
            cv2.ellipse(shadow, centre, axes, 0, 0, 360, rng.uniform(0.3, 0.8), -1)
    if rng.random() < 0.3:
        shape = cv2.resize(person, (small, small), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        shift = np.array([[1, rng.normal(0, 0.1), rng.normal(0, 6)], [0, 1, rng.uniform(-2, 4)]])
        shadow = np.maximum(shadow, rng.uniform(0.2, 0.5) * cv2.warpAffine(shape, shift, (small, small)))
    if shadow.any():
        soft = cv2.resize(cv2.GaussianBlur(shadow, (0, 0), rng.uniform(0.8, 2.5)), (size, size))
        np.copyto(picture, (picture * (1 - soft[..., None])).astype(np.uint8))


def _expose(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Exposure, contrast and tint by a table; blur; sensor noise."""
    levels = np.linspace(0, 1, 256)[:, None]
    contrast, offset, gamma = rng.uniform(0.8, 1.15), rng.uniform(-0.06, 0.08), rng.uniform(0.8, 1.25)
    tint = np.clip(rng.normal(1, 0.04, 3), 0.85, 1.15)
    table = 255 * np.clip((levels**gamma - 0.5) * contrast * tint + 0.5 + offset, 0, 1)
    picture = cv2.LUT(picture, table.astype(np.uint8)[None])
    if rng.random() < 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.2) * len(picture) / 256)
    if rng.random() < 0.06:
        length = int(rng.integers(3, 3 + max(2, len(picture) // 36)))
        kernel = np.zeros((length, length), np.float32)
        cv2.line(kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0)
        picture = cv2.filter2D(picture, -1, kernel / kernel.sum())
    if rng.random() < 0.6:
        grain = rng.standard_normal(picture.shape[:2], dtype=np.float32) * np.float32(rng.uniform(1, 9))
        picture = cv2.add(picture, cv2.merge([grain] * 3), dtype=cv2.CV_8U)
    return picture
