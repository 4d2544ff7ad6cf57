"""Linear blend skinning along a kinematic tree (Loper et al., SMPL, 2015, equations 2-4)."""

import torch
from torch import Tensor


def joint_transforms(rotations: Tensor, rest_joints: Tensor, parents: list[int]) -> tuple[Tensor, Tensor]:
    """Carry local rotations down the kinematic tree.

    Args:
        rotations: (B, J, 3, 3) local rotations, root first.
        rest_joints: (B, J, 3) joint positions at rest.
        parents: J indices, -1 at the root; every parent comes before its children.

    Returns:
        (B, J, 3, 4) transforms [R | t] that take a rest point to its place when it is rigidly bound to the joint,
        and (B, J, 3) posed joints. The root turns about its own rest position, as in SMPL.
    """
    offsets = torch.cat([rest_joints[:, :1], rest_joints[:, 1:] - rest_joints[:, parents[1:]]], dim=1)  # (B, J, 3)
    turns: list[Tensor] = [torch.empty(0)] * len(parents)
    places: list[Tensor] = [torch.empty(0)] * len(parents)
    turns[0], places[0] = rotations[:, :1], offsets[:, :1]
    # One product a depth of the tree (9 in SMPL) instead of one a joint: the loop is latency-bound.
    for level in _levels(parents):
        up = [parents[joint] for joint in level]
        parent_turn = torch.cat([turns[joint] for joint in up], dim=1)  # (B, L, 3, 3)
        parent_place = torch.cat([places[joint] for joint in up], dim=1)  # (B, L, 3)
        turn = parent_turn @ rotations[:, level]
        place = (parent_turn @ offsets[:, level, :, None]).squeeze(-1) + parent_place
        for position, joint in enumerate(level):
            turns[joint] = turn[:, position : position + 1]
            places[joint] = place[:, position : position + 1]
    turn = torch.cat(turns, dim=1)  # (B, J, 3, 3)
    posed = torch.cat(places, dim=1)  # (B, J, 3)
    shift = posed - (turn @ rest_joints[..., None]).squeeze(-1)
    return torch.cat([turn, shift[..., None]], dim=-1), posed


def skin(points: Tensor, weights: Tensor, transforms: Tensor) -> Tensor:
    """Blend the joints' transforms at every point: (B, V, 3), (V, J), (B, J, 3, 4) -> (B, V, 3)."""
    # Vertices last, so that every product runs along contiguous memory: half the time of a matrix a vertex.
    blended = (transforms.flatten(2).transpose(1, 2) @ weights.T).unflatten(1, (3, 4))  # (B, 3, 4, V)
    turned = (blended[:, :, :3] * points.transpose(1, 2)[:, None]).sum(2)  # (B, 3, V)
    return (turned + blended[:, :, 3]).transpose(1, 2).contiguous()


def pose_feature(rotations: Tensor) -> Tensor:
    """(B, J, 3, 3) -> (B, 9 (J - 1)): what SMPL's pose directions multiply, R - I of every joint but the root."""
    identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
    return (rotations[:, 1:] - identity).flatten(1)


def _levels(parents: list[int]) -> list[list[int]]:
    depth = [0] * len(parents)
    for joint in range(1, len(parents)):
        depth[joint] = depth[parents[joint]] + 1
    return [[j for j in range(len(parents)) if depth[j] == d] for d in range(1, max(depth) + 1)]
