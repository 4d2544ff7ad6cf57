"""The picture panel: what goes in, which parts are seen, and the mesh after each iteration."""

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytorch_lightning as pl
import torch
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor

from maflab.atomic import whole_file
from maflab.models.recovery import MeshRecovery
from maflab.render.overlay import overlay_mesh, part_picture, side_view
from maflab.render.raycast import RayCaster
from maflab.structures import Batch, Prediction
from maflab.training.build import Model
from maflab.training.logging import log_picture

log = logging.getLogger(__name__)

_SIDE = 192
_GAP = 4
_TITLE = 22


class Panel(pl.Callback):
    """Draws the first pictures of every validation to `panels/` and of the final evaluation to `panel.png`.

    Args:
        folder: the run's.
        pictures: how many rows.
    """

    def __init__(self, folder: str, pictures: int = 6) -> None:
        self.folder = Path(folder)
        self.pictures = pictures

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        """Draws the first batch's."""
        if batch_idx == 0 and trainer.is_global_zero and not trainer.sanity_checking:
            fitting = trainer.state.fn == "fit"
            name = f"panels/step_{trainer.global_step:06d}.png" if fitting else "panel.png"
            self._draw(trainer, pl_module, batch, name)

    def on_test_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        """Draws the first batch's."""
        if batch_idx == 0 and trainer.is_global_zero:
            self._draw(trainer, pl_module, batch, "panel.png")

    def _draw(self, trainer: pl.Trainer, model: pl.LightningModule, batch: Batch, name: str) -> None:
        if not isinstance(model, Model):
            return
        few = Batch(*(field[: self.pictures] for field in batch))
        with torch.no_grad(), trainer.precision_plugin.forward_context():
            picture = draw_panel(model, few)
        path = self.folder / name
        write_picture(path, picture)
        log_picture(trainer.logger, "panel" if name == "panel.png" else "val/panel", path, trainer.global_step)


def draw_panel(model: Model, batch: Batch) -> np.ndarray:
    """A row a picture: input, labelled and predicted parts, the mesh of each iteration over the picture, from the side.

    Args:
        model: in evaluation mode, on the batch's device.
        batch: few pictures.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    columns = {"input": [to_picture(image) for image in batch.image]}
    if isinstance(model, MeshRecovery):
        prediction: Prediction = model(batch.image, with_auxiliary=True)
        maps = prediction.auxiliary
        meshes = _mesh_columns(model, prediction, columns["input"])
    else:
        maps, meshes = model(batch.image), {}
    if maps is not None:
        targets = model.labeller(batch, maps.part.shape[-1])
        columns["parts: label"] = [_enlarged(part_picture(part)) for part in targets.part]
        columns["parts: seen"] = [_enlarged(part_picture(part)) for part in maps.part.argmax(1)]
    return _assembled(columns | meshes)


def to_picture(image: Tensor) -> np.ndarray:
    """A normalised crop (3, S, S) as an enlarged (192, 192, 3) uint8 RGB picture."""
    mean, std = (torch.tensor(v)[:, None, None] for v in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD))
    rgb = (image.detach().float().cpu() * std + mean).clamp(0, 1).mul(255).round().byte()
    return cv2.resize(rgb.permute(1, 2, 0).numpy(), (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)


def write_picture(path: Path, picture: np.ndarray) -> None:
    """A PNG of (H, W, 3) uint8 RGB, whole or not there."""
    with whole_file(path) as partial:
        if not cv2.imwrite(str(partial), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
            raise OSError(f"{path} could not be written; is the disk full?")


def _mesh_columns(model: MeshRecovery, prediction: Prediction, inputs: list[np.ndarray]) -> dict[str, list[np.ndarray]]:
    caster = RayCaster(model.body.faces, device=model.device)
    columns: dict[str, list[np.ndarray]] = {}
    vertices = torch.empty(0)
    for t, estimate in enumerate(prediction.estimates):
        vertices = model.body(estimate.rotations, estimate.betas).vertices.float()
        columns["start" if t == 0 else f"iteration {t}"] = [
            overlay_mesh(picture, caster, mesh, camera)
            for picture, mesh, camera in zip(inputs, vertices, estimate.camera, strict=True)
        ]
    columns["from the side"] = [side_view(caster, mesh, _SIDE) for mesh in vertices]
    return columns


def _enlarged(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST)


def _assembled(columns: dict[str, list[np.ndarray]]) -> np.ndarray:
    rows = len(next(iter(columns.values())))
    step = _SIDE + _GAP
    sheet = np.full((_TITLE + rows * step, len(columns) * step - _GAP, 3), 255, np.uint8)
    for x, (title, pictures) in enumerate(columns.items()):
        cv2.putText(sheet, title, (x * step + 4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
        for y, picture in enumerate(pictures):
            sheet[_TITLE + y * step : _TITLE + y * step + _SIDE, x * step : x * step + _SIDE] = picture
    return sheet
