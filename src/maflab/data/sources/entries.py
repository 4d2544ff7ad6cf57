"""What single entries of the field's label files mean."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_GENDERS = {"m": 0, "male": 0, "f": 1, "female": 1}


def gender_number(entry: Any) -> int:
    """0 male, 1 female, -1 for anything else, nothing included."""
    if isinstance(entry, bytes):
        entry = entry.decode("latin1")
    return _GENDERS.get(str(entry).strip().lower(), -1)


def frame_number(picture: Path) -> int:
    """The number that ends a picture's name (`seq_000003_0045.png`: 45); 0 where there is none."""
    digits = picture.stem[len(picture.stem.rstrip("0123456789")) :]
    return int(digits[-18:]) if digits else 0


def with_confidence(points: NDArray[Any], seen: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """Points (J, D) with a confidence behind them, (J, D + 1): 1, or 0 for a point that is not finite.

    Args:
        points: coordinates. seen: (J,), which of them are labelled; None: all that are finite.
    """
    known = np.isfinite(points).all(1)
    if seen is not None:
        known &= seen
    return np.concatenate([np.where(known[:, None], points, 0), known[:, None]], axis=1)


def checked_confidence(points: NDArray[Any]) -> NDArray[np.float64]:
    """Points (J, D + 1) whose confidence is in [0, 1]; a point that is not finite becomes zeros."""
    known = np.isfinite(points).all(1, keepdims=True) & (points[:, -1:] > 0)
    found = np.where(known, points, 0).astype(np.float64)
    found[:, -1] = found[:, -1].clip(0, 1)
    return found
