"""DataFrames pickled by pandas of six years are read alike, and a pickle that wants more than a frame runs nothing."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maflab.array_pickle import PickleError
from maflab.data.sources.frame_pickle import read_frame

FILES = Path(__file__).parent / "files"


@pytest.mark.parametrize("path", sorted(FILES.glob("frame_pandas_*.pkl")), ids=lambda path: path.stem)
def test_frames_of_other_pandas(path: Path) -> None:
    """Written by pandas 0.25 to 2.2 on Python 3.8 and 3.10, whose pickles pandas 3 may not read."""
    frame = read_frame(path)
    assert set(frame) == {
        "imgPath", "X", "camX", "camYaw", "isValid", "gender", "kid", "occlusion", "gt_joints_2d"
    }  # fmt: skip
    assert frame["imgPath"] == ["ag_a_00001.png", "ag_b_00002.png"]
    assert frame["camX"] == [100.5, -7.0]
    assert frame["camYaw"] == [3, 4]
    assert frame["X"] == [[1.5, -2.0], [3.0]]
    assert frame["isValid"] == [[True, False], [True]]
    assert np.array_equal(frame["gt_joints_2d"][0][1], np.arange(90.0).reshape(45, 2) + 10)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_frames_of_the_installed_pandas(protocol: int, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    columns = {
        "imgPath": ["a.png", "b.png", "c.png"],
        "people": [[np.eye(3)], [], [np.ones(2), None]],
        "camX": [1.0, 2.0, 3.0],
        "camZ": [4.0, 5.0, 6.0],
        "flag": [True, False, True],
    }
    pandas.DataFrame(columns).to_pickle(tmp_path / "a.pkl", protocol=protocol)
    frame = read_frame(tmp_path / "a.pkl")
    assert list(frame) != []
    for name in ("imgPath", "camX", "camZ", "flag"):
        assert frame[name] == columns[name], name
    assert np.array_equal(frame["people"][0][0], np.eye(3))
    assert frame["people"][2][1] is None


class Command:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("owned",)


def test_a_frame_that_runs_something_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame({"imgPath": ["a.png"], "people": [Command()]}).to_pickle(tmp_path / "a.pkl")
    with pytest.raises(PickleError, match=r"builtins\.print"):
        read_frame(tmp_path / "a.pkl")
    pandas.Series([1]).to_pickle(tmp_path / "series.pkl")
    with pytest.raises(PickleError, match="Series"):
        read_frame(tmp_path / "series.pkl")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "name",
    [b"pandas.io.common\nurlopen", b"pandas\neval", b"pandas\nread_pickle", b"pandas.core.frame\nDataFrame.eval"],
)
def test_functions_of_pandas_are_refused(name: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02c" + name + b"\nX\x03\x00\x00\x001+1\x85R.")
    with pytest.raises(PickleError, match="asks for more"):
        read_frame(tmp_path / "a.pkl")


def test_what_is_no_frame_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"imgPath": ["a.png"]}))
    with pytest.raises(PickleError, match="holds a dict, not a pandas DataFrame"):
        read_frame(tmp_path / "a.pkl")
    # A frame whose state is not one.
    (tmp_path / "b.pkl").write_bytes(b"\x80\x02cpandas.core.frame\nDataFrame\n)\x81}b.")
    with pytest.raises(PickleError, match="damaged or of an unknown layout"):
        read_frame(tmp_path / "b.pkl")
