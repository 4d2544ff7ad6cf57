"""Cheap random textures and palettes: everything is drawn small and upsampled."""

import colorsys

import cv2
import numpy as np


def palette(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 3) float32 sRGB colours in [0, 255] that go together: one or two hues, varied brightness."""
    hues = (rng.random() + np.where(rng.random(count) < 0.25, rng.uniform(0.2, 0.8), rng.normal(0, 0.06, count))) % 1.0
    saturation = np.clip(rng.beta(1.4, 2.6) + rng.normal(0, 0.1, count), 0, 1)
    value = np.clip(rng.uniform(0.2, 0.9) + rng.normal(0, 0.22, count), 0.05, 1.0)
    colours = [colorsys.hsv_to_rgb(*each) for each in zip(hues, saturation, value, strict=True)]
    return (255 * np.array(colours)).astype(np.float32)


def upsample(small: np.ndarray, size: int, smooth: bool = True) -> np.ndarray:
    """A small picture (h, w[, 3]) stretched to (size, size[, 3])."""
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC if smooth else cv2.INTER_NEAREST)


def gradient(rng: np.random.Generator, size: int, colours: np.ndarray) -> np.ndarray:
    """(size, size, 3) float32: colours of a palette flowing into each other."""
    grid = colours[rng.integers(len(colours), size=(rng.integers(2, 4), rng.integers(2, 4)))]
    return upsample(np.ascontiguousarray(grid), size)


def fractal(
    rng: np.random.Generator, size: int, coarse: int = 3, octaves: int = 5, roughness: float = 0.6
) -> np.ndarray:
    """(size, size) float32 noise of standard deviation near 1, each octave twice as fine and `roughness` as strong."""
    total, power, strength = np.zeros((1, 1), np.float32), 0.0, 1.0
    for octave in range(octaves):
        cells = min(coarse * 2**octave, size)
        # Coarse octaves are stretched step by step, together.
        total = upsample(total, cells) + np.float32(strength) * rng.standard_normal((cells, cells), dtype=np.float32)
        power += 0.7 * strength**2
        strength *= roughness
    return upsample(total, size) / np.float32(np.sqrt(power))


def patch(rng: np.random.Generator, size: int, colours: np.ndarray) -> np.ndarray:
    """(size, size, 3) uint8 of some material: plain, striped, chequered, mottled; slightly uneven."""
    first, second = colours[rng.integers(len(colours))], colours[rng.integers(len(colours))]
    kind = rng.integers(4)
    uneven = 1 + rng.uniform(0.02, 0.15) * rng.standard_normal((4, 4, 1), dtype=np.float32)
    if kind == 0:
        return upsample(_bytes(first * uneven), size)
    if kind == 3:
        share = np.clip(0.5 + fractal(rng, size // 2, 4, 4, 0.7), 0, 1)[..., None]
        return upsample(_bytes(first + share * (second - first)), size)
    tile = np.full((8, 8, 3), first, np.float32)
    tile[:4] = second
    if kind == 2:
        tile[:, 4:] = tile[::-1, 4:]
    # One period of the pattern, turned and stretched over the whole picture.
    scale, turn = 8 / (rng.uniform(0.04, 0.2) * size), rng.uniform(0, np.pi)
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    place = np.array([[cosine, sine, rng.uniform(0, 8)], [-sine, cosine, rng.uniform(0, 8)]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    woven = cv2.warpAffine(_bytes(tile), place, (size, size), flags=flags, borderMode=cv2.BORDER_WRAP)
    return cv2.multiply(woven, upsample(_bytes(np.repeat(200 * uneven, 3, 2)), size), scale=1 / 200)


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, 255).astype(np.uint8)
