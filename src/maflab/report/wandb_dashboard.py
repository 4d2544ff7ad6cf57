"""`python -m maflab.report wandb SWEEP`: a report in Weights & Biases with the cells of a sweep beside each other."""

import argparse
import importlib
import importlib.util
import netrc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from maflab.report.errors import ReportError
from maflab.report.runs import TITLES

_FULL, _HALF, _HEIGHT = 24, 12, 10
"""Of a panel, in W&B's grid of 24 columns."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: returns the exit status, 1 with one sentence for what a person can mend.

    Args:
        arguments: None: the process's own.
    """
    given = _parser().parse_args(arguments)
    try:
        url = save_dashboard(Path(given.sweep).name, given.project, given.entity, given.metric)
    except ReportError as error:
        sys.stderr.write(f"maflab: {error}\n")
        return 1
    sys.stdout.write(f"{url}\n")
    return 0


def save_dashboard(sweep: str, project: str, entity: str | None = None, metric: str = "pa_mpjpe") -> str:
    """Make the report in W&B; the sweep's runs must have been sent there (`logger=wandb`, or `wandb sync`).

    Args:
        sweep: the runs' group, which is the name of the sweep's folder.
        project, entity: where the runs are; None: the account's own entity.
        metric: the one that the curves show.

    Returns:
        The report's address.

    Raises:
        ReportError: no account or package, no such runs, or W&B refuses.
    """
    _check_ready(sweep)
    import wandb

    try:
        api = wandb.Api()
        entity = entity or api.default_entity
        found = len(api.runs(f"{entity}/{project}", {"group": sweep}))
    except (wandb.errors.Error, ValueError, OSError) as error:
        raise ReportError(
            f"W&B does not give the runs of {entity}/{project} ({_one_line(error)}); check --entity and --project"
        ) from error
    if not found:
        raise ReportError(f"{entity}/{project} has no runs of a group {sweep!r}; send them with `wandb sync` first")
    try:
        return str(dashboard(sweep, project, str(entity), metric).save().url)
    except Exception as error:  # wandb-workspaces raises bare ones
        raise ReportError(f"W&B does not take the report ({_one_line(error)})") from error


def dashboard(sweep: str, project: str, entity: str, metric: str) -> Any:
    """The report, not yet sent: `wandb_workspaces.reports.v2.Report`. Arguments: see `save_dashboard`."""
    wr = _reports()
    title = TITLES[metric]
    runs = {"entity": entity, "project": project, "filters": f"Group = '{sweep}'"}
    cells = wr.Runset(name="cells", groupby=["config.cell"], **runs)
    each = wr.Runset(name="runs", **runs)
    one_a_cell = {"groupby": wr.Config("cell"), "groupby_aggfunc": "mean", "groupby_rangefunc": "stddev"}
    over_steps = {"x": "trainer/global_step", "title_x": "step"}
    return wr.Report(
        project=project,
        entity=entity,
        title=f"{sweep}: {title} of its cells",
        description="A cell is what runs of other seeds share: mean, and one standard deviation, over the seeds.",
        width="fluid",
        blocks=[
            wr.H2("What each iteration is worth"),
            wr.PanelGrid(
                runsets=[cells],
                panels=[
                    wr.LinePlot(
                        title=f"{title} against iteration, test", x="result/iteration", y=[f"result/{metric}"],
                        title_x="iteration (0: the mean body)", layout=_place(0, 0), **one_a_cell,
                    ),
                    wr.BarPlot(
                        title=f"{title}, last iteration, test", metrics=[f"result/{metric}"],
                        layout=_place(_HALF, 0), **one_a_cell,
                    ),
                ],
            ),
            wr.H2("Training"),
            wr.PanelGrid(
                runsets=[cells],
                panels=[
                    wr.LinePlot(
                        title=f"{title}, validation", y=[f"val/{metric}"], layout=_place(0, 0), **over_steps,
                        **one_a_cell,
                    ),
                    wr.LinePlot(
                        title="Loss", y=["train/loss"], log_y=True, layout=_place(_HALF, 0), **over_steps, **one_a_cell
                    ),
                ],
            ),
            wr.H2("Each run"),
            wr.PanelGrid(
                runsets=[each],
                panels=[
                    wr.LinePlot(
                        title=f"{title} of every iteration, validation", metric_regex=f"val/iter[0-9]+/{metric}",
                        layout=_place(0, 0), **over_steps,
                    ),
                    wr.MediaBrowser(title="Pictures", media_keys=["panel"], layout=_place(_HALF, 0)),
                    wr.WeavePanelSummaryTable(table_name="result/table", layout=_place(0, _HEIGHT, _FULL)),
                    wr.RunComparer(diff_only=True, layout=_place(0, 2 * _HEIGHT, _FULL)),
                ],
            ),
        ],
    )  # fmt: skip


def _place(x: int, y: int, width: int = _HALF) -> Any:
    return _reports().Layout(x=x, y=y, w=width, h=_HEIGHT)


def _reports() -> Any:
    """An extra of W&B's, imported late: whoever does without it has no use for this page."""
    return importlib.import_module("wandb_workspaces.reports.v2")


def _check_ready(sweep: str) -> None:
    if not _has_key():
        raise ReportError(
            "There is no W&B key on this machine: run `wandb login`, send runs that were recorded offline with "
            f"`wandb sync multirun/{sweep}/*/wandb/offline-run-*`, and ask again"
        )
    if importlib.util.find_spec("wandb_workspaces") is None:
        raise ReportError(
            "W&B's reports need a package that is not installed: pip install -e '.[wandb]' -c constraints.txt"
        )


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        return netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m maflab.report wandb",
        description="Make a report in Weights & Biases that sets the cells of a sweep beside each other.",
    )
    parser.add_argument("sweep", help="the sweep's folder, or its name, which is the runs' group")
    parser.add_argument("--project", default="maflab", help="default: maflab, as in logger=wandb")
    parser.add_argument("--entity", help="default: the account's own")
    parser.add_argument("--metric", choices=list(TITLES), default="pa_mpjpe", help="of the curves (default: pa_mpjpe)")
    return parser
