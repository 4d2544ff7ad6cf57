"""The command `train`."""

import logging
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from maflab.training.build import (
    Model,
    build_body,
    build_callbacks,
    build_datamodule,
    build_logger,
    build_model,
    build_trainer,
    plain,
)
from maflab.training.checkpoint import (
    ConfigStamp,
    check_same_model,
    read_checkpoint,
    without_start_weights,
)
from maflab.training.errors import CheckpointError
from maflab.training.logging import RunInfo, describe_run, finish, job_overrides, log_result
from maflab.training.memory import keep_freed_memory
from maflab.training.outcome import check_report, report_training
from maflab.training.packs import check_packs
from maflab.training.precision import check_device
from maflab.training.protocol import follow_protocol
from maflab.training.quiet import quieten
from maflab.training.ranks import JobLauncher, distributed_job
from maflab.training.seeding import StepSeed, continue_epoch
from maflab.training.sweeping import keep_curve

log = logging.getLogger(__name__)


@distributed_job()
def train(config: DictConfig) -> dict[str, Any]:
    """Train a model, then evaluate the best or the last of its checkpoints.

    The run's folder gets `checkpoints/`, `panels/`, `panel.png`, `metrics.json` and the logger's files; after a
    pre-training also `pyramid.safetensors`.

    Args:
        config: composed from `conf/train.yaml`.

    Returns:
        What `metrics.json` holds.

    Raises:
        OverrideError, DeviceError, RankError, CheckpointError and the errors of the parts: see `maflab.training.build`.
    """
    quieten()
    keep_freed_memory()
    settings = plain(config)
    check_report(config.report.split, config.report.weights)
    check_device(config.trainer.accelerator, config.trainer.devices)
    checkpoint_path = _resumed_from(config)
    checkpoint = None if checkpoint_path is None else _resumable(checkpoint_path, config)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    body = build_body(config)
    model = build_model(config if checkpoint is None else without_start_weights(config), body)
    datamodule = build_datamodule(config, body)
    check_packs(datamodule, "train", "val", config.report.split)
    follow_protocol(model, config, body, datamodule)
    info = RunInfo(Path(config.paths.output), config.name, list(config.tags), _sweep(), job_overrides())
    logger = build_logger(config, info)
    try:
        describe_run(logger, settings, info)
        callbacks = [ConfigStamp(settings), StepSeed(config.seed), *build_callbacks(config, logger)]
        trainer = build_trainer(config, callbacks, logger)
        if isinstance(trainer.strategy.launcher, JobLauncher):
            trainer.strategy.launcher.resume = checkpoint_path
        if checkpoint is not None:
            datamodule.setup("fit")
            continue_epoch(datamodule, checkpoint)
        log.info("%s: %s -> %s", config.name, _describe(model, trainer), config.paths.output)
        trainer.fit(model, datamodule, ckpt_path=checkpoint_path, weights_only=True)
        result = report_training(config, model, datamodule, callbacks, logger)
        log_result(logger, result)
        return result
    finally:
        finish(logger)


def _resumed_from(config: DictConfig) -> Path | None:
    """The checkpoint to go on from; `resume=true` finds the latest of this name."""
    if not config.resume:
        return None
    if config.resume is not True:
        return Path(config.resume)
    folder = Path(config.paths.output).parent
    found = sorted(folder.glob("*/checkpoints/last.ckpt"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise CheckpointError(
            f"resume=true finds no checkpoints/last.ckpt in the runs under {folder}; give resume=PATH"
        )
    return found[-1]


def _resumable(path: Path, config: DictConfig) -> dict[str, Any]:
    checkpoint = read_checkpoint(path)
    check_same_model(checkpoint, config, path)
    if _is_own(path, config):  # an interrupted job of a sweep; if only its report is missing, no step is left to do
        keep_curve(Path(config.paths.output), checkpoint["global_step"])
    elif checkpoint["global_step"] >= config.trainer.max_steps > 0:
        raise CheckpointError(
            f"{path} has already done {checkpoint['global_step']} of {config.trainer.max_steps} steps; "
            "give a larger trainer.max_steps to go on"
        )
    log.info("resuming %s at step %d", path, checkpoint["global_step"])
    return checkpoint


def _is_own(path: Path, config: DictConfig) -> bool:
    return path.resolve().is_relative_to(Path(config.paths.output).resolve())


def _sweep() -> str | None:
    if not HydraConfig.initialized() or HydraConfig.get().mode is not RunMode.MULTIRUN:
        return None
    return Path(HydraConfig.get().sweep.dir).name


def _describe(model: Model, trainer: pl.Trainer) -> str:
    millions = sum(p.numel() for p in model.parameters() if p.requires_grad) / 1e6
    return f"{millions:.2f} M parameters, {trainer.precision} on {trainer.strategy.root_device}"
