"""What a report says in sentences, the same on the page and in Markdown."""

import math
import shlex

from maflab.report.runs import RANKED_BY, TITLES, Picture, Run
from maflab.report.significance import CONFIDENCE, RESAMPLES
from maflab.report.study import SIGNIFICANT, Study, commits
from maflab.report.tables import p_value

COSTS_MEASURED = (
    "Time per image: the network alone on up to 32 pictures at once, the fastest of three. Peak memory: of the whole "
    "process on a CPU, of the card on a GPU. Times are of the machine that trained, beside whatever else it did."
)


def title(study: Study) -> str:
    """Of the page."""
    return f"Sweep {study.sweep.folder.resolve().name}"


def origin(study: Study) -> str:
    """How many runs, from which commit."""
    runs = study.sweep.runs
    made = ", ".join(f"{commit[:12]}{' with changes' if dirty else ''}" for commit, dirty in commits(runs).items())
    return f"{len(runs)} runs in {len(study.cells)} cells; git commit {made or 'unknown'}."


def answer(study: Study) -> str:
    """The first thing to know: the best cell beside the baseline."""
    metric, best, base = TITLES[study.metric], study.best(), study.baseline
    if best is None:
        return f"No cell has a finite {metric}."
    spread = study.finals[study.metric][best.number]
    sd = f" ± {spread.sd:.1f}" if math.isfinite(spread.sd) else ""
    found = f"Smallest {metric}: {spread.mean:.1f}{sd} mm, {best.label} ({_seeds(spread.n)})"
    if best is base:
        return f"{found}, which is the baseline." if len(study.cells) > 1 else f"{found}."
    seeds = study.comparisons[best.number].seeds
    if seeds is None:
        return f"{found}. It shares no seed with the baseline, {base.label}, so the two are not compared."
    less = f"{abs(seeds.difference):.1f} mm {'below' if seeds.difference < 0 else 'above'} the baseline, {base.label}"
    if math.isnan(seeds.p):
        return f"{found}: {less}. With one seed it is unknown how far another training would scatter."
    p, verdict = p_value(seeds.p), study.comparisons[best.number].verdict()
    p = p if p.startswith("<") else f"= {p}"
    return f"{found}: {less} ({verdict}: p {p} over {seeds.n} pairs of seeds)."


def method(study: Study) -> str:
    """How the cells were compared."""
    return (
        f"Differences in {TITLES[study.metric]} of the last iteration, cell minus baseline ({study.baseline.label}): "
        "below zero is better. Over seeds, a pair is two trainings with the same seed, one of either cell: Student's "
        f"paired t-test, n − 1 degrees of freedom for n pairs, with its {CONFIDENCE:.0%} interval. It asks whether "
        "another training would show the same; two pairs can seldom tell. Over pictures, a pair is one picture as both "
        "cells see it, its errors averaged over the shared seeds: Wilcoxon's signed-rank test, and a bootstrap "
        f"interval of the mean ({RESAMPLES} resamples). It asks whether other pictures would show the same with these "
        "very weights, and takes pictures as independent, which neighbouring frames of a video are not. p is corrected "
        "for the number of cells (Holm); an interval is of its cell alone, and so may leave zero out where p does not "
        f"resolve. The verdict goes by p over the seeds, at {SIGNIFICANT}."
    )


def sweep_command(study: Study) -> str:
    """The command of the whole sweep; empty if Hydra's record of it is missing."""
    return _command("train.py", "-m", *study.sweep.command) if study.sweep.command else ""


def checkout(study: Study) -> str:
    """The command that brings the code back; empty if the commit is unknown or there are several."""
    found = list(commits(study.sweep.runs))
    return f"git checkout {found[0]}" if len(found) == 1 else ""


def run_command(run: Run) -> str:
    """The command of one run; a named sweep, which is many, is left out of it."""
    alone = [override for override in run.overrides if not override.startswith("+sweep=")]
    searched = len(alone) < len(run.overrides) and run.result.get("split") == "val"
    given = any(override.startswith("report.split=") for override in alone)
    return _command(run.script, *alone, *(["report.split=val"] if searched and not given else []))


def sample(picture: Picture) -> str:
    """Which sample a picture shows, and its error."""
    return f"{TITLES[RANKED_BY]} {picture.error:.1f} mm; row {picture.row} of the pack"


def _command(script: str, *words: str) -> str:
    """A command line that a shell takes as it stands."""
    return shlex.join(["python", script, *words])


def _seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds"
