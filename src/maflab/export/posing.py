"""What our own body model says about an actor in the scene: what every export is held against."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from maflab.body.model import BodyModel
from maflab.body.skinning import skin
from maflab.export.actors import Actor
from maflab.inference.blocks import blocks

_BLOCK = 32  # frames of all vertices at once


def posed_blocks(actor: Actor, body: BodyModel, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray, NDArray]]:
    """Vertices (f, V, 3) and joints (f, 24, 3) float32 of an actor, a block of its rows after the other.

    Pose-dependent corrections are in them, where the body has some.
    """
    betas = torch.from_numpy(actor.betas)
    for piece in blocks(len(rows), _BLOCK):
        block = rows[piece]
        rotations = torch.from_numpy(actor.rotations(block).astype(np.float32))
        shift = torch.from_numpy((actor.positions[block] - actor.rest_joints[0]).astype(np.float32))[:, None]
        with torch.no_grad():
            output = body(rotations, betas.expand(len(block), -1))
        yield (output.vertices + shift).numpy(), (output.joints + shift).numpy()


def sampled_rows(actor: Actor, count: int = 24) -> NDArray[np.int64]:
    """Rows spread over an actor's frames, to measure something on without visiting them all."""
    return np.unique(np.linspace(0, len(actor.frames) - 1, count).round().astype(np.int64))


def corrections_left_out(actor: Actor, body: BodyModel) -> float:
    """How far plain skinning is from the body with its pose-dependent corrections, metres, over sampled frames.

    Zero for bodies without `pose_dirs`. Loper et al., SMPL, 2015, equation 9 has what is left out.
    """
    if body.pose_dirs is None:
        return 0.0
    rotations = torch.from_numpy(actor.rotations(sampled_rows(actor)).astype(np.float32))
    betas = torch.from_numpy(actor.betas).expand(len(rotations), -1)
    with torch.no_grad():
        transforms, _ = body.transforms(rotations, betas)
        rest = torch.from_numpy(actor.rest_vertices.astype(np.float32)).expand(len(rotations), -1, -1)
        plain = skin(rest, body.skin_weights, transforms)
        return float((body(rotations, betas).vertices - plain).norm(dim=-1).max())
