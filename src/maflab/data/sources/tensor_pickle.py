"""Pickles whose arrays are PyTorch's tensors, read as numpy arrays, without running what they may ask for.

`pickle.dump` of a tensor writes its storage as a file of torch's own inside the pickle; torch's weights-only reader,
which runs nothing either, opens that.
"""

import io
import pickle
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from maflab.array_pickle import ArrayUnpickler


def _storage(content: bytes) -> Any:
    """torch.storage._load_from_bytes, by the weights-only reader."""
    try:
        storage = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise pickle.UnpicklingError(f"a tensor's storage ({str(error).splitlines()[0]})") from error
    if not isinstance(storage, torch.storage.TypedStorage):
        raise pickle.UnpicklingError(f"a {type(storage).__name__} as a tensor's storage")
    return storage


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> NDArray[Any]:
    """torch._utils._rebuild_tensor_v2, as an array."""
    if not isinstance(storage, torch.storage.TypedStorage):
        raise pickle.UnpicklingError("a tensor without a storage")
    size, stride = tuple(size), tuple(stride)
    empty = torch.empty(0, dtype=storage.dtype)
    if 0 in size:
        return np.array(empty.reshape(size).numpy())
    content = storage._untyped_storage
    last = offset + sum(step * (length - 1) for length, step in zip(size, stride, strict=True))
    if min(offset, *size, *stride, 0) < 0 or (last + 1) * empty.element_size() > len(content):
        raise pickle.UnpicklingError("a tensor larger than its storage")  # torch would enlarge the storage
    return np.array(empty.set_(content, offset, size, stride).numpy())


def _parameter(array: Any, *_: Any) -> Any:
    """torch._utils._rebuild_parameter."""
    return array


def _ordered(*_: Any) -> dict[str, Any]:
    """collections.OrderedDict: a tensor's hooks, which are dropped."""
    return {}


_KNOWN = {
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch.storage", "_load_from_bytes"): _storage,
    ("collections", "OrderedDict"): _ordered,
}


class TensorUnpickler(ArrayUnpickler):
    """Knows plain values, numpy's arrays and PyTorch's dense tensors on any device, which it gives as arrays."""

    def find_class(self, module: str, name: str) -> Any:
        return _KNOWN[module, name] if (module, name) in _KNOWN else super().find_class(module, name)
