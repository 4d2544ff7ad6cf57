"""The writer of packs (the layout is in `pack_format`).

Equal records in equal order give equal files, byte for byte: no time stamps, a fixed HDF5 library version,
and flushes that depend on the records only.
"""

import contextlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from maflab.data.pack_format import ATTRIBUTES, FORMAT, FORMAT_VERSION, LABELS, PackError, PackRecord

__all__ = ["PackError", "PackRecord", "PackWriter"]

_LIBRARY_VERSION = ("v110", "v110")  # fixed, or the bytes would change with the HDF5 library
_ROWS_A_CHUNK = 256
_BYTES_A_CHUNK = 1 << 20
_FLUSH_BYTES = 8 << 20
_SLACK_BYTES = 1 << 20  # for HDF5's own tables
_STALE_SECONDS = 3600.0
_LABEL_BYTES = sum(np.dtype(dtype).itemsize * int(np.prod(shape)) for shape, dtype in LABELS.values()) + 8


class PackWriter:
    """Writes a pack in bounded memory; use it as a context manager.

    The file grows under a temporary name beside `path` and takes its name when the `with` block ends
    without an exception. If the block raises, or the disk is full, nothing new is left and an older pack of
    that name stays as it was.

    Args:
        path: the pack's final name; missing folders are made.
        name, split, licence, source, body: kept as attributes; `body` names the body model of the labels.
        recipe: how the pack was made (JSON values), enough to make it again.

    Raises:
        PackError: a record that does not fit the format, or a file that cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        name: str,
        split: str,
        licence: str,
        source: str,
        body: str,
        recipe: Mapping[str, Any],
    ) -> None:
        self.path = Path(path)
        self._attributes = dict(zip(ATTRIBUTES, (name, split, licence, source, body), strict=True))
        self._recipe = json.dumps(dict(recipe), sort_keys=True)
        self._partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        self._file: h5py.File | None = None
        self._sequences: dict[str, int] = {}
        self._count = 0
        self._flushed_bytes = 0
        self._clear_buffer()

    def __len__(self) -> int:
        """Records appended so far."""
        return self._count

    def __enter__(self) -> Self:
        with self._writing():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._remove_stale()
            self._file = h5py.File(self._partial, "w", libver=_LIBRARY_VERSION)
            self._reserve(0)
            self._create()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        with self._writing():
            self._flush()
            file = self._opened()
            names = [name.encode() for name in self._sequences]
            width = max([1, *map(len, names)])
            self._reserve(len(names) * width)
            file.create_dataset("sequence_names", data=np.array(names, dtype=f"S{width}"), track_times=False)
            file.close()
            self._file = None
            # Opening it once more for writing cuts off what was reserved and not used.
            h5py.File(self._partial, "r+", libver=_LIBRARY_VERSION).close()
            os.replace(self._partial, self.path)

    def append(
        self,
        *,
        jpeg: bytes,
        center: ArrayLike,
        size: float,
        keypoints_2d: ArrayLike | None = None,
        joints_3d: ArrayLike | None = None,
        pose: ArrayLike | None = None,
        betas: ArrayLike | None = None,
        has_pose: bool = False,
        has_betas: bool = False,
        has_joints_3d: bool = False,
        gender: int = -1,
        camera: ArrayLike | None = None,
        sequence: str = "",
        frame: int = 0,
        source_crop: ArrayLike | None = None,
        source_size: ArrayLike | None = None,
        focal: float = 0.0,
        annotation: int = -1,
        image_id: int = -1,
    ) -> None:
        """Adds one record; labels left out are stored as absent. Shapes and units: `LABELS`."""
        self._opened()
        if not jpeg.startswith(b"\xff\xd8"):
            raise PackError(f"{self.path}: record {self._count} is not a JPEG file; encode it first.")
        values: dict[str, ArrayLike | None] = {
            "center": center,
            "size": size,
            "keypoints_2d": keypoints_2d,
            "joints_3d": joints_3d,
            "pose": pose,
            "betas": betas,
            "has_pose": bool(has_pose),
            "has_betas": bool(has_betas),
            "has_joints_3d": bool(has_joints_3d),
            "gender": gender,
            "camera": camera,
            "sequence": self._sequences.setdefault(sequence, len(self._sequences)),
            "frame": frame,
            "source_crop": source_crop,
            "source_size": source_size,
            "focal": focal,
            "annotation": annotation,
            "image_id": image_id,
        }
        checked = {field: self._checked(field, value) for field, value in values.items()}
        for field, value in checked.items():
            self._rows[field].append(value)
        self._jpegs.append(bytes(jpeg))
        self._buffered_bytes += len(jpeg)
        self._count += 1
        if self._buffered_bytes >= _FLUSH_BYTES or len(self._jpegs) >= 4 * _ROWS_A_CHUNK:
            with self._writing():
                self._flush()

    def _checked(self, field: str, value: ArrayLike | None) -> NDArray[Any]:
        shape, dtype = LABELS[field]
        array = np.zeros(shape, dtype) if value is None else np.asarray(value).astype(dtype)
        if array.shape != shape:
            raise PackError(f"{self.path}: record {self._count}: {field} has shape {array.shape}, not {shape}.")
        if not np.isfinite(array).all():
            raise PackError(
                f"{self.path}: record {self._count}: {field} has a value that is not finite; "
                "store absent labels as zeros with has_... false or a confidence of 0."
            )
        if field == "size" and not array > 0:
            raise PackError(f"{self.path}: record {self._count}: the box's size is {array}; it must be positive.")
        return array

    def _create(self) -> None:
        file = self._opened()
        file.attrs["format"] = f"{FORMAT}/{FORMAT_VERSION}"
        for key, value in self._attributes.items():
            file.attrs[key] = value
        file.attrs["recipe"] = self._recipe

        def growing(name: str, shape: tuple[int, ...], dtype: str, chunk: int) -> h5py.Dataset:
            return file.create_dataset(
                name,
                shape=(0, *shape),
                maxshape=(None, *shape),
                chunks=(chunk, *shape),
                dtype=dtype,
                fillvalue=np.zeros((), dtype)[()],  # written into a chunk's unused rest
                track_times=False,
            )

        growing("images/bytes", (), "|u1", _BYTES_A_CHUNK)
        growing("images/offsets", (), "<i8", _ROWS_A_CHUNK)
        for field, (shape, dtype) in LABELS.items():
            growing(field, shape, dtype, _ROWS_A_CHUNK)
        _extend(file["images/offsets"], np.zeros(1, np.int64))

    def _flush(self) -> None:
        if not self._jpegs:
            return
        file = self._opened()
        lengths = np.array([len(jpeg) for jpeg in self._jpegs], np.int64)
        offsets = self._flushed_bytes + np.cumsum(lengths)
        self._reserve(self._buffered_bytes + 2 * _BYTES_A_CHUNK + (len(lengths) + 2 * _ROWS_A_CHUNK) * _LABEL_BYTES)
        _extend(file["images/bytes"], np.frombuffer(b"".join(self._jpegs), np.uint8))
        _extend(file["images/offsets"], offsets)
        for field, rows in self._rows.items():
            _extend(file[field], np.stack(rows))
        file.flush()
        self._flushed_bytes = int(offsets[-1])
        self._clear_buffer()

    def _reserve(self, growth: int) -> None:
        """Claims disk space before HDF5 needs it: HDF5 crashes the process when one of its own writes fails."""
        if not hasattr(os, "posix_fallocate"):  # Linux has it
            return
        with open(self._partial, "r+b") as partial:
            os.posix_fallocate(partial.fileno(), 0, self._opened().id.get_filesize() + growth + _SLACK_BYTES)

    def _clear_buffer(self) -> None:
        self._jpegs: list[bytes] = []
        self._rows: dict[str, list[NDArray[Any]]] = {field: [] for field in LABELS}
        self._buffered_bytes = 0

    def _opened(self) -> h5py.File:
        if self._file is None:
            raise PackError(f"{self.path} is not open for writing: use `with PackWriter(...) as writer`.")
        return self._file

    @contextlib.contextmanager
    def _writing(self) -> Any:
        """Turns a failed write into one sentence and leaves no temporary file."""
        try:
            yield
        except (OSError, RuntimeError) as error:  # HDF5 reports a full disk as either
            self._discard()
            raise PackError(
                f"{self.path} could not be written ({error}); free space on that disk or choose another "
                "folder. Nothing already there was changed."
            ) from error

    def _discard(self) -> None:
        if self._file is not None:
            # A close that fails for want of space is not news: the reason is already being raised.
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                self._file.close()
            self._file = None
        self._partial.unlink(missing_ok=True)

    def _remove_stale(self) -> None:
        """Removes what killed writers of this pack left; a living one touches its file every few seconds."""
        for left in self.path.parent.glob(f".{self.path.name}.*.partial"):
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                    left.unlink()


def _extend(dataset: h5py.Dataset, rows: NDArray[Any]) -> None:
    start = dataset.shape[0]
    dataset.resize(start + len(rows), axis=0)
    dataset[start:] = rows
