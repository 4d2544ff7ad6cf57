"""Metrics over a data set: independent of batching, of unlabelled samples and of the number of processes."""

import numpy as np
import pytest
import torch
from batches import labelled_batch
from scipy.spatial.transform import Rotation

from maflab.body.model import BodyModel
from maflab.geometry.cameras import project
from maflab.metrics.estimates import EstimateErrors, IterationErrors
from maflab.metrics.parts import DenseErrors
from maflab.structures import AuxiliaryMaps, AuxiliaryTargets, Batch, Estimate


def estimate_of(body: BodyModel, batch: Batch) -> Estimate:
    keypoints = body.keypoints(body(batch.rotations, batch.betas))
    camera = torch.tensor([[0.9, 0.0, 0.0]]).expand(len(keypoints), 3)
    return Estimate(batch.rotations, batch.betas, camera, keypoints, keypoints, project(keypoints, camera))


def rows(structure: Batch | Estimate, keep: slice | torch.Tensor) -> Batch | Estimate:
    return type(structure)(*(x[keep] for x in structure))


def test_errors_against_numpy(tiny_body: BodyModel) -> None:
    labelled, guessed = labelled_batch(tiny_body, 5), labelled_batch(tiny_body, 5)
    errors = IterationErrors(tiny_body, iterations=1)
    errors.update([estimate_of(tiny_body, guessed), estimate_of(tiny_body, labelled)], labelled)
    table = errors.compute()

    def meshes(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        vertices = tiny_body(batch.rotations, batch.betas).vertices
        joints = np.einsum("jv,bvc->bjc", tiny_body.arrays.h36m_regressor.toarray(), vertices.numpy())
        return vertices.numpy() - joints[:, :1], joints - joints[:, :1]

    fourteen = [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10]  # H36M_TO_J14, as published
    (mesh, joints), (true_mesh, true_joints) = meshes(guessed), meshes(labelled)
    joints, true_joints = joints[:, fourteen], true_joints[:, fourteen]
    expected = 1000 * np.linalg.norm(joints - true_joints, axis=-1).mean()
    assert table["iter0"]["mpjpe"] == pytest.approx(expected, rel=1e-4)
    expected = 1000 * np.linalg.norm(mesh - true_mesh, axis=-1).mean()
    assert table["iter0"]["pve"] == pytest.approx(expected, rel=1e-4)
    aligned = []
    for one, true in zip(joints, true_joints, strict=True):
        one, true = one - one.mean(0), true - true.mean(0)
        turned = Rotation.align_vectors(true, one)[0].apply(one)
        scale = (turned * true).sum() / np.square(turned).sum()
        aligned.append(np.linalg.norm(scale * turned - true, axis=-1).mean())
    assert table["iter0"]["pa_mpjpe"] == pytest.approx(1000 * np.mean(aligned), rel=1e-3)
    assert table["iter1"]["mpjpe"] == pytest.approx(0, abs=1e-3)


def test_batching_does_not_matter(tiny_body: BodyModel) -> None:
    labelled, guessed = labelled_batch(tiny_body, 7), labelled_batch(tiny_body, 7)
    estimate = estimate_of(tiny_body, guessed)
    tables = []
    for size in (7, 3):
        errors = IterationErrors(tiny_body, iterations=0)
        for start in range(0, 7, size):
            keep = slice(start, start + size)
            errors.update([rows(estimate, keep)], rows(labelled, keep))
        tables.append(errors.compute()["iter0"])
    assert tables[0] == pytest.approx(tables[1], rel=1e-6)


def test_samples_without_labels_do_not_count(tiny_body: BodyModel) -> None:
    labelled, guessed = labelled_batch(tiny_body, 4), labelled_batch(tiny_body, 4)
    has = torch.tensor([1.0, 1, 0, 0])
    estimate = estimate_of(tiny_body, guessed)
    masked, alone = IterationErrors(tiny_body, 0), IterationErrors(tiny_body, 0)
    masked.update([estimate], labelled._replace(has_pose=has))
    alone.update([rows(estimate, slice(2))], rows(labelled, slice(2)))
    assert masked.compute()["iter0"]["pve"] == pytest.approx(alone.compute()["iter0"]["pve"])
    nobody = IterationErrors(tiny_body, 0)
    nobody.update([estimate], labelled._replace(has_pose=torch.zeros(4)))
    assert np.isnan(nobody.compute()["iter0"]["mpjpe"])


def test_the_order_of_the_samples_and_who_saw_them_do_not_matter(tiny_body: BodyModel) -> None:
    labelled, guessed = labelled_batch(tiny_body, 6), labelled_batch(tiny_body, 6)
    labelled = labelled._replace(index=torch.arange(6))
    estimate = estimate_of(tiny_body, guessed)
    whole = IterationErrors(tiny_body, 0)
    whole.update([estimate], labelled)
    order = torch.tensor([4, 1, 5, 0, 2, 3])
    mixed = IterationErrors(tiny_body, 0)
    mixed.update([rows(estimate, order)], rows(labelled, order))
    assert mixed.samples()["index"].tolist() == list(range(6))
    np.testing.assert_allclose(mixed.samples()["pve"], whole.samples()["pve"], rtol=1e-5)
    assert np.mean(whole.samples()["pve"][0]) == pytest.approx(whole.compute()["iter0"]["pve"], rel=1e-6)


def test_states_add_up_over_processes() -> None:
    assert {fn.__name__ for fn in EstimateErrors()._reductions.values()} == {"dim_zero_cat"}
    assert {fn.__name__ for fn in DenseErrors()._reductions.values()} == {"dim_zero_sum"}


def test_dense_errors_of_a_known_confusion() -> None:
    part = torch.tensor([[[0, 1], [1, 2]]])
    predicted = torch.tensor([[[0, 1], [2, 2]]])
    logits = torch.nn.functional.one_hot(predicted, 25).movedim(-1, 1).float()
    u = torch.full((1, 25, 2, 2), 0.5)
    targets = AuxiliaryTargets(
        part, torch.full((1, 2, 2), 0.25) * (part > 0), torch.full((1, 2, 2), 0.5), torch.ones(1)
    )
    errors = DenseErrors()
    errors.update(AuxiliaryMaps(logits, u, u, torch.zeros(1, 15, 2, 2)), targets)
    values = errors.compute()
    assert "depth_error" not in values  # no surface was predicted
    assert values["part_accuracy"] == pytest.approx(100 * 2 / 3)
    assert values["part_iou"] == pytest.approx(50)  # one of two pixels of part 1, one of two of part 2
    assert values["uv_error"] == pytest.approx(0.125)  # U a quarter off, V exact
