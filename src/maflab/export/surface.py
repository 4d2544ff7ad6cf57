"""The mesh of a body with one normal and one texture coordinate a vertex, so with vertices doubled at seams."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maflab.body.model import BodyModel

# The atlas's 24 parts lie side by side on one sheet; the margin keeps neighbours from bleeding into each other.
_COLUMNS, _ROWS, _MARGIN = 6, 4, 0.02


class Surface(NamedTuple):
    """Corners with equal coordinates are one vertex of the surface."""

    source: NDArray[np.int64]  # (S,) the body's vertex that each one is
    faces: NDArray[np.int64]  # (F, 3) into the S
    uv: NDArray[np.float32]  # (S, 2) in [0, 1] on the sheet, from its upper left corner


def body_surface(body: BodyModel) -> Surface:
    """Part k of the atlas (1..24) fills the tile in row (k - 1) // 6 and column (k - 1) % 6 of a 6 x 4 sheet."""
    faces = body.faces.numpy()
    tile = body.face_parts.numpy().astype(np.int64) - 1
    corner = np.stack([tile % _COLUMNS, tile // _COLUMNS], axis=-1)[:, None]
    sheet = (corner + _MARGIN + (1 - 2 * _MARGIN) * body.face_uv.numpy().astype(np.float64)) / (_COLUMNS, _ROWS)
    rows = np.concatenate([faces.reshape(-1, 1), sheet.reshape(-1, 2).round(7)], axis=1)
    distinct, index = np.unique(rows, axis=0, return_inverse=True)
    return Surface(distinct[:, 0].astype(np.int64), index.reshape(-1, 3), distinct[:, 1:].astype(np.float32))


def vertex_normals(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float64]:
    """(V, 3) unit normals, outward where faces run counter-clockwise: the mean of a vertex's faces by their areas."""
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack([np.bincount(faces.ravel(), np.repeat(axis, 3), len(vertices)) for axis in normal.T], axis=-1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    # A vertex that no face has points upwards: a normal must have a length.
    return np.where(length > 0, total / np.maximum(length, 1e-30), (0.0, 1.0, 0.0))
