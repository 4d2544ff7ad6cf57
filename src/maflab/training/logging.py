"""Loggers: CSV by default, others by config; and what a run tells them: settings, cell, curves, pictures, its table."""

import importlib.util
import logging
import netrc
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlparse

import cv2
import wandb
from hydra.core.hydra_config import HydraConfig
from pytorch_lightning.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from maflab.training.errors import OverrideError

log = logging.getLogger(__name__)

_RISING = ("pck", "part_accuracy", "part_iou")
"""Metrics of which more is better; of all others less is."""
_NOT_OF_THE_CELL = ("seed", "resume", "name", "tags", "sweep", "logger", "paths", "hydra", "debug")
"""Settings that say which run it is, or where it goes, and not what is compared."""
_TAG_LENGTH = 64  # W&B refuses longer ones


class RunInfo(NamedTuple):
    """What a logger may tell of a run."""

    folder: Path  # the run's
    name: str
    tags: list[str]
    sweep: str | None  # the sweep's folder, if the run is one of a sweep
    overrides: tuple[str, ...] = ()  # what the command line, or the sweep, asked for

    @property
    def cell(self) -> list[str]:
        """The overrides that runs with other seeds share."""
        return [o for o in self.overrides if o.lstrip("+~").split("=")[0].split(".")[0] not in _NOT_OF_THE_CELL]


def job_overrides() -> tuple[str, ...]:
    """The overrides of the job that Hydra is running; none outside of one."""
    return tuple(HydraConfig.get().overrides.task) if HydraConfig.initialized() else ()


def csv_logger(run: RunInfo) -> Logger:
    """`metrics.csv` in the run's folder."""
    return CSVLogger(run.folder, name="", version="")


def wandb_logger(
    run: RunInfo,
    project: str,
    entity: str | None = None,
    group: str | None = None,
    offline: bool | None = None,
) -> Logger:
    """Weights & Biases; it never asks for a key.

    Args:
        run: the run.
        project, entity: where it goes.
        group: None: the environment's WANDB_RUN_GROUP, or the sweep.
        offline: None: offline unless a key is found; `wandb sync FOLDER` sends the run later.
    """
    if offline is None:
        offline = os.environ.get("WANDB_MODE") == "offline" or not _has_key()
        if offline:
            log.info("wandb: offline; `wandb sync %s/wandb/*` sends it later", run.folder)
    return _WandbCurves(
        name=f"{run.name}/{run.folder.name}",
        save_dir=run.folder,
        offline=offline,
        project=project,
        entity=entity,
        group=group or os.environ.get("WANDB_RUN_GROUP") or run.sweep,
        tags=_tags(run),
    )


def tensorboard_logger(run: RunInfo) -> Logger:
    """TensorBoard's event files in `tensorboard/` of the run's folder; `tensorboard --logdir multirun` compares.

    Raises:
        OverrideError: the package is not installed.
    """
    _need("tensorboard")
    return TensorBoardLogger(run.folder, name="tensorboard", version="", default_hp_metric=False)


def mlflow_logger(run: RunInfo, experiment: str, tracking_uri: str) -> Logger:
    """MLflow; the sweep and the cell become tags.

    Args:
        run: the run.
        experiment: MLflow's name for what a project is elsewhere.
        tracking_uri: a server, or a local store such as `sqlite:///mlflow.db`.

    Raises:
        OverrideError: the package is not installed.
    """
    _need("mlflow")
    tags = {"tags": ",".join(run.tags), "sweep": run.sweep or "", "cell": " ".join(run.cell)}
    name = f"{run.name}/{run.folder.name}"
    return MLFlowLogger(experiment, name, tracking_uri, tags={key: value for key, value in tags.items() if value})


class _WandbCurves(WandbLogger):
    """Every curve is drawn over the training step, and its summary is the best value beside the last."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._defined: set[str] = set()

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs, after having said of new metrics what is good."""
        for key, value in metrics.items():
            stage, _, name = key.partition("/")
            if stage in ("train", "val") and key not in self._defined and isinstance(value, float | int):
                best = "max" if name.rpartition("/")[2] in _RISING else "min"
                self.experiment.define_metric(key, step_metric="trainer/global_step", summary=f"{best},last")
                self._defined.add(key)
        super().log_metrics(metrics, step)


def describe_run(logger: Logger | None, config: dict[str, Any], run: RunInfo | None = None) -> None:
    """Tells the logger the config, the state of the code, and which cell of which sweep the run is."""
    if logger is None:
        return
    cell = {} if run is None else {"sweep": run.sweep, "cell": " ".join(run.cell), "overrides": list(run.overrides)}
    logger.log_hyperparams(config | cell | {"git": git_state()})


def log_picture(logger: Logger | None, key: str, path: Path, step: int) -> None:
    """Sends a picture to a logger that takes pictures."""
    if isinstance(logger, WandbLogger):
        logger.log_image(key, [str(path)], step=step)
    elif isinstance(logger, TensorBoardLogger):
        picture = cv2.imread(str(path))
        assert picture is not None, "the panel was written a moment ago"
        logger.experiment.add_image(key, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), step, dataformats="HWC")
    elif isinstance(logger, MLFlowLogger):
        logger.experiment.log_artifact(logger.run_id, str(path), key)


@rank_zero_only
def log_result(logger: Logger | None, result: dict[str, Any]) -> None:
    """Sends the table that ends a run, and its errors as curves over the iterations of the loop where that is possible.

    Args:
        logger: the run's.
        result: what `metrics.json` holds; `metrics` has a row an iteration.
    """
    rows: dict[str, dict[str, float]] = result["metrics"]
    names = list(next(iter(rows.values())))
    if isinstance(logger, WandbLogger):
        run = logger.experiment
        run.define_metric("result/iteration", hidden=True)
        for name in names:
            run.define_metric(f"result/{name}", step_metric="result/iteration", summary="last")
        for t, values in enumerate(rows.values()):
            run.log({"result/iteration": t} | {f"result/{name}": values[name] for name in names})
        data = [[row, *(values[name] for name in names)] for row, values in rows.items()]
        papers = result.get("published", {})
        data += [[f"{method} (published)", *(row.get(name) for name in names)] for method, row in papers.items()]
        run.log({"result/table": wandb.Table(columns=["estimate", *names], data=data)})
        figures = ("split", "step", "samples_per_second", "published", "notes")
        run.summary.update({f"result/{key}": result[key] for key in figures if key in result})
        run.summary.update({"protocol": result["protocol"]})
    elif isinstance(logger, TensorBoardLogger):
        logger.experiment.add_text("result", _markdown(rows, names), result["step"])
        card = [f"| {key} | {value} |" for key, value in result["protocol"].items()]
        logger.experiment.add_text("protocol", "\n".join(["| | |", "| --- | --- |", *card]), result["step"])
    elif isinstance(logger, MLFlowLogger):
        logger.experiment.log_dict(logger.run_id, result, "result.json")


def finish(logger: Logger | None) -> None:
    """Closes the run, or the next job of a sweep would log into it; while an error passes, it is closed as failed."""
    if logger is None:
        return
    failed = sys.exc_info()[0] is not None
    logger.finalize("failed" if failed else "finished")
    if isinstance(logger, WandbLogger):
        wandb.finish(exit_code=int(failed))


def git_state(folder: Path | None = None) -> dict[str, Any]:
    """Commit and whether files differ from it; empty outside a repository."""
    command = ["git", "-C", str(folder or Path(__file__).parent)]
    try:
        commit = subprocess.run([*command, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10)
        status = subprocess.run([*command, "status", "--porcelain"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    if commit.returncode:
        return {}
    return {"commit": commit.stdout.strip(), "modified": bool(status.stdout.strip())}


def _tags(run: RunInfo) -> list[str]:
    """The run's own tags, and one an override of its cell."""
    cell = [o if len(o) <= _TAG_LENGTH else o[: _TAG_LENGTH - 1] + "…" for o in (o.lstrip("+") for o in run.cell)]
    return list(dict.fromkeys([*run.tags, *cell]))


def _markdown(rows: dict[str, dict[str, float]], names: list[str]) -> str:
    lines = [["estimate", *names], ["---"] * (1 + len(names))]
    lines += [[row, *(f"{values[name]:.2f}" for name in names)] for row, values in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise OverrideError(
            f"logger={package} needs a package that is not installed: pip install -e '.[{package}]' -c constraints.txt"
        )


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        return netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
