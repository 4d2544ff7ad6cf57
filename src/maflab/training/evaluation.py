"""The command `evaluate`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf

from maflab.body.model import BodyModel
from maflab.models.recovery import MeshRecovery
from maflab.training.build import (
    build_body,
    build_callbacks,
    build_datamodule,
    build_fitter,
    build_logger,
    build_model,
)
from maflab.training.checkpoint import load_weights, merged_with_checkpoint, read_checkpoint
from maflab.training.errors import OverrideError
from maflab.training.fitted import FIT, NOTE, FittedModel, learnt_prior
from maflab.training.logging import RunInfo, describe_run, finish, job_overrides, log_result
from maflab.training.outcome import Subject, check_report, measure, publish
from maflab.training.overrides import check_part
from maflab.training.packs import check_packs
from maflab.training.precision import check_device
from maflab.training.protocol import follow_protocol
from maflab.training.quiet import quieten
from maflab.training.ranks import distributed_job


@distributed_job()
def evaluate(config: DictConfig) -> dict[str, Any]:
    """Evaluate a checkpoint, a fit to 2D key points, or a checkpoint whose estimates are refined by a fit.

    The checkpoint's model, its body and, unless others are given, its data come from its config. Without a checkpoint
    `fit`, `body` and `data` must be given.

    Args:
        config: composed from `conf/evaluate.yaml`.

    Returns:
        What `metrics.json` in the run's folder holds.

    Raises:
        CheckpointError: the checkpoint cannot be used. OverrideError: there is nothing to evaluate. And the errors of
            the parts.
    """
    quieten()
    check_report(config.split)
    fitting = config.get("fit") is not None
    if fitting and OmegaConf.is_missing(config, "checkpoint"):
        return _fits(config)
    checkpoint = read_checkpoint(config.checkpoint)
    merged = merged_with_checkpoint(config, checkpoint)
    check_part(merged, "data")
    check_device(config.trainer.accelerator, config.trainer.devices)
    pl.seed_everything(merged.seed, workers=True, verbose=False)
    body = build_body(merged)
    model = build_model(merged, body)
    load_weights(model, checkpoint, merged, config.checkpoint)
    datamodule = build_datamodule(merged, body)
    check_packs(datamodule, config.split)
    follow_protocol(model, merged, body, datamodule)
    subject = Subject(merged, model, datamodule, Path(config.checkpoint), int(checkpoint["global_step"]))
    title = f"{merged.name} on {config.split}: {config.checkpoint}"
    if fitting:
        if not isinstance(model, MeshRecovery):
            raise OverrideError(f"{config.checkpoint} estimates no body that a fit could refine; leave fit out")
        return _measured_fit(config, subject, body, title)
    return _logged(config, subject, title)


def _logged(config: DictConfig, subject: Subject, title: str, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Measures, prints, writes, and tells the logger; `more` is laid over the result, notes beside those it has."""
    info = RunInfo(Path(config.paths.output), config.name, [], None, job_overrides())
    logger = build_logger(config, info)
    try:
        describe_run(logger, _settings(subject.config), info)
        result = measure(subject, build_callbacks(config, None), logger, config.split)
        for key, value in (more or {}).items():
            result[key] = result.get(key, {}) | value
        publish(result, Path(config.paths.output), title)
        log_result(logger, result)
        return result
    finally:
        finish(logger)


def _fits(config: DictConfig) -> dict[str, Any]:
    """Fits as a method of their own."""
    for part in ("body", "data"):
        if config.get(part) is None or "_target_" not in config[part]:
            raise OverrideError(f"A fit without a checkpoint needs {part}=..., for instance body=anny data=synthetic")
    check_device(config.trainer.accelerator, config.trainer.devices)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    body = build_body(config)
    datamodule = build_datamodule(config, body)
    check_packs(datamodule, config.split)
    subject = Subject(config, None, datamodule, None, None)
    return _measured_fit(config, subject, body, f"optimisation on {config.split}")


def _measured_fit(config: DictConfig, subject: Subject, body: BodyModel, title: str) -> dict[str, Any]:
    subject.datamodule.prepare_data()  # makes the packs that the prior is learnt from, if they are made
    prior, learnt_from = learnt_prior(body, subject.datamodule)
    fitted = FittedModel(body, build_fitter(config, body, prior), subject.model)
    follow_protocol(fitted, subject.config, body, subject.datamodule)
    more = {
        "notes": {FIT: f"{NOTE}; its pose prior is {learnt_from}"},
        "fit": _settings(config.fit),
    }
    return _logged(config, subject._replace(model=fitted), f"{title} ({FIT}: given the labelled 2D key points)", more)


def _settings(config: DictConfig) -> dict[str, Any]:
    """As plain containers; what is not given stays marked as such."""
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}
