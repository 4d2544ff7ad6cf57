"""The breakdown of an evaluation as files, and a few lines of it for people."""

import csv
import json
from pathlib import Path
from typing import Any

from rich.table import Table

from maflab.atomic import whole_file
from maflab.data.dataset import PackDataset
from maflab.data.protocol import Protocol
from maflab.metrics.breakdown import Breakdown, Line, breakdown
from maflab.models.trainable import Samples
from maflab.training.table import console, title_of, write_json

_SHOWN = 5


def break_down(protocol: Protocol, samples: Samples, dataset: Any) -> Breakdown | None:
    """Errors of the last estimate by sequence and by joint; None where there are none of either."""
    if not isinstance(dataset, PackDataset) or "joint_errors" not in samples:
        return None
    reader = dataset.reader
    return breakdown(protocol, samples, reader.labels["sequence"][samples["index"]], reader.sequence_names)


def write_breakdown(parts: Breakdown, folder: Path) -> None:
    """`breakdown.json`, and the same lines as `breakdown.csv`: kind, name, samples and the measures."""
    write_json(folder / "breakdown.json", {"sequences": parts.sequences, "joints": parts.joints})
    names = list(dict.fromkeys(name for lines in parts for line in lines.values() for name in line))
    with whole_file(folder / "breakdown.csv") as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["kind", "name", *names], lineterminator="\n")
        writer.writeheader()
        for kind, lines in (("sequence", parts.sequences), ("joint", parts.joints)):
            for name, line in lines.items():
                writer.writerow({"kind": kind, "name": name} | {k: _plain(v) for k, v in line.items()})


def print_breakdown(folder: Path) -> None:
    """The sequences and the joints with the largest errors on the console, as far as `write_breakdown` left any."""
    if not (folder / "breakdown.json").is_file():
        return
    parts = json.loads((folder / "breakdown.json").read_text())
    for kind, lines in (("sequence", parts["sequences"]), ("joint", parts["joints"])):
        if len(lines) > 1:
            console().print(_worst(kind, lines))


def _worst(kind: str, lines: dict[str, Line]) -> Table:
    ranked = sorted(lines, key=lambda name: -lines[name]["mpjpe"])
    more = f" of {len(lines)} (all: breakdown.csv)" if len(lines) > _SHOWN else ""
    table = Table(title=f"{kind}s with the largest MPJPE{more}", title_justify="left")
    columns = list(lines[ranked[0]])
    table.add_column(kind)
    for column in columns:
        table.add_column(title_of(column), justify="right")
    for name in ranked[:_SHOWN]:
        table.add_row(name or "(unnamed)", *(_short(lines[name].get(column)) for column in columns))
    return table


def _short(value: float | None) -> str:
    return "–" if value is None else str(value) if isinstance(value, int) else f"{value:.1f}"


def _plain(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
