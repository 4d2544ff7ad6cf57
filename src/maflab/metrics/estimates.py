"""Errors of every iteration's estimate, gathered over a data set and over processes."""

from collections.abc import Iterator
from typing import Any, cast

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from maflab.body.joints import H36M17, LSP14
from maflab.body.model import BodyModel
from maflab.metrics.functional import mpjpe, pa_mpjpe, pck
from maflab.structures import Batch, Estimate

PCK_THRESHOLD = 0.1
"""In crop coordinates, so 5% of the crop's side."""

_LSP14 = H36M17.map_to(LSP14)
_ERRORS = ("mpjpe", "pa_mpjpe", "pve")
_STATES = ("index", *_ERRORS, "correct", "labelled")


class EstimateErrors(Metric):
    """Errors of one iteration's estimates, sample by sample: MPJPE, PA-MPJPE and PVE in millimetres, and the 2D PCK.

    Joints are the 14 of LSP, taken from the meshes by the body's Human3.6M regressor; MPJPE and PVE after the pelvis
    (joint 0 of that regressor) of both has been brought to the origin; PA-MPJPE after a similarity per sample. Samples
    without pose and shape labels count for the 2D PCK alone: their other errors are NaN.

    Every state is a list of (B,) float32 tensors, so that a process without samples can join the gathering.

    Source: the 3DPW protocol of SPIN's and PyMAF's code, but PVE root-aligned.
    """

    higher_is_better = False
    full_state_update = False

    def __init__(self) -> None:
        super().__init__()
        for name in _STATES:
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, body: BodyModel, estimate: Estimate, vertices: Tensor, batch: Batch) -> None:
        """Add a batch: the estimate, and the labelled mesh (B, V, 3), skinned once for all iterations."""
        correct, labelled = pck(
            estimate.keypoints_2d, batch.keypoints_2d[..., :2], batch.keypoints_2d[..., 2], PCK_THRESHOLD
        )
        predicted = body(estimate.rotations, estimate.betas).vertices
        joints, true_joints = body.h36m_joints(predicted), body.h36m_joints(vertices)
        root, true_root = joints[:, :1], true_joints[:, :1]
        joints, true_joints = (joints - root)[:, _LSP14], (true_joints - true_root)[:, _LSP14]
        has = (batch.has_pose * batch.has_betas) > 0

        def millimetres(error: Tensor) -> Tensor:
            return torch.where(has, 1000 * error, torch.nan)

        self._add(
            index=batch.index,
            mpjpe=millimetres(mpjpe(joints, true_joints)),
            pa_mpjpe=millimetres(pa_mpjpe(joints, true_joints)),
            pve=millimetres(mpjpe(predicted - root, vertices - true_root)),
            correct=correct,
            labelled=labelled,
        )

    def compute(self) -> dict[str, Tensor]:
        """Every state (N,) of all processes, ordered by `index`, the samples' rows in their pack."""
        values = {name: dim_zero_cat(getattr(self, name)) for name in _STATES}
        order = values["index"].argsort(stable=True)
        return {name: value[order] for name, value in values.items()}

    def means(self) -> dict[str, float]:
        """Means over everything seen, and the PCK in percent; NaN for what no sample was labelled with."""
        values = {name: value.double() for name, value in self.compute().items()}
        means = {name: float(values[name].nanmean()) for name in _ERRORS}
        return means | {"pck": float(100 * values["correct"].sum() / values["labelled"].sum())}

    def _add(self, **values: Tensor) -> None:
        for name, value in values.items():
            getattr(self, name).append(value.float())


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
        return {f"iter{t}": errors.means() for t, errors in enumerate(self)}

    def samples(self) -> dict[str, NDArray[Any]]:
        """`index` (N,), rows of the pack, and the errors `mpjpe`, `pa_mpjpe`, `pve` (iterations + 1, N) in mm."""
        each = [errors.compute() for errors in self]
        errors = {name: torch.stack([one[name] for one in each]).cpu().numpy() for name in _ERRORS}
        return {"index": each[0]["index"].long().cpu().numpy()} | errors

    def reset(self) -> None:
        """Forget everything seen."""
        for errors in self:
            errors.reset()
