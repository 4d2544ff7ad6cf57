"""DensePose's own atlas of SMPL's mesh, for those who have its file."""

from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from maflab.body.arrays import BodyFileError

NAME = "UV_Processed.mat"


def read_densepose_atlas(path: Path, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parts and UV of SMPL's faces out of DensePose's `UV_Processed.mat` (Güler et al., 2018; CC BY-NC).

    The file repeats vertices along the charts' seams: `All_vertices` names each one's SMPL vertex (from 1),
    `All_Faces` indexes the repeated ones (from 1), `All_FaceIndices` gives each face's part, `All_U_norm` and
    `All_V_norm` each repeated vertex's coordinates.

    Args:
        path: the file. faces: (F, 3) SMPL's faces.

    Returns:
        (F,) uint8 parts and (F, 3, 2) float32 UV in the order of `faces` and of their corners.

    Raises BodyFileError when the file is damaged or is not about these faces.
    """
    remedy = "fetch it again from DensePose's UV data, or remove it: an atlas is then computed"
    try:
        content = loadmat(path)
        original = content["All_vertices"].ravel().astype(np.int64) - 1
        charted = content["All_Faces"].astype(np.int64) - 1  # (F, 3)
        parts = content["All_FaceIndices"].ravel()
        uv = np.stack([content["All_U_norm"].ravel(), content["All_V_norm"].ravel()], axis=-1)
        corners = original[charted]
    except (MatReadError, OSError, ValueError, KeyError, TypeError, IndexError, NotImplementedError) as error:
        raise BodyFileError(f"{path} is damaged ({error}); {remedy}") from error
    row_of = {tuple(sorted(face)): row for row, face in enumerate(corners.tolist())}
    rows = np.array([row_of.get(tuple(sorted(face)), -1) for face in faces.tolist()])
    if (rows < 0).any():
        raise BodyFileError(f"{path} does not describe SMPL's mesh ({(rows < 0).sum()} faces are not in it); {remedy}")
    # A face may start at another corner there.
    place = (corners[rows][:, None, :] == faces[:, :, None]).argmax(2)
    charted = np.take_along_axis(charted[rows], place, axis=1)
    return parts[rows].astype(np.uint8), uv[charted].clip(0, 1).astype(np.float32)
