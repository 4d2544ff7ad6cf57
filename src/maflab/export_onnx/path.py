"""What is exported: from normalised crops to the body, with the folded mesh and without anything that only trains."""

import torch
from torch import Tensor, nn

from maflab.models.recovery import MeshRecovery
from maflab.structures import Estimate

INPUT = "image"
OUTPUTS = Estimate._fields
"""Names of the outputs, in order: those of an estimate."""


class InferencePath(nn.Module):
    """Pyramid and loop of a model, in single precision.

    Args:
        model: the trained model; it is left as it is, and its weights are shared.
        all_iterations: whether every estimate is given, the mean parameters first, instead of the last alone.
    """

    def __init__(self, model: MeshRecovery, all_iterations: bool = False) -> None:
        super().__init__()
        self.pyramid = model.pyramid
        self.maf = model.maf
        self.all_iterations = all_iterations
        self.eval()

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """OUTPUTS of normalised crops (B, 3, S, S); with all iterations each has an axis of T estimates after B."""
        estimates = self.maf(self.pyramid(image))
        if self.all_iterations:
            return tuple(torch.stack(values, dim=1) for values in zip(*estimates, strict=True))
        return tuple(estimates[-1])
