"""A grid of figures in shades of one hue, with the figure printed in each cell."""

import html
import math
from collections.abc import Mapping, Sequence

from maflab.report.significance import Spread
from maflab.report.svg import CHARACTER, figure, line, tag, text

WIDTH, HEIGHT = 92, 46
_HUE = math.radians(250)
_LIGHT, _DARK = (0.97, 0.015), (0.40, 0.115)  # lightness and chroma of the smallest and the largest error


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    spreads: Mapping[tuple[int, int], Spread],
    titles: tuple[str, str],
    unit: str,
    baseline: tuple[int, int] | None = None,
) -> str:
    """Errors as a heat map: the darker, the larger; the smallest is framed, the baseline underlined.

    Args:
        rows, columns: names on the axes.
        spreads: figures by (row, column); what is missing stays empty.
        titles: of the rows and of the columns.
        unit: of the figures, for the legend.
        baseline: its place.
    """
    left = max(CHARACTER * max(len(row) for row in rows), CHARACTER * len(titles[0])) + 20
    width, height = left + WIDTH * len(columns), HEIGHT * len(rows)
    top, finite = 46, [s.mean for s in spreads.values() if math.isfinite(s.mean)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    parts = [text(left - 10, 36, titles[0], "axis-title", "end"), text(left, 14, titles[1], "axis-title")]
    parts += [text(left + WIDTH * (c + 0.5), 36, name, "", "middle") for c, name in enumerate(columns)]
    parts += [text(left - 10, top + HEIGHT * (r + 0.5) + 4, name, "", "end") for r, name in enumerate(rows)]
    frame = ""
    for r in range(len(rows)):
        for c in range(len(columns)):
            x, y, spread = left + WIDTH * c, top + HEIGHT * r, spreads.get((r, c))
            parts.append(_cell(x, y, spread, low, high))
            if (r, c) == baseline:
                parts.append(line(x + 26, y + HEIGHT - 6, x + WIDTH - 26, y + HEIGHT - 6, _ink(spread, low, high)))
            if spread and finite and spread.mean == low:
                frame = tag("rect", x=x + 1, y=y + 1, width=WIDTH - 4, height=HEIGHT - 4, rx=3, class_="frame")
    legend = _legend(left, top + height + 16, low, high, unit) if finite else ""
    size = max(width, left + 330) + 4, top + height + 52
    return figure(*size, "".join([*parts, frame, legend]), f"Heat map of {unit} by {titles[0]} and {titles[1]}")


def shade(share: float) -> str:
    """The colour of an error between the smallest (0) and the largest (1), in equal steps to the eye.

    Convention: OKLCH of constant hue; lightness and chroma are linear in `share`.
    Source: Ottosson, "A perceptual color space for image processing", 2020.
    """
    lightness, chroma = (a + share * (b - a) for a, b in zip(_LIGHT, _DARK, strict=True))
    a, b = chroma * math.cos(_HUE), chroma * math.sin(_HUE)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _gamma(value)):02x}" for value in linear)


def _gamma(linear: float) -> float:
    linear = min(max(linear, 0.0), 1.0)
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def _share(spread: Spread | None, low: float, high: float) -> float | None:
    if spread is None or not math.isfinite(spread.mean):
        return None
    return (spread.mean - low) / (high - low) if high > low else 0.0


def _ink(spread: Spread | None, low: float, high: float) -> str:
    return "on-dark" if (_share(spread, low, high) or 0.0) > 0.5 else "on-light"


def _cell(x: float, y: float, spread: Spread | None, low: float, high: float) -> str:
    share, ink = _share(spread, low, high), _ink(spread, low, high)
    if spread is None:
        return text(x + WIDTH / 2, y + HEIGHT / 2 + 4, "–", "faint", "middle")
    box = {"x": x, "y": y, "width": WIDTH - 2, "height": HEIGHT - 2, "rx": 3}
    tip = tag("title", html.escape(f"{spread.n} finished runs, {spread.excluded} not a number"))
    if share is None:
        return tag("rect", tip, **box, class_="hole") + text(x + WIDTH / 2, y + 27, "NaN", "", "middle")
    spreads = math.isfinite(spread.sd)
    value = text(x + WIDTH / 2 - 1, y + (20 if spreads else 26), f"{spread.mean:.1f}", f"value {ink}", "middle")
    sd = text(x + WIDTH / 2 - 1, y + 35, f"± {spread.sd:.1f}", f"small {ink}", "middle") if spreads else ""
    return tag("rect", tip, **box, fill=shade(share)) + value + sd


def _legend(x: float, y: float, low: float, high: float, unit: str) -> str:
    steps, width = 40, 4
    bar = "".join(
        tag("rect", x=x + i * width, y=y, width=width + 0.5, height=10, fill=shade(i / (steps - 1)))
        for i in range(steps)
    )
    ends = text(x, y + 24, f"{low:.1f}", "small") + text(x + steps * width, y + 24, f"{high:.1f}", "small", "end")
    return bar + ends + text(x + steps * width + 10, y + 9, unit, "small")
