"""JSON that a person can read: one key a line, one row of numbers a line, float32 without their binary tails."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_json(path: Path, value: Any) -> None:
    """Write mappings, sequences, NumPy arrays and plain values as one JSON document.

    Args:
        path: written as UTF-8.
        value: arrays become nested lists, their last axis on one line; NaN and infinity are refused.

    Raises:
        ValueError: a number that is not finite, or an object that JSON has no form for.
        OSError: it cannot be written.
    """
    with path.open("w", encoding="utf-8") as file:
        for piece in _pieces(value, ""):
            file.write(piece)
        file.write("\n")


def _pieces(value: Any, indent: str) -> Iterator[str]:
    inner = indent + " "
    if isinstance(value, np.ndarray) and value.ndim > 1:
        yield from _joined("[", (_pieces(row, inner) for row in value), "]", indent)
    elif isinstance(value, np.ndarray):
        yield json.dumps(_plain(value), allow_nan=False)
    elif isinstance(value, Mapping):
        yield from _joined("{", (_member(key, item, inner) for key, item in value.items()), "}", indent)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from _joined("[", (_pieces(item, inner) for item in value), "]", indent)
    else:
        try:
            yield json.dumps(value, allow_nan=False)
        except TypeError as error:
            raise ValueError(f"JSON has no form for {value!r}") from error


def _member(key: str, value: Any, indent: str) -> Iterator[str]:
    yield f"{json.dumps(key)}: "
    yield from _pieces(value, indent)


def _joined(opening: str, items: Iterator[Iterator[str]], closing: str, indent: str) -> Iterator[str]:
    yield opening
    separator = "\n"
    for item in items:
        yield f"{separator}{indent} "
        yield from item
        separator = ",\n"
    yield closing if separator == "\n" else f"\n{indent}{closing}"


def _plain(array: NDArray[Any]) -> Any:
    """Python's numbers or strings; the shortest decimal that gives a float32 back, not that of its double."""
    if array.dtype != np.float32:
        return array.tolist()
    numbers = [float(str(number)) for number in array.reshape(-1)]
    return numbers if array.ndim else numbers[0]
