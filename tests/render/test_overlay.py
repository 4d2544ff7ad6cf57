"""Pictures for people: where the mesh is drawn, what is left alone, and which way the side view looks."""

import numpy as np
import pytest
import torch

from maflab.geometry.cameras import project
from maflab.render.overlay import draw_keypoints, overlay_mesh, part_colours, part_picture, side_view


@pytest.fixture
def person(tiny_body):
    """Vertices (V, 3) and key points (49, 3) of the mean person, and a camera (3,)."""
    output = tiny_body(tiny_body.mean_rotations[None], tiny_body.mean_betas[None])
    return output.vertices[0], tiny_body.keypoints(output)[0], torch.tensor([0.9, 0.0, 0.25])


def test_overlay_covers_the_mesh_and_nothing_else(tiny_caster, person):
    vertices, _, camera = person
    image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    before = image.copy()
    picture = overlay_mesh(image, tiny_caster, vertices, camera, (0.2, 0.9, 0.2))
    assert np.array_equal(image, before)
    assert picture.shape == (96, 96, 3)
    assert picture.dtype == np.uint8
    met = (tiny_caster.cast_crop(vertices[None], camera[None], 96).face[0] >= 0).numpy()
    changed = (picture != image).any(-1)
    assert changed[met].mean() > 0.97
    # Pixels touched without being met at their centre lie on the outline.
    assert (changed & ~met).sum() < 0.35 * met.sum()
    assert not changed[:3].any()
    inner = picture[met].astype(float)
    assert inner[:, 1].mean() > 1.5 * inner[:, 0].mean()


def test_opacity_mixes_with_the_picture(tiny_caster, person):
    vertices, _, camera = person
    image = np.full((64, 64, 3), 200, np.uint8)
    clear = overlay_mesh(image, tiny_caster, vertices, camera, opacity=0.0)
    full = overlay_mesh(image, tiny_caster, vertices, camera).astype(float)
    half = overlay_mesh(image, tiny_caster, vertices, camera, opacity=0.5).astype(float)
    assert np.array_equal(clear, image)
    assert np.abs(half - (full + 200) / 2).max() <= 1


def test_overlay_refuses_what_is_no_crop(tiny_caster, person):
    vertices, _, camera = person
    for image in (np.zeros((10, 12, 3), np.uint8), np.zeros((10, 10, 3), np.float32)):
        with pytest.raises(ValueError, match=r"a crop is \(S, S, 3\) uint8"):
            overlay_mesh(image, tiny_caster, vertices, camera)


def test_side_view_shows_the_whole_person_looking_left(tiny_caster, person):
    vertices, _, _ = person
    picture = side_view(tiny_caster, vertices, 128, background=(0.0, 0.0, 0.0))
    body = picture.any(-1)
    assert picture.shape == (128, 128, 3)
    assert not body[[0, -1]].any()
    assert not body[:, [0, -1]].any()
    rows = np.flatnonzero(body.any(1))
    assert 0.85 * 128 < np.ptp(rows) < 0.97 * 128
    # Feet point where the person looks: the lowest rows reach farther left of the body's middle than to its right.
    ankle = np.flatnonzero(body[rows[-1] - 12])
    toes = np.flatnonzero(body[rows[-1] - 1])
    assert ankle.mean() - toes.min() > toes.max() - ankle.mean()


def test_dots_stand_on_the_key_points(person):
    _, keypoints, camera = person
    points = torch.cat([project(keypoints[None], camera[None])[0], torch.ones(49, 1)], dim=1)
    points[7:, 2] = 0
    points[6] = float("nan")
    points[5, 0] = 40.0
    image = np.zeros((129, 129, 3), np.uint8)
    picture = draw_keypoints(image, points, (1.0, 0.0, 0.0))
    assert not image.any()
    red = picture[..., 0] > 100
    for x, y in ((points[:5, :2] + 1) / 2 * 128).round().long().tolist():
        assert red[y, x]
    assert red.sum() < 5 * 40
    assert np.array_equal(draw_keypoints(image, points[:0]), image)


def test_part_colours_are_distinct_and_the_background_dark():
    assert part_colours.shape == (25, 3)
    assert part_colours.dtype == np.uint8
    assert part_colours[0].max() < 40
    apart = np.abs(part_colours[:, None].astype(int) - part_colours[None]).sum(-1)
    assert apart[~np.eye(25, dtype=bool)].min() >= 40
    part = torch.tensor([[0, 3], [24, 1]])
    assert np.array_equal(part_picture(part), part_colours[part.numpy()])
    with pytest.raises(ValueError, match=r"0\.\.24"):
        part_picture(np.array([[25]]))
