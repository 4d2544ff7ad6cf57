"""What people wear: skin, hair, clothes with patterns, and a face, as colours of points on the body.

Colours are linear-light RGB in [0, 1]. Nothing here is fitted to anybody: palettes are broad on purpose.
"""

import colorsys
from typing import NamedTuple

import numpy as np

from maflab.data.synthetic.chart import Chart, Rows

SKIN, BOTTOM, TOP, SHOE, HAIR, EYE = range(6)

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
    thickness: np.ndarray  # (6,) metres each material stands off the skin


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
            [0.0, rng.uniform(0.002, 0.022), rng.uniform(0.003, 0.02), 0.008, rng.uniform(0.004, 0.03), 0.0], np.float32
        ),
    )


def paint(outfit: Outfit, chart: Chart, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Colours (N, 3) float32 linear RGB and materials (N,) uint8 of N points on the body."""
    material = np.zeros(len(rows.arm), np.uint8)
    colour = np.broadcast_to(outfit.skin, (len(material), 3)).copy()
    _paint_bottom(outfit, rows, colour, material)
    _paint_top(outfit, chart, rows, colour, material)
    _paint_shoes(outfit, rows, colour, material)
    upper = np.flatnonzero((rows.head > 0.3) | (rows.skull[:, 1] > -4.5))
    part = Rows(*(column[upper] for column in rows))
    some_colour, some_material = colour[upper], material[upper]
    _paint_face(outfit, chart, part, some_colour, some_material)
    _paint_hair(outfit, part, some_colour, some_material)
    colour[upper], material[upper] = some_colour, some_material
    return colour, material


def _paint_bottom(outfit: Outfit, rows: Rows, colour: np.ndarray, material: np.ndarray) -> None:
    height = rows.place[:, 1]
    chosen = np.flatnonzero((height < outfit.hem + 0.12) & (rows.arm < 0) & (rows.leg < outfit.leg_end))
    colour[chosen] = woven(outfit.bottom, rows.place[chosen, 0], height[chosen], rows.place[chosen, 2])
    material[chosen] = BOTTOM


def _paint_top(outfit: Outfit, chart: Chart, rows: Rows, colour: np.ndarray, material: np.ndarray) -> None:
    x, y, z = rows.place.T
    low = chart.neck - outfit.neckline - 0.01
    # A neckline that drops in front: a point is bare above a V that opens upwards.
    bare = (z > 0) & (np.abs(x) < 0.75 * (y - low)) | (rows.head > 0.5)
    worn = np.where(rows.arm >= 0, rows.arm < outfit.sleeve, (y > outfit.hem) & ~bare)
    chosen = np.flatnonzero(worn)
    on_arm = rows.arm[chosen] >= 0
    across = np.where(on_arm, y[chosen], x[chosen])
    along = np.where(on_arm, np.abs(x[chosen]), y[chosen])
    cloth = woven(outfit.top, across, along, z[chosen])
    if outfit.opening:
        cloth[(z[chosen] > 0) & (np.abs(x[chosen]) < outfit.opening) & ~on_arm] = outfit.inner
    colour[chosen] = cloth
    material[chosen] = TOP


def _paint_shoes(outfit: Outfit, rows: Rows, colour: np.ndarray, material: np.ndarray) -> None:
    bare_leg = material == SKIN
    colour[bare_leg & (rows.leg > outfit.sock_end)] = outfit.sock
    shod = (rows.leg > outfit.shoe_end) | ((rows.foot > 0.6) & (outfit.shoe_end < 3))
    colour[shod] = outfit.shoe
    colour[shod & (rows.leg > 2.75)] = outfit.sole
    material[shod] = SHOE


def _paint_face(outfit: Outfit, chart: Chart, rows: Rows, colour: np.ndarray, material: np.ndarray) -> None:
    x, y, z = rows.skull.T
    front = (z > 0.1) & (rows.head > 0.3)
    apart, level = np.abs(chart.eyes[:, 0]).mean(), chart.eyes[:, 1].mean()
    sideways, upwards = np.abs(x) - apart, y - level
    socket = np.exp(-((sideways / 0.3) ** 2) - (upwards / 0.2) ** 2) * front
    colour *= (1 - 0.45 * socket)[:, None]
    colour[front & ((sideways / 0.17) ** 2 + (upwards / 0.1) ** 2 < 1)] = 0.6
    colour[front & ((sideways / 0.09) ** 2 + (upwards / 0.1) ** 2 < 1)] = 0.01
    brow = front & (np.abs(sideways) < 0.27) & (np.abs(upwards - 0.27) < 0.07)
    colour[brow] = 0.6 * outfit.hair + 0.1 * outfit.skin
    lips = front & ((x / 0.36) ** 2 + ((y - chart.mouth[1]) / 0.1) ** 2 < 1)
    colour[lips] = outfit.lips
    if outfit.beard:
        jaw = front & (y < chart.mouth[1] + 0.3) & (y > chart.mouth[1] - 0.9) & ~lips
        colour[jaw] = 0.75 * outfit.hair + 0.25 * colour[jaw]
    material[front & (socket > 0.85)] = EYE


def _paint_hair(outfit: Outfit, rows: Rows, colour: np.ndarray, material: np.ndarray) -> None:
    if outfit.hair_line > 5:
        return
    x, y, z = rows.skull.T
    scalp = (0.82 * y - 0.57 * z > outfit.hair_line) & (rows.head > 0.5)
    if outfit.hair_length > 0.7:
        scalp |= (z < 0.0) & (y > -1.4) & (rows.head > 0.3)
    if outfit.hair_length > 1.4:
        scalp |= (z < -0.1) & (np.abs(x) < 1.5) & (y > -1.8 * outfit.hair_length) & (rows.arm < 0)
    strands = 1 + 0.25 * np.sin(22 * x + 5 * np.sin(6 * y))
    colour[scalp] = outfit.hair * strands[scalp, None]
    material[scalp] = HAIR


def woven(cloth: Cloth, across: np.ndarray, along: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Colours (N, 3) of cloth at places (N,) across, along and through the body, metres."""
    u, v = across / cloth.period + cloth.phase[0], along / cloth.period + cloth.phase[1]
    if cloth.pattern == "stripes":
        share = (v % 1.0 < 0.2 + 0.4 * cloth.phase[2]).astype(np.float32)
    elif cloth.pattern == "pinstripes":
        share = (u % 1.0 < 0.15 + 0.35 * cloth.phase[2]).astype(np.float32)
    elif cloth.pattern == "checks":
        share = ((np.floor(u) + np.floor(v)) % 2).astype(np.float32)
    elif cloth.pattern == "plaid":
        share = 0.5 * (u % 1.0 < 0.35) + 0.5 * (v % 1.0 < 0.35)
    elif cloth.pattern == "dots":
        share = ((u % 1.0 - 0.5) ** 2 + (v % 1.0 - 0.5) ** 2 < 0.09).astype(np.float32)
    elif cloth.pattern == "camouflage":
        w = depth / cloth.period
        wave = np.sin(3 * u + 2 * np.sin(2 * v + w)) + np.sin(2.6 * v - 2 * np.sin(1.7 * u - w))
        share = (wave > 0.3) + 0.5 * (np.abs(wave) < 0.3)
    elif cloth.pattern == "print":
        inside = (depth > 0) & (np.abs(across) < 0.1) & (np.abs(along - 0.3) < 0.05 + 0.07 * cloth.phase[2])
        share = inside.astype(np.float32)
    elif cloth.pattern == "blocks":
        share = (along > 0.16 + 0.15 * cloth.phase[2]).astype(np.float32)
    else:
        share = np.zeros_like(u)
    return (cloth.main + share[:, None].astype(np.float32) * (cloth.second - cloth.main)).astype(np.float32)


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
