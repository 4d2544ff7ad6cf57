"""Rays against closed forms, against warp's own ray queries, and against the camera of the crops."""

import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
import trimesh
import warp as wp
from torch import Tensor

from maflab.geometry.cameras import project
from maflab.render.raycast import Hits, RayCaster

wp.set_module_options({"enable_backward": False})


@wp.kernel
def query_rays(
    mesh: wp.uint64,
    focal: wp.float32,
    centre: wp.float32,
    depth: wp.array2d(dtype=wp.float32),
    face: wp.array2d(dtype=wp.int32),
):
    y, x = wp.tid()
    direction = wp.vec3((float(x) - centre) / focal, (float(y) - centre) / focal, 1.0)
    hit = wp.mesh_query_ray(mesh, wp.vec3(0.0, 0.0, 0.0), wp.normalize(direction), 1.0e6)
    depth[y, x] = wp.inf
    face[y, x] = -1
    if hit.result:
        depth[y, x] = hit.t / wp.length(direction)
        face[y, x] = hit.face


def hit_points(hits: Hits, vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The pixels (item, y, x) that met a mesh and the points met (N, 3), from face and barycentric alone."""
    item, y, x = (hits.face >= 0).nonzero(as_tuple=True)
    corners = vertices[item[:, None], faces[hits.face[item, y, x]]]
    return item, y, x, (hits.barycentric[item, y, x, :, None] * corners).sum(1)


def test_sphere_has_the_depth_of_the_closed_form(sphere):
    vertices, faces = sphere
    distance, focal, size = 5.0, 100.0, 65
    hits = RayCaster(faces).cast(vertices + torch.tensor([0.0, 0.0, distance]), focal, size)
    slope = (torch.arange(size, dtype=torch.float64) - (size - 1) / 2) / focal
    squared = 1 + slope[:, None] ** 2 + slope[None] ** 2
    # |z (sx, sy, 1) - (0, 0, distance)| = 1, the nearer solution.
    inside = distance**2 - squared * (distance**2 - 1)
    expected = (distance - inside.clamp(min=0).sqrt()) / squared
    safe = inside > 0.2
    assert (hits.face[0] >= 0)[safe].all()
    assert (hits.depth[0].double() - expected)[safe].abs().max() < 2e-3
    missed = inside < -0.05
    assert (hits.face[0] == -1)[missed].all()
    assert hits.depth[0][missed].isinf().all()
    assert (hits.barycentric[0][missed] == 0).all()


def test_plane_gives_exact_depth_face_and_barycentric_coordinates():
    """A tilted triangle z = 4 + x: the hit's coordinates follow from solving for the ray."""
    corners = torch.tensor([[-1.0, -1, 3], [2.0, -1, 6], [-1.0, 2, 3]])
    hits = RayCaster(torch.tensor([[0, 1, 2]])).cast(corners[None], 50.0, (40, 60), (20.0, 15.0))
    y, x = np.mgrid[0:40, 0:60]
    sx, sy = (x - 20) / 50, (y - 15) / 50
    z = 4 / (1 - sx)
    point = np.stack([sx * z, sy * z, z], axis=-1).reshape(-1, 3)
    expected = trimesh.triangles.points_to_barycentric(np.repeat(corners[None].numpy(), len(point), 0), point)
    inside = (expected > 1e-4).all(1)
    outside = (expected < -1e-4).any(1)
    assert inside.sum() > 100
    assert outside.sum() > 100
    assert (hits.face.flatten().numpy()[inside] == 0).all()
    assert (hits.face.flatten().numpy()[outside] == -1).all()
    np.testing.assert_allclose(hits.depth.flatten().numpy()[inside], point[inside, 2], rtol=1e-5)
    np.testing.assert_allclose(hits.barycentric.reshape(-1, 3).numpy()[inside], expected[inside], atol=1e-5)


def test_nearer_triangle_hides_the_farther_whatever_their_order():
    near = torch.tensor([[-1.0, -1, 2], [1.0, -1, 2], [0.0, 1, 2]])
    vertices = torch.cat([near, near * 2])[None]
    for faces, expected in (([[0, 1, 2], [3, 4, 5]], 0), ([[3, 4, 5], [0, 1, 2]], 1)):
        hits = RayCaster(torch.tensor(faces)).cast(vertices, 20.0, 9)
        assert hits.face[0, 4, 4] == expected
        assert hits.depth[0, 4, 4] == 2


def test_triangle_that_reaches_behind_the_camera_is_seen_in_front_of_it():
    """A floor y = 1 from far behind to far ahead: every ray that points down meets it at z = 1 / slope."""
    floor = torch.tensor([[[-1e3, 1, -1e3], [1e3, 1, -1e3], [1e3, 1, 1e3], [-1e3, 1, 1e3]]])
    hits = RayCaster(torch.tensor([[0, 1, 2], [0, 2, 3]])).cast(floor, 10.0, 11)
    slope = (torch.arange(11.0) - 5) / 10
    assert (hits.face[0, :6] == -1).all()
    torch.testing.assert_close(hits.depth[0, 6:], (1 / slope[6:, None]).expand(-1, 11), rtol=1e-4, atol=0)
    behind = RayCaster(torch.tensor([[0, 1, 2]])).cast(
        torch.tensor([[[-1.0, -1, -2], [1, -1, -2], [0, 1, -2]]]), 9.0, 9
    )
    assert (behind.face == -1).all()


def test_agrees_with_warps_ray_queries_on_bodies(tiny_body, tiny_caster, posed):
    """The independent reference: a bounding volume hierarchy walked ray by ray."""
    vertices, camera = posed
    size, focal = 112, 5000 * 111 / 224
    points = vertices + torch.stack([camera[:, 1], camera[:, 2], 2 * 5000 / (224 * camera[:, 0])], dim=1)[:, None]
    hits = tiny_caster.cast_crop(vertices, camera, size)
    for item in range(len(points)):
        mesh = wp.Mesh(
            wp.from_torch(points[item].contiguous(), dtype=wp.vec3), wp.from_torch(tiny_body.faces.int().flatten())
        )
        depth, face = torch.empty(size, size), torch.empty(size, size, dtype=torch.int32)
        arguments = [mesh.id, focal, (size - 1) / 2, wp.from_torch(depth), wp.from_torch(face)]
        wp.launch(query_rays, dim=(size, size), inputs=arguments, device="cpu")
        both = (hits.face[item] >= 0) & (face >= 0)
        # A ray along a silhouette or an edge may fall to either side; nothing else may differ.
        assert ((hits.face[item] >= 0) != (face >= 0)).sum() <= 2
        assert both.sum() > 500
        assert (hits.depth[item] - depth)[both].abs().median() < 1e-5
        assert ((hits.depth[item] - depth)[both].abs() > 1e-3).sum() <= 2
        assert (hits.face[item] != face)[both].float().mean() < 5e-3


def test_no_ray_slips_between_triangles(sphere):
    """Rays through the edges and vertices of a closed mesh: a grid of quads whose lines lie on pixel centres."""
    side = 17
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    vertices = torch.stack([x - 8, y - 8, torch.full_like(x, 10)], dim=-1).reshape(1, -1, 3).float()
    corner = (y * side + x)[:-1, :-1].flatten()
    faces = torch.cat(
        [
            torch.stack([corner, corner + 1, corner + side], dim=1),
            torch.stack([corner + side + 1, corner + side, corner + 1], dim=1),
        ]
    )
    assert (RayCaster(faces).cast(vertices, 10.0, 17).face >= 0).all()
    assert (RayCaster(faces).cast(vertices, 37.3, (50, 58)).face >= 0).all()
    ball, triangles = sphere
    fine = RayCaster(triangles).cast(ball + torch.tensor([0.0, 0.0, 3.0]), 300.0, 141)
    assert (fine.face >= 0).all()


def test_hits_reproject_onto_their_pixels(tiny_body, tiny_caster, posed):
    vertices, camera = posed
    for size in (56, 97):
        item, y, x, points = hit_points(tiny_caster.cast_crop(vertices, camera, size), vertices, tiny_body.faces)
        seen = project(points[:, None], camera[item])[:, 0]
        expected = torch.stack([2 * x / (size - 1) - 1, 2 * y / (size - 1) - 1], dim=1)
        assert len(points) > 500
        assert (seen - expected).abs().max() < 1e-3


def test_known_point_is_seen_where_it_projects(sphere):
    """A tiny ball at a body-frame point appears at the pixel nearest to the point's projection."""
    ball, faces = sphere
    point = torch.tensor([0.31, -0.42, 0.1])
    camera = torch.tensor([[0.8, 0.05, -0.1]])
    hits = RayCaster(faces).cast_crop(0.01 * ball + point, camera, 224)
    _, y, x = (hits.face >= 0).nonzero(as_tuple=True)
    expected = (project(point[None, None], camera)[0, 0] + 1) / 2 * 223
    assert abs(x.float().mean() - expected[0]) < 0.5
    assert abs(y.float().mean() - expected[1]) < 0.5


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_batch_is_the_same_as_one_by_one(tiny_caster, posed, threads):
    vertices, camera = posed
    single = [tiny_caster.cast_crop(vertices[i : i + 1], camera[i : i + 1], 56) for i in range(5)]
    torch.set_num_threads(threads)
    try:
        together = tiny_caster.cast_crop(vertices, camera, 56)
    finally:
        torch.set_num_threads(1)
    for name in Hits._fields:
        assert torch.equal(getattr(together, name), torch.cat([getattr(hits, name) for hits in single]))


def test_answer_depends_neither_on_earlier_casts_nor_on_the_process(tiny_caster, posed):
    vertices, camera = posed
    first = tiny_caster.cast_crop(vertices[:1], camera[:1], 64)
    tiny_caster.cast_crop(vertices[1:], camera[1:], 64)
    copied = pickle.loads(pickle.dumps(tiny_caster)).cast_crop(vertices[:1], camera[:1], 64)
    for name in Hits._fields:
        assert torch.equal(getattr(first, name), getattr(copied, name))


def test_empty_batch_and_inputs_that_are_not_contiguous(tiny_caster, posed):
    vertices, camera = posed
    assert tiny_caster.cast_crop(vertices[:0], camera[:0], 8).depth.shape == (0, 8, 8)
    strided = vertices.double().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_()
    hits = tiny_caster.cast_crop(strided, camera, 32)
    assert not hits.depth.requires_grad
    assert torch.equal(hits.face, tiny_caster.cast_crop(vertices, camera, 32).face)


@pytest.mark.parametrize(
    ("device", "message"), [("cuda:97", "'cuda:97' is not there"), ("meta", "'cpu' or 'cuda', not on 'meta'")]
)
def test_device_that_is_not_there_is_named(device, message):
    with pytest.raises(ValueError, match=message):
        RayCaster(torch.tensor([[0, 1, 2]]), device)


def test_wrong_input_is_one_clear_sentence(tiny_caster, posed):
    vertices, camera = posed
    broken = vertices.clone()
    broken[3, 17, 1] = float("nan")
    cases = [
        (lambda: tiny_caster.cast_crop(broken, camera, 56), "mesh 3 of the batch, or its camera, is not finite"),
        (lambda: tiny_caster.cast_crop(vertices[:, :100], camera, 56), "the mesh has 100 vertices"),
        (lambda: tiny_caster.cast_crop(vertices, camera[:2], 56), "camera must be (5, 3)"),
        (lambda: tiny_caster.cast(vertices[0], 100.0, 56), "vertices must be (B, V, 3)"),
        (lambda: tiny_caster.cast(vertices, 0.0, 56), "positive size and focal length"),
        (lambda: tiny_caster.cast_crop(vertices, camera, 1), "at least 2 pixels"),
        (lambda: RayCaster(torch.tensor([[0, 1, -1]])), "negative"),
        (lambda: RayCaster(torch.zeros(4, 3)), "integers"),
        (lambda: RayCaster(torch.zeros(0, 3, dtype=torch.int64)), "F >= 1"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=re.escape(message)):
            call()


def test_import_is_cheap_and_the_first_cast_is_silent():
    script = (
        "import sys, torch\n"
        "from maflab.render import overlay, raycast, shading, targets\n"
        "assert 'warp' not in sys.modules\n"
        "raycast.RayCaster(torch.tensor([[0, 1, 2]])).cast(torch.eye(3)[None] + 1, 9.0, 5)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_cpu(tiny_caster, posed):
    vertices, camera = posed
    here = tiny_caster.cast_crop(vertices, camera, 56)
    there = tiny_caster.cast_crop(vertices.cuda(), camera.cuda(), 56)
    assert there.depth.is_cuda
    assert (here.face != there.face.cpu()).float().mean() < 1e-3
    same = (here.face == there.face.cpu()) & (here.face >= 0)
    torch.testing.assert_close(here.depth[same], there.depth.cpu()[same], rtol=1e-5, atol=1e-4)
