"""Loss terms against closed forms, and their masks against samples without labels."""

import math

import pytest
import torch
from batches import labelled_batch

from maflab.body.model import BodyModel
from maflab.losses import AuxiliaryLoss, MeshRecoveryLoss, joint_3d_error, keypoint_2d_error, masked_mean
from maflab.structures import AuxiliaryMaps, AuxiliaryTargets, Batch, Estimate, Prediction


def perfect(body: BodyModel, batch: Batch) -> Estimate:
    keypoints = body.keypoints(body(batch.rotations, batch.betas))
    camera = torch.tensor([[0.9, 0.0, 0.0]]).expand(len(keypoints), 3)
    return Estimate(batch.rotations, batch.betas, camera, keypoints, keypoints, batch.keypoints_2d[..., :2])


def test_a_perfect_estimate_costs_nothing_but_the_camera_prior(tiny_body: BodyModel) -> None:
    batch = labelled_batch(tiny_body, 3)
    estimate = perfect(tiny_body, batch)
    loss = MeshRecoveryLoss()(Prediction([estimate, estimate, estimate], None), batch)
    assert set(loss.terms) == {
        f"iter{t}/{name}" for t in (1, 2) for name in ("keypoints_2d", "keypoints_3d", "pose", "betas", "camera")
    }
    assert loss.total == pytest.approx(2 * math.exp(-18), rel=1e-3)


def test_each_term_has_its_published_weight_and_average(tiny_body: BodyModel) -> None:
    batch = labelled_batch(tiny_body, 2)
    true = perfect(tiny_body, batch)
    # Every key point a tenth of the crop off in x; every rotation entry, beta off by known amounts.
    off = true._replace(
        keypoints_2d=true.keypoints_2d + torch.tensor([0.1, 0.0]),
        rotations=true.rotations + 0.1,
        betas=true.betas + 2,
    )
    off.keypoints_3d[:, 25 + 6] += 0.5  # the right wrist: hips stay, so centring changes nothing
    terms = MeshRecoveryLoss()(Prediction([true, off], None), batch).terms
    # 24 of 49 points count, one of two axes is off.
    assert terms["iter1/keypoints_2d"] == pytest.approx(300 * 0.01 * 24 / 49 / 2, rel=1e-4)
    assert terms["iter1/keypoints_3d"] == pytest.approx(300 * 0.25 / 24, rel=1e-4)
    assert terms["iter1/pose"] == pytest.approx(60 * 0.01, rel=1e-4)
    assert terms["iter1/betas"] == pytest.approx(0.06 * 4, rel=1e-4)


def test_joints_are_compared_after_centring_on_the_hips(tiny_body: BodyModel) -> None:
    batch = labelled_batch(tiny_body, 2)
    moved = batch.joints_3d[..., :3] + torch.tensor([1.0, -2.0, 40.0])
    assert joint_3d_error(moved, batch.joints_3d, batch.has_joints_3d) < 1e-8


def test_openpose_points_count_only_when_asked(tiny_body: BodyModel) -> None:
    batch = labelled_batch(tiny_body, 2)
    true = perfect(tiny_body, batch)
    wrong = true.keypoints_2d.clone()
    wrong[:, :25] += 1
    prediction = Prediction([true, true._replace(keypoints_2d=wrong)], None)
    assert MeshRecoveryLoss()(prediction, batch).terms["iter1/keypoints_2d"] == 0
    assert MeshRecoveryLoss(openpose=1.0)(prediction, batch).terms["iter1/keypoints_2d"] > 0


def test_without_labels_the_loss_and_its_gradient_are_zero(tiny_body: BodyModel) -> None:
    batch = labelled_batch(tiny_body, 3)
    nothing = torch.zeros(3)
    batch = batch._replace(
        # What an unlabelled field holds must not matter, not even NaN.
        keypoints_2d=torch.cat((torch.full((3, 49, 2), torch.nan), torch.zeros(3, 49, 1)), dim=-1),
        joints_3d=torch.full_like(batch.joints_3d, torch.nan),
        rotations=torch.full_like(batch.rotations, torch.nan),
        betas=torch.full_like(batch.betas, torch.nan),
        has_pose=nothing,
        has_betas=nothing,
        has_joints_3d=nothing,
    )
    leaves = [torch.randn(3, 24, 3, 3), torch.randn(3, 10), torch.randn(3, 49, 3), torch.randn(3, 49, 2)]
    for leaf in leaves:
        leaf.requires_grad_()
    estimate = Estimate(leaves[0], leaves[1], torch.ones(3, 3), leaves[2], leaves[2], leaves[3])
    loss = MeshRecoveryLoss(camera=0.0)(Prediction([estimate, estimate], None), batch)
    loss.total.backward()
    assert loss.total == 0
    assert all((leaf.grad == 0).all() for leaf in leaves)


def test_masked_mean_is_the_mean_of_the_labelled() -> None:
    values = torch.randn(5, 3, 2)
    mask = torch.tensor([1.0, 0, 1, 0, 0])
    torch.testing.assert_close(masked_mean(values.flatten(1), mask), values[[0, 2]].mean())


def test_confidence_weights_the_key_points() -> None:
    predicted = torch.ones(1, 49, 2)
    labelled = torch.zeros(1, 49, 3)
    labelled[0, 7, 2] = 0.5
    assert keypoint_2d_error(predicted, labelled) == pytest.approx(0.5 / 49)


def auxiliary(batch: int = 2, size: int = 4) -> tuple[AuxiliaryMaps, AuxiliaryTargets]:
    part = torch.randint(0, 25, (batch, size, size))
    part[:, 0] = 0
    u, v = torch.rand(2, batch, size, size) * (part > 0)
    shape = (batch, 25, size, size)
    maps = AuxiliaryMaps(torch.randn(shape), torch.rand(shape), torch.rand(shape), torch.randn(batch, 15, size, size))
    maps = maps._replace(surface=torch.randn(batch, 4, size, size))
    return maps, AuxiliaryTargets(part, u, v, torch.ones(batch), torch.randn(batch, 4, size, size))


def test_auxiliary_terms_against_explicit_loops() -> None:
    maps, targets = auxiliary()
    merged = {0: 0, 1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 9: 6, 8: 7, 10: 7, 11: 8, 13: 8, 12: 9, 14: 9}
    merged |= {15: 10, 17: 10, 16: 11, 18: 11, 19: 12, 21: 12, 20: 13, 22: 13, 23: 14, 24: 14}
    part = annotation = u = v = 0.0
    for b in range(2):
        for y in range(4):
            for x in range(4):
                p = int(targets.part[b, y, x])
                part += -maps.part[b, :, y, x].log_softmax(0)[p].item() / 32
                annotation += -maps.annotation[b, :, y, x].log_softmax(0)[merged[p]].item() / 32
                if p > 0:  # smooth L1 below a distance of one is half the square
                    u += 0.5 * (maps.u[b, p, y, x] - targets.u[b, y, x]).square().item() / 2
                    v += 0.5 * (maps.v[b, p, y, x] - targets.v[b, y, x]).square().item() / 2
    terms = AuxiliaryLoss(normal=3.0, depth=2.0)(maps, targets)
    assert maps.surface is not None
    assert targets.surface is not None
    inside = targets.part > 0
    normal = sum((maps.surface[:, k] - targets.surface[:, k])[inside].abs().mean().item() for k in range(3))
    depth = (maps.surface[:, 3] - targets.surface[:, 3])[inside].abs().mean().item()
    expected = {"aux/part": part, "aux/annotation": annotation, "aux/u": 0.5 * u, "aux/v": 0.5 * v}
    expected |= {"aux/normal": 3 * normal, "aux/depth": 2 * depth}
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value, rel=1e-4), name


def test_invalid_samples_do_not_count() -> None:
    maps, targets = auxiliary()
    targets = targets._replace(valid=torch.tensor([1.0, 0.0]))
    changed = AuxiliaryMaps(*(torch.cat((m[:1], 100 * m[1:])) for m in maps))
    for name, value in AuxiliaryLoss()(maps, targets).items():
        torch.testing.assert_close(AuxiliaryLoss()(changed, targets)[name], value)
    nobody = AuxiliaryLoss()(maps, targets._replace(valid=torch.zeros(2)))
    assert all(value == 0 for value in nobody.values())
