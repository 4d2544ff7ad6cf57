"""Colours of what the rays met: smooth normals, an ambient and any number of directional lights, a highlight."""

from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor

from maflab.render.raycast import Hits
from maflab.render.warp_runtime import load_kernels, start_warp, torch_stream


class Lights(NamedTuple):
    """Lights of each picture, in the camera frame (x right, y down, z forward)."""

    ambient: Tensor  # (B, 3) RGB added everywhere
    directions: Tensor  # (B, L, 3) towards the light, of any length but zero
    colours: Tensor  # (B, L, 3) RGB of each directional light


def studio_lights(batch: int, device: torch.device | str = "cpu") -> Lights:
    """A key light from the upper left behind the camera, a weaker fill from the right, and some ambient."""
    directions = torch.tensor([[-0.6, -0.8, -1.0], [1.0, -0.1, -0.7]], device=device)
    colours = torch.tensor([[0.62, 0.61, 0.58], [0.20, 0.22, 0.26]], device=device)
    ambient = torch.full((batch, 3), 0.28, device=device)
    return Lights(ambient, directions.expand(batch, -1, -1), colours.expand(batch, -1, -1))


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """
    Unit normals of the vertices: the normals of the triangles around each, weighted by their areas.

    Args:
        vertices: (B, V, 3) in any unit and frame.
        faces: (F, 3) integers, counter-clockwise seen from outside in a right-handed frame.

    Returns:
        (B, V, 3) outward unit vectors; zero where a vertex has no triangle of any area.
    """
    points = vertices.detach().float().contiguous()
    total = torch.zeros_like(points)
    if points.numel() and len(faces):
        wp, kernels, device = _kernels(points.device)
        normals = wp.from_torch(total, dtype=wp.vec3)
        corners = wp.from_torch(faces.int().contiguous())
        inputs = [wp.from_torch(points, dtype=wp.vec3), corners]
        with torch_stream(points.device):
            wp.launch(
                kernels.add_face_normals, dim=(len(points), len(faces)), inputs=inputs, outputs=[normals], device=device
            )
            wp.launch(kernels.normalise, dim=normals.shape, inputs=[normals], device=device)
    return total


class Fragments(NamedTuple):
    """The pixels that met a mesh, in one list, so that shading never visits the background."""

    item: Tensor  # (N,) int64 picture in the batch
    pixel: Tensor  # (N,) int64 index into the flattened (B, H, W)
    corners: Tensor  # (N, 3) int64 vertices of the triangle met
    weights: Tensor  # (N, 3) barycentric coordinates


def fragments(hits: Hits, faces: Tensor) -> Fragments:
    """List the pixels of `hits` (B, H, W) that met one of the triangles (F, 3)."""
    flat = hits.face.reshape(-1)
    pixel = (flat >= 0).nonzero()[:, 0]
    item = pixel // (hits.face.shape[1] * hits.face.shape[2])
    corners = faces.long()[flat[pixel]]
    return Fragments(item, pixel, corners, hits.barycentric.reshape(-1, 3)[pixel])


def interpolate(at: Fragments, values: Tensor) -> Tensor:
    """Values of the vertices, (B, V, C) or (V, C), at the fragments: (N, C)."""
    table = (values if values.ndim == 3 else values[None]).detach().float().contiguous()
    result = torch.empty((len(at.item), table.shape[2]), device=table.device)
    if len(at.item):
        wp, kernels, device = _kernels(table.device)
        inputs = [wp.from_torch(at.item), wp.from_torch(at.corners), wp.from_torch(at.weights, dtype=wp.vec3)]
        inputs.append(wp.from_torch(table))
        with torch_stream(table.device):
            wp.launch(
                kernels.interpolate, dim=len(at.item), inputs=inputs, outputs=[wp.from_torch(result)], device=device
            )
    return result


@torch.no_grad()
def shade(
    hits: Hits,
    faces: Tensor,
    vertices: Tensor,
    colours: Tensor,
    lights: Lights,
    *,
    background: Tensor | None = None,
    specular: float = 0.0,
    shininess: float = 20.0,
    normals: Tensor | None = None,
) -> Tensor:
    """
    Light what each pixel sees: colour × (ambient + Σ light × max(0, n·l)) + specular × Σ light × max(0, n·h)^shininess.

    Source: Blinn, "Models of light reflection for computer synthesized pictures", 1977; h halves the angle between the
    light and the viewer, who is taken to stand at -z of every point (exact for distant cameras such as a crop's).

    Args:
        hits: of (B, H, W) pixels.
        faces: (F, 3) the triangles that were cast, counter-clockwise seen from outside.
        vertices: (B, V, 3) the mesh that was cast, in the camera's axes (its translation does not matter).
        colours: RGB albedo in [0, 1] of the vertices, (B, V, 3) or (V, 3), or of the fragments that
            `fragments(hits, faces)` lists, (N, 3), for textures.
        lights: of the B pictures.
        background: (B, H, W, 3) or anything that broadcasts to it, shown where nothing is met; zero by default.
        specular: strength of the highlight, 0 for none.
        shininess: exponent of the highlight.
        normals: (B, V, 3) instead of `vertex_normals`.

    Returns:
        (B, H, W, 3) float32 RGB, not clipped: values beyond 1 are overexposed.

    Raises:
        ValueError: the colours fit neither the vertices nor the fragments.
    """
    at = fragments(hits, faces)
    picture = torch.zeros((*hits.face.shape, 3), device=hits.face.device)
    if background is not None:
        picture.copy_(background)
    albedo = _albedo(at, colours, vertices.shape)
    if len(at.item):
        normal = interpolate(at, vertex_normals(vertices, faces) if normals is None else normals)
        wp, kernels, device = _kernels(picture.device)
        rgb = [normal, albedo, *lights]
        inputs = [wp.from_torch(at.item), wp.from_torch(at.pixel)]
        inputs += [wp.from_torch(one.float().contiguous(), dtype=wp.vec3) for one in rgb]
        inputs += [float(specular), float(shininess)]
        outputs = [wp.from_torch(picture.view(-1, 3), dtype=wp.vec3)]
        with torch_stream(picture.device):
            wp.launch(kernels.light, dim=len(at.item), inputs=inputs, outputs=outputs, device=device)
    return picture


def _kernels(device: torch.device) -> tuple[ModuleType, ModuleType, str]:
    return start_warp(), load_kernels("shading_kernels", str(device)), str(device)


def _albedo(at: Fragments, colours: Tensor, mesh: torch.Size) -> Tensor:
    if colours.shape == mesh or colours.shape == mesh[1:]:
        return interpolate(at, colours)
    if colours.shape == (len(at.item), 3):
        return colours
    raise ValueError(
        f"colours must be {tuple(mesh)} or {tuple(mesh[1:])} for the vertices or ({len(at.item)}, 3) for the "
        f"pixels that met the mesh, got {tuple(colours.shape)}."
    )
