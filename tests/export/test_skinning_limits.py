"""What plain skinning of four joints a vertex leaves out is measured, and made up for where it can be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maflab.body.arrays import BodyArrays
from maflab.body.model import BodyModel
from maflab.export.actors import scene_actors
from maflab.export.glb import write_glb
from maflab.export.influences import find_influences, strongest
from maflab.export.meshes import write_ply
from maflab.export.posing import corrections_left_out
from maflab.export.surface import body_surface

from .clips import clip, in_scene
from .gltf_reader import Glb


@pytest.fixture(scope="module")
def many_joints(tiny_arrays: BodyArrays) -> BodyModel:
    """Six joints a vertex, none of which can be left out."""
    generator = np.random.default_rng(0)
    weights = np.zeros_like(tiny_arrays.skin_weights)
    for row in weights:
        row[generator.choice(24, 6, replace=False)] = generator.dirichlet([3.0] * 6)
    return BodyModel(replace(tiny_arrays, skin_weights=weights))


@pytest.fixture(scope="module")
def corrected(tiny_arrays: BodyArrays) -> BodyModel:
    """With pose-dependent corrections of some millimetres, as SMPL has them."""
    directions = np.random.default_rng(0).normal(0, 5e-4, (len(tiny_arrays.template), 3, 207)).astype(np.float32)
    return BodyModel(replace(tiny_arrays, pose_dirs=directions))


def test_further_sets_of_joints_keep_the_error_below_a_millimetre(many_joints: BodyModel, tmp_path: Path) -> None:
    recording = clip()
    glb = Glb(write_glb(recording, many_joints, tmp_path / "result.glb"))
    mesh = glb.named("person_3_mesh")
    assert {"JOINTS_0", "JOINTS_1", "WEIGHTS_1"} <= set(glb.attributes(mesh))
    assert "JOINTS_2" not in glb.attributes(mesh)
    truth = in_scene(recording, recording.tracks[0], many_joints).vertices[:, body_surface(many_joints).source]
    for row, time in enumerate(recording.times):
        assert np.abs(glb.skinned(mesh, glb.worlds(time)) - truth[row]).max() < 1e-3


def test_weights_too_small_to_matter_cost_no_second_set(tiny_arrays: BodyArrays) -> None:
    weights = tiny_arrays.skin_weights * 0.9995
    weights = weights + (1 - weights.sum(1, keepdims=True)) / 24
    body = BodyModel(replace(tiny_arrays, skin_weights=weights.astype(np.float32)))
    found = find_influences(scene_actors(clip(), body)[0], body)
    assert found.joints.shape[1] == 4
    assert 0 < found.error < 5e-4


def test_the_strongest_weights_are_kept_and_sum_to_one() -> None:
    weights = np.array([[0.1, 0.4, 0.0, 0.3, 0.15, 0.05], [0, 0, 1.0, 0, 0, 0]])
    kept = strongest(weights, 4)
    assert kept.joints.tolist() == [[1, 3, 4, 0], [2, 0, 0, 0]]
    np.testing.assert_allclose(kept.weights[0], np.array([0.4, 0.3, 0.15, 0.1]) / 0.95, rtol=1e-6)
    np.testing.assert_array_equal(kept.weights[1], [1, 0, 0, 0])


def test_corrections_that_skinning_cannot_have_are_measured_and_said(
    corrected: BodyModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recording = clip()
    with caplog.at_level("INFO", logger="maflab"):
        glb = Glb(write_glb(recording, corrected, tmp_path / "result.glb"))
    actor = scene_actors(recording, corrected)[0]
    truth = in_scene(recording, recording.tracks[0], corrected)
    source = body_surface(corrected).source
    mesh = glb.named("person_3_mesh")
    gone = max(
        np.linalg.norm(glb.skinned(mesh, glb.worlds(time)) - truth.vertices[row][source], axis=1).max()
        for row, time in enumerate(recording.times)
    )
    assert gone > 2e-3
    assert corrections_left_out(actor, corrected) == pytest.approx(gone, abs=1e-5)
    assert f"person_3: without the pose-dependent corrections up to {gone * 1000:.1f} mm are missing" in caplog.text
    # The joints do not depend on them, and mesh sequences have them.
    assert np.abs(glb.joints(0, glb.worlds(recording.times[3])) - truth.joints[3]).max() < 1e-5
    import trimesh

    folder = write_ply(recording, corrected, tmp_path, stride=3)[0]
    vertices = trimesh.load(folder / "000003.ply", process=False).vertices
    assert np.abs(vertices - truth.vertices[3]).max() < 1e-5


def test_a_body_without_corrections_leaves_nothing_out(tiny_body: BodyModel) -> None:
    assert corrections_left_out(scene_actors(clip(), tiny_body)[0], tiny_body) == 0.0
