"""When checkpoints are written: the best by validation, and the last."""

import shutil
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint

from maflab.atomic import whole_file


class BestCheckpoint(ModelCheckpoint):
    """`best.ckpt`, by a validation metric; a resumed run takes the best so far along into its own folder.

    Args:
        folder: where it is written.
        monitor, mode: which metric, and whether `min` or `max` is best.
    """

    def __init__(self, folder: str, monitor: str, mode: str) -> None:
        super().__init__(
            dirpath=folder,
            filename="best",
            monitor=monitor,
            mode=mode,
            save_top_k=1,
            auto_insert_metric_name=False,
            enable_version_counter=False,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Copies the earlier best into the own folder, where Lightning would only forget its score."""
        before, own = Path(state_dict["best_model_path"]), Path(str(self.dirpath)) / "best.ckpt"
        if str(self.dirpath) == state_dict["dirpath"]:
            super().load_state_dict(state_dict)
        elif before.is_file():
            with whole_file(own) as partial:
                shutil.copyfile(before, partial)
            moved = {"dirpath": str(self.dirpath), "best_model_path": str(own), "kth_best_model_path": str(own)}
            super().load_state_dict(state_dict | moved | {"best_k_models": {str(own): state_dict["best_model_score"]}})


class LastCheckpoint(Checkpoint):
    """`last.ckpt`, for resuming: after every validation and after the last step.

    (Lightning's `save_last` writes only when the best was written.) It must stand behind the best checkpoint in the
    list of callbacks, whose score it saves.

    Args:
        folder: where it is written.
    """

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / "last.ckpt"

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Saves after the last step: in the middle of its epoch, so that a longer run can go on exactly there."""
        if trainer.global_step >= trainer.max_steps > 0:
            trainer.save_checkpoint(self.path)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves, unless the validation stands alone."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            trainer.save_checkpoint(self.path)
