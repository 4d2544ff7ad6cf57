"""The arrays of a glTF document, laid one after the other in its buffer, and the binary file that holds both.

Source: Khronos, glTF 2.0 specification, sections 3.6 (binary data) and 4 (GLB).
"""

import shutil
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pygltflib import GLTF2, Accessor, Buffer, BufferView

_FLOAT, _BYTE, _SHORT, _INT = 5126, 5121, 5123, 5125
_COMPONENTS = {"float32": _FLOAT, "uint8": _BYTE, "uint16": _SHORT, "uint32": _INT}
_KINDS = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
# What a buffer view is for; animations and matrices have no target.
VERTICES, INDICES = 34962, 34963


class GlbBuffer:
    """Writes arrays into a document's one buffer, which is a file: what was written is not kept in memory.

    Args:
        document: gets the accessors and views; the buffer itself when it is saved.
        file: empty, open for reading and writing.
    """

    def __init__(self, document: GLTF2, file: BinaryIO) -> None:
        self._document = document
        self._file = file
        self._length = 0

    def add(self, values: NDArray, target: int | None = None, bounds: bool = False) -> int:
        """The accessor's index of an array (N, ...), whose type says the component's and whose shape the kind's.

        Args:
            values: float32, uint8, uint16 or uint32; matrices are written by columns, as glTF has them.
            target: VERTICES, INDICES or None.
            bounds: whether smallest and largest values are written: positions and time stamps need them.
        """
        index = self._append(len(values), values.shape[1:], values.dtype.name, target)
        self.fill(index, 0, np.swapaxes(values, 1, 2) if values.ndim == 3 else values)
        if bounds:
            accessor = self._document.accessors[index]
            accessor.min = np.atleast_1d(values.min(0)).tolist()
            accessor.max = np.atleast_1d(values.max(0)).tolist()
        return index

    def reserve(self, count: int, width: int) -> int:
        """The accessor's index of an array (count, width) of float32 that `fill` brings piece by piece."""
        return self._append(count, (width,), "float32", None)

    def fill(self, accessor: int, first: int, values: NDArray) -> None:
        """Write some rows of an array, from its row `first` on."""
        data = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
        view = self._document.bufferViews[self._document.accessors[accessor].bufferView]
        self._file.seek(view.byteOffset + first * (data.nbytes // max(len(data), 1)))
        self._file.write(data.tobytes())

    def save(self, path: Path) -> None:
        """Write the document and its buffer into a `.glb`."""
        self._document.buffers.append(Buffer(byteLength=self._length))
        text = self._document.gltf_to_json(separators=(",", ":"), indent=None).encode("utf-8")
        text += b" " * (-len(text) % 4)
        with path.open("wb") as file:
            file.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + self._length))
            file.write(struct.pack("<I4s", len(text), b"JSON") + text)
            file.write(struct.pack("<I4s", self._length, b"BIN\0"))
            self._file.truncate(self._length)  # with the last array's padding
            self._file.seek(0)
            shutil.copyfileobj(self._file, file)

    def _append(self, count: int, shape: tuple[int, ...], kind: str, target: int | None) -> int:
        size = count * int(np.prod(shape)) * np.dtype(kind).itemsize
        self._document.bufferViews.append(BufferView(buffer=0, byteOffset=self._length, byteLength=size, target=target))
        self._length += size + -size % 4
        view = len(self._document.bufferViews) - 1
        self._document.accessors.append(
            Accessor(bufferView=view, componentType=_COMPONENTS[kind], count=count, type=_KINDS[shape])
        )
        return len(self._document.accessors) - 1
