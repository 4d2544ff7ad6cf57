"""How the LightningModules hand optimizer and scheduler to the Trainer."""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch


def configure_optimization(
    module: pl.LightningModule,
    optimizer: Callable[..., torch.optim.Optimizer] | None,
    scheduler: Callable[..., Any] | None,
) -> Any:
    """What `configure_optimizers` returns, from partials that the config made.

    Args:
        module: its trainable parameters are optimised, its trainer tells the number of steps.
        optimizer: called with the list of parameters.
        scheduler: called with the optimizer and `total_steps`; stepped after every training step. None: constant.

    Raises:
        ValueError: no optimizer: the module was built for inference.
    """
    if optimizer is None:
        raise ValueError("This module was built without an optimizer, for inference; build it from a training config")
    built = optimizer([p for p in module.parameters() if p.requires_grad])
    if scheduler is None:
        return built
    total = int(module.trainer.estimated_stepping_batches)
    return {
        "optimizer": built,
        "lr_scheduler": {"scheduler": scheduler(built, total_steps=total), "interval": "step"},
    }
