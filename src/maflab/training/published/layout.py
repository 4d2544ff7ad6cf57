"""Which tensor of PyMAF's released checkpoint is which of ours; pure renaming, nothing is computed.

| released                                     | here                                                  |
|----------------------------------------------|-------------------------------------------------------|
| feature_extractor.*                          | pyramid.backbone.* (the names are torchvision's)      |
| deconv_layers.{3i}, .{3i + 1}                | pyramid.stages.i: upsample, norm                      |
| maf_extractor.k.conv{j}                      | maf.reductions.k.layers.j                             |
| maf_extractor.k.Dmap (431, 6890)             | maf.folded: the points as sums of vertices            |
| regressor.k.fc1, fc2                         | maf.regressors.k.trunk.0, .3                          |
| regressor.k.decpose, decshape, deccam        | maf.regressors.k: pose, shape, camera                 |
| regressor.0.init_pose, init_shape, init_cam  | maf.mean_pose, mean_betas, mean_camera                |
| dp_head.predict_{uv_index, u, v, ann_index}  | aux_head.predict, one convolution, in this order      |
| regressor.k.smpl.*, points_grid              | not taken: SMPL's own arrays, and the grid of the loop |
"""

import re
from collections.abc import Mapping

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from maflab.training.errors import CheckpointError

_REGRESSOR = {"trunk.0": "fc1", "trunk.3": "fc2", "pose": "decpose", "shape": "decshape", "camera": "deccam"}
_MEAN = {"maf.mean_pose": "init_pose", "maf.mean_betas": "init_shape", "maf.mean_camera": "init_cam"}
_HEAD = {"uv_index": 25, "u": 25, "v": 25, "ann_index": 15}  # in the order of AuxiliaryMaps, with their channels
_POINTS = ("maf.folded.point_vertices", "maf.folded.point_weights")
_NOT_TAKEN = re.compile(
    r"points_grid|maf_extractor\.\d\.Dmap|regressor\.\d\.smpl\..+|regressor\.[1-9]\.init_(pose|shape|cam)"
)
GRID = "points_grid"


def released_names(name: str) -> list[str]:
    """The released tensors that one of ours consists of, one after the other along the first axis.

    Args:
        name: in `MeshRecovery.state_dict()`.

    Returns:
        Their names; none for the points, which follow from Dmap.
    """
    if name in _MEAN:
        return [f"regressor.0.{_MEAN[name]}"]
    if found := re.fullmatch(r"pyramid\.backbone\.(.+)", name):
        return [f"feature_extractor.{found[1]}"]
    if found := re.fullmatch(r"pyramid\.stages\.(\d+)\.(upsample|norm)\.(.+)", name):
        return [f"deconv_layers.{3 * int(found[1]) + (found[2] == 'norm')}.{found[3]}"]
    if found := re.fullmatch(r"maf\.reductions\.(\d+)\.layers\.(\d+)\.(.+)", name):
        return [f"maf_extractor.{found[1]}.conv{found[2]}.{found[3]}"]
    if (found := re.fullmatch(r"maf\.regressors\.(\d+)\.(.+)\.(\w+)", name)) and found[2] in _REGRESSOR:
        return [f"regressor.{found[1]}.{_REGRESSOR[found[2]]}.{found[3]}"]
    if found := re.fullmatch(r"aux_head\.predict\.(\w+)", name):
        return [f"dp_head.predict_{output}.{found[1]}" for output in _HEAD]
    return []


def coarsening(released: Mapping[str, Tensor]) -> csr_matrix:
    """(P, V) the points of the loop as weighted sums of vertices: Dmap, the same at every iteration.

    Raises:
        CheckpointError: there is none, or they differ.
    """
    maps = {name: tensor.to_dense() for name, tensor in released.items() if name.endswith(".Dmap")}
    if not maps:
        raise CheckpointError("the released weights lack maf_extractor.0.Dmap, the points of the loop")
    first, *others = maps.values()
    if not all(torch.equal(first, other) for other in others):
        raise CheckpointError(f"the released weights have different points in {', '.join(maps)}; one set is expected")
    return csr_matrix(first.float().numpy())


def from_released(released: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our state from the released tensors.

    Args:
        released: the released tensors.
        own: our network's state, for names, shapes and types; its points are kept.

    Raises:
        CheckpointError: a tensor is missing, of another shape, or left over; the message names the first ones.
    """
    state, used, wrong = {}, set(), []
    for name, like in own.items():
        if name in _POINTS:
            state[name] = like
            continue
        parts = released_names(name)
        if not parts or (missing := [part for part in parts if part not in released]):
            wrong.append(f"it lacks {', '.join(missing if parts else [name])}")
            continue
        value = torch.cat([released[part] for part in parts]) if len(parts) > 1 else released[parts[0]]
        value = value.reshape(like.shape) if name in _MEAN and value.numel() == like.numel() else value
        if value.shape != like.shape:
            wrong.append(f"{', '.join(parts)} give {tuple(value.shape)}, not {tuple(like.shape)}")
        state[name] = value.to(like.dtype).clone()
        used |= set(parts)
    wrong += [f"{name} has no place" for name in released if name not in used and not _NOT_TAKEN.fullmatch(name)]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise CheckpointError(f"the weights are not those of the published network: {'; '.join(wrong[:3])}{more}")
    return state


def to_released(own: Mapping[str, Tensor], points: csr_matrix, grid: Tensor) -> dict[str, Tensor]:
    """Released tensors from our state: all of them but SMPL's own arrays.

    Args:
        own: our network's state, the mean parameters included.
        points: (P, V) the points of its loop as weighted sums of vertices.
        grid: (G, 2) the grid of its loop.

    Raises:
        CheckpointError: the network is not the published one.
    """
    released = {GRID: grid.T[None].clone()}
    unknown = [name for name in own if not released_names(name) and name not in _POINTS]
    if unknown:
        raise CheckpointError(
            f"the published layout has no place for {', '.join(unknown[:3])}; only the network of "
            "experiment=paper/pymaf fits"
        )
    for name, value in own.items():
        parts = released_names(name)
        pieces = value.split(tuple(_HEAD.values())) if len(parts) > 1 else [value] * len(parts)
        released |= {part: piece.clone() for part, piece in zip(parts, pieces, strict=True)}
    for iteration in sorted({name.split(".")[1] for name in released if name.startswith("regressor.")}):
        for name, official in _MEAN.items():
            released[f"regressor.{iteration}.{official}"] = own[name].reshape(1, -1).clone()
        dense = torch.from_numpy(np.asarray(points.todense(), np.float32))
        released[f"maf_extractor.{iteration}.Dmap"] = dense
    return released
