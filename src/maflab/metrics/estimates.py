"""Errors of every iteration's estimate, gathered over a data set and over processes."""

from collections.abc import Iterator
from typing import Any, cast

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from maflab.body.gendered import GenderedBodies, neutral_pose
from maflab.body.joints import BODY25, COCO17, SPIN24
from maflab.body.model import BodyModel
from maflab.data.protocol import DEFAULT, MESH_METRICS, Protocol
from maflab.metrics.functional import auc, distances, mpjpe, pa_mpjpe, pck, pck_3d
from maflab.metrics.truth import Pose, Truth, batch_truth, skeleton
from maflab.structures import Batch, Estimate

PCK_THRESHOLD = 0.1
"""In crop coordinates, so 5% of the crop's side."""

_COCO = [len(BODY25) + place for place in SPIN24.map_to(COCO17)]


class EstimateErrors(Metric):
    """Errors of one iteration's estimates, sample by sample, as a protocol asks for them.

    In millimetres MPJPE, PA-MPJPE (after a similarity per sample) and the mesh errors of the protocol, and the error of
    each joint; where it compares key points, these in crop coordinates; always the 2D PCK. What a sample is not
    labelled with is NaN.

    Every state is a list of flat float32 tensors, so that a process without samples can join the gathering.

    Args:
        protocol: which joints, about which root, against which labels.
    """

    higher_is_better = False
    full_state_update = False

    def __init__(self, protocol: Protocol = DEFAULT) -> None:
        super().__init__()
        self.protocol = protocol
        self.errors = tuple(name for name in ("mpjpe", "pa_mpjpe", *MESH_METRICS) if name in protocol.metrics)
        self.shapes: dict[str, tuple[int, ...]] = {"joint_errors": (len(protocol.joints),)}
        if protocol.truth == "keypoints":
            self.shapes = {"keypoints": (len(COCO17), 2)}
        for name in ("index", *self.errors, "correct", "labelled", *self.shapes):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, body: BodyModel, estimate: Estimate, truth: Truth | None, batch: Batch) -> None:
        """Add a batch: the estimate, and the labels, made once for all iterations; None: key points are compared."""
        correct, labelled = pck(
            estimate.keypoints_2d, batch.keypoints_2d[..., :2], batch.keypoints_2d[..., 2], PCK_THRESHOLD
        )
        self._add(index=batch.index, correct=correct, labelled=labelled)
        if truth is None:
            self._add(keypoints=estimate.keypoints_2d[:, _COCO])
        else:
            self._add(**self._errors(body, estimate, truth))

    def compute(self) -> dict[str, Tensor]:
        """Every state (N, ...) of all processes, ordered by `index`, the samples' rows in their pack."""
        values = {name: dim_zero_cat(getattr(self, name)) for name in self._defaults}
        for name, shape in self.shapes.items():
            values[name] = values[name].unflatten(0, (-1, *shape))
        order = values["index"].argsort(stable=True)
        return {name: value[order] for name, value in values.items()}

    def each(self) -> dict[str, Tensor]:
        """What `compute` gives, in its shapes also for one sample, of which torchmetrics drops the axis."""
        return {name: value.reshape(-1, *self.shapes.get(name, ())) for name, value in self.compute().items()}

    def means(self) -> dict[str, float]:
        """The protocol's columns over everything seen, but COCO's; NaN for what no sample was labelled with."""
        values = {name: value.double() for name, value in self.each().items()}
        means = {name: float(values[name].nanmean()) for name in self.errors}
        means = {name: mean for name, mean in means.items() if mean == mean or name not in self.protocol.optional}
        if "auc" in self.protocol.metrics:
            known = values["joint_errors"][values["mpjpe"].isfinite()]
            means |= {"pck_150": float(pck_3d(known)), "auc": float(auc(known))}
        if "pck" in self.protocol.metrics:
            means["pck"] = float(100 * values["correct"].sum() / values["labelled"].sum())
        return means

    def _errors(self, body: BodyModel, estimate: Estimate, truth: Truth) -> dict[str, Tensor]:
        posed = body(estimate.rotations, estimate.betas)
        joints, root = skeleton(self.protocol, body, posed)
        each = distances(joints, truth.joints)
        errors = {"mpjpe": each.mean(-1), "pa_mpjpe": pa_mpjpe(joints, truth.joints), "joint_errors": each}
        found = {name: _millimetres(error, truth.has_joints) for name, error in errors.items()}
        for name in set(MESH_METRICS) & set(self.errors):
            shift, true_shift = (0, 0) if name == "pve_unaligned" else (root, truth.root)
            error = mpjpe(posed.vertices - shift, truth.vertices - true_shift)
            found[name] = _millimetres(error, truth.has_mesh)
        return found

    def _add(self, **values: Tensor) -> None:
        for name, value in values.items():
            getattr(self, name).append(value.float().flatten())


class IterationErrors(nn.ModuleList):
    """`EstimateErrors` of estimate 0 (the mean parameters) and of every iteration.

    Args:
        body: skins the meshes of the estimates.
        iterations: regressed estimates.
        protocol: how they are measured.
        gendered: skins the labelled meshes; None: the same body.
    """

    _body: BodyModel
    _pose: Pose

    def __init__(
        self,
        body: BodyModel,
        iterations: int,
        protocol: Protocol = DEFAULT,
        gendered: GenderedBodies | None = None,
    ) -> None:
        super().__init__(EstimateErrors(protocol) for _ in range(iterations + 1))
        self.protocol = protocol
        object.__setattr__(self, "_body", body)  # shared with the model: not a child, so that it is not moved twice
        object.__setattr__(self, "_pose", neutral_pose(body) if gendered is None else gendered.pose)

    def __iter__(self) -> Iterator[EstimateErrors]:
        return cast(Iterator[EstimateErrors], super().__iter__())

    @torch.no_grad()
    def update(self, estimates: list[Estimate], batch: Batch) -> None:
        """Add a batch with the estimates of all iterations."""
        by_points = self.protocol.truth == "keypoints"
        truth = None if by_points else batch_truth(self.protocol, self._body, self._pose, batch)
        for errors, estimate in zip(self, estimates, strict=True):
            errors.update(self._body, estimate, truth, batch)

    def compute(self) -> dict[str, dict[str, float]]:
        """A row an iteration, `iter0` first: errors in mm, percentages."""
        return {f"iter{t}": errors.means() for t, errors in enumerate(self)}

    def samples(self) -> dict[str, NDArray[Any]]:
        """`index` (N,), rows of the pack, and an array (iterations + 1, N, ...) an error, in mm.

        `joint_errors` (iterations + 1, N, J) has each joint's; `keypoints` (iterations + 1, N, 17, 2), where a protocol
        compares them, are in crop coordinates.
        """
        each = [errors.each() for errors in self]
        first = next(iter(self))
        kept = (*first.errors, *first.shapes)
        arrays = {name: torch.stack([one[name] for one in each]).cpu().numpy() for name in kept}
        return {"index": each[0]["index"].long().cpu().numpy()} | arrays

    def reset(self) -> None:
        """Forget everything seen."""
        for errors in self:
            errors.reset()


def _millimetres(error: Tensor, known: Tensor) -> Tensor:
    """Metres (B, ...) as millimetres, NaN where a sample (B,) is not known."""
    known = known.view(-1, *(1 for _ in error.shape[1:]))
    return torch.where(known, 1000 * error, torch.nan)
