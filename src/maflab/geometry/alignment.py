"""Alignment of point sets in closed form, batched."""

import torch
from torch import Tensor


def similarity_align(source: Tensor, target: Tensor) -> Tensor:
    """Source points after the rotation, uniform scale and translation that bring them closest to the target.

    Args:
        source: (B, N, 3).
        target: (B, N, 3), any unit; the result has the same.

    Returns:
        (B, N, 3) the aligned source; where the source is one single point repeated, the target's centroid.

    Source: Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point Patterns", TPAMI 1991,
    eq. 40-43, reflections excluded. This is the alignment of PA-MPJPE (Zhou et al., 2018).
    """
    source_mean, target_mean = source.mean(1, keepdim=True), target.mean(1, keepdim=True)
    source_centred, target_centred = source - source_mean, target - target_mean
    covariance = target_centred.transpose(1, 2) @ source_centred
    u, singular, vh = torch.linalg.svd(covariance)
    sign = torch.ones_like(singular)
    sign[:, 2] = torch.sign(torch.linalg.det(u @ vh))
    rotation = (u * sign[:, None]) @ vh
    variance = source_centred.square().sum((1, 2)).clamp(min=torch.finfo(source.dtype).tiny)
    scale = (singular * sign).sum(-1) / variance
    return scale[:, None, None] * source_centred @ rotation.transpose(1, 2) + target_mean
