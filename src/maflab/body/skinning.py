"""Linear blend skinning along a kinematic tree (Loper et al., SMPL, 2015, equations 2-4)."""

import functools
from typing import NamedTuple

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
    tree = _tree(tuple(parents))
    offsets = torch.cat([rest_joints[:, :1], rest_joints[:, 1:] - rest_joints[:, parents[1:]]], dim=1)
    bottom = rotations.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(*rotations.shape[:2], 1, 4)
    local = torch.cat([torch.cat([rotations, offsets[..., None]], dim=-1), bottom], dim=-2)  # (B, J, 4, 4)
    if not tree.in_order:
        local = local[:, tree.order]
    # One product a depth of the tree (9 in SMPL) instead of one a joint: the loop is latency-bound.
    levels = local.split(tree.sizes, dim=1)
    above = torch.tensor(tree.above, device=local.device).split(tree.sizes[1:])
    world = [levels[0]]
    for up, level in zip(above, levels[1:], strict=True):
        world.append(world[-1].index_select(1, up) @ level)
    placed = torch.cat(world, dim=1)[:, :, :3]  # (B, J, 3, 4)
    if not tree.in_order:
        placed = placed[:, tree.back]
    turn, posed = placed[..., :3], placed[..., 3]
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


class _Tree(NamedTuple):
    """A kinematic tree by depth."""

    in_order: bool  # whether no joint stands before one nearer to the root
    order: list[int]  # the joints, those of a depth together, the root first
    back: list[int]  # where each joint stands in that order
    sizes: list[int]  # how many joints each depth has
    above: list[int]  # for all joints but the root, in that order: which joint of the depth above is the parent


@functools.cache
def _tree(parents: tuple[int, ...]) -> _Tree:
    depth = [0] * len(parents)
    for joint in range(1, len(parents)):
        depth[joint] = depth[parents[joint]] + 1
    levels = [[j for j in range(len(parents)) if depth[j] == d] for d in range(max(depth) + 1)]
    order = [joint for level in levels for joint in level]
    above = [levels[depth[joint] - 1].index(parents[joint]) for joint in order[1:]]
    back = [order.index(joint) for joint in range(len(order))]
    return _Tree(depth == sorted(depth), order, back, [len(level) for level in levels], above)
