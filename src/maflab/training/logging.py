"""Loggers: CSV by default, Weights & Biases on request; and what is told of a run at its start."""

import logging
import netrc
import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlparse

import wandb
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

log = logging.getLogger(__name__)


class RunInfo(NamedTuple):
    """What a logger may tell of a run."""

    folder: Path  # the run's
    name: str
    tags: list[str]
    sweep: str | None  # the sweep's folder, if the run is one of a sweep


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
    return WandbLogger(
        name=f"{run.name}/{run.folder.name}",
        save_dir=run.folder,
        offline=offline,
        project=project,
        entity=entity,
        group=group or os.environ.get("WANDB_RUN_GROUP") or run.sweep,
        tags=run.tags,
    )


def describe_run(logger: Logger | None, config: dict[str, Any]) -> None:
    """Tells the logger the config and the state of the code."""
    if logger is not None:
        logger.log_hyperparams(config | {"git": git_state()})


def log_picture(logger: Logger | None, key: str, path: Path, step: int) -> None:
    """Sends a picture to a logger that takes pictures."""
    if isinstance(logger, WandbLogger):
        logger.log_image(key, [str(path)], step=step)


def finish(logger: Logger | None) -> None:
    """Closes the run, or the next job of a sweep would log into it."""
    if logger is None:
        return
    logger.finalize("finished")
    if isinstance(logger, WandbLogger):
        wandb.finish()


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


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        return netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
