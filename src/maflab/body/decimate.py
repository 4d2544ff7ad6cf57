"""Simplify a closed, mirror-symmetric mesh to an exact number of its own vertices, keeping it symmetric.

Half-edge collapses ordered by quadric error (Garland and Heckbert, 1997): a vertex moves onto a neighbour, so the
result's vertices are a subset of the input's and everything defined on them (weights, shapes) carries over exactly.
No library offers that together with symmetry and an exact count, hence the own code.
"""

import heapq

import numpy as np

# Weight of the edge's squared length beside the squared distance to the surface: without it all triangles would go
# from the flat trunk, which needs them to bend; with it the dense hands and face are thinned first.
_LENGTH_WEIGHT = 0.02
_LEAST_NORMAL_AGREEMENT = 0.3
_LEAST_QUALITY = 0.15  # of a triangle: 1 equilateral, 0 degenerate


def decimate(points: np.ndarray, faces: np.ndarray, mirror: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose `count` vertices of a mesh and triangles between them.

    Args:
        points: (V, 3) mirror-symmetric in x. faces: (F, 3) closed, consistently wound. mirror: (V,) each vertex's
        mirror image. count: how many vertices to keep, fewer than V.

    Returns:
        (count,) kept vertices in ascending order, and (f, 3) faces that index them.

    Raises ValueError when no further vertex can go without tearing or folding the mesh.
    """
    mesh = _Mesh(points, faces, mirror)
    mesh.reduce(count)
    kept = np.flatnonzero(mesh.alive)
    renumber = np.full(len(points), -1)
    renumber[kept] = np.arange(count)
    return kept, renumber[np.array([face for face in mesh.faces if face is not None])]


class _Mesh:
    def __init__(self, points: np.ndarray, faces: np.ndarray, mirror: np.ndarray) -> None:
        self.points = points
        self.mirror = mirror.tolist()
        self.faces: list[tuple[int, int, int] | None] = [tuple(face) for face in faces.tolist()]
        self.around: list[set[int]] = [set() for _ in points]  # faces at each vertex
        for number, face in enumerate(faces.tolist()):
            for vertex in face:
                self.around[vertex].add(number)
        self.alive = np.ones(len(points), bool)
        self.stamp = [0] * len(points)
        self.quadrics, self.areas = _quadrics(points, faces)

    def reduce(self, count: int) -> None:
        heap: list[tuple[float, int, int, int, int]] = []
        for vertex in range(len(self.points)):
            self._queue(vertex, heap)
        left = len(self.points)
        while left > count:
            if not heap:
                raise ValueError(f"the mesh cannot be reduced below {left} vertices; {count} were asked for")
            _, gone, kept, gone_stamp, kept_stamp = heapq.heappop(heap)
            if self.stamp[gone] != gone_stamp or self.stamp[kept] != kept_stamp:
                continue
            single = self.mirror[gone] == gone
            if (left - count == 1 and not single) or not self._allowed(gone, kept):
                continue
            pairs = {(gone, kept), (self.mirror[gone], self.mirror[kept])}
            touched: set[int] = set()
            for one, other in sorted(pairs):
                touched |= self._collapse(one, other)
            left -= len(pairs)
            for vertex in touched:
                self.stamp[vertex] += 1
            for vertex in sorted(touched | {n for v in touched for n in self._neighbours(v)}):
                self._queue(vertex, heap)

    def _queue(self, vertex: int, heap: list[tuple[float, int, int, int, int]]) -> None:
        """Offer the collapses of a vertex onto its neighbours; of a mirrored pair only the one with lower number."""
        image = self.mirror[vertex]
        if vertex > image:
            return
        # A vertex in the middle must stay there; one at the side must not meet its own image.
        others = [
            other
            for other in sorted(self._neighbours(vertex))
            if other != image and (vertex != image or self.mirror[other] == other)
        ]
        if not others:
            return
        for cost, other in zip(self._costs(vertex, others).tolist(), others, strict=True):
            heapq.heappush(heap, (cost, vertex, other, self.stamp[vertex], self.stamp[other]))

    def _costs(self, gone: int, kept: list[int]) -> np.ndarray:
        places = self.points[kept]
        quadrics = self.quadrics[kept] + self.quadrics[gone]  # (n, 4, 4)
        turned = (quadrics[:, :, :3] @ places[:, :, None])[..., 0] + quadrics[:, :, 3]
        errors = (turned[:, :3] * places).sum(1) + turned[:, 3]
        lengths = ((places - self.points[gone]) ** 2).sum(1)
        costs = np.maximum(errors, 0.0) / (self.areas[kept] + self.areas[gone]) + _LENGTH_WEIGHT * lengths
        # Another machine's last digits must not choose other vertices (costs are square metres, 1e-8 and more).
        return costs.round(13)

    def _allowed(self, gone: int, kept: int) -> bool:
        ring, kept_ring = self._neighbours(gone), self._neighbours(kept)
        if kept not in ring or len(ring & kept_ring) != 2:
            return False
        image = self.mirror[gone]
        if image != gone:
            if image in ring:
                return False
            # The second of two mirrored collapses onto a middle vertex meets the ring that the first one left there.
            if self.mirror[kept] == kept:
                after = (kept_ring | ring) - {gone, kept, image}
                if len(self._neighbours(image) & after) != 2:
                    return False
        return all(len(self.around[shared]) > 3 for shared in ring & kept_ring) and self._well_shaped(gone, kept)

    def _well_shaped(self, gone: int, kept: int) -> bool:
        """Whether the triangles that would move neither turn over nor become slivers."""
        moving = [self.faces[number] for number in self.around[gone]]
        before = np.array([face for face in moving if face is not None and kept not in face])
        after = np.where(before == gone, kept, before)
        old, _ = _normals(self.points[before])
        new, quality = _normals(self.points[after])
        _, old_quality = _normals(self.points[before])
        agreement = (old * new).sum(1)
        good = (quality > _LEAST_QUALITY) | (quality > old_quality)
        return bool((agreement > _LEAST_NORMAL_AGREEMENT).all() and good.all())

    def _collapse(self, gone: int, kept: int) -> set[int]:
        """Move `gone` onto `kept`; the vertices whose triangles changed."""
        touched = self._neighbours(gone)
        for number in sorted(self.around[gone]):
            face = self.faces[number]
            assert face is not None
            if kept in face:
                self.faces[number] = None
                for vertex in face:
                    self.around[vertex].discard(number)
            else:
                a, b, c = (kept if vertex == gone else vertex for vertex in face)
                self.faces[number] = (a, b, c)
                self.around[kept].add(number)
        self.around[gone] = set()
        self.alive[gone] = False
        self.stamp[gone] += 1
        self.quadrics[kept] += self.quadrics[gone]
        self.areas[kept] += self.areas[gone]
        return touched

    def _neighbours(self, vertex: int) -> set[int]:
        found: set[int] = set()
        for number in self.around[vertex]:
            found.update(self.faces[number] or ())
        found.discard(vertex)
        return found


def _quadrics(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V, 4, 4) sums of area-weighted squared distances to the planes at each vertex, and (V,) those areas."""
    corners = points[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1) / 2
    normal = cross / np.maximum(2 * area, 1e-12)[:, None]
    plane = np.concatenate([normal, -(normal * corners[:, 0]).sum(1, keepdims=True)], axis=1)
    each = area[:, None, None] * plane[:, :, None] * plane[:, None, :]
    quadrics, areas = np.zeros((len(points), 4, 4)), np.full(len(points), 1e-12)
    for corner in range(3):
        np.add.at(quadrics, faces[:, corner], each)
        np.add.at(areas, faces[:, corner], area)
    return quadrics, areas


def _normals(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals (n, 3) and quality (n,) in [0, 1] of triangles (n, 3, 3)."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    third = second - first
    cross = np.stack(
        [
            first[:, 1] * second[:, 2] - first[:, 2] * second[:, 1],
            first[:, 2] * second[:, 0] - first[:, 0] * second[:, 2],
            first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0],
        ],
        axis=1,
    )
    length = np.sqrt((cross**2).sum(1))
    squares = (first**2).sum(1) + (second**2).sum(1) + (third**2).sum(1)
    return cross / np.maximum(length, 1e-15)[:, None], 2 * np.sqrt(3) * length / np.maximum(squares, 1e-15)
