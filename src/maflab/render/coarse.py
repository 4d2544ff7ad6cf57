"""A mesh with fewer triangles on some of its own vertices, for pictures in which it is small."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class CoarseMesh(NamedTuple):
    """Triangles over a selection of a mesh's vertices: `vertices[kept][faces]`."""

    kept: Tensor  # (K,) int64 vertices of the mesh
    faces: Tensor  # (F, 3) int64 into the kept ones


def coarse_mesh(template: Tensor, faces: Tensor, cell: float) -> CoarseMesh:
    """Let one vertex stand for all in the same cell of a cubic grid, and drop the triangles that vanish.

    Source: Rossignac and Borrel, "Multi-resolution 3D approximations for rendering complex scenes", 1993.

    Args:
        template: (V, 3) the mesh in a pose in which what should stay apart is apart, metres.
        faces: (F, 3) integer vertex indices.
        cell: side of a cell, metres.
    """
    places = np.floor(template.detach().cpu().numpy() / cell).astype(np.int64)
    _, first, cluster = np.unique(places, axis=0, return_index=True, return_inverse=True)
    corners = cluster.reshape(-1)[faces.detach().cpu().numpy()]
    a, b, c = corners.T
    corners = corners[(a != b) & (b != c) & (c != a)]
    # Both halves of a thin part may have become the same triangle.
    _, unique = np.unique(np.sort(corners, axis=1), axis=0, return_index=True)
    used, renumbered = np.unique(corners[np.sort(unique)], return_inverse=True)
    return CoarseMesh(torch.from_numpy(first[used]), torch.from_numpy(renumbered.reshape(-1, 3)))
