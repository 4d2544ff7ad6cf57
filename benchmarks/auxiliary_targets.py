"""How fast are the auxiliary targets of a batch rendered, next to rays walked one by one through a hierarchy?

    python benchmarks/auxiliary_targets.py                      # 64 bodies at 56 x 56
    python benchmarks/auxiliary_targets.py --size 256 --batch 1

The reference renders the same maps body by body: refit the bounding volume hierarchy of a `warp.Mesh`, ask it for one
ray a pixel, look part, U and V up with torch. Both take their turns in the same run, and the best time of each
counts, because on a shared machine the others measure the neighbours.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import torch
import warp as wp
from rich.console import Console
from rich.table import Table
from torch import Tensor

from maflab.body.load import load_body
from maflab.body.model import BodyModel
from maflab.geometry.cameras import CROP_PIXELS, FOCAL_LENGTH, camera_translation
from maflab.geometry.rotations import axis_angle_to_matrix
from maflab.render.raycast import RayCaster
from maflab.render.targets import auxiliary_targets
from maflab.structures import AuxiliaryTargets

TARGET_MILLISECONDS = 150.0  # for a batch of 64 at 56 x 56 on two cores


@wp.kernel(enable_backward=False)
def query_rays(
    mesh: wp.uint64,
    focal: wp.float32,
    centre: wp.float32,
    face: wp.array2d(dtype=wp.int32),
    barycentric: wp.array2d(dtype=wp.vec3),
):
    y, x = wp.tid()
    direction = wp.vec3((float(x) - centre) / focal, (float(y) - centre) / focal, 1.0)
    hit = wp.mesh_query_ray(mesh, wp.vec3(0.0, 0.0, 0.0), wp.normalize(direction), 1.0e6)
    face[y, x] = -1
    if hit.result:
        face[y, x] = hit.face
        barycentric[y, x] = wp.vec3(hit.u, hit.v, 1.0 - hit.u - hit.v)


class PlainRenderer:
    """The reference: one body after another."""

    def __init__(self, body: BodyModel, size: int, device: torch.device) -> None:
        self.body, self.size, self.device = body, size, device
        self.points = body.template.clone()
        points = wp.from_torch(self.points, dtype=wp.vec3)
        self.mesh = wp.Mesh(points, wp.from_torch(body.faces.int().flatten().contiguous()))

    def __call__(self, vertices: Tensor, camera: Tensor) -> AuxiliaryTargets:
        in_camera = vertices + camera_translation(camera)[:, None]
        maps = [self._one(points) for points in in_camera]
        part, uv = (torch.stack(parts) for parts in zip(*maps, strict=True))
        return AuxiliaryTargets(part, uv[..., 0], uv[..., 1], torch.ones(len(vertices), device=self.device))

    def _one(self, points: Tensor) -> tuple[Tensor, Tensor]:
        self.points.copy_(points)
        self.mesh.refit()
        size, centre = self.size, (self.size - 1) / 2
        face = torch.empty((size, size), dtype=torch.int32, device=self.device)
        barycentric = torch.zeros((size, size, 3), device=self.device)
        inputs = [self.mesh.id, FOCAL_LENGTH * (size - 1) / CROP_PIXELS, centre]
        outputs = [wp.from_torch(face), wp.from_torch(barycentric, dtype=wp.vec3)]
        wp.launch(query_rays, dim=(size, size), inputs=inputs, outputs=outputs, device=str(self.device))
        hit = face >= 0
        index = face.clamp(min=0).long()
        part = self.body.face_parts[index].long() * hit
        uv = (barycentric[..., None] * self.body.face_uv[index]).sum(-2) * hit[..., None]
        return part, uv


def milliseconds(calls: list[Callable[[], object]], repeats: int, device: torch.device) -> list[float]:
    """Best time of each call; they take turns."""
    best = [float("inf")] * len(calls)
    for _ in range(repeats):
        for index, call in enumerate(calls):
            start = time.perf_counter()
            call()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            best[index] = min(best[index], 1e3 * (time.perf_counter() - start))
    return best


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--body", default="anny", choices=["anny", "tiny", "smpl"])
    parser.add_argument("--folder", type=Path, default=Path(os.environ.get("MAFLAB_DATA", "data")) / "body")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, default=56)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    device = torch.device(options.device)

    body = load_body(options.body, options.folder).to(device)
    caster = RayCaster(body.faces, device)
    turns = axis_angle_to_matrix(0.3 * torch.randn(options.batch, 24, 3, device=device))
    betas = torch.randn(options.batch, 10, device=device)
    camera = torch.tensor([0.9, 0.0, 0.2], device=device) + 0.05 * torch.randn(options.batch, 3, device=device)
    valid = torch.ones(options.batch, device=device)
    with torch.no_grad():
        vertices = body(body.mean_rotations @ turns, betas).vertices
        plain = PlainRenderer(body, options.size, device)

        ours, theirs = auxiliary_targets(caster, body, vertices, camera, valid, options.size), plain(vertices, camera)
        agreement = (ours.part == theirs.part).float().mean().item()
        times = milliseconds(
            [
                lambda: plain(vertices, camera),
                lambda: auxiliary_targets(caster, body, vertices, camera, valid, options.size),
            ],
            options.repeats,
            device,
        )

    size = f"{options.size} x {options.size}"
    title = f"{options.batch} x {options.body} ({body.num_vertices:,} vertices), {size}, {options.threads} threads"
    table = Table("", "ms a batch", "ms a body", "times as fast", title=title)
    for name, time_ in zip(("ray by ray, body by body", "maflab"), times, strict=True):
        table.add_row(name, f"{time_:.1f}", f"{time_ / options.batch:.2f}", f"{times[0] / time_:.1f}")
    console = Console()
    console.print(table)
    console.print(f"the same part in {100 * agreement:.2f} % of the pixels")
    if (options.batch, options.size) == (64, 56):
        verdict = "met" if times[1] <= TARGET_MILLISECONDS else "missed"
        console.print(f"target of {TARGET_MILLISECONDS:.0f} ms a batch on two cores: {verdict}")


if __name__ == "__main__":
    main()
