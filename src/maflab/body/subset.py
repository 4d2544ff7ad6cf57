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

    Attributes:
        indices: (P,) int64, the vertices that the points are.
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

    def __init__(self, body: BodyModel, num_points: int) -> None:
        super().__init__()
        self.num_points = num_points
        self.parents = body.parents
        # The body's own tensors, not copies; held as buffers so that this module moves and casts on its own.
        self.register_buffer("rest_joints", body.rest_joints, persistent=False)
        self.register_buffer("joint_shape_dirs", body.joint_shape_dirs, persistent=False)
        indices = select_points(body.arrays.template, num_points)
        self.register_buffer("indices", torch.from_numpy(indices), persistent=False)
        for name, value in _fold(body.arrays, indices).items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 24, 3, 3), (B, 10) -> points (B, P, 3) and key points (B, 49, 3), metres, as BodyModel places them."""
        rest_joints = self.rest_joints + torch.einsum("bs,jcs->bjc", betas, self.joint_shape_dirs)
        transforms, joints = joint_transforms(rotations, rest_joints, self.parents)
        batch = betas.shape[0]  # `len` would be a constant in an exported graph
        pairs = self.constant + betas @ self.shape_terms
        if self.pose_terms is not None:
            pairs = pairs + pose_feature(rotations) @ self.pose_terms
        pairs = pairs.reshape(batch, -1, 3)
        chosen = transforms[:, self.joint_of]  # (B, Q, 3, 4)
        moved = (chosen[..., :3] @ pairs[..., None]).squeeze(-1) + chosen[..., 3] * self.masses
        points = moved.new_zeros(batch, self.num_points + 30, 3).index_add(1, self.point_of, moved)
        keypoints = torch.cat([joints, points[:, self.num_points :]], dim=1)[:, MODEL54_TO_SPIN49]
        return points[:, : self.num_points], keypoints


def _fold(arrays: BodyArrays, indices: np.ndarray) -> dict[str, Tensor | None]:
    """The folded terms of the chosen points, the 21 landmarks and the 9 regressed joints, a row a (point, joint)."""
    vertices = len(arrays.template)
    rows = np.concatenate([indices, arrays.landmarks])
    single = csr_matrix((np.ones(len(rows)), (np.arange(len(rows)), rows)), shape=(len(rows), vertices))
    combination = vstack([single, arrays.extra_regressor]).tocsr().astype(np.float64)
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
