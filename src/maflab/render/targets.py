"""The auxiliary head's labels, rendered from a body: which part each pixel shows, and where on it."""

import torch
from torch import Tensor

from maflab.body.model import BodyModel
from maflab.render.raycast import RayCaster
from maflab.structures import AuxiliaryTargets

_MERGED_PARTS = (
    (1, 2),
    (3,),
    (4,),
    (5,),
    (6,),
    (7, 9),
    (8, 10),
    (11, 13),
    (12, 14),
    (15, 17),
    (16, 18),
    (19, 21),
    (20, 22),
    (23, 24),
)


def _annotation_classes() -> Tensor:
    classes = torch.zeros(25, dtype=torch.int64)
    for annotation, parts in enumerate(_MERGED_PARTS, start=1):
        classes[list(parts)] = annotation
    return classes


annotation_classes = _annotation_classes()
"""(25,) int64: the annotation class 0..14 of each part 0..24; 0 is background (Güler et al., DensePose, CVPR 2018)."""


@torch.no_grad()
def auxiliary_targets(
    caster: RayCaster, body: BodyModel, vertices: Tensor, camera: Tensor, valid: Tensor, size: int = 56
) -> AuxiliaryTargets:
    """
    Render part index, U and V of the bodies in their crops.

    The pixels are those of a map of `size` whose pixel i is at the crop coordinate 2 i / (size - 1) - 1.

    Args:
        caster: of the body's faces.
        body: gives the part of each triangle and the UV coordinates of its corners.
        vertices: (B, V, 3) metres, body frame.
        camera: (B, 3) weak perspective s, tx, ty.
        valid: (B,) numbers or booleans; samples that are 0 or have a scale s that is not positive are left as
            background and come out invalid. What their vertices and cameras hold does not matter.
        size: side of the maps in pixels.

    Returns:
        Maps (B, size, size) on the vertices' device.

    Raises:
        ValueError: a shape is wrong, or a valid sample is not finite.
    """
    if camera.shape != (len(vertices), 3) or valid.shape != (len(vertices),):
        raise ValueError(
            f"{len(vertices)} bodies need a camera ({len(vertices)}, 3) and a validity ({len(vertices)},), "
            f"got {tuple(camera.shape)} and {tuple(valid.shape)}."
        )
    if bool((valid.bool() & camera.isnan().any(1)).any()):
        raise ValueError("a valid sample has a camera that is NaN.")
    kept = valid.bool() & (camera[:, 0] > 0)
    rows = kept.nonzero()[:, 0]
    shape = (len(vertices), size, size)
    part = torch.zeros(shape, dtype=torch.int64, device=vertices.device)
    uv = torch.zeros((*shape, 2), device=vertices.device)
    if len(rows):
        hits = caster.cast_crop(vertices[rows], camera[rows], size)
        _, y, x = pixels = (hits.face >= 0).nonzero(as_tuple=True)
        face = hits.face[pixels]
        row = rows[pixels[0]]
        part[row, y, x] = body.face_parts.long()[face]
        corners = hits.barycentric[pixels]
        uv[row, y, x] = torch.bmm(corners[:, None], body.face_uv[face])[:, 0].clamp_(0, 1)
    return AuxiliaryTargets(part, uv[..., 0], uv[..., 1], kept.to(torch.float32))
