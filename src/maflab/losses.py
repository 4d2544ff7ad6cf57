"""Every training term, masked by what each sample is labelled with.

A batch in which no sample carries a label gives a term of exactly zero with a gradient of zero: sums over labelled
samples are divided by their number, but never by less than one.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maflab.body.joints import BODY25, SPIN49
from maflab.render.targets import annotation_classes
from maflab.structures import AuxiliaryMaps, AuxiliaryTargets, Batch, Estimate, Prediction


class LossTerms(NamedTuple):
    """A weighted sum to minimise and the weighted terms it consists of."""

    total: Tensor  # ()
    terms: dict[str, Tensor]  # () each; names like `iter2/pose` and `aux/part`


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean (...) of values (..., B, N) over the samples of mask (B,); zero, with a gradient of zero, without any."""
    return (values.mean(-1) * mask).sum(-1) / mask.sum().clamp(min=1)


def squared_error(predicted: Tensor, labelled: Tensor, confidence: Tensor) -> Tensor:
    """Squared error of (B, ...) weighted by a confidence that broadcasts to it.

    Where the confidence is zero, error and gradient are zero whatever the label holds, even NaN.
    """
    known = torch.where(confidence > 0, labelled, predicted.detach())
    return (predicted - known).square() * confidence


def keypoint_2d_error(predicted: Tensor, labelled: Tensor) -> Tensor:
    """Confidence-weighted squared error (...) of key points (..., B, 49, 2) against (B, 49, 3), a mean over each batch.

    Unlabelled points stay in the denominator, as in SPIN's and PyMAF's code.
    """
    return squared_error(predicted, labelled[..., :2], labelled[..., 2:]).mean((-3, -2, -1))


def joint_3d_error(predicted: Tensor, labelled: Tensor, has: Tensor) -> Tensor:
    """Squared error (...) of SPIN24 joints (..., B, 24, 3) against (B, 24, 4), each centred between its hips."""

    def centred(joints: Tensor) -> Tensor:
        return joints - joints[..., HIPS, :].mean(-2, keepdim=True)

    confidence = torch.where(has[:, None, None] > 0, labelled[..., 3:], 0)
    return masked_mean(squared_error(centred(predicted), centred(labelled[..., :3]), confidence).flatten(-2), has)


def _labelled_error(predicted: Tensor, labelled: Tensor, has: Tensor) -> Tensor:
    """Squared error (...) of parameters (..., B, N) against (B, N)."""
    return masked_mean(squared_error(predicted, labelled, has[:, None]), has)


HIPS = [SPIN49.index(name) - len(BODY25.names) for name in ("RHip", "LHip")]
"""The hips among the SPIN24 joints."""


class AuxiliaryLoss(nn.Module):
    """The terms of the auxiliary maps.

    Args:
        part: weight of the cross-entropy of the part index.
        uv: weight of the smooth L1 of U and of V at the true part's channel, summed over the foreground and divided by
            the batch. (The released code also sums background pixels, at a channel that nothing reads.)
        annotation: weight of the cross-entropy of the annotation index.
        normal, depth: weights of the mean absolute error over the foreground of the surface's normal (summed over its
            coordinates) and of its depth in metres, where the maps have a surface. Not in the paper.

    Source: PyMAF, section 3.3 and its released code.
    """

    merge: Tensor

    def __init__(
        self, part: float = 1.0, uv: float = 0.5, annotation: float = 1.0, normal: float = 0.0, depth: float = 0.0
    ) -> None:
        super().__init__()
        self.part, self.uv, self.annotation = part, uv, annotation
        self.normal, self.depth = normal, depth
        self.register_buffer("merge", annotation_classes.clone(), persistent=False)

    def forward(self, maps: AuxiliaryMaps, targets: AuxiliaryTargets) -> dict[str, Tensor]:
        """Weighted terms; the maps (B, *, h, w) and the targets (B, h, w) must have one size."""
        surface = None if maps.surface is None else maps.surface.float()
        maps = AuxiliaryMaps(maps.part.float(), maps.u.float(), maps.v.float(), maps.annotation.float(), surface)
        index = targets.part[:, None]
        part = F.cross_entropy(maps.part, targets.part, reduction="none")
        annotation = F.cross_entropy(maps.annotation, self.merge[targets.part], reduction="none")
        inside = (targets.part > 0) * targets.valid[:, None, None]

        def coordinate(predicted: Tensor, labelled: Tensor) -> Tensor:
            error = F.smooth_l1_loss(predicted.gather(1, index)[:, 0], labelled, reduction="none")
            return (error * inside).sum() / len(labelled)

        terms = {
            "aux/part": self.part * masked_mean(part.flatten(1), targets.valid),
            "aux/u": self.uv * coordinate(maps.u, targets.u),
            "aux/v": self.uv * coordinate(maps.v, targets.v),
            "aux/annotation": self.annotation * masked_mean(annotation.flatten(1), targets.valid),
        }
        if maps.surface is not None and targets.surface is not None:
            error = (maps.surface - targets.surface).abs() * inside[:, None] / inside.sum().clamp(min=1)
            terms |= {"aux/normal": self.normal * error[:, :3].sum(), "aux/depth": self.depth * error[:, 3].sum()}
        return terms


class DenseLoss(AuxiliaryLoss):
    """The auxiliary terms on their own, for the pre-training of pyramid and auxiliary head."""

    def total(self, maps: AuxiliaryMaps, targets: AuxiliaryTargets) -> LossTerms:
        """The terms of `forward` and their sum."""
        terms = self(maps, targets)
        return LossTerms(torch.stack(list(terms.values())).sum(), terms)


class MeshRecoveryLoss(nn.Module):
    """The sum of all terms over all regressed estimates, and over the auxiliary maps.

    Args:
        keypoints_2d, keypoints_3d, pose, betas, camera: weights of the terms of each estimate: 2D key points in crop
            coordinates, 3D joints in metres, rotation matrices, betas, and mean(exp(-10 s)^2), which keeps the camera's
            scale positive.
        part, uv, annotation: weights of `AuxiliaryLoss`.
        openpose: factor on the confidence of the 25 OpenPose points; the published code has 0.

    Source: PyMAF, section 3.4, and its released code (weights 300, 300, 60, 0.06, 1). Estimate 0 has no loss.
    """

    confidence_factor: Tensor

    def __init__(
        self,
        keypoints_2d: float = 300.0,
        keypoints_3d: float = 300.0,
        pose: float = 60.0,
        betas: float = 0.06,
        camera: float = 1.0,
        part: float = 1.0,
        uv: float = 0.5,
        annotation: float = 1.0,
        openpose: float = 0.0,
    ) -> None:
        super().__init__()
        self.weights = {
            "keypoints_2d": keypoints_2d,
            "keypoints_3d": keypoints_3d,
            "pose": pose,
            "betas": betas,
            "camera": camera,
        }
        self.auxiliary = AuxiliaryLoss(part, uv, annotation)
        factor = torch.ones(len(SPIN49.names))
        factor[: len(BODY25.names)] = openpose
        self.register_buffer("confidence_factor", factor, persistent=False)

    def forward(self, prediction: Prediction, batch: Batch, targets: AuxiliaryTargets | None = None) -> LossTerms:
        """Weighted terms of a prediction; the auxiliary ones where it has maps and `targets` are given."""
        regressed = prediction.estimates[1:]
        values = self._estimate_terms(regressed, batch)
        weighted = {name: self.weights[name] * value for name, value in values.items()}
        terms = {f"iter{t + 1}/{name}": value[t] for t in range(len(regressed)) for name, value in weighted.items()}
        if prediction.auxiliary is not None and targets is not None:
            terms |= self.auxiliary(prediction.auxiliary, targets)
        return LossTerms(torch.stack(list(terms.values())).sum(), terms)

    def _estimate_terms(self, estimates: list[Estimate], batch: Batch) -> dict[str, Tensor]:
        """A value an estimate (T,) for each term: all at once, since the sums are small and their calls are not."""

        def stacked(name: str) -> Tensor:
            return torch.stack([getattr(estimate, name) for estimate in estimates])

        xy, confidence = batch.keypoints_2d.split((2, 1), dim=-1)
        labelled = torch.cat((xy, confidence * self.confidence_factor[:, None]), dim=-1)
        joints = stacked("keypoints_3d")[..., len(BODY25.names) :, :]
        return {
            "keypoints_2d": keypoint_2d_error(stacked("keypoints_2d"), labelled),
            "keypoints_3d": joint_3d_error(joints, batch.joints_3d, batch.has_joints_3d),
            "pose": _labelled_error(stacked("rotations").flatten(2), batch.rotations.flatten(1), batch.has_pose),
            "betas": _labelled_error(stacked("betas"), batch.betas, batch.has_betas),
            "camera": torch.exp(-10 * stacked("camera")[..., 0]).square().mean(-1),
        }
