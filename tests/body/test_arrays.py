"""The body file: what is written comes back, and what is broken is said."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import issparse

from maflab.body.arrays import BodyArrays, BodyFileError


@pytest.mark.parametrize("with_pose_dirs", [False, True])
def test_round_trip(tiny_arrays: BodyArrays, tmp_path: Path, with_pose_dirs: bool) -> None:
    arrays = tiny_arrays
    if with_pose_dirs:
        arrays = replace(arrays, pose_dirs=np.ones((len(arrays.template), 3, 207), np.float32))
    arrays.save(tmp_path / "deep" / "body.npz")
    again = BodyArrays.load(tmp_path / "deep" / "body.npz")
    for field in fields(BodyArrays):
        before, after = getattr(arrays, field.name), getattr(again, field.name)
        if issparse(before):
            assert (before != after).nnz == 0
            assert before.shape == after.shape
        elif isinstance(before, np.ndarray):
            assert before.dtype == after.dtype
            assert np.array_equal(before, after)
        else:
            assert before == after
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["body.npz"]


def test_same_arrays_same_bytes(tiny_arrays: BodyArrays, tmp_path: Path) -> None:
    for name in ("one.npz", "two.npz"):
        tiny_arrays.save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_absent_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(BodyFileError, match=r"there is no body file .*anny\.npz; run `python prepare\.py`"):
        BodyArrays.load(tmp_path / "anny.npz")


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "pickle", "missing", "version"])
def test_damaged_file_names_the_remedy(tiny_arrays: BodyArrays, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "anny.npz"
    tiny_arrays.save(path)
    whole = path.read_bytes()
    with np.load(path) as archive:
        content = {key: archive[key] for key in archive.files}
    if damage == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("not a body")
    elif damage == "pickle":
        np.savez(path, **{**content, "template": np.array([{}], object)}, allow_pickle=True)
    elif damage == "missing":
        del content["template"]
        np.savez(path, **content)
    else:
        np.savez(path, **{**content, "format": np.array(99)})
    with pytest.raises(BodyFileError, match=r"anny\.npz .*delete it and run again"):
        BodyArrays.load(path)


def test_failed_write_leaves_the_old_file(
    tiny_arrays: BodyArrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "body.npz"
    tiny_arrays.save(path)
    before = path.read_bytes()

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(BodyFileError, match="No space left on device"):
        tiny_arrays.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["body.npz"]
