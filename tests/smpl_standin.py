"""SMPL's files without SMPL: pickles of its form, made here, with chumpy's classes faked while they are written."""

import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from maflab.body.joints import SMPL_PARENTS

VERTICES = 6890


class Ch:
    """What chumpy's array class looks like to pickle: a plain object with its array under `x`."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x
        self._dirty_vars = ["x"]


Ch.__module__ = "chumpy.ch"


@contextmanager
def importable_chumpy() -> Iterator[None]:
    """chumpy can be imported inside the block: when writing, not when reading."""
    package, module = types.ModuleType("chumpy"), types.ModuleType("chumpy.ch")
    module.Ch = package.Ch = Ch  # type: ignore[attr-defined]
    sys.modules |= {"chumpy": package, "chumpy.ch": module}
    try:
        yield
    finally:
        del sys.modules["chumpy"], sys.modules["chumpy.ch"]


def smpl_content() -> dict[str, Any]:
    """What the pickle holds, with SMPL's keys, shapes and types, and numbers of no meaning."""
    generator = np.random.default_rng(0)
    template = generator.normal(size=(VERTICES, 3)) * (0.4, 0.6, 0.1)
    faces = generator.permuted(np.tile(np.arange(VERTICES, dtype=np.uint32), (3, 1)), axis=1).T[:300]
    weights = np.eye(24)[np.arange(VERTICES) % 24]
    regressor = scipy.sparse.csc_matrix(np.eye(24, VERTICES))
    pose_dirs = np.zeros((VERTICES, 3, 207), np.float32)
    pose_dirs[:, 1, ::50] = 0.5
    parents = np.array(SMPL_PARENTS)
    parents[0] = 2**32 - 1  # as in SMPL's files
    return {
        "v_template": Ch(template),
        "f": faces,
        "shapedirs": Ch(np.arange(VERTICES * 30.0).reshape(VERTICES, 3, 10) * 1e-6),
        "posedirs": pose_dirs,
        "J_regressor": regressor,
        "weights": Ch(weights),
        "kintree_table": np.stack([parents, np.arange(24)]).astype(np.uint32),
        "bs_type": "lrotmin",
    }


def write_folder(folder: Path, content: dict[str, Any], protocol: int = 2, gender: str = "neutral") -> Path:
    """Writes the model of a gender and the two regressors beside it; returns the pickle's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"SMPL_{gender.upper()}.pkl"
    with importable_chumpy():
        path.write_bytes(pickle.dumps(content, protocol=protocol))
    np.save(folder / "J_regressor_extra.npy", np.full((9, VERTICES), 1 / VERTICES))
    np.save(folder / "J_regressor_h36m.npy", np.eye(17, VERTICES))
    return path
