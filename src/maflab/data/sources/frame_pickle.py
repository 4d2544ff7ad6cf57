"""Pickled pandas DataFrames, read without pandas and without running what the pickle may ask for.

A frame is pickled as blocks: arrays that hold the columns of one type, and for each block the places of its columns.
The layouts known here are those of pandas 0.20 to 3: blocks in the manager's state ("0.14.1", until 1.2), or as
arguments of it (since 1.3), texts as objects or, since 3, as an array of pandas' own. Reading a frame with another
pandas than the one that wrote it often fails; this does not depend on one.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from maflab.array_pickle import ArrayUnpickler, PickleError, plain, unpickle

Columns = dict[str, list[Any]]


def read_frame(path: Path) -> Columns:
    """The columns of a pickled DataFrame by name, each a list with one entry a row.

    Raises:
        PickleError: it is damaged, no frame, or asks for more than a frame is made of.
        OSError: the file cannot be opened.
    """
    frame = unpickle(path, _FrameUnpickler)
    if not isinstance(frame, _Frame):
        raise PickleError(f"it holds a {type(frame).__name__}, not a pandas DataFrame")
    try:
        return frame.columns()
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise PickleError(f"its DataFrame is damaged or of an unknown layout ({error})") from error


class _Manager:
    """Stands in for pandas' BlockManager: axes (columns, rows) and blocks of (values, places of the columns)."""

    def __init__(self, blocks: Any = (), axes: Any = ()) -> None:
        self.blocks, self.axes = list(blocks), list(axes)

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple):  # since pandas 1.3 all is in the arguments
            return
        latest = state[3]["0.14.1"]
        self.axes = latest["axes"]
        self.blocks = [_Block(block["values"], block["mgr_locs"]) for block in latest["blocks"]]


class _Frame:
    """Stands in for pandas' DataFrame."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.manager: Any = state.get("_mgr", state.get("_data"))

    def columns(self) -> Columns:
        """What `read_frame` gives."""
        manager = self.manager
        names = [str(name) for name in manager.axes[0].labels()]
        found: Columns = {}
        for block in manager.blocks:
            values, places = plain(block.values), plain(block.places)
            if isinstance(values, _TextArray):
                values = np.atleast_2d(plain(values.values))
            places = np.arange(len(names))[places]
            for place, column in zip(places, values, strict=True):
                found[names[place]] = list(column)
        lengths = {len(column) for column in found.values()}
        if len(found) != len(names) or len(lengths) > 1:
            raise ValueError(f"{len(names)} columns, of which {len(found)} have rows, {sorted(lengths)} of them")
        return found


class _Block:
    """Stands in for a block: values (columns of one type, rows) and the columns' places in the frame."""

    def __init__(self, values: Any, places: Any, _axes: int = 2) -> None:
        self.values, self.places = values, places


class _Index:
    """Stands in for an index: its labels, which only the columns' matters."""

    def __init__(self, _kind: Any, content: dict[str, Any]) -> None:
        self.content = content

    def labels(self) -> list[Any]:
        """The labels; a range is spelt out."""
        if "data" not in self.content:
            return list(range(self.content["start"], self.content["stop"], self.content["step"]))
        data = plain(self.content["data"])
        return list(plain(data.values) if isinstance(data, _TextArray) else data)


class _TextArray:
    """Stands in for pandas 3's arrays of texts."""

    def __init__(self, _kind: Any = None, _checksum: Any = 0, state: Any = None) -> None:
        self.values: Any = None if state is None else state[1]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.values = state[1]


class _Kind:
    """What the names of pandas' types lead to: arguments of the functions above, good for nothing else."""

    def __init__(self, *_arguments: Any) -> None:
        pass


_CALLED = {
    "DataFrame": _Frame,
    "BlockManager": _Manager,
    "_unpickle_block": _Block,
    "_new_Index": _Index,
    "__pyx_unpickle_NDArrayBacked": _TextArray,
}
_KINDS = ("Index", "RangeIndex", "Int64Index", "StringArray", "StringDtype")


class _FrameUnpickler(ArrayUnpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "pandas":
            if name in _CALLED:
                return _CALLED[name]
            if name in _KINDS:
                return _Kind
            raise pickle.UnpicklingError(f"{module}.{name}")
        if module in ("__builtin__", "builtins") and name == "slice":
            return slice
        return super().find_class(module, name)
