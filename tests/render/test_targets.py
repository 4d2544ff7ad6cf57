"""Part and UV maps: which side is which, ranges, background, and samples without labels."""

import math
import re

import pytest
import torch

from maflab.geometry.cameras import project
from maflab.render.raycast import RayCaster
from maflab.render.targets import annotation_classes, auxiliary_targets, surface_maps

LEFT_RIGHT_PARTS = ((4, 3), (5, 6), (10, 9), (14, 13), (17, 18), (21, 22), (24, 23))


def standing(body, camera=(0.9, 0.0, 0.25)):
    """The mean person, who faces the camera."""
    return body(body.mean_rotations[None], body.mean_betas[None]), torch.tensor([camera])


def test_left_is_on_the_right_of_the_picture_of_a_person_who_faces_the_camera(tiny_body, tiny_caster):
    output, camera = standing(tiny_body)
    targets = auxiliary_targets(tiny_caster, tiny_body, output.vertices, camera, torch.ones(1), 112)
    column = (2 * torch.arange(112) / 111 - 1).expand(112, 112)
    for left, right in LEFT_RIGHT_PARTS:
        assert column[targets.part[0] == left].mean() > 0
        assert column[targets.part[0] == right].mean() < 0
    # Of a torso seen from the front, the front shows.
    assert (targets.part[0] == 2).sum() > 20 * (targets.part[0] == 1).sum()


def test_hand_is_where_the_wrist_projects(tiny_body, tiny_caster):
    output, camera = standing(tiny_body)
    targets = auxiliary_targets(tiny_caster, tiny_body, output.vertices, camera, torch.ones(1), 112)
    hand = project(output.joints[:, 22:23], camera)[0, 0]  # the left hand's joint
    y, x = (targets.part[0] == 4).nonzero(as_tuple=True)
    assert abs(2 * x.float().mean() / 111 - 1 - hand[0]) < 0.05
    assert abs(2 * y.float().mean() / 111 - 1 - hand[1]) < 0.05


def test_labels_are_those_of_the_triangle_met(tiny_body, tiny_caster, posed):
    vertices, camera = posed
    targets = auxiliary_targets(tiny_caster, tiny_body, vertices, camera, torch.ones(5))
    hits = tiny_caster.cast_crop(vertices, camera, 56)
    assert torch.equal(targets.part > 0, hits.face >= 0)
    for item, y, x in (targets.part > 0).nonzero()[::97].tolist():
        face = hits.face[item, y, x]
        assert targets.part[item, y, x] == tiny_body.face_parts[face]
        uv = hits.barycentric[item, y, x] @ tiny_body.face_uv[face]
        torch.testing.assert_close(torch.stack([targets.u[item, y, x], targets.v[item, y, x]]), uv)


def test_form_ranges_and_background(tiny_body, tiny_caster, posed):
    vertices, camera = posed
    targets = auxiliary_targets(tiny_caster, tiny_body, vertices, camera, torch.ones(5), size=40)
    assert targets.part.shape == targets.u.shape == targets.v.shape == (5, 40, 40)
    assert targets.part.dtype == torch.int64
    assert targets.u.dtype == targets.v.dtype == targets.valid.dtype == torch.float32
    assert targets.part.min() == 0
    assert targets.part.max() <= 24
    for uv in (targets.u, targets.v):
        assert uv.min() >= 0
        assert uv.max() <= 1
        assert uv.max() > 0.5
        assert (uv[targets.part == 0] == 0).all()


def test_samples_without_labels_are_background_and_do_not_touch_the_others(tiny_body, tiny_caster, posed):
    vertices, camera = posed
    whole = auxiliary_targets(tiny_caster, tiny_body, vertices, camera, torch.ones(5))
    broken_vertices, broken_camera = vertices.clone(), camera.clone()
    broken_vertices[1] = float("nan")
    broken_camera[3] = 0
    some = auxiliary_targets(tiny_caster, tiny_body, broken_vertices, broken_camera, torch.tensor([1, 0, 1, 1, 1.0]))
    assert some.valid.tolist() == [1, 0, 1, 0, 1]
    for ours, theirs in zip(some[:3], whole[:3], strict=True):
        assert (ours[[1, 3]] == 0).all()
        assert torch.equal(ours[[0, 2, 4]], theirs[[0, 2, 4]])
    none = auxiliary_targets(tiny_caster, tiny_body, broken_vertices, broken_camera, torch.zeros(5, dtype=torch.bool))
    assert (none.part == 0).all()
    assert (none.valid == 0).all()


def test_valid_sample_that_is_not_finite_is_refused(tiny_body, tiny_caster, posed):
    vertices, camera = posed
    broken = vertices.clone()
    broken[2, 0] = float("inf")
    with pytest.raises(ValueError, match="not finite"):
        auxiliary_targets(tiny_caster, tiny_body, broken, camera, torch.ones(5))
    with pytest.raises(ValueError, match="NaN"):
        auxiliary_targets(tiny_caster, tiny_body, vertices, camera * float("nan"), torch.ones(5))
    with pytest.raises(ValueError, match=re.escape("a camera (5, 3)")):
        auxiliary_targets(tiny_caster, tiny_body, vertices, camera[:1], torch.ones(5))


def test_annotation_classes_merge_the_parts_as_published():
    """FORMATS: {1,2} {3} {4} {5} {6} {7,9} {8,10} {11,13} {12,14} {15,17} {16,18} {19,21} {20,22} {23,24}, and 0."""
    golden = [0, 1, 1, 2, 3, 4, 5, 6, 7, 6, 7, 8, 9, 8, 9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 14]
    assert annotation_classes.tolist() == golden


def test_surface_of_a_tilted_plane(tiny_body):
    """A square turned by 40 degrees about the vertical, seen almost in parallel: its normal and depth are known."""
    turn = math.radians(40)
    x, z = math.cos(turn) / 2, math.sin(turn) / 2
    corners = [[-x, -0.5, z], [x, -0.5, -z], [x, 0.5, -z], [-x, 0.5, z]]
    vertices, faces = torch.tensor([corners]), torch.tensor([[0, 1, 2], [0, 3, 2]])  # of both windings
    camera, root = torch.tensor([[1.0, 0.1, 0.0]]), torch.tensor([[0.0, 0.0, 0.25]])
    hits = RayCaster(faces).cast_crop(vertices, camera, 32)
    surface = surface_maps(hits, faces, vertices, camera, root)[0]
    met = hits.face[0] >= 0
    assert set(hits.face[0][met].tolist()) == {0, 1}
    normal = torch.tensor([-math.sin(turn), 0.0, -math.cos(turn)])
    torch.testing.assert_close(surface[:3, met], normal[:, None].expand(3, int(met.sum())), atol=1e-4, rtol=0)
    columns = met.nonzero()[:, 1]
    across = (2 * columns / 31 - 1) - 0.1  # metres, since s = 1
    expected = -across * math.tan(turn) - 0.25
    assert (surface[3, met] - expected).abs().max() < 0.02  # perspective bends the lines a little
    assert surface[:, ~met].eq(0).all()
