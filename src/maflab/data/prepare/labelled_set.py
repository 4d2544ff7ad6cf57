"""A set of labelled people on disk, as a preset of `conf/source/` describes it."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from maflab.data.sources.person import Person

SPLITS = ("train", "val", "test")


class Reader(Protocol):
    """The people of a label file, one after the other; the same ones in the same order each time."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Person]: ...


class MakeReader(Protocol):
    """A reader's class with its further settings bound."""

    def __call__(self, *, labels: str | Path, images: str | Path) -> Reader: ...


class LabelledSet(NamedTuple):
    """What becomes one pack.

    Args:
        set: name of the data set, and of the packs' folder.
        split: train, val or test.
        labels: file or folder of the labels.
        images: the folder that picture names are relative to.
        reader: makes the reader of the labels.
        licence: under which the pictures and labels are had; kept in the pack.
        body: whose pose and betas the labels are.
    """

    set: str
    split: str
    labels: str | Path
    images: str | Path
    reader: MakeReader
    licence: str
    body: str = "smpl"

    def read(self) -> Reader:
        """The reader; raises `SourceError` if the label files cannot be used."""
        return self.reader(labels=self.labels, images=self.images)
