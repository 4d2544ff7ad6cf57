"""A few points of a body and its key points, without the thousands of vertices between them."""

import numpy as np
import torch
from scipy.sparse import csr_matrix, vstack
from torch import Tensor, nn

from maflab.body.folding import FoldedSums
from maflab.body.joints import MODEL54_TO_SPIN49
from maflab.body.model import BodyModel
from maflab.body.skinning import joint_transforms


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
    order: Tensor
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
        self.register_buffer("order", torch.tensor(MODEL54_TO_SPIN49), persistent=False)
        # Points and key points apart: a loss on these only, as in training, carries no gradient through the points.
        self.points = FoldedSums(body.arrays, _single(indices, body.num_vertices))
        landmarks = _single(body.arrays.landmarks, body.num_vertices)
        self.beside_joints = FoldedSums(body.arrays, vstack([landmarks, body.arrays.extra_regressor]))
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
        keypoints = torch.cat([joints, self.beside_joints(rotations, betas, transforms)], dim=1)
        return self.points(rotations, betas, transforms), keypoints.index_select(1, self.order)


def _fold_again(folded: FoldedBody, _keys: object = None) -> None:
    """Follow the given points, which `take_points` or a loaded state has changed; device and precision stay."""
    folded.points = FoldedSums(folded._arrays, folded.combination()).to(folded.rest_joints)
    heaviest = folded.point_weights.argmax(dim=1, keepdim=True)
    folded.indices = folded.point_vertices.gather(1, heaviest)[:, 0]


def _single(vertices: np.ndarray, of: int) -> csr_matrix:
    """(N, `of`) that picks the given vertices (N,)."""
    count = len(vertices)
    return csr_matrix((np.ones(count), (np.arange(count), vertices)), shape=(count, of))
