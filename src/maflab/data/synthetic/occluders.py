"""Things in front of the person: furniture edges, bars, boxes, round things."""

import cv2
import numpy as np

from maflab.data.synthetic.textures import palette, patch

_MOST_COVERED = 0.45  # share of the person that may disappear, or the labels would be guesses


def occlude(rng: np.random.Generator, picture: np.ndarray, person: np.ndarray, count: int) -> None:
    """Draws up to `count` things over a picture (S, S, 3) uint8, in place.

    Args:
        person: (S, S) uint8, 255 where the person is; a thing that would leave too little of it is left out.
    """
    size = len(picture)
    rows, columns = np.flatnonzero(person.any(1)), np.flatnonzero(person.any(0))
    if not len(rows):
        return
    left, right, top, bottom = columns[0], columns[-1], rows[0], rows[-1]
    covered = np.zeros((size, size), np.uint8)
    visible = max(int(np.count_nonzero(person)), 1)
    for _ in range(count):
        shape = _silhouette(rng, size, (left, right, top, bottom))
        both = cv2.max(covered, shape)
        if np.count_nonzero(cv2.bitwise_and(both, person)) > _MOST_COVERED * visible:
            continue
        covered[:] = both
        _lay(rng, picture, shape)


def _lay(rng: np.random.Generator, picture: np.ndarray, shape: np.ndarray) -> None:
    """Fills a shape (S, S) uint8 with some material, in place."""
    left, top, width, height = cv2.boundingRect(shape)
    if not width:
        return
    material = patch(rng, max(width, height, 16), palette(rng, 2))[:height, :width]
    alpha = shape[top : top + height, left : left + width].astype(np.float32)[..., None] / 255
    light = np.linspace(rng.uniform(0.6, 1), rng.uniform(0.6, 1), height, dtype=np.float32)[:, None, None]
    view = picture[top : top + height, left : left + width]
    view[:] = (view + alpha * (material * light - view)).astype(np.uint8)


def _silhouette(rng: np.random.Generator, size: int, box: tuple[int, int, int, int]) -> np.ndarray:
    """(size, size) uint8, 255 where the thing is, with soft edges."""
    left, right, top, bottom = box
    width, height = right - left + 1, bottom - top + 1
    shape = np.zeros((size, size), np.uint8)
    x, y = rng.uniform(left, right), rng.uniform(top + 0.15 * height, bottom)
    kind = rng.integers(5)
    if kind == 0:  # a table or wall that hides the lower part
        edge = int(bottom - rng.uniform(0.05, 0.45) * height)
        start, end = (0, size) if rng.random() < 0.6 else (int(left - 0.1 * width), int(rng.uniform(x, right + width)))
        cv2.rectangle(shape, (start, edge), (end, size), 255, -1)
    elif kind == 1:  # a pole or a bar
        turn = rng.normal(0, 0.3) + (np.pi / 2 if rng.random() < 0.7 else 0.0)
        step = 2 * size * np.array([np.cos(turn), np.sin(turn)])
        ends = [tuple(int(v) for v in np.array([x, y]) + sign * step) for sign in (-1, 1)]
        cv2.line(shape, ends[0], ends[1], 255, max(2, int(rng.uniform(0.02, 0.1) * size)), cv2.LINE_AA)
    elif kind == 2:  # a box
        half = rng.uniform(0.06, 0.25, 2) * (width, height)
        corners = cv2.boxPoints(((x, y), (2 * half[0] + 4, 2 * half[1] + 4), rng.normal(0, 12)))
        cv2.fillPoly(shape, [corners.astype(np.int32)], 255, cv2.LINE_AA)
    elif kind == 3:  # something round
        axes = (rng.uniform(0.05, 0.22, 2) * (width, height)).astype(int) + 2
        cv2.ellipse(
            shape, (int(x), int(y)), tuple(int(a) for a in axes), rng.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA
        )
    else:  # something with corners
        around = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(4, 9)))
        reach = rng.uniform(0.06, 0.22, len(around)) * max(width, height) * 0.8
        corners = np.stack([x + reach * np.cos(around), y + reach * np.sin(around)], 1)
        cv2.fillPoly(shape, [corners.astype(np.int32)], 255, cv2.LINE_AA)
    return shape
