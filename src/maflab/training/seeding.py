"""Random numbers that depend on the step alone, and an epoch taken up where a checkpoint left it."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import BatchSampler, DataLoader, Sampler


class StepSeed(pl.Callback):
    """Seeds dropout by (seed, step, process) before every training step.

    So a resumed run draws what the uninterrupted one would have drawn, whatever was drawn in between.

    Args:
        seed: of the run.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seeds torch's generators."""
        step = trainer.fit_loop.total_batch_idx
        torch.manual_seed((self.seed * 1_000_003 + step) * 8_191 + trainer.global_rank)


def continue_epoch(datamodule: pl.LightningDataModule, checkpoint: dict[str, Any]) -> None:
    """Let the first training epoch start behind the batches that a checkpoint has seen.

    Lightning counts on from the checkpoint's batch, but would read the epoch from its start.

    Args:
        datamodule: about to be trained on; its samplers' order follows from the epoch alone.
        checkpoint: what training resumes from.
    """
    progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]
    seen, fresh = int(progress["processed"]), datamodule.train_dataloader

    def continued() -> Any:
        loader = fresh()
        # At the end of an epoch the counter still stands at the full length.
        if isinstance(loader, DataLoader) and isinstance(loader.batch_sampler, BatchSampler) and 0 < seen < len(loader):
            loader.batch_sampler.sampler = _Remainder(loader.sampler, seen * (loader.batch_size or 1))
        return loader

    datamodule.train_dataloader = continued  # type: ignore[method-assign]


class _Remainder(Sampler):
    """A sampler without its first samples, the first time it is walked through; its length stays the whole."""

    def __init__(self, whole: Any, skip: int) -> None:
        self.whole = whole
        self.skip = skip

    def __len__(self) -> int:
        return len(self.whole)

    def __iter__(self) -> Iterator[Any]:
        skip, self.skip = self.skip, 0
        return itertools.islice(iter(self.whole), skip, None)
