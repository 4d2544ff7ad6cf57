"""Light against closed forms."""

import math

import pytest
import torch
import trimesh

from maflab.render.raycast import RayCaster
from maflab.render.shading import Lights, fragments, interpolate, shade, studio_lights, vertex_normals

NO_LIGHT = torch.zeros(1, 3)


def seen_sphere(sphere, size=81):
    """A unit sphere far away, so that rays are nearly parallel; its normals are its points."""
    vertices, faces = sphere
    return RayCaster(faces).cast(vertices + torch.tensor([0.0, 0.0, 1000.0]), 35000.0, size)


def test_normals_are_those_of_trimesh(tiny_body, posed):
    vertices, _ = posed
    ours = vertex_normals(vertices, tiny_body.faces)
    faces = tiny_body.faces.numpy()
    for item in range(2):
        mesh = trimesh.Trimesh(vertices[item].double().numpy(), faces, process=False)
        weighted = trimesh.geometry.weighted_vertex_normals(
            len(mesh.vertices), faces, mesh.face_normals, mesh.face_angles, use_loop=True
        )
        # Trimesh weighs by angles and we by areas: nearly the same on a smooth mesh, exactly so in direction's sense.
        assert (ours[item] * torch.from_numpy(weighted)).sum(-1).median() > 0.99
    ball = trimesh.creation.icosphere(subdivisions=3)
    exact = torch.tensor(ball.vertices, dtype=torch.float32)
    assert (vertex_normals(exact[None], torch.tensor(ball.faces))[0] - exact).norm(dim=-1).max() < 0.02
    assert torch.equal(vertex_normals(torch.zeros(1, 3, 3), torch.tensor([[0, 1, 2]])), torch.zeros(1, 3, 3))


def test_lambert_on_a_sphere(sphere):
    vertices, faces = sphere
    hits = seen_sphere(sphere)
    towards = torch.tensor([[[1.0, -2.0, -2.0]]])
    lights = Lights(torch.full((1, 3), 0.1), towards, torch.tensor([[[0.8, 0.4, 0.2]]]))
    albedo = torch.tensor([0.5, 1.0, 0.25]).expand(vertices.shape[1], 3)
    picture = shade(hits, faces, vertices, albedo, lights)[0]
    y, x = torch.meshgrid(torch.arange(81) - 40, torch.arange(81) - 40, indexing="ij")
    radius = (x**2 + y**2) / 35**2
    z = -(1 - radius).clamp(min=0).sqrt()
    cosine = ((x / 35 - 2 * y / 35 - 2 * z) / 3).clamp(min=0)[..., None]
    expected = albedo[0] * (0.1 + cosine * lights.colours[0, 0])
    inside = radius < 0.9
    assert (picture - expected)[inside].abs().max() < 5e-3
    assert (picture[radius > 1.05] == 0).all()


def test_highlight_stands_where_the_normal_halves_light_and_view(sphere):
    vertices, faces = sphere
    hits = seen_sphere(sphere)
    # Light at 60 degrees to the right of the viewer: the highlight is at 30 degrees.
    towards = torch.tensor([[[math.sin(math.pi / 3), 0.0, -math.cos(math.pi / 3)]]])
    lights = Lights(NO_LIGHT, towards, torch.ones(1, 1, 3))
    black = torch.zeros_like(vertices)
    picture = shade(hits, faces, vertices, black, lights, specular=0.7, shininess=50.0)[0, ..., 0]
    y, x = divmod(int(picture.argmax()), 81)
    assert abs(x - (40 + 35 * math.sin(math.pi / 6))) <= 1
    assert abs(y - 40) <= 1
    assert picture.max() == pytest.approx(0.7, abs=0.01)


def test_lights_add_up_and_each_picture_has_its_own(tiny_body, tiny_caster, posed):
    vertices, camera = posed
    hits = tiny_caster.cast_crop(vertices, camera, 48)
    colours = torch.rand_like(vertices)
    lights = Lights(torch.rand(5, 3), torch.randn(5, 2, 3), torch.rand(5, 2, 3))
    whole = shade(hits, tiny_body.faces, vertices, colours, lights)
    dark = torch.zeros(5, 3)
    parts = [
        shade(
            hits,
            tiny_body.faces,
            vertices,
            colours,
            Lights(dark, lights.directions[:, k : k + 1], lights.colours[:, k : k + 1]),
        )
        for k in range(2)
    ]
    ambient = shade(
        hits, tiny_body.faces, vertices, colours, Lights(lights.ambient, torch.zeros(5, 0, 3), torch.zeros(5, 0, 3))
    )
    torch.testing.assert_close(whole, parts[0] + parts[1] + ambient)
    one = Lights(*(part[3:4] for part in lights))
    hit = tiny_caster.cast_crop(vertices[3:4], camera[3:4], 48)
    torch.testing.assert_close(whole[3:4], shade(hit, tiny_body.faces, vertices[3:4], colours[3:4], one))


def test_colours_of_vertices_shared_or_of_fragments_are_the_same(tiny_body, tiny_caster, posed):
    vertices, camera = posed
    hits = tiny_caster.cast_crop(vertices, camera, 48)
    colours = torch.rand(vertices.shape[1], 3)
    lights = studio_lights(5)
    shared = shade(hits, tiny_body.faces, vertices, colours, lights)
    each = shade(hits, tiny_body.faces, vertices, colours.expand(5, -1, -1), lights)
    textured = interpolate(fragments(hits, tiny_body.faces), colours)
    torch.testing.assert_close(shared, each)
    torch.testing.assert_close(shared, shade(hits, tiny_body.faces, vertices, textured, lights))
    with pytest.raises(ValueError, match="colours must be"):
        shade(hits, tiny_body.faces, vertices, colours[:7], lights)


def test_interpolating_the_vertices_gives_the_points_met(tiny_body, tiny_caster, posed):
    vertices, camera = posed
    hits = tiny_caster.cast_crop(vertices, camera, 48)
    at = fragments(hits, tiny_body.faces)
    depth = interpolate(at, vertices)[:, 2] + (2 * 5000 / (224 * camera[:, 0]))[at.item]
    torch.testing.assert_close(depth, hits.depth.flatten()[at.pixel], rtol=0, atol=2e-5)


def test_background_is_kept_where_nothing_is_met(sphere):
    vertices, faces = sphere
    hits = seen_sphere(sphere)
    background = torch.rand(1, 81, 81, 3)
    picture = shade(hits, faces, vertices, torch.ones_like(vertices), studio_lights(1), background=background)
    missed = hits.face < 0
    assert torch.equal(picture[missed], background[missed])
    assert not torch.equal(picture[~missed], background[~missed])
