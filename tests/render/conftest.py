"""Meshes with known answers, and the small body as its crop's camera sees it."""

import pytest
import torch
import trimesh
from torch import Tensor

from maflab.body.model import BodyModel
from maflab.geometry.rotations import axis_angle_to_matrix
from maflab.render.raycast import RayCaster

Mesh = tuple[Tensor, Tensor]


@pytest.fixture(scope="session")
def sphere() -> Mesh:
    """A unit sphere about the origin: vertices (1, V, 3), faces (F, 3)."""
    mesh = trimesh.creation.icosphere(subdivisions=5)
    return torch.tensor(mesh.vertices, dtype=torch.float32)[None], torch.tensor(mesh.faces)


@pytest.fixture(scope="session")
def tiny_caster(tiny_body: BodyModel) -> RayCaster:
    return RayCaster(tiny_body.faces)


@pytest.fixture
def posed(tiny_body: BodyModel) -> tuple[Tensor, Tensor]:
    """Five bodies in random poses, (5, V, 3), and their cameras (5, 3); the last is cut by the crop's border."""
    turns = 0.3 * torch.randn(5, 24, 3)
    betas = torch.randn(5, 10)
    vertices = tiny_body(tiny_body.mean_rotations @ axis_angle_to_matrix(turns), betas).vertices
    camera = torch.cat([0.7 + 0.3 * torch.rand(5, 1), 0.1 * torch.randn(5, 2)], dim=1)
    camera[-1] = torch.tensor([2.0, 0.5, 0.3])
    return vertices, camera
