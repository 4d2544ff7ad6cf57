"""SMPL's own files (gated; each user gets them under SMPL's licence) as BodyArrays."""

from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree
from smplx.vertex_ids import vertex_ids
from smplx.vertex_joint_selector import VertexJointSelector

from maflab.body.arrays import BodyArrays, BodyFileError, standing_rotations
from maflab.body.atlas import body_atlas
from maflab.body.densepose_file import NAME, read_densepose_atlas
from maflab.body.safe_pickle import read_arrays

LICENCE = "SMPL model licence (non-commercial), https://smpl.is.tue.mpg.de/modellicense.html"
_VERTICES = 6890
_MEANWHILE = "until then body=anny works without any download"

# The file names of SMPL 1.0.0 and 1.1.0 and of the smplx package, the newest first.
_NAMES = {
    "neutral": (
        "SMPL_NEUTRAL.pkl",
        "basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl",
        "basicModel_neutral_lbs_10_207_0_v1.0.0.pkl",
    ),
    "male": ("SMPL_MALE.pkl", "basicmodel_m_lbs_10_207_0_v1.1.0.pkl", "basicModel_m_lbs_10_207_0_v1.0.0.pkl"),
    "female": (
        "SMPL_FEMALE.pkl",
        "basicmodel_f_lbs_10_207_0_v1.1.0.pkl",
        "basicModel_f_lbs_10_207_0_v1.0.0.pkl",
    ),
}
_REGRESSORS = {"J_regressor_extra.npy": 9, "J_regressor_h36m.npy": 17}


def read_smpl_folder(folder: Path | str, gender: str) -> BodyArrays:
    """Find and read SMPL of a gender (`neutral`, `male`, `female`) in a folder, under any of its published names.

    Raises BodyFileError that says what is missing, where it goes and under which licence it is had.
    """
    folder = Path(folder)
    for name in _NAMES[gender]:
        if (folder / name).is_file():
            return read_smpl(folder / name, gender)
    raise BodyFileError(
        f"SMPL ({gender}) is not in {folder}: put {_NAMES[gender][0]} there "
        f"(also read: {', '.join(_NAMES[gender][1:])}); "
        f"it is had at https://smpl.is.tue.mpg.de (neutral: https://smplify.is.tue.mpg.de) under the {LICENCE}; "
        f"{_MEANWHILE}"
    )


def read_smpl(path: Path | str, gender: str) -> BodyArrays:
    """Read one of SMPL's `.pkl` files, the two joint regressors beside it, and DensePose's atlas if that is there.

    Args:
        path: the pickle; `J_regressor_extra.npy` (9, 6890) and `J_regressor_h36m.npy` (17, 6890) lie in its folder.
        gender: what the file is for.

    Raises:
        BodyFileError: a file is absent, damaged, or not a body of SMPL's shape.
    """
    path = Path(path)
    if not path.is_file():
        raise BodyFileError(f"there is no {path}; it is had under the {LICENCE}; {_MEANWHILE}")
    content = read_arrays(path)
    template = _array(content, "v_template", (_VERTICES, 3), path)
    faces = _array(content, "f", (None, 3), path).astype(np.int32)
    weights = _array(content, "weights", (_VERTICES, 24), path)
    shape_dirs = _array(content, "shapedirs", (_VERTICES, 3, None), path)[..., :10]
    if shape_dirs.shape[2] < 10:
        raise BodyFileError(f"{path} has {shape_dirs.shape[2]} shape directions, but ten are needed")
    joint_regressor = csr_matrix(content["J_regressor"]) if "J_regressor" in content else csr_matrix((0, 0))
    if joint_regressor.shape != (24, _VERTICES):
        raise BodyFileError(f"{path} is not SMPL: its J_regressor has the shape {joint_regressor.shape}")
    parents = _array(content, "kintree_table", (2, 24), path)[0].astype(np.int64)
    parents[0] = -1
    extra, h36m = (_regressor(path.parent / name, rows) for name, rows in _REGRESSORS.items())
    charts = path.parent / NAME
    if charts.is_file():
        face_parts, face_uv = read_densepose_atlas(charts, faces)
    else:
        face_parts, face_uv = body_atlas(template, faces, weights, joint_regressor @ template)
    return BodyArrays(
        name="smpl",
        gender=gender,
        licence=LICENCE,
        template=template.astype(np.float32),
        faces=faces,
        shape_dirs=shape_dirs.astype(np.float32),
        pose_dirs=_array(content, "posedirs", (_VERTICES, 3, 207), path).astype(np.float32),
        joint_regressor=joint_regressor,
        skin_weights=weights.astype(np.float32),
        parents=parents,
        extra_regressor=extra,
        h36m_regressor=h36m,
        landmarks=_landmarks(),
        face_parts=face_parts,
        face_uv=face_uv,
        mirror=cKDTree(template).query(template * (-1, 1, 1))[1].astype(np.int64),
        mean_rotations=standing_rotations(),
        mean_betas=np.zeros(10, np.float32),
    )


def _array(content: dict[str, Any], key: str, shape: tuple[int | None, ...], path: Path) -> np.ndarray:
    if key not in content:
        raise BodyFileError(f"{path} is not SMPL: it has no {key}")
    value = np.asarray(content[key])
    matches = value.ndim == len(shape) and all(
        want in (None, have) for want, have in zip(shape, value.shape, strict=True)
    )
    if not matches or value.dtype.kind not in "iuf":
        raise BodyFileError(f"{path} is not SMPL: its {key} is {value.dtype} {value.shape}, not {shape}")
    return value.astype(np.float64) if value.dtype.kind == "f" else value


def _regressor(path: Path, rows: int) -> csr_matrix:
    if not path.is_file():
        raise BodyFileError(
            f"{path.name} is missing: put it into {path.parent}; it comes with the data of SPIN "
            "(https://github.com/nkolot/SPIN, fetch_data.sh) for the same non-commercial research use as SMPL; "
            f"{_MEANWHILE}"
        )
    try:
        matrix = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BodyFileError(f"{path} is damaged ({error}); fetch it again") from error
    if matrix.shape != (rows, _VERTICES):
        raise BodyFileError(f"{path} has the shape {matrix.shape}, not {(rows, _VERTICES)}; fetch it again")
    return csr_matrix(matrix.astype(np.float64))


def _landmarks() -> np.ndarray:
    """(21,) smplx's landmark vertices of SMPL, in the order of LANDMARKS21."""
    return VertexJointSelector(vertex_ids["smplh"]).extra_joints_idxs.numpy()
