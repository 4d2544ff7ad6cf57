"""Errors of every iteration's estimate, gathered over a data set and over processes."""

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from maflab.body.joints import H36M17, LSP14
from maflab.body.model import BodyModel
from maflab.metrics.functional import mpjpe, pa_mpjpe, pck
from maflab.structures import Batch, Estimate

PCK_THRESHOLD = 0.1
"""In crop coordinates, so 5% of the crop's side."""

_LSP14 = H36M17.map_to(LSP14)


class EstimateErrors(Metric):
    """MPJPE, PA-MPJPE and PVE in millimetres and the 2D PCK in percent of one iteration's estimates.

    Joints are the 14 of LSP, taken from the meshes by the body's Human3.6M regressor; MPJPE and PVE after the pelvis
    (joint 0 of that regressor) of both has been brought to the origin; PA-MPJPE after a similarity per sample. Samples
    without pose and shape labels count for the 2D PCK alone.

    Source: the 3DPW protocol of SPIN's and PyMAF's code, but PVE root-aligned.
    """

    higher_is_better = False
    full_state_update = False
    sum_mpjpe: Tensor
    sum_pa_mpjpe: Tensor
    sum_pve: Tensor
    sum_samples: Tensor
    sum_correct: Tensor
    sum_labelled: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("mpjpe", "pa_mpjpe", "pve", "samples", "correct", "labelled"):
            self.add_state(f"sum_{name}", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, body: BodyModel, estimate: Estimate, vertices: Tensor, batch: Batch) -> None:
        """Add a batch: the estimate, and the labelled mesh (B, V, 3), skinned once for all iterations."""
        correct, labelled = pck(
            estimate.keypoints_2d, batch.keypoints_2d[..., :2], batch.keypoints_2d[..., 2], PCK_THRESHOLD
        )
        self.sum_correct += correct.sum()
        self.sum_labelled += labelled.sum()
        keep = (batch.has_pose * batch.has_betas) > 0
        if not keep.any():
            return
        predicted = body(estimate.rotations[keep], estimate.betas[keep]).vertices
        joints, true_joints = body.h36m_joints(predicted), body.h36m_joints(vertices[keep])
        root, true_root = joints[:, :1], true_joints[:, :1]
        joints, true_joints = (joints - root)[:, _LSP14], (true_joints - true_root)[:, _LSP14]
        self.sum_mpjpe += 1000 * mpjpe(joints, true_joints).sum()
        self.sum_pa_mpjpe += 1000 * pa_mpjpe(joints, true_joints).sum()
        self.sum_pve += 1000 * mpjpe(predicted - root, vertices[keep] - true_root).sum()
        self.sum_samples += keep.sum()

    def compute(self) -> dict[str, Tensor]:
        """Means over everything seen; NaN for what no sample was labelled with."""
        means = {name: getattr(self, f"sum_{name}") / self.sum_samples for name in ("mpjpe", "pa_mpjpe", "pve")}
        return means | {"pck": 100 * self.sum_correct / self.sum_labelled}


class IterationErrors(nn.ModuleList):
    """`EstimateErrors` of estimate 0 (the mean parameters) and of every iteration.

    Args:
        body: skins the meshes.
        iterations: regressed estimates.
    """

    _body: BodyModel

    def __init__(self, body: BodyModel, iterations: int) -> None:
        super().__init__(EstimateErrors() for _ in range(iterations + 1))
        object.__setattr__(self, "_body", body)  # shared with the model: not a child, so that it is not moved twice

    def __iter__(self) -> Iterator[EstimateErrors]:
        return cast(Iterator[EstimateErrors], super().__iter__())

    @torch.no_grad()
    def update(self, estimates: list[Estimate], batch: Batch) -> None:
        """Add a batch with the estimates of all iterations."""
        vertices = self._body(batch.rotations, batch.betas).vertices
        for errors, estimate in zip(self, estimates, strict=True):
            errors.update(self._body, estimate, vertices, batch)

    def compute(self) -> dict[str, dict[str, float]]:
        """A row an iteration, `iter0` first: mpjpe, pa_mpjpe, pve (mm) and pck (%)."""
        return {f"iter{t}": {k: float(v) for k, v in errors.compute().items()} for t, errors in enumerate(self)}

    def reset(self) -> None:
        """Forget everything seen."""
        for errors in self:
            errors.reset()
