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


def fractal(rng: np.random.Generator, size: int, coarse: int = 3, octaves: int = 5, roughness: float = 0.6) -> np.ndarray:
    """(size, size) float32 noise of standard deviation near 1, each octave twice as fine and `roughness` as strong."""
    total, power, strength = np.zeros((size, size), np.float32), 0.0, 1.0
    for octave in range(octaves):
        cells = min(coarse * 2**octave, size)
        total += strength * upsample(rng.standard_normal((cells, cells), dtype=np.float32), size)
        power += 0.5 * strength**2
        strength *= roughness
    return total / np.float32(np.sqrt(power))


def patch(rng: np.random.Generator, size: int, colours: np.ndarray) -> np.ndarray:
    """(size, size, 3) float32 of some material: plain, striped, chequered, mottled; slightly uneven."""
    first, second = colours[rng.integers(len(colours))], colours[rng.integers(len(colours))]
    kind = rng.integers(4)
    if kind == 0:
        share = np.zeros((size, size), np.float32)
    elif kind == 3:
        share = np.clip(0.5 + fractal(rng, size, 4, 4, 0.7), 0, 1)
    else:
        y, x = np.mgrid[0:size, 0:size].astype(np.float32)
        turn, period = rng.uniform(0, np.pi), rng.uniform(0.04, 0.2) * size
        along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        share = (along % period < 0.5 * period).astype(np.float32)
        if kind == 2:
            share = np.abs(share - (across % period < 0.5 * period))
    uneven = 1 + rng.uniform(0.02, 0.15) * upsample(rng.standard_normal((4, 4), dtype=np.float32), size)
    return (first + share[..., None] * (second - first)) * uneven[..., None]
