"""The field's error measures, one value a sample, in the unit of their input."""

import torch
from torch import Tensor

from maflab.geometry.alignment import similarity_align

PCK_3D_THRESHOLD = 150.0
"""Millimetres (Mehta et al., 3DV 2017)."""
_AUC_THRESHOLDS = tuple(5.0 * step for step in range(31))


def distances(predicted: Tensor, target: Tensor) -> Tensor:
    """Distance (B, N) between points (B, N, 3), as they are."""
    return (predicted - target).norm(dim=-1)


def mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean distance (B,) between points (B, N, 3), as they are: align roots before (Ionescu et al., 2014)."""
    return distances(predicted, target).mean(-1)


def pa_mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean distance (B,) between points (B, N, 3) after the best similarity transform of each sample."""
    return mpjpe(similarity_align(predicted, target), target)


def pck(predicted: Tensor, target: Tensor, confidence: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """How many labelled points (B, N, D) lie within a distance of their labels.

    Returns:
        correct (B,) and labelled (B,): the ratio of their sums is the percentage of correct key points.
    """
    labelled = confidence > 0
    close = (predicted - target).norm(dim=-1) <= threshold
    return (close & labelled).sum(-1), labelled.sum(-1)


def pck_3d(errors: Tensor) -> Tensor:
    """Percentage () of joints less than 150 mm off, of errors (...) in mm.

    Source: Mehta et al., "Monocular 3D Human Pose Estimation In The Wild", 3DV 2017, section 6.
    """
    return 100 * (errors < PCK_3D_THRESHOLD).double().mean()


def auc(errors: Tensor) -> Tensor:
    """Mean percentage () of joints less than 0, 5, ... 150 mm off, of errors (...) in mm.

    Source: as `pck_3d`; the 31 thresholds are those of the set's own evaluation code.
    """
    below = [(errors < threshold).double().mean() for threshold in _AUC_THRESHOLDS]
    return 100 * torch.stack(below).mean()


def part_counts(predicted: Tensor, target: Tensor, valid: Tensor, classes: int) -> Tensor:
    """The confusion matrix (classes, classes), rows the target, of class maps (B, h, w) over valid samples (B,)."""
    keep = valid > 0
    code = target[keep].flatten() * classes + predicted[keep].flatten()
    return torch.bincount(code, minlength=classes * classes).view(classes, classes)
