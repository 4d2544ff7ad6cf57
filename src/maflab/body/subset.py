"""Skinning a few points of a body directly, without building its thousands of vertices.

A point that is a weighted sum of vertices, p = sum_v M_pv x_v, is skinned as x_v = sum_j w_vj (R_j s_v + t_j) with
s_v linear in betas and the pose feature. So p = sum_j [R_j a_pj + t_j b_pj], where a_pj = sum_v M_pv w_vj s_v is
linear in betas again and b_pj = sum_v M_pv w_vj is a constant: both can be folded once, and only the pairs (p, j)
with weight are kept. The result is exact, not an approximation.
"""

import numpy as np
import torch
from scipy.sparse import csr_matrix, vstack
from torch import Tensor, nn

from maflab.body.arrays import BodyArrays
from maflab.body.joints import MODEL54_TO_SPIN49
from maflab.body.model import BodyModel
from maflab.body.skinning import joint_transforms, pose_feature


def select_points(template: np.ndarray, count: int) -> np.ndarray:
    """Vertices spread evenly over a body by farthest point sampling; deterministic.

    Args:
        template: (V, 3). count: how many; at most V.

    Returns:
        (count,) int64 vertex indices, starting at the vertex nearest the centre of the body; a smaller choice is
        a prefix of a larger one.
    """
    if not 0 < count <= len(template):
        raise ValueError(f"cannot choose {count} points of {len(template)} vertices")
    template = template.astype(np.float64)
    chosen = np.zeros(count, np.int64)
    chosen[0] = np.linalg.norm(template - template.mean(0), axis=1).argmin()
    distance = np.full(len(template), np.inf)
    for number in range(1, count):
        distance = np.minimum(distance, np.linalg.norm(template - template[chosen[number - 1]], axis=1))
        chosen[number] = distance.argmax()
    return chosen


class FoldedBody(nn.Module):
    """The mesh-aligned points and the 49 key points of a body, skinned without the vertices between them.

    Args:
        body: the full model, needed here only.
        num_points: how many vertices the coarsened mesh keeps (the paper: 431).
        vertices_a_point: None: the points are vertices spread evenly, as `select_points` chooses them. A number: they
            may be weighted sums of up to so many vertices, which `take_points` or a checkpoint sets (published weights
            come with a coarsening of their own) and which belong to this module's state.

    Attributes:
        indices: (P,) int64, the vertices that the points are, or the heaviest of each.
    """

    rest_joints: Tensor
    joint_shape_dirs: Tensor
    indices: Tensor
    constant: Tensor
    shape_terms: Tensor
    pose_terms: Tensor | None
    masses: Tensor
    joint_of: Tensor
    point_of: Tensor
    point_vertices: Tensor  # (P, K) int64, with vertices_a_point
    point_weights: Tensor  # (P, K)

    def __init__(self, body: BodyModel, num_points: int, vertices_a_point: int | None = None) -> None:
        super().__init__()
        self.num_points = num_points
        self.num_vertices = body.num_vertices
        self.parents = body.parents
        # The body's own tensors, not copies; held as buffers so that this module moves and casts on its own.
        self.register_buffer("rest_joints", body.rest_joints, persistent=False)
        self.register_buffer("joint_shape_dirs", body.joint_shape_dirs, persistent=False)
        indices = select_points(body.arrays.template, num_points)
        self.register_buffer("indices", torch.from_numpy(indices), persistent=False)
        for name, value in _fold(body.arrays, _single(indices, body.num_vertices)).items():
            self.register_buffer(name, value, persistent=False)
        self.vertices_a_point = vertices_a_point
        if vertices_a_point is not None:
            self._arrays = body.arrays
            self.register_buffer("point_vertices", torch.zeros(num_points, vertices_a_point, dtype=torch.int64))
            self.register_buffer("point_weights", torch.zeros(num_points, vertices_a_point))
            self.take_points(_single(indices, body.num_vertices))
            self.register_load_state_dict_post_hook(_fold_again)

    def take_points(self, combination: csr_matrix) -> None:
        """Let the points be these weighted sums of vertices (P, V).

        Raises:
            ValueError: another number of points or vertices, or a point of more vertices than `vertices_a_point`.
        """
        points, width = self.point_vertices.shape
        combination = csr_matrix(combination)
        combination.eliminate_zeros()
        counts = np.diff(combination.indptr)
        if combination.shape != (points, self.num_vertices) or counts.max() > width:
            raise ValueError(
                f"{combination.shape[0]} points of {combination.shape[1]} vertices, up to {counts.max()} a point, are "
                f"not {points} of {self.num_vertices}, up to {width} a point"
            )
        place = np.arange(combination.nnz) - np.repeat(combination.indptr[:-1], counts)
        row = np.repeat(np.arange(points), counts)
        self.point_vertices.zero_()[row, place] = torch.from_numpy(combination.indices).to(self.point_vertices)
        self.point_weights.zero_()[row, place] = torch.from_numpy(combination.data).to(self.point_weights)
        _fold_again(self)

    def combination(self) -> csr_matrix:
        """(P, V) the points as weighted sums of vertices."""
        if self.vertices_a_point is None:
            return _single(self.indices.cpu().numpy(), self.num_vertices)
        column, weight = self.point_vertices.cpu().numpy(), self.point_weights.cpu().numpy()
        row = np.repeat(np.arange(len(column)), column.shape[1])
        matrix = csr_matrix((weight.ravel(), (row, column.ravel())), shape=(len(column), self.num_vertices))
        matrix.eliminate_zeros()
        return matrix

    def forward(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 24, 3, 3), (B, 10) -> points (B, P, 3) and key points (B, 49, 3), metres, as BodyModel places them."""
        rest_joints = self.rest_joints + torch.einsum("bs,jcs->bjc", betas, self.joint_shape_dirs)
        transforms, joints = joint_transforms(rotations, rest_joints, self.parents)
        batch = betas.shape[0]  # `len` would be a constant in an exported graph
        pairs = self.constant + betas @ self.shape_terms
        if self.pose_terms is not None:
            pairs = pairs + pose_feature(rotations) @ self.pose_terms
        weighted = torch.cat([pairs.reshape(batch, -1, 3), self.masses.expand(batch, -1, -1)], dim=2)  # (B, Q, 4)
        moved = (transforms.index_select(1, self.joint_of) @ weighted[..., None]).squeeze(-1)  # (B, Q, 3)
        points = moved.new_zeros(batch, self.num_points + 30, 3).index_add(1, self.point_of, moved)
        keypoints = torch.cat([joints, points[:, self.num_points :]], dim=1)[:, MODEL54_TO_SPIN49]
        return points[:, : self.num_points], keypoints


def _fold_again(folded: FoldedBody, _keys: object = None) -> None:
    """Follow the given points, which `take_points` or a loaded state has changed; device and precision stay."""
    like = folded.rest_joints
    for name, value in _fold(folded._arrays, folded.combination()).items():
        if value is not None:
            value = value.to(like) if value.is_floating_point() else value.to(like.device)
        setattr(folded, name, value)
    heaviest = folded.point_weights.argmax(dim=1, keepdim=True)
    folded.indices = folded.point_vertices.gather(1, heaviest)[:, 0]


def _single(vertices: np.ndarray, of: int) -> csr_matrix:
    """(N, `of`) that picks the given vertices (N,)."""
    count = len(vertices)
    return csr_matrix((np.ones(count), (np.arange(count), vertices)), shape=(count, of))


def _fold(arrays: BodyArrays, points: csr_matrix) -> dict[str, Tensor | None]:
    """The folded terms of the points (P, V), the 21 landmarks and the 9 regressed joints, a row a (point, joint)."""
    vertices = len(arrays.template)
    landmarks = _single(arrays.landmarks, vertices)
    combination = vstack([points, landmarks, arrays.extra_regressor]).tocsr().astype(np.float64)
    weights = arrays.skin_weights.astype(np.float64)
    masses = combination @ weights  # (P, 24)
    point_of, joint_of = np.nonzero(masses > 0)
    # Row (p, j) of `fold` takes any per-vertex field to its M- and w-weighted sum.
    fold = csr_matrix(combination[point_of].multiply(weights[:, joint_of].T))  # (Q, V)

    def folded(field: np.ndarray) -> np.ndarray:
        return fold @ field.reshape(vertices, -1).astype(np.float64)

    def terms(directions: np.ndarray) -> Tensor:
        count = directions.shape[-1]
        stacked = folded(directions).reshape(len(joint_of) * 3, count).T
        return torch.from_numpy(np.ascontiguousarray(stacked, np.float32))

    return {
        "constant": torch.from_numpy(folded(arrays.template).reshape(-1).astype(np.float32)),
        "shape_terms": terms(arrays.shape_dirs),
        "pose_terms": None if arrays.pose_dirs is None else terms(arrays.pose_dirs),
        "masses": torch.from_numpy(masses[point_of, joint_of].astype(np.float32))[:, None],
        "joint_of": torch.from_numpy(joint_of),
        "point_of": torch.from_numpy(point_of),
    }
