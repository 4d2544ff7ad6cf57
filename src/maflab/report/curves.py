"""Error against iteration, a small chart a cell, all on the same axes."""

import math
from collections.abc import Sequence

from maflab.report.cells import Cell
from maflab.report.significance import Spread
from maflab.report.study import Study, iterations
from maflab.report.svg import Scale, dot, figure, line, padded, path, shorten, text

WIDTH, COLUMNS, GAP, HEAD, TITLE, FOOT, LEFT = 1040, 4, 26, 18, 28, 36, 44


def curves(study: Study, unit: str) -> str:
    """A chart a cell: each seed thin, their mean thick, one standard deviation shaded, the baseline's mean grey.

    The axes begin at iteration 1, since the mean parameters are far from everything else.

    Args:
        study: what is shown.
        unit: of the metric, above the first axis.
    """
    columns = min(len(study.cells), COLUMNS)
    pitch = (WIDTH - LEFT) / columns if columns > 2 else 380.0
    inner, height = pitch - GAP, 130 if len(study.cells) > 8 else 160
    steps = {cell.number: iterations(cell, study.metric) for cell in study.cells}
    seeds = [value for cell in study.cells for run in cell.runs for value in run.metrics[study.metric][1:]]
    low, high = padded(seeds)
    last = max(len(spreads) for spreads in steps.values()) - 1
    parts = [text(0, 11, unit, "axis-title")]
    for i, cell in enumerate(study.cells):
        left, top = LEFT + (i % columns) * pitch, HEAD + (i // columns) * (height + TITLE + FOOT) + TITLE
        x = Scale(1, max(last, 1.001), left + 12, left + inner - 12)
        y = Scale(low, high, top + height, top)
        parts.append(_axes(x, y, last, i % columns == 0))
        parts.append(text(left, top - 9, _fit(f"{cell.number} · {cell.label}", inner + 14), "panel-title"))
        if cell is not study.baseline:
            parts.append(_baseline(steps[study.baseline.number], x, y))
        parts.append(_cell(cell, study.metric, steps[cell.number], x, y))
    lines = math.ceil(len(study.cells) / columns)
    width = LEFT + columns * pitch
    return figure(
        width, HEAD + lines * (height + TITLE + FOOT), "".join(parts), f"{unit} after each iteration, by cell"
    )


def _axes(x: Scale, y: Scale, last: int, first: bool) -> str:
    left, right = x.start - 12, x.end + 12
    parts = [line(left, y(tick), right, y(tick), "grid") for tick in y.ticks(4)]
    if first:
        parts += [text(left - 6, y(tick) + 4, shorten(tick), "tick", "end") for tick in y.ticks(4)]
    for t in range(1, last + 1):
        parts.append(text(x(t), y.start + 15, str(t), "tick", "middle"))
    parts.append(text((left + right) / 2, y.start + 28, "iteration", "tick faint", "middle"))
    return "".join(parts)


def _cell(cell: Cell, metric: str, spreads: Sequence[Spread], x: Scale, y: Scale) -> str:
    wide = [(t, s) for t, s in enumerate(spreads) if t and math.isfinite(s.sd)]
    band = [(x(t), y(s.mean + s.sd)) for t, s in wide] + [(x(t), y(s.mean - s.sd)) for t, s in reversed(wide)]
    parts = [path(band, "band", closed=True)] if len(wide) > 1 else []
    if len(wide) == 1:  # a band of no width is a stroke
        parts.append(line(*band[0], *band[1], "seed"))
    for run in cell.runs:
        one = [Spread(float(value), math.nan, 1, 0) for value in run.metrics[metric]]
        parts.append(path(_points(one, x, y), "seed") if len(_points(one, x, y)) > 1 else "")
    points = _points(spreads, x, y)
    parts.append(path(points, "mean") if len(points) > 1 else "")
    for t, spread in enumerate(spreads):
        if t and math.isfinite(spread.mean):
            sd = f" ± {spread.sd:.1f}" if math.isfinite(spread.sd) else ""
            tip = f"{cell.label}, iteration {t}: {spread.mean:.1f}{sd} (n = {spread.n})"
            parts.append(dot(x(t), y(spread.mean), 3, "point", tip))
    return "".join(parts)


def _baseline(spreads: Sequence[Spread], x: Scale, y: Scale) -> str:
    points = _points(spreads, x, y)
    if len(points) == 1:  # one iteration: a level to look across from
        points.append((x.end, points[0][1]))
    return path(points, "baseline") if points else ""


def _points(spreads: Sequence[Spread], x: Scale, y: Scale) -> list[tuple[float, float]]:
    return [(x(t), y(s.mean)) for t, s in enumerate(spreads) if t and math.isfinite(s.mean)]


def _fit(words: str, width: float) -> str:
    room = int(width / 6.6)
    return words if len(words) <= room else words[: room - 1] + "…"
