"""What people look like at random: tones of skin and hair, cuts and cloths of what they wear.

Colours are linear-light RGB in [0, 1]. Nothing here is fitted to anybody: palettes are broad on purpose.
"""

import colorsys
from typing import NamedTuple

import numpy as np

# sRGB anchors from dark to light; a person's tone lies between two neighbours.
_SKIN_TONES = np.array(
    [[62, 40, 30], [92, 60, 44], [128, 84, 60], [164, 112, 80], [198, 146, 112], [222, 176, 144], [238, 202, 176]]
)
_HAIR_TONES = np.array(
    [[18, 15, 14], [32, 24, 20], [60, 40, 26], [92, 62, 36], [140, 100, 56], [188, 152, 96], [120, 56, 30],
     [130, 128, 126], [204, 202, 198]]
)  # fmt: skip
_CLOTH_TONES = np.array(
    [[20, 20, 24], [44, 46, 52], [96, 98, 102], [168, 168, 168], [232, 232, 228], [30, 40, 72], [52, 78, 118],
     [106, 132, 164], [196, 180, 146], [110, 86, 62], [74, 84, 56], [124, 30, 36]]
)  # fmt: skip


class Cloth(NamedTuple):
    """Two colours and how they alternate."""

    main: np.ndarray  # (3,)
    second: np.ndarray  # (3,)
    pattern: str
    period: float  # metres
    phase: np.ndarray  # (6,)
    folds: float  # strength of the wrinkles in the shading


class Outfit(NamedTuple):
    """One person's looks."""

    skin: np.ndarray
    lips: np.ndarray
    hair: np.ndarray
    hair_line: float  # where on the skull the hair begins; large: bald
    hair_length: float  # 0 short, 1 to the neck, 2 to the shoulder blades
    beard: bool
    top: Cloth
    bottom: Cloth
    shoe: np.ndarray
    sole: np.ndarray
    sock: np.ndarray
    sleeve: float  # arm coordinate where the sleeve ends
    leg_end: float  # leg coordinate where the trousers end
    hem: float  # metres above the pelvis where the top ends
    shoe_end: float  # leg coordinate where shoe or boot begins
    sock_end: float
    neckline: float  # metres below the neck's joint
    opening: float  # half width in metres of an open jacket; 0: closed
    inner: np.ndarray  # what the opening shows
    thickness: np.ndarray  # (5,) metres each material of `paint` stands off the skin


def linear(colour: np.ndarray) -> np.ndarray:
    """Linear light of sRGB values in [0, 255] (gamma 2.2 in place of the exact curve)."""
    return (np.asarray(colour, np.float32) / 255.0) ** 2.2


def sample_outfit(rng: np.random.Generator) -> Outfit:
    """A person's looks at random."""
    tone = rng.uniform(0, len(_SKIN_TONES) - 1.001)
    low = int(tone)
    skin = _SKIN_TONES[low] + (tone - low) * (_SKIN_TONES[low + 1] - _SKIN_TONES[low]) + rng.normal(0, 6, 3)
    hair = _HAIR_TONES[rng.integers(len(_HAIR_TONES))] * rng.uniform(0.8, 1.15)
    if rng.random() < 0.08:  # a cap, a headscarf or dyed hair
        hair = _random_colour(rng)
    top, bottom = _cloth(rng, plain=0.45), _cloth(rng, plain=0.75)
    if rng.random() < 0.08:  # overalls, suits, sportswear of one cloth
        bottom = top
    leg_end = rng.choice([1.93, 1.55, 0.85, 0.6, 0.25], p=[0.6, 0.05, 0.15, 0.12, 0.08]) + rng.uniform(-0.1, 0.05)
    return Outfit(
        skin=linear(np.clip(skin, 12, 250)),
        lips=linear(np.clip(skin * (0.82, 0.58, 0.58), 12, 250)),
        hair=linear(np.clip(hair, 8, 250)),
        hair_line=rng.uniform(0.2, 0.4) if rng.random() > 0.06 else 9.0,
        hair_length=rng.choice([rng.uniform(0, 0.5), rng.uniform(0.8, 1.2), rng.uniform(1.5, 2.2)], p=[0.6, 0.2, 0.2]),
        beard=bool(rng.random() < 0.14),
        top=top,
        bottom=bottom,
        shoe=linear(_random_colour(rng)),
        sole=linear(rng.choice([30, 120, 225]) * np.ones(3)),
        sock=linear(rng.choice([35, 140, 230]) * np.ones(3)),
        sleeve=rng.choice([1.92, 1.3, 0.62, 0.05], p=[0.42, 0.08, 0.4, 0.1]) + rng.uniform(-0.12, 0.05),
        leg_end=leg_end,
        hem=rng.uniform(-0.16, 0.05),
        shoe_end=rng.choice([1.97, 1.7, 3.2], p=[0.78, 0.14, 0.08]),
        sock_end=rng.choice([1.88, 1.5, 3.0], p=[0.4, 0.2, 0.4]),
        neckline=rng.choice([0.0, 0.05, 0.14], p=[0.5, 0.3, 0.2]),
        opening=rng.uniform(0.02, 0.075) if rng.random() < 0.2 else 0.0,
        inner=linear(_random_colour(rng)),
        thickness=np.array(
            [0.0, rng.uniform(0.002, 0.022), rng.uniform(0.003, 0.02), 0.008, rng.uniform(0.004, 0.03)], np.float32
        ),
    )


def _cloth(rng: np.random.Generator, plain: float) -> Cloth:
    patterns = ("stripes", "pinstripes", "checks", "plaid", "dots", "camouflage", "print", "blocks")
    pattern = "plain" if rng.random() < plain else patterns[rng.integers(len(patterns))]
    colours = linear(_random_colour(rng)), linear(_random_colour(rng))
    return Cloth(*colours, pattern, float(rng.uniform(0.05, 0.16)), rng.random(6), float(rng.uniform(0.05, 0.35)))


def _random_colour(rng: np.random.Generator) -> np.ndarray:
    """An sRGB colour (3,) of cloth: mostly the muted ones that people wear."""
    if rng.random() < 0.62:
        return np.clip(_CLOTH_TONES[rng.integers(len(_CLOTH_TONES))] + rng.normal(0, 10, 3), 8, 245)
    hue, saturation, value = rng.random(), rng.uniform(0.25, 0.9), rng.uniform(0.25, 0.95)
    return 255 * np.array(colorsys.hsv_to_rgb(hue, saturation, value))
