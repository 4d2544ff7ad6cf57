"""Fits on the small body: they find what projects onto the key points, and nothing else disturbs them."""

import pytest
import torch
from batches import labelled_batch
from posing import mean_start, posed

from maflab.body.joints import SMPL24, SPIN49
from maflab.body.model import BodyModel
from maflab.fitting.energy import Energy, Unknowns, origin_of, unmoved
from maflab.fitting.fit import Fitter
from maflab.fitting.priors import PosePrior
from maflab.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from maflab.metrics.functional import mpjpe
from maflab.structures import Batch, Estimate


def people(body: BodyModel, turns: list[float]) -> tuple[Batch, torch.Tensor]:
    """A batch in poses near standing, turned about the vertical by so many radians, and its key points in 3D."""
    batch = labelled_batch(body, len(turns))
    batch = batch._replace(betas=0.5 * batch.betas)
    about = torch.tensor([[0.0, turn, 0.0] for turn in turns])
    rotations = body.mean_rotations @ axis_angle_to_matrix(0.1 * torch.randn(len(turns), 24, 3))
    rotations[:, 0] = body.mean_rotations[0] @ axis_angle_to_matrix(about)
    labelled = posed(body, rotations, batch.betas, torch.tensor([[0.9, 0.05, -0.1]]).expand(len(turns), 3))
    keypoints = torch.cat((labelled.keypoints_2d, torch.ones(len(turns), 49, 1)), dim=-1)
    return batch._replace(rotations=rotations, keypoints_2d=keypoints), labelled.keypoints_3d


def distance(estimate: Estimate, keypoints: torch.Tensor) -> torch.Tensor:
    """Mean distance (B,) in crop coordinates."""
    return (estimate.keypoints_2d - keypoints[..., :2]).norm(dim=-1).mean(-1)


def test_people_from_all_sides_are_found(tiny_body: BodyModel, fitter: Fitter) -> None:
    batch, truth = people(tiny_body, [0.0, 0.8, 3.1, -2.5])
    start = mean_start(tiny_body, 4)
    found = fitter.fit(start, batch.keypoints_2d)
    assert distance(start, batch.keypoints_2d).min() > 0.1
    assert distance(found, batch.keypoints_2d).max() < 0.015
    # What is found is the body, by the whole model, and not only its projection; what is left of the error is depth,
    # which the key points do not tell. The first stands as the start does, only the others are turned.
    whole = posed(tiny_body, found.rotations, found.betas, found.camera)
    assert torch.allclose(whole.keypoints_2d, found.keypoints_2d, atol=1e-4)
    error, before = mpjpe(whole.keypoints_3d, truth), mpjpe(start.keypoints_3d, truth)
    assert (error[1:] < 0.6 * before[1:]).all(), (error, before)
    facing = (found.rotations[:, 0, :, 2] * batch.rotations[:, 0, :, 2]).sum(-1)
    assert facing.min() > 0.8, "front and back are told apart"


def test_one_outlier_does_not_move_the_body(tiny_body: BodyModel, fitter: Fitter) -> None:
    batch, _ = people(tiny_body, [0.3])
    spoiled = batch.keypoints_2d.clone()
    wrist = SPIN49.index("LWrist")
    spoiled[0, wrist, :2] += torch.tensor([0.8, -0.9])
    start = mean_start(tiny_body, 1)
    clean, found = fitter.fit(start, batch.keypoints_2d), fitter.fit(start, spoiled)
    moved = mpjpe(found.keypoints_3d, clean.keypoints_3d)
    assert moved < 0.02, f"{1000 * moved.item():.0f} mm"


def test_samples_do_not_influence_each_other(tiny_body: BodyModel, fitter: Fitter) -> None:
    batch, _ = people(tiny_body, [0.0, 2.0, -1.0])
    start = mean_start(tiny_body, 3)
    together = fitter.fit(start, batch.keypoints_2d)
    for row in (0, 2):
        one = slice(row, row + 1)
        alone = fitter.fit(Estimate(*(field[one] for field in start)), batch.keypoints_2d[one])
        assert (alone.keypoints_3d - together.keypoints_3d[one]).norm(dim=-1).max() < 2e-3


def test_fits_are_repeatable(tiny_body: BodyModel, fitter: Fitter) -> None:
    batch, _ = people(tiny_body, [0.5])
    first, second = (fitter.fit(mean_start(tiny_body, 1), batch.keypoints_2d) for _ in range(2))
    assert torch.equal(first.rotations, second.rotations)


def test_nothing_to_fit_leaves_the_start(tiny_body: BodyModel, fitter: Fitter) -> None:
    batch, _ = people(tiny_body, [0.0, 0.4])
    keypoints = batch.keypoints_2d.clone()
    keypoints[0] = 0
    start = mean_start(tiny_body, 2)
    for found in (fitter.fit(start, keypoints), fitter.refine(start, keypoints)):
        for name in ("rotations", "betas", "camera", "keypoints_2d", "keypoints_3d"):
            assert torch.equal(getattr(found, name)[0], getattr(start, name)[0]), name
            assert not torch.equal(getattr(found, name)[1], getattr(start, name)[1]), name


def test_refining_never_ends_above_its_start(tiny_body: BodyModel, fitter: Fitter, energy: Energy) -> None:
    batch, _ = people(tiny_body, [0.0, 0.4, -0.4])
    camera = torch.tensor([[0.9, 0.05, -0.1], [0.7, 0.0, 0.1], [0.9, 0.05, -0.1]])
    rotations = batch.rotations @ axis_angle_to_matrix(0.3 * torch.randn(3, 24, 3))
    rotations[2] = batch.rotations[2]  # one is at the minimum already, but for the limits
    betas = torch.stack((batch.betas[0] + 1, torch.zeros(10), batch.betas[2]))
    start = posed(tiny_body, rotations, betas, camera)
    rough = Fitter(tiny_body, energy.prior, steps=5, prior_weights=(1.0,), learning_rate=1.0)
    for method in (fitter, rough):  # at this rate Adam overshoots
        found = method.refine(start, batch.keypoints_2d)
        origin = origin_of(start, estimated=True)
        ended = origin_of(found, estimated=True)
        turn = matrix_to_axis_angle(found.rotations[:, 0] @ start.rotations[:, 0].mT)
        after = energy(Unknowns(turn, *ended[1:4]), origin, batch.keypoints_2d)
        before = energy(unmoved(origin), origin, batch.keypoints_2d)
        assert (after <= before * 1.001 + 1e-3).all()
    assert (distance(fitter.refine(start, batch.keypoints_2d), batch.keypoints_2d)[:2] < 0.02).all()


def test_refining_stays_nearer_to_a_start_that_is_trusted(tiny_body: BodyModel, broad_prior: PosePrior) -> None:
    batch, _ = people(tiny_body, [0.0])
    start = posed(tiny_body, batch.rotations @ axis_angle_to_matrix(0.2 * torch.randn(1, 24, 3)), batch.betas,
                  torch.tensor([[0.9, 0.05, -0.1]]))  # fmt: skip
    moved = []
    for trust in (0.02, 1.0):
        method = Fitter(tiny_body, broad_prior, estimate_std=trust, prior_weights=(1.0,), steps=30)
        moved.append(mpjpe(method.refine(start, batch.keypoints_2d).keypoints_3d, start.keypoints_3d).item())
    assert moved[0] < 0.8 * moved[1]


def test_a_knee_is_not_fitted_the_wrong_way(tiny_body: BodyModel, broad_prior: PosePrior) -> None:
    """Key points of a shank that is kicked forward, seen from the side, ask for a knee no one has."""
    rotations = tiny_body.mean_rotations.clone()[None]
    rotations[:, 0] = rotations[:, 0] @ axis_angle_to_matrix(torch.tensor([0.0, 1.5, 0.0]))
    knee = SMPL24.index("left_knee")
    rotations[:, knee] = axis_angle_to_matrix(torch.tensor([-0.6, 0.0, 0.0]))
    camera = torch.tensor([[0.9, 0.0, 0.0]])
    wrong = posed(tiny_body, rotations, torch.zeros(1, 10), camera)
    keypoints = torch.cat((wrong.keypoints_2d, torch.ones(1, 49, 1)), dim=-1)
    start = posed(tiny_body, rotations, torch.zeros(1, 10), camera)
    bent = {}
    for softness in (0.01, 100.0):
        method = Fitter(tiny_body, broad_prior, limit_std=softness, prior_weights=(1.0,), steps=60)
        bent[softness] = origin_of(method.refine(start, keypoints), True).pose[0, 3 * (knee - 1)].item()
    assert bent[100.0] < -0.4
    assert bent[0.01] > -0.05


def test_evaluation_in_low_precision_changes_nothing(tiny_body: BodyModel, fitter: Fitter) -> None:
    batch, _ = people(tiny_body, [0.2])
    start = mean_start(tiny_body, 1)
    expected = fitter.fit(start, batch.keypoints_2d)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        found = fitter.fit(Estimate(*(field.clone() for field in start)), batch.keypoints_2d.clone())
    assert torch.equal(found.rotations, expected.rotations)


def test_settings_that_make_no_sense_are_refused(tiny_body: BodyModel, broad_prior: PosePrior) -> None:
    with pytest.raises(ValueError, match="fall to 1"):
        Fitter(tiny_body, broad_prior, prior_weights=(1.0, 3.0))
    with pytest.raises(ValueError, match="positive"):
        Fitter(tiny_body, broad_prior, steps=0)
