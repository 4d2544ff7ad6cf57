"""Every run as a dot on its cell's line: how far the seeds scatter, beside how far the cells differ."""

import math

from maflab.report.study import Study, final
from maflab.report.svg import CHARACTER, Scale, dot, figure, line, padded, shorten, text

WIDTH, PITCH, TOP = 1040, 26, 12


def seed_dots(study: Study, unit: str) -> str:
    """A line a cell, best first: a dot a seed, a stroke at their mean; the baseline's mean goes through all.

    Args:
        study: what is shown.
        unit: of the metric, under the axis.
    """
    finals = study.finals[study.metric]
    cells = sorted(study.cells, key=lambda cell: (math.isnan(finals[cell.number].mean), finals[cell.number].mean))
    left = min(CHARACTER * max(len(_name(cell.number, cell.label)) for cell in cells) + 24, 460)
    low, high = padded([final(run, study.metric) for cell in cells for run in cell.runs])
    x, bottom = Scale(low, high, left, WIDTH - 70), TOP + PITCH * len(cells)
    parts = [line(x(tick), TOP, x(tick), bottom, "grid") for tick in x.ticks(8)]
    parts += [text(x(tick), bottom + 16, shorten(tick), "tick", "middle") for tick in x.ticks(8)]
    parts.append(text((x.start + x.end) / 2, bottom + 34, unit, "axis-title", "middle"))
    base = finals[study.baseline.number].mean
    if math.isfinite(base):
        parts.append(line(x(base), TOP, x(base), bottom, "baseline"))
    for i, cell in enumerate(cells):
        y, spread = TOP + PITCH * (i + 0.5), finals[cell.number]
        bold = "panel-title" if cell is study.baseline else ""
        parts.append(text(left - 14, y + 4, _name(cell.number, cell.label), bold, "end"))
        for run in cell.runs:
            value = final(run, study.metric)
            if math.isfinite(value):
                parts.append(dot(x(value), y, 4.5, "seed-dot", f"{run.name}, seed {run.seed}: {value:.2f} mm"))
        if math.isfinite(spread.mean):
            parts.append(line(x(spread.mean), y - 9, x(spread.mean), y + 9, "mean"))
        parts.append(text(WIDTH, y + 4, f"{spread.mean:.1f}" if spread.n else "NaN", "value", "end"))
    return figure(WIDTH, bottom + 42, "".join(parts), f"{unit} of every seed, by cell")


def _name(number: int, label: str) -> str:
    words = f"{number} · {label}"
    return words if len(words) <= 68 else words[:67] + "…"
