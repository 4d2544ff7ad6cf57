"""`python -m maflab.report SWEEP_FOLDER`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from maflab.atomic import whole_file
from maflab.report.document import document
from maflab.report.errors import ReportError
from maflab.report.page import page
from maflab.report.runs import SAMPLED, TITLES, read_sweep
from maflab.report.study import digest
from maflab.report.tables import cells_csv, runs_csv

_DESCRIPTION = """\
Compare the runs of a sweep: one page with tables and figures (report.html, works offline), the same tables in
Markdown (report.md), and plain numbers (cells.csv: a line a cell; runs.csv: a line a run and iteration)."""

_EXAMPLES = """\
examples:
  python -m maflab.report multirun/2026-01-31_12-00-00
  python -m maflab.report multirun/2026-01-31_12-00-00 --baseline hmr_3iter --metric mpjpe
  python -m maflab.report outputs/ --output experiments/my_study
  python -m maflab.report wandb --help                  the comparison on Weights & Biases instead

Runs that differ only in their seed are one cell. Cells are compared with the baseline, paired over the seeds they share
and over the pictures. Runs that were measured by different protocols are refused."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: returns the exit status, 1 with one message for what a person can mend.

    Args:
        arguments: None: the process's own.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    if typed[:1] == ["wandb"]:
        from maflab.report import wandb_dashboard

        return wandb_dashboard.main(typed[1:])
    given = _parser().parse_args(typed)
    try:
        written = report(given.folder, given.output, given.metric, given.baseline, given.pictures)
    except (ReportError, OSError) as error:
        sys.stderr.write(f"maflab: {error}\n")
        return 1
    sys.stdout.write("".join(f"{path}\n" for path in written))
    return 0


def report(folder: Path, output: Path | None, metric: str, baseline: str | None, count: int) -> list[Path]:
    """Write the report of a sweep; nothing is written unless all of it can be.

    Args:
        folder: of the sweep.
        output: where it is written; None: `report/` in the sweep's folder.
        metric: one of SAMPLED: what figures and tests are about.
        baseline: label or number of a cell; None: one that reads global features, or the first.
        count: pictures of the worst and of the best samples, of each cell.

    Returns:
        The files.

    Raises:
        ReportError: the runs cannot be reported.
    """
    study = digest(read_sweep(folder), metric, baseline)
    contents = {
        "report.html": page(study, count),
        "report.md": document(study),
        "cells.csv": cells_csv(study),
        "runs.csv": runs_csv(study),
    }
    output = folder / "report" if output is None else output
    for name, content in contents.items():
        with whole_file(output / name) as path:
            path.write_text(content, encoding="utf-8")
    return [output / name for name in contents]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m maflab.report",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="of a sweep, with a sub-folder a job")
    parser.add_argument("--output", type=Path, help="where the report is written (default: FOLDER/report)")
    parser.add_argument(
        "--baseline",
        metavar="CELL",
        help="the cell that the others are compared with: its label or its number in the report "
        "(default: a cell that reads global features only, as HMR does, or else the first)",
    )
    names = ", ".join(f"{name} ({TITLES[name]})" for name in SAMPLED)
    parser.add_argument(
        "--metric", choices=SAMPLED, default="pa_mpjpe", help=f"of figures and tests: {names} (default: pa_mpjpe)"
    )
    parser.add_argument(
        "--pictures",
        type=int,
        default=3,
        metavar="N",
        help="of the worst and of the best samples, of each cell (default: 3)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
