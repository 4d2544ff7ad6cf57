"""Label files of the `.npz` form: one array a kind of label, one row a person, read row by row in bounded memory."""

import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maflab.data.sources.person import SourceError

_ROWS_AT_ONCE = 512
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}

Row = Mapping[str, NDArray[Any]]


class _Header(NamedTuple):
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


class NpzLabels:
    """The arrays of a label file; at first only their shapes are read.

    Args:
        path: the file.
        counted: the key whose length is the number of people.

    Raises:
        SourceError: the file is missing, damaged, or has no such key.
    """

    def __init__(self, path: Path, counted: str = "imgname") -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if name.endswith(".npy")]
                self._headers = {name.removesuffix(".npy"): _header(archive, name) for name in names}
        except FileNotFoundError as error:
            raise SourceError(f"{path} is missing; put the label file there, or name another") from error
        except (zipfile.BadZipFile, OSError, ValueError, EOFError) as error:
            raise SourceError(f"{path} is damaged or no .npz file ({error}); fetch it again") from error
        if counted not in self._headers:
            raise SourceError(f"{path} has no {counted!r}; it has {', '.join(sorted(self._headers))}")
        shape = self._headers[counted].shape
        self._count = shape[0] if shape else 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: str) -> bool:
        return key in self._headers

    def shape(self, key: str) -> tuple[int, ...]:
        """The shape of one person's label."""
        return self._header(key).shape[1:]

    def check(self, key: str, *shapes: tuple[int, ...]) -> None:
        """Raises SourceError unless the key is there, plain, one row a person, and of one of the shapes.

        Args:
            key: the label. shapes: what one person's may be; none given: any.
        """
        header = self._header(key)
        if header.dtype.hasobject:
            raise SourceError(
                f"{self.path}: {key!r} is an array of Python objects, which only running a pickle could read; "
                "save it again as a plain array"
            )
        if header.shape[:1] != (self._count,):
            raise SourceError(f"{self.path}: {key!r} has the shape {header.shape}, but there are {self._count} people")
        if shapes and header.shape[1:] not in shapes:
            wanted = " or ".join(str((self._count, *shape)) for shape in shapes)
            raise SourceError(f"{self.path}: {key!r} has the shape {header.shape}; this reader expects {wanted}")

    def rows(self, keys: Sequence[str]) -> Iterator[Row]:
        """One person after the other, as the named labels of that row; the file is read along with it.

        Raises SourceError for a key that is missing or has not one row a person, and if the file ends too early.
        """
        for key in keys:
            self.check(key)
        with ExitStack() as stack:
            archive = stack.enter_context(zipfile.ZipFile(self.path))
            columns = {key: self._column(stack.enter_context(archive.open(f"{key}.npy")), key) for key in keys}
            for start in range(0, self._count, _ROWS_AT_ONCE):
                count = min(_ROWS_AT_ONCE, self._count - start)
                try:
                    chunks = {key: column.read(count) for key, column in columns.items()}
                except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
                    raise SourceError(f"{self.path} is damaged near row {start} ({error}); fetch it again") from error
                for row in range(count):
                    yield {key: chunk[row] for key, chunk in chunks.items()}

    def _header(self, key: str) -> _Header:
        if key not in self._headers:
            raise SourceError(f"{self.path} has no {key!r}; it has {', '.join(sorted(self._headers))}")
        return self._headers[key]

    def _column(self, stream: IO[bytes], key: str) -> "_Column":
        header = _read_header(stream)
        return _Column(stream, header) if not header.fortran else _WholeColumn(stream, header)


def label_files(labels: Path) -> list[Path]:
    """The `.npz` files of a folder in order, or the one that is named. SourceError where there is none."""
    found = sorted(labels.glob("*.npz")) if labels.is_dir() else [labels] if labels.is_file() else []
    if not found:
        raise SourceError(f"{labels} is missing or holds no .npz; put the label files there, or name another folder")
    return found


class _Column:
    """The rows of one array, in the order they lie in the file."""

    def __init__(self, stream: IO[bytes], header: _Header) -> None:
        self._stream, self._header = stream, header

    def read(self, count: int) -> NDArray[Any]:
        """The next `count` rows."""
        shape = (count, *self._header.shape[1:])
        wanted = math.prod(shape) * self._header.dtype.itemsize
        content = self._stream.read(wanted)
        if len(content) < wanted:
            raise EOFError("it ends too early")
        return np.frombuffer(content, self._header.dtype).reshape(shape)


class _WholeColumn(_Column):
    """An array that lies column by column, which cannot be read row by row: it is read whole."""

    def __init__(self, stream: IO[bytes], header: _Header) -> None:
        super().__init__(stream, header)
        turned = _Column(stream, header._replace(shape=header.shape[::-1]))
        self._array = turned.read(header.shape[-1]).T
        self._next = 0

    def read(self, count: int) -> NDArray[Any]:
        self._next += count
        return self._array[self._next - count : self._next]


def _header(archive: zipfile.ZipFile, name: str) -> _Header:
    with archive.open(name) as stream:
        return _read_header(stream)


def _read_header(stream: IO[bytes]) -> _Header:
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"an array of format {version}")
    return _Header(*_HEADERS[version](stream))
