"""How well the auxiliary head knows the body's surface."""

import torch
from torch import Tensor
from torchmetrics import Metric

from maflab.metrics.functional import part_counts
from maflab.structures import AuxiliaryMaps, AuxiliaryTargets


class DenseErrors(Metric):
    """Accuracy and mean intersection over union of the parts in percent, and the mean absolute error of U and V.

    Where the maps have a surface, also the angle between normals in degrees and the error of the depth in millimetres.
    Accuracy and U, V count foreground pixels of the target alone; the IoU is averaged over the 24 parts.
    """

    higher_is_better = True
    full_state_update = False
    confusion: Tensor
    uv: Tensor
    surface: Tensor
    pixels: Tensor

    def __init__(self, classes: int = 25) -> None:
        super().__init__()
        self.classes = classes
        self.add_state("confusion", torch.zeros(classes, classes, dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("uv", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("surface", torch.zeros(2, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("pixels", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, maps: AuxiliaryMaps, targets: AuxiliaryTargets) -> None:
        """Add a batch of maps (B, 25, h, w) and their rendered labels (B, h, w)."""
        self.confusion += part_counts(maps.part.argmax(1), targets.part, targets.valid, self.classes)
        inside = (targets.part > 0) & (targets.valid > 0)[:, None, None]
        index = targets.part[:, None]
        for predicted, labelled in ((maps.u, targets.u), (maps.v, targets.v)):
            error = (predicted.float().gather(1, index)[:, 0] - labelled).abs()
            self.uv += error[inside].sum() / 2
        if maps.surface is not None and targets.surface is not None:
            predicted, labelled = maps.surface.float(), targets.surface
            cosine = torch.cosine_similarity(predicted[:, :3], labelled[:, :3], dim=1)
            self.surface[0] += cosine[inside].clamp(-1, 1).acos().rad2deg().sum()
            self.surface[1] += 1000 * (predicted[:, 3] - labelled[:, 3])[inside].abs().sum()
        self.pixels += inside.sum()

    def compute(self) -> dict[str, Tensor]:
        """`part_accuracy` (%), `part_iou` (%), `uv_error` (in [0, 1]); `normal_error` (degrees), `depth_error` (mm)."""
        counts = self.confusion.double()
        hits = counts.diagonal()
        union = counts.sum(0) + counts.sum(1) - hits
        seen = counts.sum(1)[1:] > 0
        iou = (hits / union.clamp(min=1))[1:][seen]
        errors = {
            "part_accuracy": 100 * hits[1:].sum() / counts[1:].sum(),
            "part_iou": 100 * iou.mean(),
            "uv_error": self.uv / self.pixels,
        }
        if bool(self.surface.any()):
            errors |= {"normal_error": self.surface[0] / self.pixels, "depth_error": self.surface[1] / self.pixels}
        return errors
