"""Pictures for people to look at: a mesh over its crop, its side view, key points and part maps."""

import cv2
import numpy as np
import torch
from torch import Tensor

from maflab.geometry.cameras import CROP_PIXELS, FOCAL_LENGTH, camera_translation
from maflab.render.raycast import RayCaster
from maflab.render.shading import shade, studio_lights

Colour = tuple[float, float, float]
"""RGB in [0, 1]."""

BODY_COLOUR: Colour = (0.62, 0.78, 0.92)
BACKDROP: Colour = (0.95, 0.95, 0.95)
# Edges are smoothed by casting this many rays a pixel and direction.
_RAYS = 2
_FOCAL_RATIO = 10.0


def _part_colours() -> np.ndarray:
    """Twelve hues in two brightnesses; hues of consecutive parts, which often touch, are 150 degrees apart."""
    index = np.arange(24)
    hue = index * 5 % 12 * 15  # OpenCV halves degrees
    value = np.where(index < 12, 255, 150)
    hsv = np.stack([hue, np.full(24, 200), value], axis=-1).astype(np.uint8)
    rgb = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0]
    return np.concatenate([np.full((1, 3), 24, np.uint8), rgb])


part_colours: np.ndarray = _part_colours()
"""(25, 3) uint8 RGB, one a part; 0, the background, is dark."""


def part_picture(part: np.ndarray | Tensor) -> np.ndarray:
    """
    Colour a part map.

    Args:
        part: (h, w) integers 0..24.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        ValueError: a part is not in 0..24.
    """
    index = part.cpu().numpy() if isinstance(part, Tensor) else np.asarray(part)
    if index.ndim != 2 or (index.size and not 0 <= index.min() <= index.max() <= 24):
        raise ValueError("a part map is (h, w) and holds parts 0..24.")
    return part_colours[index]


def overlay_mesh(
    image: np.ndarray,
    caster: RayCaster,
    vertices: Tensor,
    camera: Tensor,
    colour: Colour = BODY_COLOUR,
    opacity: float = 1.0,
) -> np.ndarray:
    """
    Draw a shaded mesh over the crop it was estimated from.

    Args:
        image: (S, S, 3) uint8 RGB crop.
        caster: of the mesh's faces.
        vertices: (V, 3) metres, body frame.
        camera: (3,) weak perspective s, tx, ty.
        colour: albedo.
        opacity: of the mesh, in [0, 1].

    Returns:
        (S, S, 3) uint8 RGB, a new picture.

    Raises:
        ValueError: the picture is not a square uint8 RGB one, or `RayCaster.cast` refuses the mesh.
    """
    height = len(image)
    if image.shape != (height, height, 3) or image.dtype != np.uint8:
        raise ValueError(f"a crop is (S, S, 3) uint8, got {image.dtype} of {tuple(image.shape)}.")
    vertices = vertices.detach().float()
    points = vertices + camera_translation(camera.detach().float()[None])
    # _RAYS² rays a pixel, spread evenly about its centre: pixel i's are at i - 1/4 and i + 1/4 for two.
    size = height * _RAYS
    focal = FOCAL_LENGTH * (height - 1) / CROP_PIXELS * _RAYS
    rgb, cover = _shaded(caster, points, focal, (size, size), colour)
    cover = cover * opacity
    mixed = image.astype(np.float32) / 255 * (1 - cover) + rgb * opacity
    return _to_bytes(mixed)


def side_view(
    caster: RayCaster,
    vertices: Tensor,
    size: int,
    colour: Colour = BODY_COLOUR,
    background: Colour = BACKDROP,
) -> np.ndarray:
    """
    Draw the mesh as seen from its picture's right: turned by 90 degrees about the vertical axis, whole and centred.

    A person who faces the camera looks to the left here, towards where the camera stood.

    Args:
        caster: of the mesh's faces.
        vertices: (V, 3) metres, body frame.
        size: side of the picture in pixels.
        colour: albedo.
        background: colour behind the mesh.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    x, y, z = vertices.detach().float().unbind(-1)
    # Seen from +x looking along -x: what was depth runs to the right, what was right comes nearer.
    turned = torch.stack([z, y, -x], dim=-1)
    low, high = turned.amin(0), turned.amax(0)
    reach = float((high - low)[:2].amax()) * 1.1
    distance = _FOCAL_RATIO * max(reach, 1e-3)
    points = turned - (low + high) / 2
    points[:, 2] += distance
    rays = size * _RAYS
    rgb, cover = _shaded(caster, points, _FOCAL_RATIO * rays, (rays, rays), colour)
    return _to_bytes(np.array(background, np.float32) * (1 - cover) + rgb)


def draw_keypoints(
    image: np.ndarray, keypoints: np.ndarray | Tensor, colour: Colour = (1.0, 0.85, 0.1), threshold: float = 0.0
) -> np.ndarray:
    """
    Mark key points.

    Args:
        image: (H, W, 3) uint8 RGB crop.
        keypoints: (N, 3) x, y in crop coordinates [-1, 1] and confidence, or (N, 2).
        colour: of the dots.
        threshold: points of no more confidence than this are left out.

    Returns:
        (H, W, 3) uint8 RGB, a new picture.
    """
    points = keypoints.detach().cpu().numpy() if isinstance(keypoints, Tensor) else np.asarray(keypoints)
    height, width = image.shape[:2]
    picture = np.ascontiguousarray(image).copy()
    radius = max(height, width) / 90
    for point in points:
        if not np.isfinite(point).all() or (len(point) > 2 and point[2] <= threshold) or np.abs(point[:2]).max() > 2:
            continue
        # OpenCV takes fixed-point coordinates with 4 binary places.
        at = tuple(round(float(c + 1) / 2 * (n - 1) * 16) for c, n in zip(point[:2], (width, height), strict=True))
        for size, fill in ((radius + 1, (0, 0, 0)), (radius, tuple(255 * c for c in colour))):
            cv2.circle(picture, at, round(size * 16), fill, -1, cv2.LINE_AA, 4)
    return picture


def _shaded(
    caster: RayCaster, points: Tensor, focal: float, size: tuple[int, int], colour: Colour
) -> tuple[np.ndarray, np.ndarray]:
    """Colour (h, w, 3), black where nothing is, and cover (h, w, 1) of camera-frame points, _RAYS² rays averaged."""
    batch = points[None]
    hits = caster.cast(batch, focal, size)
    albedo = torch.tensor(colour, device=points.device).expand(len(points), 3)
    lights = studio_lights(1, points.device)
    picture = shade(hits, caster.faces_on(points.device), batch, albedo, lights, specular=0.12)[0]
    cover = (hits.face[0] >= 0).float()[..., None]
    both = torch.cat([picture.clamp(0, 1), cover], dim=-1).cpu().numpy()
    small = cv2.resize(both, (size[1] // _RAYS, size[0] // _RAYS), interpolation=cv2.INTER_AREA)
    return small[..., :3], small[..., 3:]


def _to_bytes(picture: np.ndarray) -> np.ndarray:
    return (picture * 255 + 0.5).clip(0, 255).astype(np.uint8)
