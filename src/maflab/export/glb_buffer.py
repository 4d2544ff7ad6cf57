"""The arrays of a glTF document, laid one after the other in its buffer."""

import numpy as np
from numpy.typing import NDArray
from pygltflib import GLTF2, Accessor, Buffer, BufferView

_FLOAT, _BYTE, _SHORT, _INT = 5126, 5121, 5123, 5125
_COMPONENTS = {"float32": _FLOAT, "uint8": _BYTE, "uint16": _SHORT, "uint32": _INT}
_KINDS = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
# What a buffer view is for; animations and matrices have no target.
VERTICES, INDICES = 34962, 34963


class GlbBuffer:
    """Appends arrays to a document's one buffer.

    Args:
        document: gets the accessors and views; the buffer itself when `finish` is called.
    """

    def __init__(self, document: GLTF2) -> None:
        self._document = document
        self._pieces: list[bytes] = []
        self._length = 0

    def add(self, values: NDArray, target: int | None = None, bounds: bool = False) -> int:
        """The accessor's index of an array (N, ...), whose type says the component's and whose shape the kind's.

        Args:
            values: float32, uint8, uint16 or uint32; matrices are written by columns, as glTF has them.
            target: VERTICES, INDICES or None.
            bounds: whether smallest and largest values are written: positions and time stamps need them.
        """
        content = np.swapaxes(values, 1, 2) if values.ndim == 3 else values
        data = np.ascontiguousarray(content).astype(content.dtype.newbyteorder("<")).tobytes()
        self._document.bufferViews.append(
            BufferView(buffer=0, byteOffset=self._length, byteLength=len(data), target=target)
        )
        padding = bytes(-len(data) % 4)
        self._pieces += [data, padding]
        self._length += len(data) + len(padding)
        accessor = Accessor(
            bufferView=len(self._document.bufferViews) - 1,
            componentType=_COMPONENTS[values.dtype.name],
            count=len(values),
            type=_KINDS[values.shape[1:]],
        )
        if bounds:
            accessor.min = np.atleast_1d(values.min(0)).tolist()
            accessor.max = np.atleast_1d(values.max(0)).tolist()
        self._document.accessors.append(accessor)
        return len(self._document.accessors) - 1

    def finish(self) -> None:
        """Give the document its buffer."""
        self._document.buffers.append(Buffer(byteLength=self._length))
        self._document.set_binary_blob(b"".join(self._pieces))
