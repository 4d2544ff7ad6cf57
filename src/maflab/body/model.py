"""A body model in the SMPL form as a torch module: rotations and betas in, vertices and joints out."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from maflab.body.arrays import BodyArrays
from maflab.body.joints import MODEL54_TO_SPIN49
from maflab.body.skinning import joint_transforms, pose_feature, skin


class BodyOutput(NamedTuple):
    """A posed body, after its root rotation and before the camera's translation; metres."""

    vertices: Tensor  # (B, V, 3)
    joints: Tensor  # (B, 24, 3) the joints of the kinematic tree


class VertexRegressor(nn.Module):
    """Points that are fixed weighted sums of few vertices, e.g. (17, V) for Human3.6M's joints.

    Only the columns that carry weight are kept, so that a call gathers hundreds of vertices, not thousands.
    """

    columns: Tensor
    weights: Tensor

    def __init__(self, matrix: csr_matrix) -> None:
        super().__init__()
        columns = np.unique(matrix.indices)
        self.register_buffer("columns", torch.from_numpy(columns.astype(np.int64)), persistent=False)
        dense = torch.from_numpy(matrix[:, columns].toarray().astype(np.float32))
        self.register_buffer("weights", dense, persistent=False)

    def forward(self, vertices: Tensor) -> Tensor:
        """(B, V, 3) -> (B, K, 3)."""
        return self.weights @ vertices[:, self.columns]


class BodyModel(nn.Module):
    """Skins a body (Loper et al., SMPL, 2015). Its buffers are not saved with a checkpoint: the files may be licensed.

    Attributes:
        name, gender, licence: of the body; faces (F, 3) int64; num_vertices; parents; landmarks (21,) int64;
        face_parts (F,) uint8; face_uv (F, 3, 2); mirror (V,); mean_rotations (24, 3, 3); mean_betas (10,).
    """

    faces: Tensor
    template: Tensor
    shape_dirs: Tensor
    pose_dirs: Tensor | None
    skin_weights: Tensor
    rest_joints: Tensor
    joint_shape_dirs: Tensor
    landmarks: Tensor
    face_parts: Tensor
    face_uv: Tensor
    mirror: Tensor
    mean_rotations: Tensor
    mean_betas: Tensor

    def __init__(self, arrays: BodyArrays) -> None:
        super().__init__()
        self.name = arrays.name
        self.gender = arrays.gender
        self.licence = arrays.licence
        self.arrays = arrays
        self.num_vertices = len(arrays.template)
        self.parents = [int(parent) for parent in arrays.parents]
        regressor = arrays.joint_regressor.astype(np.float64)
        # The regressor is linear, so the rest joints follow from betas without visiting the vertices.
        joint_dirs = regressor @ arrays.shape_dirs.reshape(self.num_vertices, -1).astype(np.float64)
        buffers: dict[str, np.ndarray | None] = {
            "faces": arrays.faces.astype(np.int64),
            "template": arrays.template,
            "shape_dirs": arrays.shape_dirs,
            "pose_dirs": arrays.pose_dirs,
            "skin_weights": arrays.skin_weights,
            "rest_joints": (regressor @ arrays.template.astype(np.float64)).astype(np.float32),
            "joint_shape_dirs": joint_dirs.reshape(len(self.parents), 3, -1).astype(np.float32),
            "landmarks": arrays.landmarks.astype(np.int64),
            "face_parts": arrays.face_parts,
            "face_uv": arrays.face_uv,
            "mirror": arrays.mirror.astype(np.int64),
            "mean_rotations": arrays.mean_rotations,
            "mean_betas": arrays.mean_betas,
        }
        for name, value in buffers.items():
            tensor = None if value is None else torch.tensor(np.ascontiguousarray(value))
            self.register_buffer(name, tensor, persistent=False)
        self.extra_regressor = VertexRegressor(arrays.extra_regressor)
        self.h36m_regressor = VertexRegressor(arrays.h36m_regressor)

    def transforms(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 24, 3, 3), (B, 10) -> (B, 24, 3, 4) joint transforms and (B, 24, 3) posed joints, metres."""
        rest = self.rest_joints + torch.einsum("bs,jcs->bjc", betas, self.joint_shape_dirs)
        return joint_transforms(rotations, rest, self.parents)

    def forward(self, rotations: Tensor, betas: Tensor) -> BodyOutput:
        """Pose the body.

        Args:
            rotations: (B, 24, 3, 3) local joint rotations; the root's takes the body into the camera's axes.
            betas: (B, 10) shape parameters.
        """
        transforms, joints = self.transforms(rotations, betas)
        batch = len(betas)
        rest = self.template + (betas @ self.shape_dirs.flatten(0, 1).T).reshape(batch, -1, 3)
        if self.pose_dirs is not None:
            correction = pose_feature(rotations) @ self.pose_dirs.flatten(0, 1).T
            rest = rest + correction.reshape(batch, -1, 3)
        return BodyOutput(skin(rest, self.skin_weights, transforms), joints)

    def keypoints(self, output: BodyOutput) -> Tensor:
        """The 49 key points (joints.SPIN49) of a posed body: (B, 49, 3), metres."""
        landmarks = output.vertices[:, self.landmarks]
        extra = self.extra_regressor(output.vertices)
        return torch.cat([output.joints, landmarks, extra], dim=1)[:, MODEL54_TO_SPIN49]

    def h36m_joints(self, vertices: Tensor) -> Tensor:
        """The 17 joints of Human3.6M (joints.H36M17): (B, V, 3) -> (B, 17, 3), metres."""
        return self.h36m_regressor(vertices)
