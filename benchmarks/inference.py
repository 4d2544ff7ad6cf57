"""How much faster inference is than the same network run the plain way.

    OMP_NUM_THREADS=2 python benchmarks/inference.py                       # the default model
    OMP_NUM_THREADS=2 python benchmarks/inference.py +experiment=paper/pymaf --batch 8
    python benchmarks/inference.py --onnx --compile                        # two more ways to run it

All ways run in one process, turn about, on the same random crops and weights. The plain way takes one frame at a time,
contiguous (NCHW) and in float32, and skins all vertices of the body at each iteration, with a dense coarsening matrix.
Ours takes a batch, channels_last, with the folded mesh, and in bfloat16 where the processor multiplies it natively.
Decoding, detection and drawing are no part of it.
"""

import argparse
import copy
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from composed import composed
from torch import Tensor, nn

from maflab.body.model import BodyModel
from maflab.models.recovery import MeshRecovery
from maflab.training.build import build_body, build_model
from maflab.training.precision import choose_precision

TARGET = 2.0

Way = Callable[[Tensor], object]


class FullBody(nn.Module):
    """The loop's points the plain way: every vertex, then a dense matrix."""

    def __init__(self, body: BodyModel, indices: Tensor) -> None:
        super().__init__()
        self.body = body
        self.coarsen = torch.zeros(len(indices), body.num_vertices).scatter_(1, indices[:, None], 1)

    def forward(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        output = self.body(rotations, betas)
        return self.coarsen @ output.vertices, self.body.keypoints(output)


def plain_way(model: MeshRecovery) -> Way:
    model = copy.deepcopy(model).to(memory_format=torch.contiguous_format)
    model.maf.folded = FullBody(model.body, model.maf.folded.indices)

    def run(crops: Tensor) -> object:
        return [model.maf(model.pyramid(crop[None]))[-1] for crop in crops]

    return run


def our_way(model: MeshRecovery, half: bool, compiled: bool = False) -> Way:
    model = copy.deepcopy(model).to(memory_format=torch.channels_last)
    if compiled:
        model.pyramid.compile()

    def run(crops: Tensor) -> object:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            return model(crops).estimates[-1]

    return run


def onnx_way(model: MeshRecovery, size: int, folder: Path, threads: int) -> Way:
    import onnxruntime

    from maflab.export_onnx.export import export_model

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    file = export_model(model, size, folder / "model.onnx")
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda crops: session.run(None, {"image": crops.numpy()})


def ways_of(given: argparse.Namespace, model: MeshRecovery, size: int, folder: Path) -> dict[str, Way]:
    half = choose_precision("auto", "cpu").startswith("bf16")
    ways = {"plain": plain_way(model), f"ours ({'bfloat16' if half else 'float32'})": our_way(model, half)}
    if half:
        ways["ours (float32)"] = our_way(model, False)
    if given.compile:
        ways["ours, compiled"] = our_way(model, half, compiled=True)
    if given.onnx:
        if importlib.util.find_spec("onnxruntime") is None:
            raise SystemExit("--onnx needs onnxruntime: pip install 'maflab[onnx]'")
        ways["onnxruntime (float32)"] = onnx_way(model, size, folder, torch.get_num_threads())
    return ways


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=16, help="frames that our way takes at once")
    parser.add_argument("--repeats", type=int, default=5, help="timed batches a way")
    parser.add_argument("--compile", action="store_true", help="also with the pyramid compiled")
    parser.add_argument("--onnx", action="store_true", help="also the exported model in onnxruntime")
    parser.add_argument("overrides", nargs="*", help="settings of train.py")
    given = parser.parse_args()
    chosen = given.overrides if any("experiment=" in o for o in given.overrides) else ["+experiment=maf_3iter"]
    extra = [o for o in given.overrides if o not in chosen]
    config = composed(*chosen, "encoder.weights=none", "paths.output=.", *extra)
    torch.manual_seed(0)
    model = build_model(config, build_body(config)).eval()
    size = config.data.resolution
    crops = torch.randn(given.batch, 3, size, size)
    with torch.inference_mode(), tempfile.TemporaryDirectory() as folder:
        ways = ways_of(given, model, size, Path(folder))
        times: dict[str, list[float]] = {name: [] for name in ways}
        for repeat in range(given.repeats + 1):
            for name, run in ways.items():
                start = time.perf_counter()
                run(crops)
                if repeat:  # the first of each warms up
                    times[name].append(time.perf_counter() - start)
    print(f"{config.encoder.encoder}, {size} px, {model.body.num_vertices} vertices, {torch.get_num_threads()} threads")
    plain = statistics.median(times["plain"])
    for name, taken in times.items():
        middle = statistics.median(taken)
        frames = 1 if name == "plain" else given.batch
        print(
            f"{name:22} {frames:3} frames at once: {given.batch / middle:7.1f} frames/s, "
            f"{plain / middle:.2f} times the plain way (slowest/fastest {max(taken) / min(taken):.2f})"
        )
    gain = plain / statistics.median(times[list(ways)[1]])
    print(f"ours is {gain:.2f} times as fast as plain (at least {TARGET}: {'met' if gain >= TARGET else 'missed'})")


if __name__ == "__main__":
    main()
