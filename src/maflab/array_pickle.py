"""Pickles of plain values and numpy arrays, read without running what a pickle may ask for.

A pickle is a program: it names functions and has them called. Here the only names are those that numpy's arrays are
rebuilt by, and each leads to a stand-in of ours, never to numpy itself: numpy's own constructors would take an array
of objects out of raw bytes, which is as good as running code. Other rooms add what their files hold
(`maflab.body.safe_pickle`, `maflab.data.sources.frame_pickle`).
"""

import codecs
import io
import pickle
import re
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

_PLAIN_TYPE = re.compile(r"[biufcSUO?]\d*")
_BYTE_ORDERS = ("<", ">", "|", "=")


class PickleError(Exception):
    """A pickle that is damaged or asks for more than arrays; the message says which, not which file."""


class ArrayUnpickler(pickle.Unpickler):
    """Knows numbers, texts, containers and numpy arrays and scalars, of Python 2 and 3 and of numpy 1 and 2."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")  # how Python 2's byte strings have to be read for numpy

    def find_class(self, module: str, name: str) -> Any:
        parts = module.split(".")
        if parts[0] == "numpy" and (parts[-1], name) in _KNOWN:
            return _KNOWN[parts[-1], name]
        if (module, name) == ("_codecs", "encode"):
            return _latin_1
        if module in ("__builtin__", "builtins") and name == "bytes":
            return _no_bytes
        raise pickle.UnpicklingError(f"{module}.{name}")


def unpickle(source: Path | bytes, unpickler: type[ArrayUnpickler] = ArrayUnpickler) -> Any:
    """What a pickle holds, with numpy arrays where it has arrays; they may be read-only.

    Args:
        source: a file, or the pickle itself.
        unpickler: which names it may use.

    Raises:
        PickleError: it is damaged, or names something unknown.
        OSError: the file cannot be opened.
    """
    try:
        if isinstance(source, bytes):
            return plain(unpickler(io.BytesIO(source)).load())
        with source.open("rb") as file:
            return plain(unpickler(file).load())
    except pickle.UnpicklingError as error:
        raise PickleError(f"it is damaged, or asks for more than arrays ({error})") from error
    except (ValueError, TypeError, LookupError, AttributeError, EOFError, OverflowError, RecursionError) as error:
        raise PickleError(f"it is damaged ({error})") from error


def plain(value: Any, done: dict[int, Any] | None = None) -> Any:
    """The value with the stand-ins of arrays inside it replaced by the arrays; what was shared stays shared.

    Args:
        value: what an unpickler gave. done: what was replaced before, by id.
    """
    done = {} if done is None else done
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, _Array):
        array = done[id(value)] = value.array
        if array.dtype.hasobject:
            for place, entry in enumerate(array.flat):
                array.flat[place] = plain(entry, done)
        return array
    if isinstance(value, dict):
        mapping = done[id(value)] = {}
        mapping.update((plain(key, done), plain(entry, done)) for key, entry in value.items())
        return mapping
    if isinstance(value, list):
        entries = done[id(value)] = []
        entries.extend(plain(entry, done) for entry in value)
        return entries
    if isinstance(value, tuple):
        return tuple(plain(entry, done) for entry in value)
    return value


class _ArrayType:
    """What the name numpy.ndarray leads to: an argument of `_reconstruct`, good for nothing else."""

    __slots__ = ()


class _Type:
    """Stands in for numpy.dtype: a plain type by its code, and the byte order that its state names."""

    def __init__(self, code: str, _align: Any = False, _copy: Any = False) -> None:
        if not isinstance(code, str) or not _PLAIN_TYPE.fullmatch(code):
            raise pickle.UnpicklingError(f"the array type {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, order, subarray, names, fields, *_ = state
        if order not in _BYTE_ORDERS or not (subarray is names is fields is None):
            raise pickle.UnpicklingError("an array of records")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """Stands in for numpy.ndarray while it is rebuilt; the array is under `array`."""

    def __init__(self) -> None:
        self.array: np.ndarray = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, kind, fortran, content = state
        order: Literal["C", "F"] = "F" if fortran else "C"
        dtype = _dtype_of(kind)
        if not dtype.hasobject:
            self.array = np.frombuffer(_as_bytes(content), dtype).reshape(shape, order=order)
            return
        if not isinstance(content, list):
            raise pickle.UnpicklingError("an array of objects without a list of them")
        flat = np.empty(len(content), object)
        for place, entry in enumerate(content):  # an assignment of them all would look into lists of equal length
            flat[place] = entry
        self.array = flat.reshape(shape, order=order)


def _reconstruct(kind: Any, _shape: Any, _code: Any) -> _Array:
    """numpy.core.multiarray._reconstruct, for plain arrays."""
    if kind is not _ArrayType:
        raise pickle.UnpicklingError(f"an array of the kind {kind}")
    return _Array()


def _scalar(kind: Any, content: Any = b"") -> Any:
    """numpy.core.multiarray.scalar."""
    dtype = _dtype_of(kind)
    return content if dtype.hasobject else np.frombuffer(_as_bytes(content), dtype)[0]


def _frombuffer(content: Any, kind: Any, shape: Any, order: Literal["C", "F"]) -> np.ndarray:
    """numpy.core.numeric._frombuffer, by which protocol 5 rebuilds arrays."""
    dtype = _dtype_of(kind)
    if dtype.hasobject:
        raise pickle.UnpicklingError("an array of objects out of bytes")
    return np.frombuffer(_as_bytes(content), dtype).reshape(shape, order=order)


def _dtype_of(kind: Any) -> np.dtype[Any]:
    if not isinstance(kind, _Type):
        raise pickle.UnpicklingError("an array without a type")
    return kind.dtype


def _as_bytes(content: Any) -> bytes | bytearray:
    if isinstance(content, str):  # Python 2's byte strings
        return codecs.latin_1_encode(content)[0]
    if not isinstance(content, bytes | bytearray):
        raise pickle.UnpicklingError(f"an array out of {type(content).__name__}")
    return content


def _latin_1(text: str, encoding: str) -> bytes:
    """Protocol 2 writes the bytes of arrays as `_codecs.encode(text, 'latin1')`; no other codec is let through."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"the codec {encoding!r}")
    return codecs.latin_1_encode(text)[0]


def _no_bytes() -> bytes:
    """How old protocols write the bytes of an empty array."""
    return b""


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _ArrayType,
    ("numpy", "dtype"): _Type,
    ("multiarray", "_reconstruct"): _reconstruct,
    ("multiarray", "scalar"): _scalar,
    ("numeric", "_frombuffer"): _frombuffer,
}
