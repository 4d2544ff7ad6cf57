"""What the jobs of a sweep left in their folders."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from maflab.report.errors import ReportError

TITLES = {"mpjpe": "MPJPE", "pa_mpjpe": "PA-MPJPE", "pve": "PVE", "pck": "PCK"}
"""The metrics a report knows; all but the last are errors in millimetres, the last is in percent."""
SAMPLED = ("mpjpe", "pa_mpjpe", "pve")
"""The metrics that `samples.npz` holds for each sample."""
PICTURES = ("worst", "best")
RANKED_BY = "pa_mpjpe"
"""The last iteration's, which the pictures of samples are chosen by."""
_FIT = "fit"
"""The row of a fit to the labelled 2D key points, behind those of a network's iterations or of the mean parameters."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Run(NamedTuple):
    """A finished job."""

    folder: Path
    name: str  # of the folder, below the sweep's
    overrides: list[str]  # as they were given
    config: dict[str, Any]
    seed: int | None
    metrics: dict[str, NDArray[np.float64]]  # each (T+1,): estimate 0 is the mean parameters; NaN where not a number
    samples: dict[str, NDArray[Any]]  # index (N,) and the SAMPLED metrics (T+1, N) mm; empty if absent
    result: dict[str, Any]  # all of metrics.json
    script: str = "train.py"  # what made it: train.py or evaluate.py

    @property
    def fitted(self) -> bool:
        """Whether the last estimate is a fit to labelled key points."""
        return _FIT in self.result["metrics"]


class Unfinished(NamedTuple):
    """A job without usable figures."""

    name: str
    reason: str


class Sweep(NamedTuple):
    """The jobs of a sweep, in the order of their numbers."""

    folder: Path
    runs: list[Run]
    unfinished: list[Unfinished]
    command: list[str]  # the overrides that made the sweep, Hydra's own last; empty if they were not kept


class Picture(NamedTuple):
    """Of a sample."""

    path: Path
    error: float  # PA-MPJPE of the last iteration, mm; NaN if it is not known
    row: int | None  # of the pack


def read_sweep(folder: str | Path) -> Sweep:
    """Read every job below a folder.

    Args:
        folder: of a sweep, with a sub-folder a job; or of several runs, `outputs/<name>/<date>`.

    Raises:
        ReportError: there is no such folder, no job in it, or none has finished.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ReportError(f"There is no folder {folder}")
    jobs = {path.parent for depth in ("", "*/", "*/*/") for path in folder.glob(f"{depth}.hydra")}
    jobs |= {path.parent for depth in ("", "*/", "*/*/") for path in folder.glob(f"{depth}metrics.json")}
    if not jobs:
        raise ReportError(f"{folder} holds no job of a sweep (a folder with .hydra/ and, once finished, metrics.json)")
    read = [_read_job(job, folder) for job in sorted(jobs, key=lambda job: _natural(job.relative_to(folder)))]
    runs = [job for job in read if isinstance(job, Run)]
    unfinished = [job for job in read if isinstance(job, Unfinished)]
    if not runs:
        reasons = "; ".join(f"{job.name}: {job.reason}" for job in unfinished[:3])
        raise ReportError(f"None of the {len(unfinished)} jobs in {folder} has finished ({reasons})")
    return Sweep(folder, runs, unfinished, _sweep_command(folder))


def pictures(run: Run, kind: str, count: int) -> list[Picture]:
    """At most `count` pictures of a run's `worst` or `best` samples, the most extreme first."""
    found = sorted((run.folder / "samples").glob(f"{kind}_*.png"), key=lambda path: _natural(Path(path.name)))
    if RANKED_BY not in run.samples:
        return [Picture(path, np.nan, None) for path in found[:count]]
    errors = run.samples[RANKED_BY][-1]
    ranked = np.argsort(errors)[: int(np.isfinite(errors).sum())]
    chosen = ranked if kind == "best" else ranked[::-1]
    return [
        Picture(path, float(errors[sample]), int(run.samples["index"][sample]))
        for path, sample in zip(found[:count], chosen, strict=False)
    ]


def _read_job(folder: Path, sweep: Path) -> Run | Unfinished:
    name = folder.relative_to(sweep).as_posix() if folder != sweep else folder.resolve().name
    if not (folder / "metrics.json").is_file():
        return Unfinished(name, _failure(folder))
    try:
        result = json.loads((folder / "metrics.json").read_text())
        metrics = _metrics(result["metrics"])
        config = _yaml(folder / ".hydra" / "config.yaml") or {}
        overrides = [str(override) for override in _yaml(folder / ".hydra" / "overrides.yaml") or []]
        samples = _samples(folder / "samples.npz")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError, zipfile.BadZipFile) as error:
        return Unfinished(name, " ".join(f"its files cannot be read: {error!r}".split()))
    if not any(len(values) > 1 for values in metrics.values()):
        return Unfinished(name, "metrics.json holds no figures of iterations (iter0, iter1, ...)")
    return Run(folder, name, overrides, config, config.get("seed"), metrics, samples, result, _script(folder))


def _metrics(rows: dict[str, dict[str, float | None]]) -> dict[str, NDArray[np.float64]]:
    order = [f"iter{t}" for t in range(len(rows)) if f"iter{t}" in rows] + [_FIT] * (_FIT in rows)
    columns = {name: [rows[row].get(name) for row in order] for name in TITLES}
    # A value that JSON cannot hold is null there, or the word NaN: both become NaN here.
    return {
        name: np.array([np.nan if value is None else value for value in values], np.float64)
        for name, values in columns.items()
    }


def _samples(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as arrays:
        samples = {name: arrays[name] for name in ("index", *SAMPLED) if name in arrays}
    count = len(samples["index"])
    if any(values.shape[-1] != count for values in samples.values()):
        raise ValueError(f"the arrays of {path.name} differ in length")
    return samples


def _failure(folder: Path) -> str:
    """Why a job has no metrics, as far as its folder tells."""
    try:
        record = json.loads((folder / "job.json").read_text())
        state, error = str(record.get("state")), record.get("error")
    except (OSError, ValueError, AttributeError):
        return "no metrics.json: it failed, was interrupted or is still running"
    if state == "running":
        return "no metrics.json: it is running, or was interrupted"
    return " ".join(f"{state}: {error or 'without a reason'}".split())


def _script(folder: Path) -> str:
    """What made a run, by Hydra's own record."""
    try:
        return f"{_yaml(folder / '.hydra' / 'hydra.yaml')['hydra']['job']['name']}.py"
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        return "train.py"


def _sweep_command(folder: Path) -> list[str]:
    """The overrides of Hydra's own record of the sweep, the ranges as they were typed."""
    try:
        given = _yaml(folder / "multirun.yaml")["hydra"]["overrides"]
        own = [override for override in given.get("hydra") or [] if not str(override).startswith("hydra.mode=")]
        return [str(override) for override in [*given["task"], *own]]
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        return []


def _yaml(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader=_Loader) if path.is_file() else None


def _natural(path: Path) -> list[tuple[int, str]]:
    """Job 2 before job 10."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"(\d+)", path.as_posix())]
