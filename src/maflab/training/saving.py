"""When checkpoints are written: the best by validation, and the last."""

import shutil
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint


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
        if str(self.dirpath) != state_dict.get("dirpath") and before.is_file():
            own.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(before, own)
            moved = {"dirpath": str(self.dirpath), "best_model_path": str(own), "kth_best_model_path": str(own)}
            state_dict = state_dict | moved | {"best_k_models": {str(own): state_dict["best_model_score"]}}
        super().load_state_dict(state_dict)


class LastCheckpoint(pl.Callback):
    """`last.ckpt`, for resuming: after every validation, and when training ends or is interrupted.

    (Lightning's `save_last` writes only when the best was written.) It must stand before a weight average in the list
    of callbacks, which replaces the weights when training ends.

    Args:
        folder: where it is written.
    """

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / "last.ckpt"
        self._saved_step = -1

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves, unless the validation stands alone."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._save(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves the end."""
        self._save(trainer)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Saves on Ctrl-C; after a fault the last good checkpoint stays."""
        if isinstance(exception, KeyboardInterrupt) and trainer.state.fn == "fit" and trainer.world_size == 1:
            self._save(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        if trainer.global_step not in (0, self._saved_step):
            self._saved_step = trainer.global_step
            trainer.save_checkpoint(self.path)
