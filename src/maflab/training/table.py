"""The figures of a finished run: a table for people, a JSON file for programs."""

import json
import os
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from maflab.atomic import whole_file
from maflab.models.trainable import Rows

_TITLES = {
    "mpjpe": "MPJPE (mm)",
    "pa_mpjpe": "PA-MPJPE (mm)",
    "pve": "PVE (mm)",
    "pck": "PCK (%)",
    "part_accuracy": "part accuracy",
    "part_iou": "part IoU",
    "uv_error": "UV error",
    "normal_error": "normal error (°)",
    "depth_error": "depth error (mm)",
}
_START = "iter0"


def print_table(rows: Rows, title: str) -> None:
    """Rows of metrics on the console; each iteration stands beside its change from the mean parameters.

    Args:
        rows: `MeshRecovery.metric_table()`: `iter0` (the mean parameters), `iter1` ...
        title: above the table.
    """
    table = Table(title=title, title_justify="left")
    table.add_column("")
    names = list(next(iter(rows.values())))
    for name in names:
        table.add_column(_TITLES.get(name, name), justify="right")
    start = rows.get(_START, {})
    for row, values in rows.items():
        cells = [_cell(values[name], None if row == _START else start.get(name)) for name in names]
        table.add_row(_row_title(row), *cells)
    Console(width=None if os.environ.get("COLUMNS") else 100, soft_wrap=True).print(table)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Written beside its name first, so that the file is whole or not there."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")


def _row_title(row: str) -> str:
    if row == _START:
        return "mean parameters"
    return f"iteration {row.removeprefix('iter')}" if row.startswith("iter") else row


def _cell(value: float, start: float | None) -> str:
    text = f"{value:.1f}" if abs(value) >= 1 else f"{value:.3f}"
    if start:
        text += f" ({100 * (value / start - 1):+.0f}%)"
    return text
