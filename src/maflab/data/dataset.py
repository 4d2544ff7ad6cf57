"""Packs as PyTorch data sets: a picture and its labels become one unbatched `Batch`."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from maflab.data.augment import Augmentation, Placement
from maflab.data.crop_image import LEVELS, cut, normalised, reduction_for, shown
from maflab.data.pack_format import PackError
from maflab.data.pack_reader import PackReader
from maflab.data.sampler import Draw
from maflab.geometry.crops import pixels_to_crop
from maflab.structures import Batch


class PackDataset(Dataset[Batch]):
    """The records of one pack as crops of one resolution.

    Items are `Batch`es of unbatched tensors, which PyTorch's default collation stacks into a `Batch`. An item's
    random numbers follow from (seed, epoch, position) alone, so neither the number of workers nor resuming changes it.

    Args:
        path: the pack.
        resolution: the crop's side in pixels.
        augmentation: None for evaluation.
        indices: which rows, in which order; None: all.
        limit: at most so many samples, spread evenly over the rows; None: no limit.
        seed: of the augmentation.

    Raises:
        PackError: if the pack cannot be read, or is left without samples.
    """

    def __init__(
        self,
        path: str | Path,
        resolution: int,
        augmentation: Augmentation | None = None,
        indices: Sequence[int] | None = None,
        limit: int | None = None,
        seed: int = 0,
    ) -> None:
        self.reader = PackReader(path)
        self.resolution = resolution
        self.augmentation = augmentation
        self.seed = seed
        rows = np.arange(len(self.reader)) if indices is None else np.asarray(indices, np.int64)
        if limit is not None and limit < len(rows):
            rows = rows[np.arange(limit) * len(rows) // max(limit, 1)]
        if len(rows) == 0:
            raise PackError(f"{path} gives no samples; check `prepare` and the limits, or name another pack.")
        if rows.min() < 0 or rows.max() >= len(self.reader):
            raise PackError(f"{path} has {len(self.reader)} rows; rows {rows.min()} to {rows.max()} were asked for.")
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: int) -> Batch:
        return self.sample(item, epoch=0, position=item)

    def sample(self, item: int, epoch: int, position: int) -> Batch:
        """The item as it looks when drawn at a position of an epoch."""
        row = int(self.rows[item])
        if self.augmentation is None:
            return self._batch(row, Placement(), None)
        rng = np.random.default_rng((self.seed, epoch, position))
        return self._batch(row, self.augmentation.placement(rng), rng)

    def _batch(self, row: int, placement: Placement, rng: np.random.Generator | None) -> Batch:
        labels = self.reader.labels
        center, side = labels["center"][row], float(labels["size"][row])
        affine = placement.affine(center, side, self.resolution)
        keypoints = placement.keypoints(labels["keypoints_2d"][row], affine)
        keypoints[:, :2] = pixels_to_crop(keypoints[:, :2], self.resolution)
        keypoints[keypoints[:, 2] <= 0] = 0

        def valid(name: str) -> Tensor:
            return torch.scalar_tensor(float(labels[name][row]))

        return Batch(
            image=self._image(row, affine, side * placement.scale, rng),
            keypoints_2d=_tensor(keypoints),
            joints_3d=_tensor(placement.joints(labels["joints_3d"][row])),
            rotations=_tensor(placement.rotations(labels["pose"][row])),
            betas=_tensor(labels["betas"][row]),
            has_pose=valid("has_pose"),
            has_betas=valid("has_betas"),
            has_joints_3d=valid("has_joints_3d"),
            gender=torch.scalar_tensor(int(labels["gender"][row]), dtype=torch.int64),
            index=torch.scalar_tensor(row, dtype=torch.int64),
        )

    def _image(self, row: int, affine: NDArray[np.float64], side: float, rng: np.random.Generator | None) -> Tensor:
        # The decoder averages as much as it can, so that the bilinear warp never skips pixels.
        reduction = reduction_for(side, self.resolution)
        low, high = shown(affine, self.resolution, beside=reduction)
        picture, corner = self.reader.part(row, low, high, reduction)
        affine = affine.copy()
        affine[:, 2] += affine[:, :2] @ corner
        crop = cut(picture, affine, self.resolution, reduction)
        levels = LEVELS
        if self.augmentation is not None and rng is not None:
            levels = np.minimum(LEVELS * self.augmentation.gains(rng), 1)
            crop = self.augmentation.change_look(crop.astype(np.uint8, copy=False), rng)
        return normalised(crop, levels)


class PackMixture(Dataset[Batch]):
    """Several data sets behind one, made for the `Draw`s of a `MixtureSampler`.

    A plain index counts through the data sets in order, as if in epoch 0.
    """

    def __init__(self, datasets: Sequence[PackDataset]) -> None:
        self.datasets = list(datasets)
        self._ends = list(accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, key: Draw | int) -> Batch:
        if isinstance(key, Draw):
            return self.datasets[key.source].sample(key.item, key.epoch, key.position)
        if not 0 <= key < len(self):
            raise IndexError(f"The mixture has {len(self)} samples, not {key}.")
        source = bisect_right(self._ends, key)
        item = key - (self._ends[source - 1] if source else 0)
        return self.datasets[source].sample(item, epoch=0, position=key)


def _tensor(values: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
