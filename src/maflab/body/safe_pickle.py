"""Read SMPL's pickles without chumpy and without running what a pickle may ask for.

To the plain arrays of `maflab.array_pickle` this adds scipy's sparse matrices and chumpy's arrays, both as stand-ins
that keep the numbers and drop the rest, and what old protocols call to rebuild those.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from maflab.array_pickle import ArrayUnpickler, PickleError, plain, unpickle
from maflab.body.arrays import BodyFileError


class _ChumpyArray:
    """Stands in for chumpy.ch.Ch: whatever state it is given, the array under `x` is what counts."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(plain(state))

    def numbers(self) -> np.ndarray:
        """The array; for a reordered one (chumpy.reordering.Select) the chosen entries of it."""
        value = self.__dict__.get("a", self.__dict__.get("x"))
        array = value.numbers() if isinstance(value, _ChumpyArray) else np.asarray(value)
        if "idxs" not in self.__dict__:
            return array
        chosen = array.ravel()[np.asarray(self.__dict__["idxs"])]
        shape = self.__dict__.get("preferred_shape")
        return chosen if shape is None else chosen.reshape(tuple(shape))


class _SparseStandIn:
    """Takes the state of a sparse matrix of any scipy version, whose private names moved over the years."""

    kind = "csc"

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(plain(state))

    def matrix(self) -> scipy.sparse.csr_matrix:
        state = self.__dict__
        shape = state.get("_shape", state.get("shape"))
        if self.kind == "coo":
            rows, columns = state["coords"] if "coords" in state else (state["row"], state["col"])
            return scipy.sparse.csr_matrix((state["data"], (rows, columns)), shape=shape)
        build = scipy.sparse.csc_matrix if self.kind == "csc" else scipy.sparse.csr_matrix
        return scipy.sparse.csr_matrix(build((state["data"], state["indices"], state["indptr"]), shape=shape))


class _CsrStandIn(_SparseStandIn):
    kind = "csr"


class _CooStandIn(_SparseStandIn):
    kind = "coo"


_SPARSE = {
    f"{kind}_{form}": stand_in
    for kind, stand_in in (("csc", _SparseStandIn), ("csr", _CsrStandIn), ("coo", _CooStandIn))
    for form in ("matrix", "array")
}


def _rebuild(kind: type, _base: type, _state: Any) -> Any:
    """What protocols 0 and 1 call to make an object; here it makes stand-ins only."""
    if kind not in (_ChumpyArray, *_SPARSE.values()):
        raise pickle.UnpicklingError(f"an object of {kind}")
    return kind()


class _Unpickler(ArrayUnpickler):
    def find_class(self, module: str, name: str) -> Any:
        parts = module.split(".")
        if parts[:2] == ["scipy", "sparse"] and name in _SPARSE:
            return _SPARSE[name]
        if parts[0] == "chumpy" and (parts[-1], name) in (("ch", "Ch"), ("reordering", "Select")):
            return _ChumpyArray
        if module in ("copy_reg", "copyreg") and name == "_reconstructor":
            return _rebuild
        if module in ("__builtin__", "builtins") and name == "object":
            return object
        return super().find_class(module, name)


def read_arrays(path: Path) -> dict[str, Any]:
    """The dictionary in a pickle, with arrays as numpy arrays and sparse matrices as csr.

    Raises BodyFileError when the file cannot be read, is damaged, or names anything but arrays.
    """
    try:
        content = unpickle(path, _Unpickler)
    except OSError as error:
        raise BodyFileError(f"cannot read {path}: {error}") from error
    except PickleError as error:
        raise BodyFileError(
            f"{path} was not loaded: {error}; download it again from where its licence is given"
        ) from error
    if not isinstance(content, dict):
        raise BodyFileError(f"{path} holds a {type(content).__name__}, not a body's dictionary of arrays")
    try:
        return {str(key): _numbers(value) for key, value in content.items()}
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise BodyFileError(f"{path} is damaged ({error}); download it again") from error


def _numbers(value: Any) -> Any:
    if isinstance(value, _ChumpyArray):
        return value.numbers()
    if isinstance(value, _SparseStandIn):
        return value.matrix()
    return np.array(value) if isinstance(value, np.ndarray) else value  # as it comes it may be read-only
