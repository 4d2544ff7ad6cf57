"""Sequences as 3DPW and EMDB pickle them: a dictionary with arrays of one entry a frame, read without running it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from maflab.array_pickle import PickleError, unpickle
from maflab.data.sources.person import SourceError


def read_sequence(path: Path, keys: Iterable[str], of: str) -> dict[str, Any]:
    """The dictionary of a file.

    Args:
        path: the pickle.
        keys: that must be there; a dot leads into a dictionary within.
        of: the data set, for the message.

    Raises:
        SourceError: it is damaged, asks for more than arrays, or lacks a key.
    """
    try:
        sequence = unpickle(path)
    except PickleError as error:
        raise SourceError(f"{path} was not read: {error}; fetch it again") from error
    missing = [key for key in keys if not _has(sequence, key)]
    if missing:
        raise SourceError(f"{path} lacks {', '.join(missing)}; it is no sequence file of {of}")
    found: dict[str, Any] = sequence
    return found


def check_shapes(path: Path, arrays: Mapping[str, tuple[Any, tuple[int, ...]]]) -> None:
    """Raises SourceError unless each array, by its name in messages, is of the shape beside it."""
    for name, (values, shape) in arrays.items():
        try:
            found = np.shape(values)
        except ValueError:  # lists of unequal lengths
            found = (len(values), -1)
        if found != shape:
            raise SourceError(f"{path}: {name} has the shape {found}, not {shape}")


def _has(content: Any, key: str) -> bool:
    for part in key.split("."):
        if not isinstance(content, dict) or part not in content:
            return False
        content = content[part]
    return True
