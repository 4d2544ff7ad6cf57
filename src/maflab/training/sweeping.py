"""The jobs of a sweep: which are finished, where the others go on, and what became of all of them.

Every job keeps `job.json` in its folder: its overrides, its state (`running`, `finished`, `failed`), its error. So the
same command with the same sweep folder skips what is finished and resumes what is not.
"""

import json
import logging
import os
import sys
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from maflab.atomic import whole_file
from maflab.training.errors import SweepError

log = logging.getLogger(__name__)

_LAUNCH = "MAFLAB_LAUNCH"


class Job:
    """One job of a sweep, by its folder.

    Args:
        folder: the job's.
        overrides: the settings that make it, as Hydra lists them.

    Raises:
        SweepError: the folder holds a job of other settings.
    """

    def __init__(self, folder: Path, overrides: list[str]) -> None:
        self.folder = folder
        self.overrides = sorted(overrides)
        self.record = read_record(folder)
        if self.record and sorted(self.record["overrides"]) != self.overrides:
            differing = sorted(set(self.record["overrides"]) ^ set(self.overrides))
            raise SweepError(
                f"{folder} holds a job of other settings ({', '.join(differing)}); give this sweep a folder of its own "
                "(hydra.sweep.dir=...), or name what differs in hydra.sweep.subdir"
            )

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        return self.record.get("state") == "finished" and (self.folder / "metrics.json").is_file()

    @property
    def checkpoint(self) -> Path | None:
        """Where it goes on, if it was interrupted behind its first checkpoint."""
        last = self.folder / "checkpoints" / "last.ckpt"
        return last if self.record and last.is_file() else None

    def mark(self, state: str, error: str | None = None, trace: str | None = None) -> None:
        """Write the job's state, and that this launch of the sweep had to do with it."""
        self.record = {
            "overrides": self.overrides,
            "state": state,
            "error": error,
            "traceback": trace,
            "launch": os.environ.get(_LAUNCH),
        }
        if is_first_rank():
            with whole_file(self.folder / "job.json") as path:
                path.write_text(json.dumps(self.record, indent=2) + "\n")


class SweepSummary(Callback):
    """Hydra's callback that ends a sweep: a line for each failed job, and an exit status that tells of them."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Marks this launch, so that jobs of earlier ones in the same folder are not counted."""
        os.environ[_LAUNCH] = uuid.uuid4().hex

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Prints the summary; ends the command with status 1 if a job has failed."""
        if not is_first_rank():  # of torchrun's
            return
        folder = Path(config.hydra.sweep.dir)
        records = {path.parent: read_record(path.parent) for path in sorted(folder.rglob("job.json"))}
        launched = {f: record for f, record in records.items() if record.get("launch") == os.environ[_LAUNCH]}
        lost = {f: record for f, record in launched.items() if record["state"] != "finished"}
        sys.stderr.write(f"maflab: {len(launched) - len(lost)} of {len(launched)} jobs are finished: {folder}\n")
        for job, record in lost.items():
            sys.stderr.write(
                f"maflab: {job.name} {record['state']}: {record['error'] or 'it has not come to its end'}\n"
            )
        if lost:
            sys.stderr.write("maflab: the same command runs them again and skips the finished ones\n")
            sys.exit(1)


def run_job(task: Callable[[DictConfig], Any], config: DictConfig, explain: Callable[[Exception], str]) -> float | None:
    """Run one job of a sweep, unless it is finished: from its last checkpoint, if it has one. A failure is recorded.

    Args:
        task: the command.
        config: of the job; `resume` is set where it goes on.
        explain: one line for an error.

    Returns:
        What a search goes by (`objective`); None if the job failed.

    Raises:
        SweepError: the job's folder holds a job of other settings.
    """
    hydra = HydraConfig.get()
    job = Job(Path(hydra.runtime.output_dir), list(hydra.overrides.task))
    if job.finished:
        log.info("%s is finished: skipped", job.folder)
        job.mark("finished")
        return objective(config, job)
    if job.checkpoint is not None and "resume" in config and config.resume is None:
        config.resume = str(job.checkpoint)
    job.mark("running")
    try:
        task(config)
    except Exception as error:
        message = explain(error)
        log.error("%s failed: %s", job.folder, message)
        job.mark("failed", message, "".join(traceback.format_exception(error)))
        return None
    job.mark("finished")
    return objective(config, job)


def objective(config: DictConfig, job: Job) -> float | None:
    """What a search minimises: of the last iteration, the metric that checkpoints are chosen by.

    Args:
        config: of the run. job: finished.
    """
    best = config.get("callbacks", {}).get("best")
    path = job.folder / "metrics.json"
    if best is None or not path.is_file():
        return None
    rows = list(json.loads(path.read_text())["metrics"].values())
    return rows[-1].get(str(best.monitor).rpartition("/")[2])


def is_first_rank() -> bool:
    """Whether this process is the one that speaks and writes for its job."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "NODE_RANK", "LOCAL_RANK", "SLURM_PROCID"))


def named_sweep(overrides: list[str]) -> str | None:
    """NAME of `+sweep=NAME` among a job's overrides."""
    return next((o.partition("=")[2] for o in overrides if o.lstrip("+").startswith("sweep=")), None)


def read_record(folder: Path) -> dict[str, Any]:
    """A job's `job.json`; empty where there is none."""
    path = folder / "job.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def keep_curve(folder: Path, step: int) -> None:
    """Put the curve so far aside: the CSV logger of a run that goes on in its folder would begin the file anew."""
    curve = folder / "metrics.csv"
    if curve.is_file() and is_first_rank():
        curve.replace(folder / f"metrics_until_step_{step}.csv")
