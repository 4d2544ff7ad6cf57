"""How many labelled pictures of synthetic people are made in a second.

python benchmarks/synthetic_people.py

The reference is a naive generator of the same run: a full-resolution ray cast of the whole picture over pixel noise,
one colour, one light, no clothes, scenes, occluders or lens. It says how much the variety costs.
"""

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from maflab.body.load import load_body
from maflab.body.model import BodyModel
from maflab.data.synthetic.generate import generate_pack
from maflab.data.synthetic.picture import encode
from maflab.data.synthetic.placement import place
from maflab.data.synthetic.poses import sample_pose
from maflab.data.synthetic.recipe import Recipe
from maflab.data.synthetic.sample import Studio
from maflab.geometry.cameras import camera_translation
from maflab.render.raycast import RayCaster
from maflab.render.shading import shade, studio_lights


def made_in_parallel(body: BodyModel, size: int, count: int, workers: int) -> tuple[float, float]:
    """Seconds a picture once the workers run, and kilobytes a picture of the pack."""
    moments: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.h5"
        generate_pack(
            path, body, count, size=size, workers=workers,
            progress=lambda done, _: moments.append((time.perf_counter(), done)),
        )  # fmt: skip
        kilobytes = path.stat().st_size / count / 1000
    started = moments[min(workers, len(moments) - 2)]  # every worker has finished a shard: start-up is over
    return (moments[-1][0] - started[0]) / (moments[-1][1] - started[1]), kilobytes


def made_here(body: BodyModel, size: int, count: int) -> float:
    """CPU seconds a picture in one thread, start-up left out."""
    studio = Studio(body.arrays, size)
    studio.record(0, "warm up", 0)
    start = time.process_time()
    for index in range(count):
        studio.record(0, "train", index)
    return (time.process_time() - start) / count


@torch.no_grad()
def made_naively(body: BodyModel, size: int, count: int) -> float:
    """CPU seconds a picture of the naive generator in one thread."""
    caster, lights, rest = RayCaster(body.faces), studio_lights(1), body.rest_joints.numpy().astype(np.float64)
    colours = torch.full((body.num_vertices, 3), 0.7)
    start = time.process_time()
    for index in range(count):
        rng = np.random.default_rng(index)
        rotations = torch.from_numpy(sample_pose(rng, rest).rotations).float()[None]
        vertices = body(rotations, torch.from_numpy(rng.normal(0, 1, (1, 10))).float()).vertices
        at = place(rng, vertices[0].numpy(), size, Recipe())
        camera = torch.from_numpy(at.camera).float()[None]
        moved = vertices + camera_translation(camera)[:, None]
        hits = caster.cast(moved, at.focal, size, (float(at.centre[0]), float(at.centre[1])))
        noise = torch.from_numpy(rng.random((1, size, size, 3), dtype=np.float32))
        picture = shade(hits, body.faces, moved, colours, lights, background=noise)[0].numpy()
        encode((255 * picture.clip(0, 1)).astype(np.uint8), 85)
    return (time.process_time() - start) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--body", default="anny")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the body")
    parser.add_argument("--count", type=int, default=768)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 160])
    arguments = parser.parse_args()
    body = load_body(arguments.body, arguments.data / "body")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    for size in arguments.sizes:
        naive, own = made_naively(body, size, 64), made_here(body, size, 128)
        wall, kilobytes = made_in_parallel(body, size, arguments.count, arguments.workers)
        print(
            f"{size} px: {1 / wall:.0f} pictures/s with {arguments.workers} workers, {1000 * own:.1f} ms of CPU and "
            f"{kilobytes:.1f} kB each; the naive generator takes {1000 * naive:.1f} ms"
        )


if __name__ == "__main__":
    main()
