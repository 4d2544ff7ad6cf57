"""The assembled network: the published size, and the labels it trains on."""

import copy
import pickle
from functools import partial

import pytest
import torch

from maflab.body.joints import BODY25, SPIN49
from maflab.body.model import BodyModel
from maflab.losses import DenseLoss, MeshRecoveryLoss
from maflab.metrics.estimates import IterationErrors
from maflab.metrics.parts import DenseErrors
from maflab.models.auxiliary import AuxiliaryHead, AuxiliaryLabeller
from maflab.models.dense import DensePretraining
from maflab.models.maf import MAFLoop
from maflab.models.pyramid import FeaturePyramid
from maflab.models.recovery import MeshRecovery
from maflab.structures import Batch


def recovery(body: BodyModel, aux: bool = True) -> MeshRecovery:
    pyramid = FeaturePyramid("mobilenetv4_conv_small", levels=2, channels=8, weights="none")
    maf = MAFLoop(body, 8, pyramid.global_channels, levels=2, iterations=2, points=30, grid=5, hidden=32, dropout=0.0)
    head = AuxiliaryHead(8) if aux else None
    return MeshRecovery(
        pyramid,
        maf,
        head,
        body,
        MeshRecoveryLoss(),
        IterationErrors(body, 2),
        optimizer=partial(torch.optim.Adam, lr=1e-3),
    )


def test_published_network_has_45_million_parameters(tiny_body: BodyModel) -> None:
    pyramid = FeaturePyramid("resnet50", levels=3, channels=256, skips=False, weights="none")
    maf = MAFLoop(tiny_body, 256, 2048, levels=3)
    model = MeshRecovery(pyramid, maf, AuxiliaryHead(256), tiny_body, MeshRecoveryLoss(), IterationErrors(tiny_body, 3))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(45.17e6, abs=0.005e6)


def test_one_batch_can_be_overfitted(tiny_body: BodyModel, batch: Batch) -> None:
    model = recovery(tiny_body)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    losses = []
    for _ in range(60):
        prediction = model(batch.image, with_auxiliary=True)
        loss = model.loss(prediction, batch, model.auxiliary_targets(batch, prediction)).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    model.metrics.update(model(batch.image).estimates, batch)
    table = model.metrics.compute()
    assert table["iter2"]["pa_mpjpe"] < table["iter0"]["pa_mpjpe"]


def test_every_parameter_gets_a_gradient(tiny_body: BodyModel, batch: Batch) -> None:
    model = recovery(tiny_body)
    prediction = model(batch.image, with_auxiliary=True)
    model.loss(prediction, batch, model.auxiliary_targets(batch, prediction)).total.backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert without == []


def test_the_auxiliary_head_is_optional_and_for_training_only(tiny_body: BodyModel, batch: Batch) -> None:
    assert recovery(tiny_body)(batch.image).auxiliary is None
    headless = recovery(tiny_body, aux=False)
    prediction = headless(batch.image, with_auxiliary=True)
    assert prediction.auxiliary is None
    assert headless.auxiliary_targets(batch, prediction) is None


def test_labels_show_the_body_where_the_key_points_are(tiny_body: BodyModel, batch: Batch) -> None:
    size = 64
    targets = AuxiliaryLabeller(tiny_body)(batch, size)
    assert targets.valid.tolist() == [1, 1, 1, 1]
    pixels = ((batch.keypoints_2d[..., :2] + 1) * (size - 1) / 2).round().long()
    for one, points in zip(targets.part, pixels, strict=True):
        pelvis, head = points[BODY25.index("OP MidHip")], points[SPIN49.index("Head")]
        assert one[pelvis[1], pelvis[0]] > 0
        assert one[head[1], head[0]] in (23, 24)


def test_labels_follow_the_labels_a_sample_has(tiny_body: BodyModel, batch: Batch) -> None:
    batch = batch._replace(has_pose=torch.tensor([1.0, 0, 1, 1]), has_betas=torch.tensor([1.0, 1, 0, 1]))
    batch.keypoints_2d[3, 2:, 2] = 0  # too few points for a camera
    assert AuxiliaryLabeller(tiny_body)(batch, 16).valid.tolist() == [1, 0, 0, 0]


def test_the_labeller_can_be_copied_and_pickled(tiny_body: BodyModel, batch: Batch) -> None:
    labeller = AuxiliaryLabeller(tiny_body)
    expected = labeller(batch, 8)
    for other in (copy.deepcopy(labeller), pickle.loads(pickle.dumps(labeller))):
        assert torch.equal(other(batch, 8).part, expected.part)


def test_body_arrays_never_reach_a_checkpoint(tiny_body: BodyModel) -> None:
    model = recovery(tiny_body)
    vertices = tiny_body.num_vertices
    assert not [name for name, t in model.state_dict().items() if vertices in t.shape]


def test_a_module_for_inference_says_so_when_trained(tiny_body: BodyModel) -> None:
    model = recovery(tiny_body)
    model.optimizer = None
    with pytest.raises(ValueError, match="without an optimizer"):
        model.configure_optimizers()


def test_dense_pretraining_learns_the_parts_of_a_batch(tiny_body: BodyModel, batch: Batch) -> None:
    batch = batch._replace(image=torch.randn(4, 3, 64, 64))
    pyramid = FeaturePyramid("mobilenetv4_conv_small", levels=3, channels=16, weights="none")
    head = AuxiliaryHead(16, surface=True)
    model = DensePretraining(pyramid, head, tiny_body, DenseLoss(normal=1.0, depth=1.0), DenseErrors())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(100):
        maps = model(batch.image)
        targets = model.labeller(batch, maps.part.shape[-1], surface=True)
        loss = model.loss.total(maps, targets).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.metrics.update(maps, targets)
    learnt = model.metrics.compute()
    assert learnt["part_accuracy"] > 60
    assert learnt["normal_error"] < 35
    assert learnt["depth_error"] < 100
