"""The numbers a synthetic data set is drawn from. They travel in the pack's `recipe` attribute."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Distributions of the generator; the defaults are those of the suite's own packs."""

    shape_spread: float = 0.9  # standard deviation of the betas
    liveliness: float = 1.0  # scale of the personal variation over the actions' key poses
    frontal: float = 0.5  # share of people who face the camera more or less
    box_share: tuple[float, float] = (0.72, 0.84)  # side of the box over side of the picture
    box_margin: tuple[float, float] = (1.1, 1.2)  # side of the box over extent of the person
    truncated: float = 0.1  # share of people whom the picture's border cuts
    occluded: float = 0.35  # share of pictures with things in front
    quality: tuple[int, int] = (72, 94)  # JPEG
