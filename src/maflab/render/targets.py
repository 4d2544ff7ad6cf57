"""The auxiliary head's labels, rendered from a body: which part each pixel shows, and where on it."""

import torch
from torch import Tensor

from maflab.body.model import BodyModel
from maflab.geometry.cameras import camera_translation
from maflab.render.raycast import Hits, RayCaster
from maflab.render.warp_runtime import load_kernels, start_warp, torch_stream
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
    caster: RayCaster,
    body: BodyModel,
    vertices: Tensor,
    camera: Tensor,
    valid: Tensor,
    size: int = 56,
    root: Tensor | None = None,
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
        root: (B, 3) the pelvis, metres, body frame. Where it is given, normals and depth behind it are rendered too.

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
    device = vertices.device
    part = torch.zeros(shape, dtype=torch.int64, device=device)
    u, v = torch.zeros(shape, device=device), torch.zeros(shape, device=device)
    surface = None if root is None else torch.zeros((len(vertices), 4, size, size), device=device)
    if len(rows):
        hits = caster.cast_crop(vertices[rows], camera[rows], size)
        _label(hits, rows, body, (part, u, v))
        if surface is not None and root is not None:
            surface[rows] = surface_maps(hits, body.faces, vertices[rows], camera[rows], root[rows])
    return AuxiliaryTargets(part, u, v, kept.to(torch.float32), surface)


def surface_maps(hits: Hits, faces: Tensor, vertices: Tensor, camera: Tensor, root: Tensor) -> Tensor:
    """
    How the surface that each pixel shows is turned, and how far behind the pelvis it lies.

    Convention: camera frame x right, y down, z forward. The normal is the met triangle's, turned towards the camera.

    Args:
        hits: of `RayCaster.cast_crop`, (B, h, w).
        faces: (F, 3).
        vertices: (B, V, 3) metres, body frame.
        camera: (B, 3) weak perspective s, tx, ty.
        root: (B, 3) the pelvis, metres, body frame.

    Returns:
        (B, 4, h, w) float32: unit normal, then depth in metres; 0 where nothing is met.
    """
    met = hits.face >= 0
    corners = faces[hits.face.clamp(min=0)]  # (B, h, w, 3)
    item = torch.arange(len(vertices), device=vertices.device).view(-1, 1, 1)
    a, b, c = (vertices[item, corners[..., k]].float() for k in range(3))
    normal = torch.linalg.cross(b - a, c - a)
    # Half a crop is under three degrees wide, so "towards the camera" is the sign of z.
    normal = torch.nn.functional.normalize(normal, dim=-1) * torch.where(normal[..., 2:] > 0, -1.0, 1.0)
    pelvis = root[:, 2] + camera_translation(camera.float())[:, 2]
    depth = torch.where(met, hits.depth, 0) - pelvis.view(-1, 1, 1)
    return (torch.cat((normal, depth[..., None]), dim=-1) * met[..., None]).permute(0, 3, 1, 2)


def _label(hits: Hits, rows: Tensor, body: BodyModel, maps: tuple[Tensor, Tensor, Tensor]) -> None:
    """Write part, U and V of the pixels that met the body into the given rows of the maps.

    One kernel rather than a chain of gathers: on a busy machine each of torch's parallel operations waits a time
    slice for its slowest thread.
    """
    device = str(hits.face.device)
    wp, kernels = start_warp(), load_kernels("kernels", device)
    inputs = [
        wp.from_torch(hits.face),
        wp.from_torch(hits.barycentric, dtype=wp.vec3),
        wp.from_torch(rows),
        wp.from_torch(body.face_parts.contiguous()),
        wp.from_torch(body.face_uv.float().contiguous(), dtype=wp.vec2),
    ]
    outputs = [wp.from_torch(one) for one in maps]
    with torch_stream(hits.face.device):
        wp.launch(kernels.label_pixels, dim=tuple(hits.face.shape), inputs=inputs, outputs=outputs, device=device)
