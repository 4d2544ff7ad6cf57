"""Weighted sums of a body's vertices, skinned directly, without building the vertices.

A point that is a weighted sum of vertices, p = sum_v M_pv x_v, is skinned as x_v = sum_j w_vj (R_j s_v + t_j) with
s_v linear in betas and the pose feature. So p = sum_j [R_j a_pj + t_j b_pj], where a_pj = sum_v M_pv w_vj s_v is
linear in betas again and b_pj = sum_v M_pv w_vj is a constant: both can be folded once, and only the pairs (p, j)
with weight are kept. The result is exact, not an approximation.
"""

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from maflab.body.arrays import BodyArrays
from maflab.body.skinning import pose_feature


class FoldedSums(nn.Module):
    """Skins the points whose weights over the vertices it is given.

    Args:
        arrays: the body; read here only.
        combination: (P, V) the points as weighted sums of its vertices.
    """

    constant: Tensor  # (3Q,) of the Q pairs of a point and a joint
    shape_terms: Tensor  # (S, 3Q)
    pose_terms: Tensor | None  # (9 (J - 1), 3Q), where the body has pose directions
    masses: Tensor  # (1, Q, 1)
    joint_of: Tensor  # (Q,)
    point_of: Tensor  # (Q,)

    def __init__(self, arrays: BodyArrays, combination: csr_matrix) -> None:
        super().__init__()
        self.count = combination.shape[0]
        for name, value in _fold(arrays, combination).items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, rotations: Tensor, betas: Tensor, transforms: Tensor) -> Tensor:
        """Points (B, P, 3) of local rotations (B, J, 3, 3), betas (B, S) and the joints' transforms (B, J, 3, 4)."""
        batch = betas.shape[0]  # `len` would be a constant in an exported graph
        pairs = self.constant + betas @ self.shape_terms
        if self.pose_terms is not None:
            pairs = pairs + pose_feature(rotations) @ self.pose_terms
        weighted = torch.cat([pairs.reshape(batch, -1, 3), self.masses.expand(batch, -1, -1)], dim=2)  # (B, Q, 4)
        moved = (transforms.index_select(1, self.joint_of) @ weighted[..., None]).squeeze(-1)  # (B, Q, 3)
        return moved.new_zeros(batch, self.count, 3).index_add(1, self.point_of, moved)


def _fold(arrays: BodyArrays, combination: csr_matrix) -> dict[str, Tensor | None]:
    """The folded terms of the points (P, V), a row a pair of a point and a joint that moves it."""
    vertices = len(arrays.template)
    combination = combination.tocsr().astype(np.float64)
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
        "masses": torch.from_numpy(masses[point_of, joint_of].astype(np.float32))[None, :, None],
        "joint_of": torch.from_numpy(joint_of),
        "point_of": torch.from_numpy(point_of),
    }
