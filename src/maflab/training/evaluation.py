"""The command `evaluate`."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig

from maflab.training.build import build_body, build_callbacks, build_datamodule, build_model
from maflab.training.checkpoint import load_weights, merged_with_checkpoint, read_checkpoint
from maflab.training.outcome import Subject, check_report, measure, publish
from maflab.training.precision import check_device
from maflab.training.quiet import quieten


def evaluate(config: DictConfig) -> dict[str, Any]:
    """Evaluate a checkpoint: the model, its body and, unless others are given, its data come from its config.

    Args:
        config: composed from `conf/evaluate.yaml`.

    Returns:
        What `metrics.json` in the run's folder holds.

    Raises:
        CheckpointError: the checkpoint cannot be used. And the errors of the parts.
    """
    quieten()
    check_report(config.split)
    checkpoint = read_checkpoint(config.checkpoint)
    merged = merged_with_checkpoint(config, checkpoint)
    check_device(config.trainer.accelerator, config.trainer.devices)
    pl.seed_everything(merged.seed, workers=True, verbose=False)
    body = build_body(merged)
    model = build_model(merged, body)
    load_weights(model, checkpoint, merged, config.checkpoint)
    datamodule = build_datamodule(merged, body)
    callbacks = build_callbacks(config, None)
    subject = Subject(merged, model, datamodule, Path(config.checkpoint), int(checkpoint["global_step"]))
    result = measure(subject, callbacks, None, config.split)
    publish(result, Path(config.paths.output), f"{merged.name} on {config.split}: {config.checkpoint}")
    return result
