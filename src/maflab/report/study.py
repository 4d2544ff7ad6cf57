"""What a report says, before it is written in any form: cells, figures, comparisons, protocol."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maflab.report.cells import Cell, Grid, find_cell, group_cells, lay_out
from maflab.report.protocol import protocol_card, without_card
from maflab.report.runs import TITLES, Run, Sweep
from maflab.report.significance import Paired, Spread, holm, paired_samples, paired_t

COSTS = {
    "parameters": ("parameters", "M", 1e-6),
    "seconds_per_image": ("time per image", "ms", 1e3),
    "train_seconds": ("time to train", "min", 1 / 60),
    "peak_memory_mb": ("peak memory", "MB", 1.0),
}
"""Of metrics.json: what it is called, the unit it is shown in, and the factor to that unit."""
SIGNIFICANT = 0.05


class Comparison(NamedTuple):
    """A cell beside the baseline; None where it cannot be made."""

    seeds: Paired | None  # over trainings with the same seeds; p after Holm's correction
    samples: Paired | None  # over the pictures, errors averaged over the shared seeds; p after Holm's correction

    def verdict(self) -> str:
        """By the seeds, since another training is what a reader would get; pictures alone cannot tell."""
        if self.seeds is None or self.seeds.n < 2:
            return "too few seeds"
        if not self.seeds.p < SIGNIFICANT:
            return "not resolved"
        return "better" if self.seeds.difference < 0 else "worse"


class Study(NamedTuple):
    """A sweep, digested."""

    sweep: Sweep
    cells: list[Cell]
    baseline: Cell
    metric: str
    grid: Grid | None
    finals: dict[str, dict[int, Spread]]  # metric -> cell number -> its last iteration
    comparisons: dict[int, Comparison]  # of every cell but the baseline, in `metric`
    protocol: dict[str, str]
    notices: list[str]  # what is absent or left out, as sentences

    def best(self) -> Cell | None:
        """The cell of the smallest mean; None if no cell has one."""
        means = {cell.number: self.finals[self.metric][cell.number].mean for cell in self.cells}
        finite = [cell for cell in self.cells if np.isfinite(means[cell.number])]
        return min(finite, key=lambda cell: means[cell.number]) if finite else None


def digest(sweep: Sweep, metric: str = "pa_mpjpe", baseline: str | None = None) -> Study:
    """Group, compare and check the runs of a sweep.

    Args:
        sweep: as read.
        metric: one of `runs.SAMPLED`: what the figures show and the tests compare.
        baseline: label or number of a cell; None: see `find_cell`.

    Raises:
        ReportError: runs of different protocols, a seed twice in a cell, or no such baseline.
    """
    protocol = protocol_card(sweep.runs)
    cells = group_cells(sweep.runs)
    base = find_cell(cells, baseline)
    finals = {
        name: {cell.number: Spread.of([final(run, name) for run in cell.runs]) for cell in cells} for name in TITLES
    }
    comparisons = _compare([cell for cell in cells if cell is not base], base, metric)
    notices = _notices(sweep, finals[metric], metric)
    return Study(sweep, cells, base, metric, lay_out(cells), finals, comparisons, protocol, notices)


def final(run: Run, metric: str) -> float:
    """The figure of a run's last iteration; NaN if it has none."""
    return float(run.metrics[metric][-1])


def iterations(cell: Cell, metric: str) -> list[Spread]:
    """The spread over seeds after each iteration, iteration 0 (the mean parameters) first."""
    return [
        Spread.of([run.metrics[metric][t] for run in cell.runs if t < len(run.metrics[metric])])
        for t in range(max(len(run.metrics[metric]) for run in cell.runs))
    ]


def cost(cell: Cell, name: str) -> Spread:
    """A cost over the seeds, in the unit of COSTS; runs that do not tell it are left out."""
    told = [(run.result.get("cost") or {}).get(name) for run in cell.runs]
    return Spread.of([value * COSTS[name][2] for value in told if value is not None])


def commits(runs: Sequence[Run]) -> dict[str, bool]:
    """The commits that made the runs, and whether files differed from them."""
    states = [run.result.get("git") or {} for run in runs]
    found = {str(state["commit"]): False for state in states if state.get("commit")}
    return {commit: any(s.get("modified") for s in states if s.get("commit") == commit) for commit in found}


def _compare(cells: list[Cell], base: Cell, metric: str) -> dict[int, Comparison]:
    tests = [Comparison(_over_seeds(cell, base, metric), _over_samples(cell, base, metric)) for cell in cells]
    seeds = holm([c.seeds.p if c.seeds else np.nan for c in tests])
    samples = holm([c.samples.p if c.samples else np.nan for c in tests])
    return {
        cell.number: Comparison(
            c.seeds._replace(p=p_seeds) if c.seeds else None, c.samples._replace(p=p_samples) if c.samples else None
        )
        for cell, c, p_seeds, p_samples in zip(cells, tests, seeds, samples, strict=True)
    }


def _pairs(cell: Cell, base: Cell) -> list[tuple[Run, Run]]:
    """Runs of the same seed."""
    by_seed = {run.seed: run for run in base.runs}
    return [(run, by_seed[run.seed]) for run in cell.runs if run.seed in by_seed]


def _over_seeds(cell: Cell, base: Cell, metric: str) -> Paired | None:
    differences = [final(run, metric) - final(other, metric) for run, other in _pairs(cell, base)]
    finite = [value for value in differences if np.isfinite(value)]
    return paired_t(finite) if finite else None


def _over_samples(cell: Cell, base: Cell, metric: str) -> Paired | None:
    pairs = [pair for pair in _pairs(cell, base) if all(metric in run.samples for run in pair)]
    if not pairs:
        return None
    index = pairs[0][0].samples["index"]
    for run in (run for pair in pairs for run in pair):
        index = np.intersect1d(index, run.samples["index"])
    differences = np.mean([_errors(run, index, metric) - _errors(other, index, metric) for run, other in pairs], axis=0)
    finite = differences[np.isfinite(differences)]
    return paired_samples(finite) if len(finite) else None


def _errors(run: Run, index: NDArray[np.int64], metric: str) -> NDArray[np.float64]:
    """A run's last errors of the samples `index`, (N,) mm."""
    order = np.argsort(run.samples["index"])
    found = order[np.searchsorted(run.samples["index"], index, sorter=order)]
    return run.samples[metric][-1, found].astype(np.float64)


def _notices(sweep: Sweep, finals: dict[int, Spread], metric: str) -> list[str]:
    runs, notices = sweep.runs, list[str]()
    if excluded := sum(spread.excluded for spread in finals.values()):
        lost = _some([run.name for run in runs if not np.isfinite(final(run, metric))])
        notices.append(f"{excluded} of {len(runs)} runs have no finite {TITLES[metric]} and are in no mean: {lost}.")
    if sweep.unfinished:
        notices.append(f"{len(sweep.unfinished)} of {len(runs) + len(sweep.unfinished)} jobs have no figures.")
    if fits := [run.name for run in runs if run.fitted]:
        notices.append(
            f"In {len(fits)} of {len(runs)} runs the last estimate is fitted to the labelled 2D key points of the very "
            f"pictures that are evaluated; the others see the pictures alone: {_some(fits)}."
        )
    absent = {
        "samples.npz, so nothing can be compared picture by picture": [r.name for r in runs if metric not in r.samples],
        "protocol card, so that it was measured like the others is not certain": without_card(runs),
        "cost": [run.name for run in runs if not run.result.get("cost")],
        "git commit": [run.name for run in runs if not (run.result.get("git") or {}).get("commit")],
    }
    for what, names in absent.items():
        if names:
            notices.append(f"{len(names)} of {len(runs)} runs have no {what}: {_some(names)}.")
    if len(commits(runs)) > 1:
        notices.append(f"The runs come from {len(commits(runs))} commits.")
    if any(commits(runs).values()):
        notices.append("Files differed from the commit in some runs, so the commit alone may not repeat them.")
    return notices


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
