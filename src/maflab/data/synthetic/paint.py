"""Which material is where on a dressed person, and of what colour: a function of the body's coordinates."""

import numpy as np

from maflab.data.synthetic.chart import Chart, Rows
from maflab.data.synthetic.people import Cloth, Outfit

SKIN, BOTTOM, TOP, SHOE, HAIR = range(5)


def materials(outfit: Outfit, chart: Chart, rows: Rows) -> np.ndarray:
    """(N,) uint8 materials of N points on the body; what is worn over something else wins."""
    x, y, z = rows.place.T
    material = np.zeros(len(rows.arm), np.uint8)
    on_arm = rows.arm >= 0
    material[(y < outfit.hem + 0.12) & ~on_arm & (rows.leg < outfit.leg_end)] = BOTTOM
    # A neckline that drops in front: a point is bare above a V that opens upwards.
    low = chart.neck - outfit.neckline - 0.01
    bare = ((z > 0) & (np.abs(x) < 0.75 * (y - low))) | (rows.head > 0.5)
    material[np.where(on_arm, rows.arm < outfit.sleeve, (y > outfit.hem) & ~bare)] = TOP
    material[(rows.leg > outfit.shoe_end) | ((rows.foot > 0.6) & (outfit.shoe_end < 3))] = SHOE
    if outfit.hair_line < 5:
        material[_scalp(outfit, rows)] = HAIR
    return material


def colours(outfit: Outfit, chart: Chart, rows: Rows, material: np.ndarray) -> np.ndarray:
    """(N, 3) float32 linear RGB of N points of given materials."""
    plain = np.stack([outfit.skin, outfit.bottom.main, outfit.top.main, outfit.shoe, outfit.hair])
    colour = plain.astype(np.float32)[material]
    colour[(material == SKIN) & (rows.leg > outfit.sock_end)] = outfit.sock
    colour[(material == SHOE) & (rows.leg > 2.75)] = outfit.sole
    x, y, z = rows.place.T
    if outfit.bottom.pattern != "plain":
        at = np.flatnonzero(material == BOTTOM)
        colour[at] = woven(outfit.bottom, x[at], y[at], z[at])
    if outfit.top.pattern != "plain":
        at = np.flatnonzero(material == TOP)
        on_arm = rows.arm[at] >= 0
        across, along = np.where(on_arm, y[at], x[at]), np.where(on_arm, np.abs(x[at]), y[at])
        colour[at] = woven(outfit.top, across, along, z[at])
    if outfit.opening:
        colour[(material == TOP) & (rows.arm < 0) & (z > 0) & (np.abs(x) < outfit.opening)] = outfit.inner
    face = np.flatnonzero((material == SKIN) & (rows.head > 0.3) & (rows.skull[:, 2] > 0.1))
    colour[face] = _face(outfit, chart, rows.skull[face], colour[face])
    hair = np.flatnonzero(material == HAIR)
    across, up, _ = rows.skull[hair].T
    colour[hair] *= (1 + 0.25 * np.sin(22 * across + 5 * np.sin(6 * up)))[:, None]
    return colour


def _scalp(outfit: Outfit, rows: Rows) -> np.ndarray:
    """(N,) bool: hair, down to where its length lets it hang."""
    x, y, z = rows.skull.T
    scalp = (0.82 * y - 0.57 * z > outfit.hair_line) & (rows.head > 0.5)
    if outfit.hair_length > 0.7:
        scalp |= (z < 0.0) & (y > -1.4) & (rows.head > 0.3)
    if outfit.hair_length > 1.4:
        scalp |= (z < -0.1) & (np.abs(x) < 1.5) & (y > -1.8 * outfit.hair_length) & (rows.arm < 0)
    return scalp


def _face(outfit: Outfit, chart: Chart, skull: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """(N, 3) colours of the face: sockets, eyes, brows, lips, a beard."""
    x, y, _ = skull.T
    apart, level = np.abs(chart.eyes[:, 0]).mean(), chart.eyes[:, 1].mean()
    sideways, upwards = np.abs(x) - apart, y - level
    socket = np.exp(-((sideways / 0.3) ** 2) - (upwards / 0.2) ** 2)
    colour = colour * (1 - 0.45 * socket)[:, None]
    lips = (x / 0.36) ** 2 + ((y - chart.mouth[1]) / 0.1) ** 2 < 1
    if outfit.beard:
        jaw = (y < chart.mouth[1] + 0.3) & (y > chart.mouth[1] - 0.9)
        colour[jaw] = 0.75 * outfit.hair + 0.25 * colour[jaw]
    colour[lips] = outfit.lips
    colour[(np.abs(sideways) < 0.27) & (np.abs(upwards - 0.27) < 0.07)] = 0.6 * outfit.hair + 0.1 * outfit.skin
    colour[(sideways / 0.17) ** 2 + (upwards / 0.1) ** 2 < 1] = 0.6
    colour[(sideways / 0.09) ** 2 + (upwards / 0.1) ** 2 < 1] = 0.01
    return colour.astype(np.float32)


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
