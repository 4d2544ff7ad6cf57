"""Colours as materials have them."""


def linear_colour(colour: tuple[float, float, float]) -> list[float]:
    """sRGB to linear, both in [0, 1] (IEC 61966-2-1): factors of glTF and USD are linear."""
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
