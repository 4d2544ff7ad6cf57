"""The reader of packs: labels in memory, checked once; pictures decoded on demand."""

import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from maflab.data.jpeg_window import window
from maflab.data.pack_format import (
    ABSENT,
    ATTRIBUTES,
    FORMAT,
    LABELS,
    READABLE_VERSIONS,
    SINCE_VERSION_2,
    PackError,
    PackRecord,
)

# OpenCV names the reduced modes in colour, blue first; with its RGB mode instead, no channels are swapped afterwards.
_REDUCED = {
    1: cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2 | cv2.IMREAD_COLOR_RGB,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4 | cv2.IMREAD_COLOR_RGB,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_COLOR_RGB,
}


class _Contents(NamedTuple):
    attributes: dict[str, Any]
    offsets: NDArray[np.int64]
    labels: dict[str, NDArray[Any]]
    sequence_names: list[str]


class PackReader:
    """Reads a pack; nothing is opened before it is needed.

    Labels (about 1.4 kB a record) are read and checked at first use and then stay in memory, where forked
    workers share them. The file handle belongs to one process: another opens its own, and a pickled reader holds
    only the path.

    Raises:
        PackError: at first use, if the file is missing, truncated, not a pack, of another format version, or
            holds labels that are not finite; at a picture, if it cannot be decoded.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._images: h5py.Dataset | None = None
        self._images_process = -1

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_images": None, "_images_process": -1}

    def __len__(self) -> int:
        return len(self._contents.offsets) - 1

    @property
    def attributes(self) -> Mapping[str, Any]:
        """name, split, licence, source, body, and `recipe` as a dictionary."""
        return self._contents.attributes

    @property
    def labels(self) -> Mapping[str, NDArray[Any]]:
        """All records' labels, (N, ...) an entry of `LABELS`; not to be written to."""
        return self._contents.labels

    @property
    def sequence_names(self) -> list[str]:
        """The names that `labels["sequence"]` points at."""
        return self._contents.sequence_names

    def record(self, row: int) -> PackRecord:
        """One record as it was appended."""
        labels = {field: values[row] for field, values in self.labels.items()}
        labels["sequence"] = self.sequence_names[int(labels["sequence"])]
        for field in ("has_pose", "has_betas", "has_joints_3d"):
            labels[field] = bool(labels[field])
        for field in ("gender", "frame", "annotation", "image_id"):
            labels[field] = int(labels[field])
        for field in ("size", "focal"):
            labels[field] = float(labels[field])
        return PackRecord(jpeg=self.jpeg(row).tobytes(), **labels)

    def image(self, row: int, reduction: int = 1) -> NDArray[np.uint8]:
        """The picture (H, W, 3), RGB.

        Args:
            row: the record.
            reduction: 1, 2, 4 or 8; the decoder averages blocks of so many pixels a side, at no more cost than
                decoding in full. A pixel centre p of the full picture is at (p + 0.5) / reduction - 0.5.
        """
        return self._decoded(self.jpeg(row), row, reduction)

    def part(
        self, row: int, low: Sequence[float], high: Sequence[float], reduction: int = 1
    ) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        """A part of the picture (h, w, 3), and which pixel x, y of the full one is at its corner.

        It has what lies from `low` to `high` (x, y of the full picture), and more: all, if the picture was not stored
        so that its parts can be had.
        """
        jpeg, corner = window(self.jpeg(row), low, high)
        return self._decoded(jpeg, row, reduction), corner

    def _decoded(self, jpeg: NDArray[np.uint8], row: int, reduction: int) -> NDArray[np.uint8]:
        # The orientation that a camera may have noted was settled when the pack's labels were made.
        picture = cv2.imdecode(jpeg, _REDUCED[reduction] | cv2.IMREAD_IGNORE_ORIENTATION)
        if picture is None:
            raise PackError(f"{self.path}: the picture of row {row} cannot be decoded; make or copy the pack again.")
        return picture.astype(np.uint8, copy=False)

    def jpeg(self, row: int) -> NDArray[np.uint8]:
        """The JPEG file of a record, as bytes (T,)."""
        if not 0 <= row < len(self):
            raise IndexError(f"{self.path} has rows 0..{len(self) - 1}, not {row}.")
        start, stop = self._contents.offsets[row : row + 2]
        if self._images is None or self._images_process != os.getpid():
            self._images, self._images_process = self._open()["images/bytes"], os.getpid()
        try:
            return self._images[start:stop]
        except (OSError, RuntimeError) as error:
            raise PackError(f"{self.path}: row {row} cannot be read ({error}); make or copy the pack again.") from error

    @cached_property
    def _contents(self) -> _Contents:
        with self._open() as file:
            try:
                offsets = file["images/offsets"][:]
                contents = _Contents(
                    attributes={key: str(file.attrs[key]) for key in ATTRIBUTES}
                    | {"recipe": json.loads(file.attrs["recipe"])},
                    offsets=offsets,
                    labels=_labels(file, max(len(offsets) - 1, 0)),
                    sequence_names=[name.decode() for name in file["sequence_names"][:]],
                )
                stored = len(file["images/bytes"])
            except (KeyError, OSError, RuntimeError, ValueError) as error:
                raise PackError(f"{self.path} is a damaged pack ({error}); make or copy it again.") from error
        self._check(contents, stored)
        return contents

    def _open(self) -> h5py.File:
        if not self.path.is_file():
            raise PackError(f"There is no pack {self.path}; run `python prepare.py` or correct the path.")
        try:
            # Without a chunk cache HDF5 reads just the bytes of one picture, not the chunks around it.
            file = h5py.File(self.path, "r", rdcc_nbytes=0)
        except OSError as error:
            raise PackError(
                f"{self.path} is truncated or not an HDF5 file ({error}); make or copy the pack again."
            ) from error
        kind, _, version = str(file.attrs.get("format", "")).partition("/")
        if kind == FORMAT and version in map(str, READABLE_VERSIONS):
            return file
        file.close()
        if kind == FORMAT:
            raise PackError(
                f"{self.path} is a pack of format version {version}, and this maflab reads "
                f"{' and '.join(map(str, READABLE_VERSIONS))}; "
                "make the pack again."
            )
        raise PackError(f"{self.path} is an HDF5 file but not a pack; correct the path.")

    def _check(self, contents: _Contents, stored: int) -> None:
        offsets = contents.offsets
        count = len(offsets) - 1
        if count < 0 or offsets[0] != 0 or offsets[-1] != stored or (np.diff(offsets) <= 0).any():
            raise PackError(f"{self.path} is a damaged pack (picture offsets); make or copy it again.")
        for field, values in contents.labels.items():
            shape, _ = LABELS[field]
            if values.shape != (count, *shape):
                raise PackError(
                    f"{self.path} is a damaged pack: {field} is {values.shape}, expected {(count, *shape)}; "
                    "make or copy it again."
                )
            if values.dtype.kind == "f":
                bad = ~np.isfinite(values).reshape(count, -1).all(axis=1) if count else np.zeros(0, bool)
                if field == "size":
                    bad |= ~(values > 0)
                if bad.any():
                    raise PackError(
                        f"{self.path}: {field} of row {int(bad.argmax())} (and {int(bad.sum()) - 1} others) is "
                        "not a usable number; make the pack again from clean labels."
                    )


def _labels(file: h5py.File, count: int) -> dict[str, NDArray[Any]]:
    """The labels as stored; those that a pack of version 1 had not, as absent."""
    missing = SINCE_VERSION_2 if str(file.attrs["format"]).endswith("/1") else ()
    labels = {field: file[field][:] for field in LABELS if field not in missing}
    for field in missing:
        shape, dtype = LABELS[field]
        labels[field] = np.full((count, *shape), ABSENT.get(field, 0), dtype)
    return labels
