"""Symmetric simplification on a sphere, whose shape is known."""

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from maflab.body.anny_mesh import _close_holes, mirror_image
from maflab.body.decimate import decimate


@pytest.fixture(scope="module")
def sphere() -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=3)  # 642 vertices, symmetric in x
    assert cKDTree(mesh.vertices).query(mesh.vertices * (-1, 1, 1))[0].max() < 1e-9
    return mesh


@pytest.mark.parametrize("count", [641, 500, 301])
def test_exact_count_closed_and_symmetric(sphere: trimesh.Trimesh, count: int) -> None:
    points = np.asarray(sphere.vertices)
    kept, faces = decimate(points, np.asarray(sphere.faces), mirror_image(points), count)
    assert len(kept) == count
    reduced = trimesh.Trimesh(points[kept], faces, process=False)
    assert reduced.is_watertight
    assert reduced.is_winding_consistent
    assert reduced.euler_number == 2
    assert len(faces) == 2 * count - 4
    assert reduced.volume == pytest.approx(4 / 3 * np.pi, rel=0.06)
    image = mirror_image(points[kept])
    assert {frozenset(face) for face in image[faces].tolist()} == {frozenset(face) for face in faces.tolist()}


def test_same_mesh_same_result(sphere: trimesh.Trimesh) -> None:
    points, faces = np.asarray(sphere.vertices), np.asarray(sphere.faces)
    one, two = (decimate(points, faces, mirror_image(points), 560) for _ in range(2))
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])


def test_flat_regions_go_first() -> None:
    """A box keeps its corners: they are what the quadric error guards."""
    box = trimesh.creation.box(extents=(2, 1, 1)).subdivide().subdivide().subdivide()
    points = np.asarray(box.vertices)
    kept, _ = decimate(points, np.asarray(box.faces), mirror_image(points), len(points) // 2)
    corners = np.flatnonzero((np.abs(points) == (1, 0.5, 0.5)).all(1))
    assert len(corners) == 8
    assert set(corners) <= set(kept)


def test_an_impossible_count_is_refused() -> None:
    mesh = trimesh.creation.icosphere(subdivisions=1)
    points = np.asarray(mesh.vertices)
    with pytest.raises(ValueError, match="cannot be reduced below"):
        decimate(points, np.asarray(mesh.faces), mirror_image(points), 2)


def test_asymmetry_is_refused(sphere: trimesh.Trimesh) -> None:
    with pytest.raises(ValueError, match="not mirror-symmetric: a vertex is"):
        mirror_image(np.asarray(sphere.vertices) + np.linspace(0, 0.01, 642)[:, None])


def test_holes_are_closed_with_the_mean_of_their_rim(sphere: trimesh.Trimesh) -> None:
    points, faces = np.asarray(sphere.vertices), np.asarray(sphere.faces)
    centres = points[faces].mean(1)
    open_faces = faces[(centres[:, 1] < 0.9) & (centres[:, 2] < 0.8)]
    closed, lift = _close_holes(open_faces, len(points))
    used = np.unique(closed)
    mesh = trimesh.Trimesh(lift @ points, closed, process=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0
    assert lift.shape == (len(points) + 2, len(points))
    assert used.max() == len(points) + 1
    assert np.allclose(lift.sum(1), 1)
