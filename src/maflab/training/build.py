"""From a config to objects, one function a part; nothing is instantiated behind the reader's back."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback, LearningRateMonitor
from pytorch_lightning.loggers import Logger

from maflab.body.gendered import GenderedBodies
from maflab.body.model import BodyModel
from maflab.data.prepare.labelled_set import LabelledSet, Reader
from maflab.data.protocol import Protocol
from maflab.fitting.fit import Fitter
from maflab.fitting.priors import PosePrior
from maflab.metrics.estimates import IterationErrors
from maflab.metrics.parts import DenseErrors
from maflab.models.dense import DensePretraining
from maflab.models.recovery import MeshRecovery
from maflab.models.weights import load_head_weights
from maflab.training.errors import OverrideError
from maflab.training.logging import RunInfo
from maflab.training.precision import check_device, choose_precision

Model = MeshRecovery | DensePretraining


def build_body(config: DictConfig) -> BodyModel:
    """The body of `config.body`; baking it, the first time, takes minutes.

    Raises:
        BodyFileError: its file is missing or damaged.
    """
    return _factory(config, "body")()


def build_model(config: DictConfig, body: BodyModel) -> Model:
    """`MeshRecovery`, or `DensePretraining` where `maf` is none.

    Raises:
        OverrideError: a setting that a part refuses.
        WeightsError: start weights that are missing or of another shape.
    """
    pyramid = _factory(config, "encoder")()
    aux_head = _optional(config, "aux_head", channels=pyramid.channels)
    if aux_head is not None:
        load_head_weights(aux_head, config.encoder.weights)
    parts: dict[str, Any] = {
        "pyramid": pyramid,
        "aux_head": aux_head,
        "body": body,
        "loss": _factory(config, "loss")(),
        "optimizer": _factory(config, "optimizer"),
        "scheduler": None if config.scheduler is None else _factory(config, "scheduler"),
    }
    model: Model
    if config.maf is None:
        if aux_head is None:
            raise OverrideError("maf=none trains the auxiliary head alone, so aux_head must not be none")
        model = DensePretraining(**parts, metrics=DenseErrors())
    else:
        maf = _factory(config, "maf")(
            body=body, channels=pyramid.channels, global_channels=pyramid.global_channels, levels=pyramid.levels
        )
        model = MeshRecovery(**parts, maf=maf, metrics=IterationErrors(body, maf.iterations))
    return _laid_out(model, config)


def build_metrics(
    config: DictConfig, body: BodyModel, iterations: int, protocol: Protocol, kind: type[IterationErrors]
) -> IterationErrors:
    """The errors that a protocol asks for, with the male and female bodies where it needs them.

    Raises:
        BodyFileError: their files are missing, or the body has none.
    """
    factory = _factory(config, "body")
    gendered = GenderedBodies(body, lambda gender: factory(gender=gender)) if protocol.gendered else None
    return kind(body, iterations, protocol, gendered)


def build_fitter(config: DictConfig, body: BodyModel, prior: PosePrior) -> Fitter:
    """The optimisation baseline of `config.fit`, with this prior over the body's poses.

    Raises:
        OverrideError: a setting that it refuses.
    """
    return _factory(config, "fit")(body=body, prior=prior)


def build_datamodule(config: DictConfig, body: BodyModel) -> pl.LightningDataModule:
    """The data module; what it prepares is made with this body.

    Raises:
        OverrideError: a setting that the data module refuses.
    """
    factory = _factory(config, "data")
    prepare = factory.keywords.get("prepare")
    if prepare is None:
        return factory()
    return factory(prepare=functools.partial(prepare, body=body))


def build_source(config: DictConfig) -> LabelledSet:
    """The labelled set of `config.source`, its files not yet looked at.

    Raises:
        OverrideError: a setting that it refuses.
    """
    return _factory(config, "source")()


def read_source(labelled: LabelledSet) -> Reader:
    """The people of a labelled set.

    Raises:
        OverrideError: a setting that the reader refuses. SourceError: label files that cannot be used.
    """
    with _naming("source.reader"):
        return labelled.read()


def build_logger(config: DictConfig, run: RunInfo) -> Logger | None:
    """The logger of `config.logger`, or None."""
    return _optional(config, "logger", run=run)


def build_callbacks(config: DictConfig, logger: Logger | None) -> list[Callback]:
    """The callbacks of `config.callbacks` in the order they stand there; those set to null are left out."""
    with _naming("callbacks"):
        callbacks = [instantiate(node, _convert_="all") for node in config.callbacks.values() if node is not None]
    if logger is not None:
        callbacks.append(LearningRateMonitor(logging_interval="step"))
    return callbacks


def build_trainer(config: DictConfig, callbacks: list[Callback], logger: Logger | None, **changes: Any) -> pl.Trainer:
    """Lightning's Trainer.

    Args:
        config: its `trainer` and `paths` are read.
        callbacks, logger: handed on.
        changes: settings that replace those of the config.

    Raises:
        DeviceError: GPUs were asked for that are not there.
        OverrideError: a setting that Lightning refuses.
    """
    settings = config.trainer
    check_device(settings.accelerator, settings.devices)
    factory = _factory(config, "trainer")
    with _naming("trainer"):
        return factory(
            **{
                "precision": choose_precision(settings.precision, settings.accelerator),
                "val_check_interval": _interval(settings),
                "callbacks": callbacks,
                "logger": logger or False,
                "default_root_dir": config.paths.output,
                **changes,
            }
        )


def build_part(config: DictConfig, part: str) -> Any:
    """What a part's `_target_` makes of its settings alone.

    Raises:
        OverrideError: a setting that it refuses, or the part is none.
    """
    return _factory(config, part)()


def plain(config: DictConfig) -> dict[str, Any]:
    """The config with everything resolved, as plain dictionaries, lists and values."""
    container = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _laid_out(model: Model, config: DictConfig) -> Model:
    if config.model.channels_last:
        model = model.to(memory_format=torch.channels_last)
    if config.model.compile:
        model.pyramid.compile()  # in place: the names in the checkpoint stay the same
    return model


def _interval(settings: DictConfig) -> int | float:
    """Validation at least once: a run shorter than the interval is validated at its end."""
    interval = settings.val_check_interval
    if isinstance(interval, int) and 0 < settings.max_steps * settings.accumulate_grad_batches < interval:
        return settings.max_steps * settings.accumulate_grad_batches
    return interval


def _factory(config: DictConfig, part: str) -> functools.partial:
    """What `config[part]` calls, with its settings bound; positional arguments may follow."""
    if config.get(part) is None:
        raise OverrideError(f"{part}=none leaves nothing to run with; choose another {part}")
    with _naming(part):
        made = instantiate(config[part], _partial_=True, _convert_="all")

    @functools.wraps(made.func)
    def call(*arguments: Any, **settings: Any) -> Any:
        with _naming(part):
            return made.func(*arguments, **settings)

    return functools.partial(call, **made.keywords)


def _optional(config: DictConfig, part: str, **more: Any) -> Any:
    return None if config.get(part) is None else _factory(config, part)(**more)


@contextmanager
def _naming(part: str) -> Iterator[None]:
    """A refused setting becomes an error that says in which part of the config it stands."""
    try:
        yield
    except (ValueError, TypeError, InstantiationException) as error:
        cause = error.__cause__ or error
        raise OverrideError(f"{part}: {cause}") from error
