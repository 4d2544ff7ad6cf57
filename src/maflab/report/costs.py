"""What each cell costs, against its error."""

import math

from maflab.report.significance import Spread
from maflab.report.study import COSTS, Study, cost
from maflab.report.svg import Scale, dot, figure, line, padded, shorten, text

WIDTH, PITCH, HEIGHT, LEFT, TOP = 1040, 520, 200, 46, 26


def cost_charts(study: Study, unit: str) -> str:
    """A chart a cost in which the cells differ: a dot a cell, with its number; down and to the left is better.

    Bars reach one standard deviation over the seeds to either side. A cost that spans more than a factor of ten has a
    logarithmic axis. Empty if no cost differs.

    Args:
        study: what is shown.
        unit: of the metric.
    """
    errors = [study.finals[study.metric][cell.number] for cell in study.cells]
    known = [name for name in COSTS if _differs([cost(cell, name).mean for cell in study.cells])]
    finite = [end for error in errors for end in _ends(error)]
    if not known or not finite:
        return ""
    parts = []
    for i, name in enumerate(known):
        left, top = (i % 2) * PITCH + LEFT, (i // 2) * (HEIGHT + 70) + TOP
        y = Scale(*padded(finite, 0.12), top + HEIGHT, top)
        parts.append(_chart(study, name, y, left, unit))
    lines = math.ceil(len(known) / 2)
    return figure(WIDTH, lines * (HEIGHT + 70), "".join(parts), f"{unit} against {', '.join(known)}")


def _chart(study: Study, name: str, y: Scale, left: float, unit: str) -> str:
    title, cost_unit, _ = COSTS[name]
    right, bottom = left + PITCH - LEFT - 24, y.start
    errors, values = study.finals[study.metric], {cell.number: cost(cell, name) for cell in study.cells}
    finite = [end for value in values.values() for end in _ends(value)]
    logarithmic = min(finite) > 0 and max(finite) > 10 * min(finite)
    low, high = (min(finite) / 1.3, max(finite) * 1.3) if logarithmic else padded(finite, 0.12)
    x = Scale(max(low, 0) if not logarithmic else low, high, left, right - 8, logarithmic)
    parts = [line(left, y(tick), right, y(tick), "grid") for tick in y.ticks(4)]
    parts += [text(left - 6, y(tick) + 4, shorten(tick), "tick", "end") for tick in y.ticks(4)]
    parts += [text(x(tick), bottom + 15, shorten(tick), "tick", "middle") for tick in x.ticks()]
    note = ", logarithmic" if logarithmic else ""
    parts.append(text((left + right) / 2, bottom + 33, f"{title} ({cost_unit}{note})", "axis-title", "middle"))
    parts.append(text(left - LEFT + 2, y.end - 12, unit, "tick"))
    right_side = True
    for cell in sorted(study.cells, key=lambda cell: errors[cell.number].mean):
        (value, across), (error, along) = values[cell.number][:2], errors[cell.number][:2]
        if math.isfinite(value) and math.isfinite(error):
            if math.isfinite(across):
                parts.append(line(x(max(value - across, x.low)), y(error), x(value + across), y(error), "seed"))
            if math.isfinite(along):
                parts.append(line(x(value), y(error - along), x(value), y(error + along), "seed"))
            kind = "base-dot" if cell is study.baseline else "point"
            tip = f"{cell.label}: {value:.3g} {cost_unit}, {error:.1f} mm"
            parts.append(dot(x(value), y(error), 4.5, kind, tip))
            # Neighbours in height have their numbers on opposite sides.
            offset, anchor = (7, "start") if right_side else (-7, "end")
            parts.append(text(x(value) + offset, y(error) + 4, str(cell.number), "small", anchor))
            right_side = not right_side
    return "".join(parts)


def _ends(spread: Spread) -> list[float]:
    if not spread.n:
        return []
    return [spread.mean - spread.sd, spread.mean + spread.sd] if math.isfinite(spread.sd) else [spread.mean]


def _differs(values: list[float]) -> bool:
    finite = [value for value in values if math.isfinite(value)]
    return len(finite) > 1 and max(finite) - min(finite) > 1e-3 * abs(max(finite))
