"""SMPL's files without SMPL: pickles of its form, made by the tests."""

import os
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from scipy.io import savemat
from smpl_standin import VERTICES, Ch, importable_chumpy, smpl_content, write_folder

from maflab.body.arrays import BodyFileError
from maflab.body.joints import LANDMARKS21, SMPL_PARENTS
from maflab.body.load import load_body
from maflab.body.safe_pickle import read_arrays


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_reads_arrays_sparse_matrices_and_chumpy(tmp_path: Path, protocol: int) -> None:
    content = {key: value for key, value in smpl_content().items() if key != "posedirs"}
    path = tmp_path / "small.pkl"
    with importable_chumpy():
        path.write_bytes(pickle.dumps(content, protocol=protocol))
    assert "chumpy" not in sys.modules
    found = read_arrays(path)
    for key, value in content.items():
        if isinstance(value, Ch):
            assert np.array_equal(found[key], value.x), key
        elif scipy.sparse.issparse(value):
            assert abs(found[key] - value).max() == 0
        else:
            assert np.array_equal(found[key], value), key


@pytest.mark.parametrize("form", ["csc_matrix", "csr_matrix", "coo_matrix", "csr_array"])
def test_reads_each_sparse_form(tmp_path: Path, form: str) -> None:
    matrix = getattr(scipy.sparse, form)(np.diag([1.0, 2.0, 3.0])[:, :2])
    (tmp_path / "m.pkl").write_bytes(pickle.dumps({"m": matrix}))
    found = read_arrays(tmp_path / "m.pkl")["m"]
    assert np.array_equal(found.toarray(), matrix.toarray())


def test_loads_a_body(tmp_path: Path) -> None:
    content = smpl_content()
    write_folder(tmp_path / "smpl", content)
    body = load_body("smpl", tmp_path)
    arrays = body.arrays
    assert (body.name, body.gender) == ("smpl", "neutral")
    assert "non-commercial" in body.licence
    assert tuple(arrays.parents) == SMPL_PARENTS
    assert np.allclose(arrays.template, content["v_template"].x, atol=1e-6)
    assert np.allclose(arrays.pose_dirs, content["posedirs"])
    assert arrays.extra_regressor.shape == (9, VERTICES)
    assert arrays.h36m_regressor[3, 3] == 1
    # smplx's table for SMPL: nose 332, right heel 6787.
    assert arrays.landmarks[LANDMARKS21.index("nose")] == 332
    assert arrays.landmarks[LANDMARKS21.index("right_heel")] == 6787
    assert arrays.landmarks[LANDMARKS21.index("left_big_toe")] == 3216


class Command:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch owned",)


class Evaluation:
    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("__import__('pathlib').Path('owned').touch()",)


@pytest.mark.parametrize("attack", [Command(), Evaluation(), types.SimpleNamespace(a=1)])
def test_anything_but_arrays_is_refused(attack: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps({"v_template": attack}))
    with pytest.raises(BodyFileError, match=r"bad\.pkl was not loaded: .*asks for more than arrays"):
        read_arrays(tmp_path / "bad.pkl")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("payload", [b"", b"nonsense", pickle.dumps({"a": np.zeros(9)})[:-20], pickle.dumps([1])])
def test_damaged_pickles_are_said_to_be(payload: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.pkl").write_bytes(payload)
    with pytest.raises(BodyFileError, match=r"bad\.pkl"):
        read_arrays(tmp_path / "bad.pkl")


def test_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BodyFileError) as caught:
        load_body("smpl", tmp_path, gender="female")
    message = str(caught.value)
    for said in (
        "SMPL_FEMALE.pkl",
        str(tmp_path / "smpl"),
        "https://smpl.is.tue.mpg.de",
        "licence",
        "body=anny",
    ):
        assert said in message


def test_missing_regressor_says_what_to_do(tmp_path: Path) -> None:
    write_folder(tmp_path / "smpl", smpl_content())
    (tmp_path / "smpl" / "J_regressor_h36m.npy").unlink()
    with pytest.raises(BodyFileError, match=r"J_regressor_h36m\.npy is missing: put it into .*smpl.*SPIN.*body=anny"):
        load_body("smpl", tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("v_template", np.zeros((10475, 3)), r"its v_template is float64 \(10475, 3\)"),  # SMPL-X
        ("weights", None, "it has no weights"),
        ("shapedirs", np.zeros((VERTICES, 3, 4)), "4 shape directions"),
        ("f", np.array([["a", "b", "c"]]), "its f is"),
    ],
)
def test_other_content_is_named(tmp_path: Path, key: str, value: np.ndarray | None, said: str) -> None:
    content = smpl_content()
    del content[key]
    write_folder(tmp_path / "smpl", content if value is None else {**content, key: value})
    with pytest.raises(BodyFileError, match=said):
        load_body("smpl", tmp_path)


def test_densepose_atlas_is_used_where_it_is(tmp_path: Path) -> None:
    """Charts repeat vertices, count from 1, list faces in another order and start them at another corner."""
    content = smpl_content()
    faces = content["f"].astype(int)
    path = write_folder(tmp_path / "smpl", content)
    generator = np.random.default_rng(1)
    order = generator.permutation(len(faces))
    charted_corners = np.roll(faces[order], 1, axis=1)
    uv = generator.random((charted_corners.size, 2))
    charts = {
        "All_vertices": charted_corners.reshape(1, -1) + 1,
        "All_Faces": np.arange(charted_corners.size).reshape(-1, 3) + 1,
        "All_FaceIndices": (order[:, None] % 24) + 1,
        "All_U_norm": uv[:, :1],
        "All_V_norm": uv[:, 1:],
    }
    savemat(path.parent / "UV_Processed.mat", charts)
    body = load_body("smpl", tmp_path)
    assert np.array_equal(body.face_parts.numpy(), np.arange(len(faces)) % 24 + 1)
    row = int(np.flatnonzero(order == 5)[0])
    assert np.allclose(body.face_uv[5].numpy(), np.roll(uv[3 * row : 3 * row + 3], -1, axis=0), atol=1e-6)
    (path.parent / "UV_Processed.mat").write_bytes(b"half")
    with pytest.raises(BodyFileError, match=r"UV_Processed\.mat is damaged"):
        load_body("smpl", tmp_path)
