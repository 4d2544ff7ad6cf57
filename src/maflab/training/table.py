"""The figures of a finished run: a table for people, a JSON file for programs."""

import json
import os
from collections.abc import Mapping
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
    "pve_unaligned": "PVE unaligned (mm)",
    "mve": "MVE (mm)",
    "pck": "PCK (%)",
    "pck_150": "PCK@150 (%)",
    "auc": "AUC (%)",
    "ap": "AP (%)",
    "ap_50": "AP50",
    "ap_75": "AP75",
    "ap_m": "AP M",
    "ap_l": "AP L",
    "ar": "AR",
    "part_accuracy": "part accuracy",
    "part_iou": "part IoU",
    "uv_error": "UV error",
    "normal_error": "normal error (°)",
    "depth_error": "depth error (mm)",
}
_START = "iter0"
_PRINTED = "pve_printed"
"""A PVE that its paper prints without saying whether roots were aligned: in a line of its own, in no column."""


def print_table(rows: Rows, title: str, published: Rows | None = None) -> None:
    """Rows of metrics on the console; each iteration stands beside its change from the mean parameters.

    Args:
        rows: `MeshRecovery.metric_table()`: `iter0` (the mean parameters), `iter1` ...
        title: above the table.
        published: figures of papers by method; they follow ours and are marked.
    """
    published = published or {}
    table = Table(title=title, title_justify="left")
    table.add_column("")
    names = list(next(iter(rows.values())))
    for name in names:
        table.add_column(title_of(name), justify="right")
    start = rows.get(_START, {})
    for row, values in rows.items():
        cells = [_cell(values[name], None if row == _START else start.get(name)) for name in names]
        table.add_row(_row_title(row), *cells)
    table.add_section()
    for method, values in published.items():
        table.add_row(f"{method} (published)", *(f"{values[name]:.1f}" if name in values else "–" for name in names))
    console().print(table)
    printed = ", ".join(f"{method} {row[_PRINTED]:.1f}" for method, row in published.items() if _PRINTED in row)
    if printed:
        console().print(f"PVE (mm) as published, roots aligned or not is not said: {printed}")


def print_card(card: Mapping[str, object]) -> None:
    """The protocol card on the console, a line an entry."""
    table = Table(title="what these figures depend on", title_justify="left", show_header=False)
    for key, value in card.items():
        table.add_row(key, str(value))
    console().print(table)


def title_of(name: str) -> str:
    """What a measure is called in tables."""
    return _TITLES.get(name, name)


def console() -> Console:
    """Where tables go: as wide as the terminal, or 100 columns in a file."""
    return Console(width=None if os.environ.get("COLUMNS") else 100, soft_wrap=True)


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
