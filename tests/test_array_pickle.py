"""Pickles as numpy writes them give numpy's arrays back; pickles that want more are refused and run nothing."""

import pickle
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maflab.array_pickle import PickleError, unpickle

ARRAYS: dict[str, Any] = {
    "doubles": np.arange(12.0).reshape(3, 4),
    "columns first": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "big-endian": np.arange(5, dtype=">i4"),
    "flags": np.array([True, False]),
    "texts": np.array(["a", "Bäume"]),
    "empty": np.zeros((0, 3)),
    "scalar": np.float32(1.5),
    "no axes": np.array(7),
}


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_come_back_as_they_were(protocol: int) -> None:
    found = unpickle(pickle.dumps(ARRAYS, protocol))
    assert found.keys() == ARRAYS.keys()
    for key, value in ARRAYS.items():
        assert type(found[key]) is type(value), key
        assert found[key].dtype == value.dtype, key
        assert np.array_equal(found[key], value), key
        assert found[key].shape == value.shape, key


@pytest.mark.parametrize("protocol", [2, 5])
def test_arrays_of_objects_hold_arrays(protocol: int) -> None:
    objects = np.empty((2, 2), object)
    objects[0, 0], objects[0, 1], objects[1, 0] = np.arange(3), [np.eye(2), "text"], {"pose": np.ones(72)}
    found = unpickle(pickle.dumps({"objects": objects}, protocol))["objects"]
    assert found.shape == (2, 2)
    assert found[1, 1] is None
    assert np.array_equal(found[0, 0], np.arange(3))
    assert np.array_equal(found[0, 1][0], np.eye(2))
    assert found[0, 1][1] == "text"
    assert np.array_equal(found[1, 0]["pose"], np.ones(72))


def test_what_is_shared_stays_shared() -> None:
    shared: list[Any] = [np.arange(3)]
    for _ in range(60):  # a copy of each mention would need 2^60 lists
        shared = [shared, shared]
    found = unpickle(pickle.dumps(shared))
    assert found[0] is found[1]


def test_reads_what_python_2_wrote() -> None:
    """A dictionary with an array and a byte string, as Python 2.7 and numpy 1.16 pickled it by protocol 2."""
    path = Path(__file__).parent / "data" / "sources" / "files" / "python2.pkl"
    found = unpickle(path)
    assert np.array_equal(found["poses"][0], np.arange(6.0).reshape(2, 3) / 10)
    assert np.array_equal(found["valid"], np.array([1, 0, 1]))
    assert found["sequence"] == "courtyard_golf_00"
    assert found["genders"] == ["m", "f"]


class Call:
    """Pickled as the call of a function with arguments."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


class OwnArray(np.ndarray):
    pass


@pytest.mark.parametrize(
    "attack",
    [
        Call(eval, "__import__('pathlib').Path('owned').touch()"),
        Call(getattr, "text", "format"),
        Call(np.ndarray, (1,), np.dtype(object), b"\x41" * 8),  # objects out of raw bytes
        Call(np.dtype, "O,i4"),
        Call(np.load, "file.npy", None, True),
        np.zeros(2, [("a", "f4")]),
        np.zeros(2).view(OwnArray),
        types.SimpleNamespace(a=1),
    ],
    ids=["eval", "getattr", "objects from bytes", "records", "np.load", "record array", "own class", "namespace"],
)
def test_what_is_no_array_is_refused(attack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for protocol in (2, 4, 5):
        with pytest.raises(PickleError):
            unpickle(pickle.dumps({"poses": attack}, protocol))
    assert list(tmp_path.iterdir()) == []


def test_a_type_with_forged_flags_makes_no_objects() -> None:
    """numpy would take the state of such a type at its word, and bytes for addresses of objects."""
    forged = (
        b"\x80\x02cnumpy\ndtype\n(X\x02\x00\x00\x00V8I00\nI01\ntR"
        b"(I3\nX\x01\x00\x00\x00|NX\x01\x00\x00\x00a\x85}X\x01\x00\x00\x00acnumpy\ndtype\n"
        b"(X\x01\x00\x00\x00OtRI0\n\x86sI8\nI1\nI0\ntb."
    )
    assert pickle.loads(forged).hasobject is False  # what makes it dangerous
    with pytest.raises(PickleError, match="array type 'V8'"):
        unpickle(forged)


@pytest.mark.parametrize("damage", [b"", b"text", pickle.dumps(ARRAYS)[:-30]])
def test_damage_is_said(damage: bytes) -> None:
    with pytest.raises(PickleError, match="damaged"):
        unpickle(damage)
