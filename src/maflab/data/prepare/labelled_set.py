"""A set of labelled people on disk, as a preset of `conf/source/` describes it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from maflab.data.sources.person import Person, SourceError, Unusable

SPLITS = ("train", "val", "test")


class Reader(Protocol):
    """The records of label files, one after the other; the same ones in the same order each time."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Person | Unusable]: ...


class LabelledSet(NamedTuple):
    """What becomes one pack.

    Args:
        set: name of the data set, and of the packs' folder.
        split: train, val or test.
        labels: file or folder of the labels; a pack is made again when one of them changes.
        reader: makes the reader of the labels; raises `SourceError` if they cannot be used.
        licence: under which the pictures and labels are had; kept in the pack.
        images: the folder of the pictures, where it is not found by `labels`.
        body: whose pose and betas the labels are.
    """

    set: str
    split: str
    labels: str | Path
    reader: Callable[[], Reader]
    licence: str
    images: str | Path | None = None
    body: str = "smpl"

    def read(self) -> Reader:
        """The people; raises `SourceError` if the labels cannot be used or the pictures' folder is not there."""
        if self.images is not None and not Path(self.images).is_dir():
            raise SourceError(f"{self.images} is no folder; put the pictures of {self.set} there, or name another")
        return self.reader()
