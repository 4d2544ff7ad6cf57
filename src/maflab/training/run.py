"""The three commands: train, evaluate, prepare."""

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from maflab.models.dense import DensePretraining
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
    load_weights,
    read_checkpoint,
    saved_config,
    without_start_weights,
)
from maflab.training.errors import CheckpointError, OverrideError
from maflab.training.logging import RunInfo, describe_run, finish, git_state
from maflab.training.panel import Panel
from maflab.training.precision import check_device
from maflab.training.progress import InteractiveProgress, LineProgress
from maflab.training.saving import BestCheckpoint, LastCheckpoint
from maflab.training.seeding import StepSeed, continue_epoch
from maflab.training.table import Rows, print_table, write_json
from maflab.training.weights import export_pyramid

log = logging.getLogger(__name__)


def train(config: DictConfig) -> dict[str, Any]:
    """Train a model, then evaluate the best or the last of its checkpoints.

    The run's folder gets `checkpoints/`, `panels/`, `panel.png`, `metrics.json` and the logger's files; after a
    pre-training also `pyramid.safetensors`.

    Args:
        config: composed from `conf/train.yaml`.

    Returns:
        What `metrics.json` holds.

    Raises:
        OverrideError, DeviceError, CheckpointError and the errors of the parts: see `maflab.training.build`.
    """
    _quieten()
    settings = plain(config)
    check_device(config.trainer.accelerator, config.trainer.devices)
    checkpoint_path = _resumed_from(config)
    checkpoint = None if checkpoint_path is None else _resumable(checkpoint_path, config)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    body = build_body(config)
    model = build_model(config if checkpoint is None else without_start_weights(config), body)
    datamodule = build_datamodule(config, body)
    info = RunInfo(Path(config.paths.output), config.name, list(config.tags), _sweep())
    logger = build_logger(config, info)
    try:
        describe_run(logger, settings)
        callbacks = [ConfigStamp(settings), StepSeed(config.seed), *build_callbacks(config, logger)]
        trainer = build_trainer(config, callbacks, logger)
        if checkpoint is not None:
            datamodule.setup("fit")
            continue_epoch(datamodule, checkpoint)
        log.info("%s: %s -> %s", config.name, _describe(model, trainer), config.paths.output)
        trainer.fit(model, datamodule, ckpt_path=checkpoint_path, weights_only=True)
        return _report_training(config, settings, model, datamodule, callbacks, logger)
    finally:
        finish(logger)


def evaluate(config: DictConfig) -> dict[str, Any]:
    """Evaluate a checkpoint: the model, its body and, unless others are given, its data come from its config.

    Args:
        config: composed from `conf/evaluate.yaml`.

    Returns:
        What `metrics.json` in the run's folder holds.

    Raises:
        CheckpointError: the checkpoint cannot be used. And the errors of the parts.
    """
    _quieten()
    checkpoint = read_checkpoint(config.checkpoint)
    merged = merged_with_checkpoint(config, checkpoint)
    check_device(config.trainer.accelerator, config.trainer.devices)
    pl.seed_everything(merged.seed, workers=True, verbose=False)
    body = build_body(merged)
    model = build_model(merged, body)
    load_weights(model, checkpoint, merged, config.checkpoint)
    datamodule = build_datamodule(merged, body)
    callbacks = build_callbacks(config, None)
    rows = _evaluated(merged, model, datamodule, callbacks, None, config.split)
    result = _result(merged, rows, Path(config.checkpoint), checkpoint, config.split)
    _publish(result, Path(config.paths.output), f"{merged.name} on {config.split}: {config.checkpoint}")
    return result


def prepare(config: DictConfig) -> None:
    """Make the body and the packs of `config.data`, where they are not there yet.

    Args:
        config: composed from `conf/prepare.yaml`.
    """
    body = build_body(config)
    log.info("body: %s, %d vertices", body.name, body.num_vertices)
    datamodule = build_datamodule(config, body)
    datamodule.prepare_data()
    datamodule.setup(None)
    for split in ("train", "val", "test"):
        log.info("%s: %d samples", split, len(getattr(datamodule, f"{split}_set")))


def merged_with_checkpoint(config: DictConfig, checkpoint: dict[str, Any]) -> DictConfig:
    """The checkpoint's config, with what an evaluation may replace: data, device, folders.

    Raises:
        CheckpointError: another body was asked for than the model was trained with.
    """
    saved = without_start_weights(saved_config(checkpoint))
    body, data = config.get("body"), config.get("data")  # absent unless they were asked for
    if body is not None and body.name != saved.body.name:
        raise CheckpointError(
            f"{config.checkpoint} was trained with body={saved.body.name}, and body={body.name} is asked for; "
            "its rotations and betas mean nothing on another body"
        )
    merged = OmegaConf.create(_relocated(plain(saved), str(saved.paths.data), str(config.paths.data)))
    if body is not None:
        merged.body = body
    if data is not None:
        merged.data = data if "_target_" in data else OmegaConf.merge(merged.data, data)
    merged.trainer, merged.paths = config.trainer, config.paths
    return merged


def _relocated(node: Any, before: str, now: str) -> Any:
    """Paths under the data folder of the machine that trained become paths under this one's."""
    if isinstance(node, dict):
        return {key: _relocated(value, before, now) for key, value in node.items()}
    if isinstance(node, list):
        return [_relocated(value, before, now) for value in node]
    if isinstance(node, str) and (node == before or node.startswith(f"{before}/")):
        return now + node[len(before) :]
    return node


def _report_training(
    config: DictConfig,
    settings: dict[str, Any],
    model: Model,
    datamodule: pl.LightningDataModule,
    callbacks: list[Callback],
    logger: Logger | None,
) -> dict[str, Any]:
    """Evaluate the checkpoint that is reported, print the table, write the files."""
    path, which = _reported(config.report.weights, callbacks)
    checkpoint = read_checkpoint(path)
    load_weights(model, checkpoint, config, path)
    watched = [c for c in callbacks if isinstance(c, Panel | LineProgress | InteractiveProgress)]
    rows = _evaluated(config, model, datamodule, watched, logger, config.report.split)
    result = _result(config, rows, path, checkpoint, config.report.split) | {"weights": which}
    rates = [c.stopwatch.rate for c in callbacks if isinstance(c, LineProgress | InteractiveProgress)]
    result["samples_per_second"] = round(rates[0], 2) if rates else None
    folder = Path(config.paths.output)
    _publish(result, folder, f"{config.name} on {config.report.split}, {which} weights (step {result['step']})")
    if isinstance(model, DensePretraining) and rank_zero_only.rank == 0:
        metadata = {"command": sys.argv, "seed": config.seed, "recipe": settings, "metrics": result}
        export_pyramid(model, folder / "pyramid.safetensors", metadata)
        log.info("start weights: encoder.weights=%s", folder / "pyramid.safetensors")
    log.info("the same figures again: python evaluate.py checkpoint=%s split=%s", path, config.report.split)
    return result


def _evaluated(
    config: DictConfig,
    model: Model,
    datamodule: pl.LightningDataModule,
    callbacks: list[Callback],
    logger: Logger | None,
    split: str,
) -> Rows:
    """The metric table of a split; a Trainer of its own, so that no callback of the training interferes."""
    if split not in ("val", "test"):
        raise OverrideError(f"There is no split {split!r} to evaluate; choose val or test")
    trainer = build_trainer(config, callbacks, logger, enable_checkpointing=False, profiler=None, overfit_batches=0)
    run = trainer.test if split == "test" else trainer.validate
    run(model, datamodule=datamodule, verbose=False)
    return {row: {k: float(v) for k, v in values.items()} for row, values in model.metric_table().items()}


def _result(
    config: DictConfig, rows: Rows, path: Path, checkpoint: dict[str, Any], split: str
) -> dict[str, Any]:
    return {
        "name": config.name,
        "checkpoint": str(path),
        "step": int(checkpoint["global_step"]),
        "split": split,
        "metrics": rows,
        "git": git_state(),
    }


@rank_zero_only
def _publish(result: dict[str, Any], folder: Path, title: str) -> None:
    print_table(result["metrics"], title)
    write_json(folder / "metrics.json", result)
    log.info("panel and figures: %s and %s", folder / "panel.png", folder / "metrics.json")


def _reported(weights: str, callbacks: list[Callback]) -> tuple[Path, str]:
    """The checkpoint of the final table, and what it is called."""
    best = [c.best_model_path for c in callbacks if isinstance(c, BestCheckpoint) and c.best_model_path]
    last = [c.path for c in callbacks if isinstance(c, LastCheckpoint) and c.path.is_file()]
    if weights not in ("best", "last"):
        raise OverrideError(f"report.weights is best or last, not {weights!r}")
    if weights == "best" and best:
        return Path(best[0]), "best"
    if last:
        if weights == "best":
            log.warning("no validation has chosen a best checkpoint; the last is reported")
        return last[0], "last"
    raise OverrideError("No checkpoint was written, so there is nothing to report; keep callbacks.best or callbacks.last")


def _resumed_from(config: DictConfig) -> Path | None:
    """The checkpoint to go on from; `resume=true` finds the latest of this name."""
    if not config.resume:
        return None
    if config.resume is not True:
        return Path(config.resume)
    folder = Path(config.paths.output).parent
    found = sorted(folder.glob("*/checkpoints/last.ckpt"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise CheckpointError(f"resume=true finds no checkpoints/last.ckpt in the runs under {folder}; give resume=PATH")
    return found[-1]


def _resumable(path: Path, config: DictConfig) -> dict[str, Any]:
    checkpoint = read_checkpoint(path)
    check_same_model(checkpoint, config, path)
    if checkpoint["global_step"] >= config.trainer.max_steps > 0:
        raise CheckpointError(
            f"{path} has already done {checkpoint['global_step']} of {config.trainer.max_steps} steps; "
            "give a larger trainer.max_steps to go on"
        )
    log.info("resuming %s at step %d", path, checkpoint["global_step"])
    return checkpoint


def _sweep() -> str | None:
    if not HydraConfig.initialized() or HydraConfig.get().mode is not RunMode.MULTIRUN:
        return None
    return Path(HydraConfig.get().sweep.dir).name


def _describe(model: Model, trainer: pl.Trainer) -> str:
    millions = sum(p.numel() for p in model.parameters() if p.requires_grad) / 1e6
    return f"{millions:.2f} M parameters, {trainer.precision} on {trainer.strategy.root_device}"


def _quieten() -> None:
    """Lightning's announcements, and its advice that does not apply here."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)  # its import has set it to INFO
    for message in (
        ".*does not have many workers.*",  # packs decode fast without
        ".*directory.*exists and is not empty.*",  # the run's folder holds more than one thing
        ".*isinstance.treespec, LeafSpec.*",
        ".*number of training batches.*is smaller than the logging interval.*",
        ".*dataloader is not resumable.*",  # `continue_epoch` sees to it
    ):
        warnings.filterwarnings("ignore", message=message)
