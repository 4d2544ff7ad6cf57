"""The few pieces of SVG that the figures are made of; fonts and inks come from the page's style sheet."""

import html
import math
from collections.abc import Sequence
from typing import NamedTuple

CHARACTER = 6.3  # mean width of a character at the figures' 12 px


class Scale(NamedTuple):
    """A linear or logarithmic map from values to pixels."""

    low: float
    high: float
    start: float  # pixels
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """About `count` round values inside the scale."""
        if self.logarithmic:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            found = [m * 10.0**p for p in powers for m in (1, 2, 5)]
            return [value for value in found if self.low <= value <= self.high]
        rough = (self.high - self.low) / count
        power = 10.0 ** math.floor(math.log10(rough))
        step = min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(s - rough))
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [round(i * step, 10) for i in range(first, last + 1)]


def padded(values: Sequence[float], share: float = 0.08) -> tuple[float, float]:
    """The range of the finite values with a margin, never empty."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    margin = (high - low) * share or abs(high) * share or 1.0
    return low - margin, high + margin


def tag(name: str, content: str = "", **attributes: object) -> str:
    """An element; `class_` is the attribute `class`, and underscores stand for hyphens. Numbers are shortened."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def text(x: float, y: float, words: str, class_: str = "", anchor: str = "start", **attributes: object) -> str:
    """A line of text, escaped."""
    return tag("text", html.escape(words), x=x, y=y, class_=class_ or None, text_anchor=anchor, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def path(points: Sequence[tuple[float, float]], class_: str, closed: bool = False) -> str:
    """A line through points, or the area inside them."""
    joined = " L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return tag("path", d=f"M{joined}{'Z' if closed else ''}", class_=class_)


def dot(x: float, y: float, radius: float, class_: str, tip: str = "") -> str:
    """A dot, with a tip that shows on hovering."""
    return tag("circle", tag("title", html.escape(tip)) if tip else "", cx=x, cy=y, r=radius, class_=class_)


def figure(width: float, height: float, content: str, label: str) -> str:
    """The whole drawing, as wide as the page at most.

    Args:
        width, height: in pixels.
        content: elements.
        label: what it shows, for those who cannot see it.
    """
    size = {"width": width, "height": height, "viewBox": f"0 0 {_number(width)} {_number(height)}"}
    return tag("svg", content, **size, role="img", aria_label=label, class_="figure")


def shorten(value: float) -> str:
    """A number on an axis."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def _number(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
