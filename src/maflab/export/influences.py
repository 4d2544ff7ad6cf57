"""Skinning weights as 3D tools take them: sets of four joints a vertex, as many sets as the error asks for."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from maflab.body.model import BodyModel
from maflab.body.skinning import skin
from maflab.export.actors import Actor
from maflab.export.posing import sampled_rows

_TOLERANCE = 0.0005  # metres: half of what is promised, as only sampled frames are looked at


class Influences(NamedTuple):
    """The K = 4 n joints with the largest weights of every vertex; unused places have joint 0 and weight 0."""

    joints: NDArray[np.int64]  # (V, K)
    weights: NDArray[np.float32]  # (V, K), descending, rows sum to 1
    error: float  # metres: how far a vertex is from where all weights put it, over sampled frames


def find_influences(actor: Actor, body: BodyModel) -> Influences:
    """The fewest sets of four that keep an actor's vertices within half a millimetre of all weights' result."""
    weights = body.skin_weights.double()
    used = int((weights > 0).sum(1).max())
    for count in range(4, used, 4):
        kept = strongest(weights.numpy(), count)
        error = _error(kept, actor, body)
        if error < _TOLERANCE:
            return kept._replace(error=error)
    return strongest(weights.numpy(), -(-used // 4) * 4)


def strongest(weights: NDArray, count: int) -> Influences:
    """The largest `count` weights of each row of (V, J), scaled to sum to 1; their error is not measured."""
    count = min(count, weights.shape[1])
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :count]
    kept = np.take_along_axis(weights, joints, axis=1).astype(np.float64)
    kept = (kept / kept.sum(1, keepdims=True)).astype(np.float32)
    return Influences(np.where(kept > 0, joints, 0), kept, 0.0)


def _error(kept: Influences, actor: Actor, body: BodyModel) -> float:
    dense = torch.zeros_like(body.skin_weights).scatter_add_(
        1, torch.from_numpy(kept.joints), torch.from_numpy(kept.weights)
    )
    worst = 0.0
    for row in sampled_rows(actor):
        rotations = torch.from_numpy(actor.rotations(np.array([row])).astype(np.float32))
        rest = torch.from_numpy(actor.rest_vertices[None].astype(np.float32))
        with torch.no_grad():
            transforms, _ = body.transforms(rotations, torch.from_numpy(actor.betas)[None])
            gone = skin(rest, dense, transforms) - skin(rest, body.skin_weights, transforms)
        worst = max(worst, float(gone.norm(dim=-1).max()))
    return worst
