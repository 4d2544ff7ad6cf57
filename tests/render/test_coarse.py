"""A coarser mesh has fewer triangles, on the same surface, seen from the same side."""

import torch

from maflab.render.coarse import coarse_mesh


def test_a_coarse_sphere_is_a_sphere(sphere):
    vertices, faces = sphere
    mesh = coarse_mesh(vertices[0], faces, 0.15)
    assert 100 < len(mesh.faces) < 0.2 * len(faces)
    points = vertices[0][mesh.kept]
    torch.testing.assert_close(points.norm(dim=1), torch.ones(len(points)))
    a, b, c = points[mesh.faces].unbind(1)
    normal = torch.linalg.cross(b - a, c - a)
    area = normal.norm(dim=1) / 2
    assert abs(float(area.sum()) / (4 * torch.pi) - 1) < 0.08
    assert float((area * ((normal * (a + b + c)).sum(1) > 0)).sum() / area.sum()) > 0.95  # outwards, but for slivers


def test_corners_differ_and_all_kept_vertices_are_used(tiny_body):
    mesh = coarse_mesh(tiny_body.template, tiny_body.faces, 0.05)
    assert len(mesh.faces) < len(tiny_body.faces)
    assert (mesh.faces.sort(1).values.diff(dim=1) > 0).all()
    assert torch.equal(mesh.faces.unique(), torch.arange(len(mesh.kept)))
    assert len(mesh.kept.unique()) == len(mesh.kept)


def test_a_fine_grid_changes_nothing_but_the_order(tiny_body):
    mesh = coarse_mesh(tiny_body.template, tiny_body.faces, 1e-6)

    def corners(faces):
        return {tuple(sorted(face)) for face in faces.tolist()}

    assert corners(mesh.kept[mesh.faces]) == corners(tiny_body.faces)
