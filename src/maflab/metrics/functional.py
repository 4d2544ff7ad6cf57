"""The field's error measures, one value a sample, in the unit of their input."""

import torch
from torch import Tensor

from maflab.geometry.alignment import similarity_align


def mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean distance (B,) between points (B, N, 3), as they are: align roots before (Ionescu et al., 2014)."""
    return (predicted - target).norm(dim=-1).mean(-1)


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


def part_counts(predicted: Tensor, target: Tensor, valid: Tensor, classes: int) -> Tensor:
    """The confusion matrix (classes, classes), rows the target, of class maps (B, h, w) over valid samples (B,)."""
    keep = valid > 0
    code = target[keep].flatten() * classes + predicted[keep].flatten()
    return torch.bincount(code, minlength=classes * classes).view(classes, classes)
