"""One person as pixels: the body is dressed, cast and lit."""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from maflab.data.synthetic.chart import Chart
from maflab.data.synthetic.paint import colours, materials
from maflab.data.synthetic.people import Outfit
from maflab.data.synthetic.placement import Placement
from maflab.geometry.cameras import camera_translation
from maflab.render.raycast import RayCaster
from maflab.render.shading import Lights, fragments, interpolate, shade, vertex_normals


class Figure(NamedTuple):
    """What the ray caster saw, in a window of the picture."""

    colour: np.ndarray  # (h, w, 3) float32 linear RGB, 0 where nobody is
    mask: np.ndarray  # (h, w) bool
    left: int  # of the window in the picture
    top: int


def sample_lights(rng: np.random.Generator) -> Lights:
    """Ambient light, a key light from above or the side, a weaker one from elsewhere; mild tints."""
    tint = np.clip(1 + rng.normal(0, 0.08, 3), 0.7, 1.3)
    key, ambient = rng.uniform(0.6, 1.3), rng.uniform(0.16, 0.45)
    towards = np.array(
        [
            [rng.normal(0, 0.8), -rng.uniform(0.2, 1.2), -abs(rng.normal(0, 0.8)) - 0.2],
            # The weaker one may come from behind and draw a rim.
            [rng.normal(0, 1.0), rng.normal(-0.2, 0.5), (1 if rng.random() < 0.3 else -1) * rng.uniform(0.2, 1.2)],
        ]
    )
    strengths = np.stack([key * tint, rng.uniform(0.05, 0.4) * (2 - tint)])

    def tensor(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values.astype(np.float32))[None]

    return Lights(tensor(ambient * (2 - tint)), tensor(towards), tensor(strengths))


def draw_figure(
    caster: RayCaster,
    faces: Tensor,
    chart: Chart,
    vertices: Tensor,
    placement: Placement,
    outfit: Outfit,
    lights: Lights,
    size: int,
) -> Figure:
    """
    Args:
        caster, faces: of the body; chart: of the same body.
        vertices: (1, V, 3) metres, body frame, undressed.
        size: the picture's side in pixels; what lies outside is not cast.
    """
    normals = vertex_normals(vertices, faces)
    dressed = vertices + _thickness(chart, outfit) * normals
    left, top, right, bottom = _window(dressed[0].numpy(), placement, size)
    translation = camera_translation(torch.from_numpy(placement.camera).float()[None])
    window, centre = (bottom - top, right - left), placement.centre - (left, top)
    hits = caster.cast(dressed + translation[:, None], placement.focal, window, (float(centre[0]), float(centre[1])))
    at = fragments(hits, faces)
    rows = chart.rows(interpolate(at, torch.from_numpy(chart.table)).numpy())
    material = materials(outfit, chart, rows)
    mask = (hits.face[0] >= 0).numpy()
    dim = _crevices(hits.depth[0].numpy(), mask, placement)[mask] * _folds(outfit, rows.place, material)
    albedo = torch.from_numpy(colours(outfit, chart, rows, material) * dim[:, None])
    return Figure(shade(hits, faces, dressed, albedo, lights, normals=normals)[0].numpy(), mask, left, top)


def _thickness(chart: Chart, outfit: Outfit) -> Tensor:
    """(V, 1) metres that what is worn stands off the skin."""
    return torch.from_numpy(outfit.thickness[materials(outfit, chart, chart.rows(chart.table))])[:, None]


def _window(vertices: np.ndarray, placement: Placement, size: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the part of the picture that the body may touch; never empty."""
    scale = placement.camera[0] * placement.side / 2
    flat = placement.centre + scale * (vertices[:, :2] + placement.camera[1:])
    low = np.clip(np.floor(flat.min(0)).astype(int) - 3, 0, size - 2)
    high = np.clip(np.ceil(flat.max(0)).astype(int) + 4, low + 2, size)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _crevices(depth: np.ndarray, mask: np.ndarray, placement: Placement) -> np.ndarray:
    """(h, w) factor below 1 where the surroundings are nearer: the dark seams between limb and trunk."""
    scale = placement.camera[0] * placement.side / 2
    inside = mask.astype(np.float32)
    near = np.where(mask, depth, 0).astype(np.float32)
    sigma = max(0.035 * scale, 0.6)
    weight = cv2.GaussianBlur(inside, (0, 0), sigma)
    mean = cv2.GaussianBlur(near, (0, 0), sigma) / np.maximum(weight, 1e-3)
    return 1 - 0.55 * np.clip((near - mean - 0.008) / 0.1, 0, 1) * inside


def _folds(outfit: Outfit, place: np.ndarray, material: np.ndarray) -> np.ndarray:
    """(N,) factor near 1: wrinkles of the clothes, a few waves through the rest pose."""
    strength = np.array([0.03, outfit.bottom.folds, outfit.top.folds, 0.05, 0.1], np.float32)[material]
    x, y, z = (place * 26).T
    p, q, r = outfit.top.phase[3:] * 6.3
    wave = np.sin(x + 0.7 * y + 2 * np.sin(0.6 * y + p) + q) * np.sin(0.9 * y - 0.8 * z + 1.7 * np.sin(0.5 * x + r))
    return 1 + strength * wave.astype(np.float32)
