"""Backgrounds: rooms, streets, fields, clutter. Pictures are (size, size, 3) RGB."""

from collections.abc import Callable

import cv2
import numpy as np

from maflab.data.synthetic.textures import fractal, gradient, palette, patch, upsample

Painter = Callable[[np.random.Generator, int, float], np.ndarray]


def background(rng: np.random.Generator, size: int, ground: float) -> np.ndarray:
    """A random background, uint8; `ground` is the height (pixels from the top) where the person's lowest point is."""
    painters, weights = zip(*_PAINTERS, strict=True)
    painter = painters[rng.choice(len(painters), p=np.array(weights) / sum(weights))]
    picture = painter(rng, size, ground)
    uneven = 128 * (1 + rng.uniform(0.02, 0.12) * fractal(rng, size, 3, 6, 0.75))
    picture = cv2.multiply(_to_bytes(picture), cv2.cvtColor(_to_bytes(uneven), cv2.COLOR_GRAY2RGB), scale=1 / 128)
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 3.5) * size / 256)
    return picture


def _room(rng: np.random.Generator, size: int, ground: float) -> np.ndarray:
    """A wall with things on it, a floor in perspective, a skirting board, furniture."""
    colours = palette(rng, 6)
    picture = gradient(rng, size, colours[:3])
    if rng.random() < 0.5:
        picture = patch(rng, size, colours[:2]).astype(np.float32)
    edge = int(np.clip(ground - rng.uniform(0.02, 0.35) * size, 0.3 * size, 1.1 * size))
    for _ in range(rng.integers(0, 5)):
        _framed(rng, picture, colours, edge)
    if edge < size:
        _floor(rng, picture, colours[3:], edge)
        thick = int(rng.integers(1, 1 + max(2, size // 40)))
        cv2.line(picture, (0, edge), (size, edge), colours[rng.integers(6)].tolist(), thick)
    for _ in range(rng.integers(0, 4)):
        _furniture(rng, picture, colours, edge)
    return picture


def _floor(rng: np.random.Generator, picture: np.ndarray, colours: np.ndarray, edge: int) -> None:
    size = len(picture)
    first, second = colours[0], colours[1]
    rows = np.arange(edge, size, dtype=np.float32)[:, None]
    distance = size / (rows - edge + 0.06 * size)
    x = (np.arange(size, dtype=np.float32)[None] - size * rng.uniform(-0.2, 1.2)) * distance / size
    kind, tiles = rng.integers(4), rng.uniform(2, 6)
    if kind == 0:
        share = np.zeros_like(x + rows)
    elif kind == 1:  # planks
        share = ((x * tiles) % 1.0 < 0.06).astype(np.float32) + 0.2 * np.sin(np.floor(x * tiles) * 12.9)
    elif kind == 2:  # tiles
        share = ((np.floor(x * tiles) + np.floor(distance * tiles)) % 2) * np.ones_like(x)
    else:
        share = fractal(rng, size, 8, 4, 0.9)[edge:] * 0.4
    shade = np.clip(1.05 - 0.02 * distance, 0.6, 1.1)[..., None]
    picture[edge:] = (first + share[..., None] * (0.6 * second - 0.6 * first)) * shade


def _framed(rng: np.random.Generator, picture: np.ndarray, colours: np.ndarray, edge: int) -> None:
    """A window, a picture, a shelf or a door on the wall."""
    size = len(picture)
    width, height = int(rng.uniform(0.08, 0.4) * size), int(rng.uniform(0.08, 0.5) * size)
    x, y = int(rng.uniform(-0.2, 0.95) * size), int(rng.uniform(-0.1, 0.7) * size)
    if rng.random() < 0.25:
        y, height = max(edge - int(0.8 * size), 0), int(0.8 * size)
    inside = palette(rng, 3)
    top, left = max(y, 0), max(x, 0)
    view = picture[top : max(y + height, 0), left : max(x + width, 0)]
    if view.size:
        content = patch(rng, 32, inside) if rng.random() < 0.5 else gradient(rng, 32, inside)
        view[:] = cv2.resize(content, (view.shape[1], view.shape[0]))
    frame = colours[rng.integers(len(colours))].tolist()
    cv2.rectangle(picture, (x, y), (x + width, y + height), frame, int(rng.integers(1, 2 + size // 50)), cv2.LINE_AA)
    if rng.random() < 0.4:
        for k in range(1, rng.integers(2, 5)):
            at = y + k * height // 4
            cv2.line(picture, (x, at), (x + width, at), frame, 1 + size // 128)


def _furniture(rng: np.random.Generator, picture: np.ndarray, colours: np.ndarray, edge: int) -> None:
    """A box with a lit front, a darker side and a lighter top, standing on the floor."""
    size = len(picture)
    width, height, depth = (rng.uniform(0.1, 0.45) * size, rng.uniform(0.1, 0.5) * size, rng.uniform(0.03, 0.15) * size)
    x, base = rng.uniform(-0.15, 0.95) * size, edge + rng.uniform(0.0, 0.2) * size
    colour = colours[rng.integers(len(colours))]
    side = depth if rng.random() < 0.5 else -depth
    front = [(x, base), (x + width, base), (x + width, base - height), (x, base - height)]
    corner = x + width if side > 0 else x
    flank = [
        (corner, base),
        (corner + side, base - depth),
        (corner + side, base - height - depth),
        (corner, base - height),
    ]
    cover = [front[3], front[2], (x + width + side, base - height - depth), (x + side, base - height - depth)]
    for shape, light in ((front, 1.0), (flank, 0.65), (cover, 1.25)):
        _polygon(picture, shape, colour * light)


def _street(rng: np.random.Generator, size: int, ground: float) -> np.ndarray:
    """Sky, houses with windows, ground."""
    sky = palette(rng, 2)
    sky = 0.4 * sky + 0.6 * np.array([[150, 180, 220], [225, 228, 232]], np.float32)
    picture = upsample(np.ascontiguousarray(np.repeat(sky[:, None], 2, 1)), size)
    horizon = int(np.clip(ground - rng.uniform(0.02, 0.4) * size, 0.3 * size, 0.98 * size))
    x = -rng.uniform(0, 0.3) * size
    while x < size:
        width, height = rng.uniform(0.15, 0.5) * size, rng.uniform(0.2, 1.0) * size
        wall = palette(rng, 2)
        left, right, top = int(max(x, 0)), int(min(x + width, size)), int(max(horizon - height, 0))
        if right > left:
            picture[top:horizon, left:right] = wall[0]
            step_x, step_y = int(rng.uniform(0.05, 0.14) * size), int(rng.uniform(0.06, 0.16) * size)
            for column in range(left + step_x // 3, right - step_x // 2, step_x):
                for row in range(top + step_y // 3, horizon - step_y // 2, step_y):
                    picture[row : row + step_y // 2, column : column + step_x // 2] = wall[1] * 0.8
        x += width + rng.choice([0.0, 0.1]) * size
    _floor(rng, picture, 0.5 * palette(rng, 2) + 55, horizon)
    for _ in range(rng.integers(0, 3)):
        _tree(rng, picture, horizon)
    return picture


def _field(rng: np.random.Generator, size: int, ground: float) -> np.ndarray:
    """Sky with clouds, ridges, grass or sand, trees."""
    blue = np.array([[90, 140, 205], [205, 220, 235]], np.float32) * rng.uniform(0.7, 1.1)
    picture = upsample(np.ascontiguousarray(np.repeat(blue[:, None], 2, 1)), size)
    cloud = np.clip(fractal(rng, size, 2, 5) - 0.3, 0, 1)[..., None] * rng.random()
    picture += cloud * (245 - picture)
    land = np.array([[70, 105, 50], [150, 130, 90], [60, 80, 55], [190, 180, 150]], np.float32)[rng.integers(4)]
    level = np.clip(ground - rng.uniform(0.0, 0.45) * size, 0.25 * size, 0.97 * size)
    for depth in range(rng.integers(1, 4), -1, -1):
        ridge = cv2.resize(rng.standard_normal((1, 5), dtype=np.float32), (size, 1), interpolation=cv2.INTER_CUBIC)[0]
        heights = level - depth * 0.09 * size + ridge * size * 0.05 * (depth > 0)
        outline = np.stack([np.arange(size), heights], 1)
        hazy = (land * (1 - 0.2 * depth) + 0.2 * depth * blue[1]) * rng.uniform(0.8, 1.15)
        _polygon(picture, [*outline, (size, size), (0, size)], hazy)
    bottom = int(level)
    picture[bottom:] *= (1 + 0.2 * fractal(rng, size, 24, 4, 0.9))[bottom:, :, None]
    for _ in range(rng.integers(0, 4)):
        _tree(rng, picture, bottom)
    return picture


def _tree(rng: np.random.Generator, picture: np.ndarray, base: int) -> None:
    size = len(picture)
    x, height, spread = rng.uniform(0, size), rng.uniform(0.2, 0.7) * size, rng.uniform(0.05, 0.16) * size
    base = base + int(rng.uniform(0, 0.06) * size)
    trunk = np.array([80, 60, 45]) * rng.uniform(0.6, 1.3)
    cv2.line(picture, (int(x), base), (int(x), int(base - height)), trunk.tolist(), max(1, int(0.2 * spread)))
    leaves = np.array([55, 95, 40]) * rng.uniform(0.5, 1.5) + rng.normal(0, 12, 3)
    for _ in range(12):
        at = (int(x + rng.normal(0, spread)), int(base - height + rng.normal(0, spread)))
        cv2.circle(
            picture, at, max(1, int(spread * rng.uniform(0.4, 0.9))), (leaves * rng.uniform(0.6, 1.3)).tolist(), -1
        )


def _clutter(rng: np.random.Generator, size: int, ground: float) -> np.ndarray:
    """Shapes, lines and writing over a gradient."""
    colours = palette(rng, 6)
    # Text wants bytes.
    picture = _to_bytes(gradient(rng, size, colours[:3]) if rng.random() < 0.6 else patch(rng, size, colours[:3]))
    for _ in range(rng.integers(4, 26)):
        colour = (palette(rng, 1)[0] if rng.random() < 0.4 else colours[rng.integers(6)]).tolist()
        x, y = rng.uniform(-0.1, 1.1, 2) * size
        reach = rng.uniform(0.03, 0.35) * size
        kind = rng.integers(5)
        if kind == 0:
            corners = rng.uniform(-1, 1, (rng.integers(3, 6), 2)) * reach + (x, y)
            _polygon(picture, cv2.convexHull(corners.astype(np.float32))[:, 0], np.array(colour))
        elif kind == 1:
            ends = rng.uniform(-0.2, 1.2, (2, 2)) * size
            width = int(rng.integers(1, 2 + size // 20))
            cv2.line(picture, _point(ends[0]), _point(ends[1]), colour, width, cv2.LINE_AA)
        elif kind == 2:
            axes = (int(reach), int(reach * rng.uniform(0.2, 1.0)))
            width = -1 if rng.random() < 0.6 else int(rng.integers(1, 6))
            cv2.ellipse(picture, _point((x, y)), axes, rng.uniform(0, 180), 0, 360, colour, width, cv2.LINE_AA)
        elif kind == 3:
            letters = "".join(chr(code) for code in rng.integers(65, 91, rng.integers(2, 8)))
            scale = rng.uniform(0.4, 2.0) * size / 256
            cv2.putText(
                picture, letters, _point((x - reach, y)), int(rng.integers(0, 7)), scale, colour, 2, cv2.LINE_AA
            )
        else:
            end = (x + reach, y + reach * rng.uniform(0.3, 3.0))
            cv2.rectangle(picture, _point((x, y)), _point(end), colour, -1 if rng.random() < 0.7 else 3)
    return picture.astype(np.float32)


def _bokeh(rng: np.random.Generator, size: int, ground: float) -> np.ndarray:
    """What is far behind the focus: soft discs over a gradient."""
    colours = palette(rng, 5)
    small = size // 2
    picture = gradient(rng, small, colours)
    layer = picture.copy()
    for _ in range(rng.integers(5, 30)):
        centre = _point(rng.uniform(-0.1, 1.1, 2) * small)
        cv2.circle(layer, centre, int(rng.uniform(0.03, 0.2) * small), palette(rng, 1)[0].tolist(), -1)
    mixed = cv2.addWeighted(layer, rng.uniform(0.3, 0.9), picture, 0.4, 0)
    return upsample(cv2.GaussianBlur(mixed, (0, 0), rng.uniform(1.5, 6) * small / 128), size)


def _noise(rng: np.random.Generator, size: int, ground: float) -> np.ndarray:
    """Foliage, stone, crowds: coloured noise of many sizes."""
    colours = palette(rng, 3)
    one = fractal(rng, size, int(rng.integers(2, 9)), 6, rng.uniform(0.6, 0.95))[..., None]
    other = fractal(rng, size, int(rng.integers(2, 9)), 5, rng.uniform(0.6, 0.95))[..., None]
    return colours[0] + 0.5 * one * (colours[1] - colours[0]) + 0.5 * other * (colours[2] - colours[0])


_PAINTERS: tuple[tuple[Painter, float], ...] = (
    (_room, 3.0), (_street, 1.5), (_field, 1.5), (_clutter, 2.0), (_bokeh, 1.0), (_noise, 1.0),
)  # fmt: skip


def _point(place: np.ndarray | tuple[float, float]) -> tuple[int, int]:
    return int(place[0]), int(place[1])


def _polygon(picture: np.ndarray, corners: list | np.ndarray, colour: np.ndarray) -> None:
    cv2.fillPoly(picture, [np.asarray(corners, np.float32).round().astype(np.int32)], np.asarray(colour).tolist())


def _to_bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture, 0, 255).astype(np.uint8)
