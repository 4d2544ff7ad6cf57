"""Bodies of crops, batch by batch: the network, laid out for inference."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maflab.models.recovery import MeshRecovery

_MOST_LANES = 4  # each holds a batch's maps


class Estimates(NamedTuple):
    """What the network says of N crops; T estimates of each where they are asked for, else the last alone."""

    rotations: NDArray[np.float32]  # (N, T, 24, 3, 3)
    betas: NDArray[np.float32]  # (N, T, 10)
    camera: NDArray[np.float32]  # (N, T, 3) weak perspective s, tx, ty of the crop


class Estimator:
    """The inference path of a trained model.

    Args:
        model: the trained model; it is moved to the device.
        resolution: side of the crops it was trained on, pixels.
        device: where it runs.
        autocast: number format of the network's layers, or None for single precision; geometry stays single.
        iterations: whether all estimates are given, the mean parameters first.
    """

    def __init__(
        self,
        model: MeshRecovery,
        resolution: int,
        device: torch.device | str = "cpu",
        autocast: torch.dtype | None = None,
        iterations: bool = False,
    ) -> None:
        self.resolution = resolution
        self.device = torch.device(device)
        self._autocast = autocast
        self._iterations = iterations
        self._pyramid = model.pyramid.eval().to(self.device, memory_format=torch.channels_last)
        self._maf = model.maf.eval().to(self.device)

    @property
    def lanes(self) -> int:
        """Batches that are best estimated at once: on a processor with several threads more than one."""
        return min(torch.get_num_threads(), _MOST_LANES) if self.device.type == "cpu" else 1

    @torch.inference_mode()
    def __call__(self, crops: Sequence[Tensor] | Tensor) -> Estimates:
        """Estimates of normalised crops (3, S, S), at least one."""
        images = crops if isinstance(crops, Tensor) else torch.stack(list(crops))
        images = images.to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, self._autocast, enabled=self._autocast is not None):
            estimates = self._maf(self._pyramid(images))
        chosen = estimates if self._iterations else estimates[-1:]

        def values(name: str) -> NDArray[np.float32]:
            return torch.stack([getattr(one, name) for one in chosen], 1).float().cpu().numpy()

        return Estimates(values("rotations"), values("betas"), values("camera"))
