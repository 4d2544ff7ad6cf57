"""Painted meshes against the slower ray casting and shading, and who hides whom."""

import numpy as np
import pytest
import torch

from maflab.render.painting import Painter
from maflab.render.raycast import RayCaster
from maflab.render.shading import shade, studio_lights

SIZE, FOCAL, CENTRE = (90, 120), 150.0, (50.5, 40.0)


@pytest.fixture
def painter(tiny_body) -> Painter:
    return Painter(tiny_body.faces)


@pytest.fixture
def meshes(posed):
    """Three people (3, V, 3) in front of the camera, the second partly behind the first."""
    vertices, _ = posed
    return vertices[:3] + torch.tensor([[[0.0, 0.0, 3.0]], [[0.3, 0.0, 3.6]], [[-0.7, 0.1, 4.0]]])


def test_one_mesh_is_where_rays_meet_it_and_as_it_is_shaded(sphere):
    """On a sphere of 20,480 triangles, light taken at the vertices is that taken at every pixel."""
    vertices, faces = sphere
    ball = vertices * 0.5 + torch.tensor([0.2, -0.1, 3.0])
    painter, caster = Painter(faces), RayCaster(faces)
    albedo = torch.tensor([[0.7, 0.5, 0.3]])
    painted = painter.paint(ball, painter.lit(ball, albedo), FOCAL, SIZE, CENTRE)
    hits = caster.cast(ball, FOCAL, SIZE, CENTRE)
    met = hits.face[0] >= 0
    assert met.sum() > 1500
    assert torch.equal(painted[..., 3] == 255, met)
    assert not painted[~met].any()
    colours = albedo.expand(ball.shape[1], 3)
    shaded = shade(hits, caster.faces_on(ball.device), ball, colours, studio_lights(1), specular=0.12)[0]
    torch.testing.assert_close(painted[..., :3][met] / 255, shaded[met].clamp(0, 1), atol=0.006, rtol=0)


def test_the_nearest_is_seen(painter, tiny_body, meshes):
    flat = torch.eye(3)[:, None].expand(3, tiny_body.num_vertices, 3)
    painted = painter.paint(meshes, flat, FOCAL, SIZE, CENTRE)
    depth = RayCaster(tiny_body.faces).cast(meshes, FOCAL, SIZE, CENTRE).depth
    seen = depth.min(0)
    expected = torch.where(seen.values.isfinite(), seen.indices, -1)
    for number in range(3):
        assert torch.equal(painted[..., number] == 255, expected == number)
    both = depth[:2].isfinite().all(0)
    assert both.sum() > 20
    # The order in which they are given does not matter.
    assert torch.equal(painter.paint(meshes.flip(0), flat.flip(0), FOCAL, SIZE, CENTRE), painted)


def test_nobody_and_nothing_seen(painter, meshes):
    colours = torch.ones_like(meshes)
    assert not painter.paint(meshes[:0], colours[:0], FOCAL, SIZE, CENTRE).any()
    behind = meshes - torch.tensor([0.0, 0.0, 20.0])
    assert not painter.paint(behind, colours, FOCAL, SIZE, CENTRE).any()
    assert painter.paint(meshes, colours, FOCAL, (0, 5), CENTRE).shape == (0, 5, 4)
    broken = meshes.clone()
    broken[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        painter.paint(broken, colours, FOCAL, SIZE, CENTRE)
