"""What a report says in sentences, the same on the page and in Markdown."""

import math
import shlex

from maflab.report.runs import TITLES, Run
from maflab.report.significance import CONFIDENCE, RESAMPLES
from maflab.report.study import SIGNIFICANT, Study, commits
from maflab.report.tables import p_value


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
    better = f"{abs(seeds.difference):.1f} mm {'below' if seeds.difference < 0 else 'above'} the baseline, {base.label}"
    if math.isnan(seeds.p):
        return f"{found}: {better}. With one seed it is unknown how far another training would scatter."
    p = p_value(seeds.p)
    return f"{found}: {better} (paired over seeds, p {p if p.startswith('<') else f'= {p}'})."


def method(study: Study) -> str:
    """How the cells were compared."""
    return (
        f"Differences in {TITLES[study.metric]} of the last iteration, cell minus baseline ({study.baseline.label}): "
        "below zero is better. Over seeds: Student's paired t-test on the runs that share a seed, with its "
        f"{CONFIDENCE:.0%} interval; it asks whether another training would show the same. Over samples: Wilcoxon's "
        f"signed-rank test, and a bootstrap interval of the mean ({RESAMPLES} resamples), on each picture's "
        "difference, averaged over the shared seeds; it asks whether other pictures would show the same with these "
        "very weights, and takes pictures as independent, which neighbouring frames of a video are not. p is "
        f"corrected for the number of cells (Holm). The verdict goes by the seeds, at {SIGNIFICANT}."
    )


def sweep_command(study: Study) -> str:
    """The command of the whole sweep; empty if Hydra's record of it is missing."""
    return command(study.sweep.command, "-m") if study.sweep.command else ""


def checkout(study: Study) -> str:
    """The command that brings the code back; empty if the commit is unknown or there are several."""
    found = list(commits(study.sweep.runs))
    return f"git checkout {found[0]}" if len(found) == 1 else ""


def run_command(run: Run) -> str:
    """The command of one run."""
    return command(run.overrides)


def command(overrides: list[str], *flags: str) -> str:
    """A command line of the training script that a shell takes as it stands."""
    return shlex.join(["python", "train.py", *flags, *overrides])


def _seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds"
