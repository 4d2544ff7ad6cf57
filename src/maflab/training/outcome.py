"""What a run ends with: the figures of a checkpoint, as a table, as JSON, and start weights after a pre-training."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from maflab.data.protocol import DEFAULT, Protocol
from maflab.metrics.published import published
from maflab.models.dense import DensePretraining
from maflab.training.breakdown import break_down, print_breakdown, write_breakdown
from maflab.training.build import Model, build_trainer, plain
from maflab.training.checkpoint import load_weights, read_checkpoint
from maflab.training.cost import cost
from maflab.training.errors import OverrideError
from maflab.training.extremes import draw_extremes, write_samples
from maflab.training.logging import git_state
from maflab.training.panel import Panel
from maflab.training.progress import InteractiveProgress, LineProgress, Stopwatch
from maflab.training.protocol import check_protocol, judged, people_note, protocol_card, protocol_of
from maflab.training.saving import BestCheckpoint, LastCheckpoint
from maflab.training.table import print_card, print_table, write_json
from maflab.training.weights import export_pyramid

log = logging.getLogger(__name__)

MADE_OF = ("encoder", "aux_head", "body", "loss", "data", "optimizer", "scheduler", "trainer")
"""The parts of the config that travel in the header of exported weights."""


class Subject(NamedTuple):
    """What is measured."""

    config: DictConfig
    model: Any  # a Trainable, with the checkpoint's weights
    datamodule: pl.LightningDataModule
    checkpoint: Path | None  # None for what is not trained
    step: int | None  # of the checkpoint


def check_report(split: str, weights: str = "best") -> None:
    """Refuse a report that cannot be made, before the work rather than after it.

    Raises:
        OverrideError: there is no such split, or no such choice of weights.
    """
    if weights not in ("best", "last"):
        raise OverrideError(f"report.weights is best or last, not {weights!r}")
    if split not in ("val", "test"):
        raise OverrideError(f"There is no split {split!r} to evaluate; choose val or test")


def report_training(
    config: DictConfig,
    model: Model,
    datamodule: pl.LightningDataModule,
    callbacks: Sequence[Callback],
    logger: Logger | None,
) -> dict[str, Any]:
    """Measure the checkpoint that is to be reported, print the table, write the files.

    Raises:
        OverrideError: nothing was saved.
    """
    which, path = _reported(config.report.weights, callbacks)
    checkpoint = read_checkpoint(path)
    load_weights(model, checkpoint, config, path)
    bars = [c for c in callbacks if isinstance(c, LineProgress | InteractiveProgress)]
    watch = bars[0].stopwatch if bars else Stopwatch()
    watching: list[Callback] = [*bars, *(c for c in callbacks if isinstance(c, Panel))]
    split = config.report.split
    subject = Subject(config, model, datamodule, path, int(checkpoint["global_step"]))
    result = measure(subject, watching, logger, split)
    result |= {"weights": which, "samples_per_second": round(watch.rate, 2)}
    result["cost"]["train_seconds"] = round(watch.seconds, 3)
    folder = Path(config.paths.output)
    publish(result, folder, f"{config.name} on {split}, {which} weights (step {subject.step})")
    if isinstance(model, DensePretraining):
        _export(subject, result, folder / "pyramid.safetensors")
    log.info("the same figures again: python evaluate.py checkpoint=%s split=%s", path, split)
    return result


def measure(subject: Subject, callbacks: list[Callback], logger: Logger | None, split: str) -> dict[str, Any]:
    """The figures of a split; by a Trainer of its own, so that no callback of the training interferes.

    The run's folder gets `samples.npz`, the errors sample by sample, and pictures of the worst and the best.

    Args:
        subject: what is measured.
        callbacks, logger: of that Trainer.
        split: `val` or `test`.

    Returns:
        What `metrics.json` holds: the figures, their protocol card, the model's cost, the state of the code.
    """
    only_measuring = {"enable_checkpointing": False, "profiler": None, "overfit_batches": 0}
    trainer = build_trainer(subject.config, callbacks, logger, **only_measuring)
    run = trainer.test if split == "test" else trainer.validate
    protocol = protocol_of(subject.datamodule)
    dataset = _checked_data(subject, protocol, split)
    run(subject.model, datamodule=subject.datamodule, verbose=False)
    subject.model.eval()  # Lightning has put it back as it was; further pictures must not move batch statistics
    table, samples = subject.model.metric_table(), subject.model.metric_samples()
    if trainer.is_global_zero:
        _record_samples(subject, protocol, dataset)
        table = judged(protocol, table, samples, dataset)
    card = protocol_card(subject.config, dataset, split, protocol, getattr(subject.model, "body", None))
    if "index" in samples:
        card["samples"] = len(samples["index"])  # fewer than there are under trainer.limit_test_batches
    if protocol != DEFAULT:
        card["precision"] = str(trainer.precision)
    papers = published(protocol) if split == "test" else {}
    note = people_note(protocol, card)
    return {
        "name": subject.config.name,
        "checkpoint": None if subject.checkpoint is None else str(subject.checkpoint),
        "step": subject.step,
        "split": split,
        "metrics": {row: {k: float(v) for k, v in values.items()} for row, values in table.items()},
        "protocol": card,
        **({"published": papers} if papers else {}),
        **({"notes": {"people": note}} if note else {}),
        "cost": cost(subject.model, dataset) if isinstance(subject.model, Model) else {},
        "git": git_state(),
    }


def _checked_data(subject: Subject, protocol: Protocol, split: str) -> Any:
    """What is evaluated, opened and found to have what the protocol needs."""
    subject.datamodule.prepare_data()
    subject.datamodule.setup("test" if split == "test" else "validate")
    dataset = getattr(subject.datamodule, f"{split}_set")
    check_protocol(protocol, dataset, subject.model)
    return dataset


def _record_samples(subject: Subject, protocol: Protocol, dataset: Any) -> None:
    folder, samples = Path(subject.config.paths.output), subject.model.metric_samples()
    write_samples(samples, folder)
    parts = break_down(protocol, samples, dataset)
    if parts is not None:
        write_breakdown(parts, folder)
    draw_extremes(subject.model, dataset, samples, folder)


@rank_zero_only
def publish(result: dict[str, Any], folder: Path, title: str) -> None:
    """Print the table, the protocol card and, for a data set with a protocol, the worst of the breakdown.

    `metrics.json` is written to the folder.
    """
    print_table(result["metrics"], title, result.get("published"))
    print_card(result["protocol"])
    if "protocol" in result["protocol"]:
        print_breakdown(folder)
    for note in result.get("notes", {}).values():
        log.info("%s", note)
    write_json(folder / "metrics.json", result)
    written = [name for name in ("metrics.json", "breakdown.json", "panel.png") if (folder / name).is_file()]
    log.info("written to %s: %s", folder, ", ".join(written))


@rank_zero_only
def _export(subject: Subject, result: dict[str, Any], path: Path) -> None:
    # What made the weights, without the folders of the machine that did.
    config = plain(subject.config)
    metadata = {
        "command": ["python", Path(sys.argv[0]).name, *sys.argv[1:]],
        "seed": config["seed"],
        "recipe": {part: config[part] for part in MADE_OF},
        "metrics": {key: value for key, value in result.items() if key != "checkpoint"},
    }
    export_pyramid(subject.model, path, metadata)
    log.info("start weights: encoder.weights=%s", path)


def _reported(weights: str, callbacks: Sequence[Callback]) -> tuple[str, Path]:
    """The checkpoint of the final table, behind what it is called."""
    best = [c.best_model_path for c in callbacks if isinstance(c, BestCheckpoint) and c.best_model_path]
    last = [c.path for c in callbacks if isinstance(c, LastCheckpoint) and c.path.is_file()]
    if weights == "best" and best:
        return "best", Path(best[0])
    if last:
        if weights == "best":
            log.warning("no validation has chosen a best checkpoint; the last is reported")
        return "last", last[0]
    raise OverrideError("No checkpoint was written, so none can be reported; keep callbacks.best or callbacks.last")
