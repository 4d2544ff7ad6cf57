"""What the file says about itself, so that whoever runs it needs neither this package nor its documentation."""

import json
from typing import Any

from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from maflab.body.joints import SMPL24, SPIN49
from maflab.body.subset import FoldedBody
from maflab.geometry.cameras import CROP_PIXELS, FOCAL_LENGTH
from maflab.models.recovery import MeshRecovery

FORMAT = 1
_OUTPUTS = {
    "rotations": "(B, 24, 3, 3) local joint rotations, root first; the root's takes the body into camera axes",
    "betas": "(B, 10) shape coefficients of the body",
    "camera": "(B, 3) weak perspective s, tx, ty of the crop",
    "points": "(B, P, 3) vertices `point_vertices` of the body, or, where these are lists, sums of those vertices by "
    "their `point_weights`; metres, before the camera's translation",
    "keypoints_3d": "(B, 49, 3) `keypoints` of the body, metres, before the camera's translation",
    "keypoints_2d": "(B, 49, 2) projected, crop coordinates: -1 and 1 are the centres of the border pixels",
}
_FRAME = "x right, y down, z forward; metres; translation = (tx, ty, 2 f / (c s)) with f and c as in `camera_model`"


def metadata(model: MeshRecovery, size: int, checkpoint: str, all_iterations: bool) -> dict[str, str]:
    """Entries of the model's metadata; every value but plain text is JSON.

    Args:
        model: that is exported. size: side of its crops in pixels. checkpoint: name of the file it came from.
        all_iterations: whether outputs have an axis of T estimates after the batch.
    """
    body = model.body
    preprocessing = {
        "colour": "RGB",
        "layout": "NCHW",
        "size": size,
        "scale": 1 / 255,
        "mean": list(IMAGENET_DEFAULT_MEAN),
        "std": list(IMAGENET_DEFAULT_STD),
    }
    outputs = _OUTPUTS
    if all_iterations:
        outputs = {name: text.replace("(B,", "(B, T,", 1) for name, text in _OUTPUTS.items()}
    entries: dict[str, Any] = {
        "maflab_format": FORMAT,
        "checkpoint": checkpoint,
        "preprocessing": preprocessing,
        "frame": _FRAME,
        "camera_model": {"f": FOCAL_LENGTH, "c": CROP_PIXELS},
        "outputs": outputs,
        "estimates": model.maf.iterations + 1 if all_iterations else 1,
        "joints": list(SMPL24.names),
        "parents": body.parents,
        "keypoints": list(SPIN49.names),
        **_points(model.maf.folded),
        "body": body.name,
        "body_gender": body.gender,
        "body_licence": body.licence,
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in entries.items()}


def _points(folded: FoldedBody) -> dict[str, Any]:
    """Which vertices the points are; those of a published network are weighted sums of some."""
    if folded.vertices_a_point is None:
        return {"point_vertices": folded.indices.tolist()}
    rows = folded.combination()
    spans = list(zip(rows.indptr[:-1], rows.indptr[1:], strict=True))
    return {
        "point_vertices": [rows.indices[first:last].tolist() for first, last in spans],
        "point_weights": [rows.data[first:last].tolist() for first, last in spans],
    }
