"""How much faster a training step is than the same step run the plain way.

    python benchmarks/training_step.py                  # the default model, then experiment/paper/pymaf
    python benchmarks/training_step.py --only default --repeats 10

The model, its resolution and its batch are those of the composed config, with whatever overrides follow the options.
Each way has a process of its own, and they take turns on the same random batch; a step is forward, loss, backward and
the optimizer's update, without the data loader. The plain way is contiguous (NCHW) in float32, with all vertices of the
body skinned and a dense coarsening matrix at each iteration, as the published code does it. Ours is channels_last,
folded, in bfloat16 where the processor multiplies it natively, and keeps freed memory as `train.py` does.
Stages that the config freezes are frozen both ways.
"""

import argparse
import multiprocessing
import statistics
import time
from multiprocessing.connection import Connection

import torch
from composed import composed
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from maflab.body.model import BodyModel
from maflab.geometry.cameras import project
from maflab.structures import AuxiliaryTargets, Batch, Prediction
from maflab.training.build import build_body, build_model
from maflab.training.memory import keep_freed_memory
from maflab.training.precision import choose_precision

# What train.py would run; only the paper's batch is smaller, so that the plain way fits a laptop's memory and patience.
SCALES = {
    "default": ["+experiment=maf_3iter"],
    "paper": ["+experiment=paper/pymaf", "data.batch_size=8"],
}


TURN = 2.0  # seconds, at least one step; timed together


class FullBody(nn.Module):
    """The loop's points the plain way: every vertex, then a dense matrix."""

    def __init__(self, body: BodyModel, indices: Tensor) -> None:
        super().__init__()
        self.body = body
        self.coarsen = torch.zeros(len(indices), body.num_vertices).scatter_(1, indices[:, None], 1)

    def forward(self, rotations: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        output = self.body(rotations, betas)
        return self.coarsen @ output.vertices, self.body.keypoints(output)


def random_batch(body: BodyModel, size: int, resolution: int) -> Batch:
    rotations = body.mean_rotations.expand(size, 24, 3, 3)
    betas = torch.randn(size, 10)
    keypoints = body.keypoints(body(rotations, betas))
    ones = torch.ones(size)
    projected = project(keypoints, torch.tensor([[0.9, 0.0, 0.0]]).expand(size, 3))
    return Batch(
        image=torch.randn(size, 3, resolution, resolution),
        keypoints_2d=torch.cat((projected, torch.ones(size, 49, 1)), dim=-1),
        joints_3d=torch.cat((keypoints[:, 25:], torch.ones(size, 24, 1)), dim=-1),
        rotations=rotations,
        betas=betas,
        has_pose=ones,
        has_betas=ones,
        has_joints_3d=ones,
        gender=-ones.long(),
        index=torch.arange(size),
    )


class Step:
    """A training step of one way."""

    def __init__(self, config: DictConfig, plain: bool) -> None:
        torch.manual_seed(0)
        body = build_body(config)
        self.model = build_model(OmegaConf.merge(config, {"model": {"channels_last": not plain}}), body)
        if plain:
            self.model.maf.folded = FullBody(body, self.model.maf.folded.indices)
        else:
            keep_freed_memory()
        self.plain = plain
        self.optimizer = self.model.optimizer(self.model.parameters())
        self.half = not plain and choose_precision("auto", "cpu").startswith("bf16")
        self.batch = random_batch(body, config.data.batch_size, config.data.resolution)
        with torch.no_grad():
            self.size = self.model.pyramid(self.batch.image).maps[-1].shape[-1]
        self.targets = self.render()  # compiles the kernels

    def render(self) -> AuxiliaryTargets:
        return self.model.labeller(self.batch, self.size)

    def __call__(self) -> None:
        image = self.batch.image
        if not self.plain:
            image = image.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            features = self.model.pyramid(image)
            auxiliary = self.model.aux_head(features.maps[-1])
            estimates = self.model.maf(features)
        loss = self.model.loss(Prediction(estimates, auxiliary), self.batch, self.targets)
        self.optimizer.zero_grad()
        loss.total.backward()
        self.optimizer.step()


def serve(connection: Connection, config: DictConfig, plain: bool, threads: int) -> None:
    """A process of one way: times a few steps, or renderings of its targets, whenever it is asked to."""
    torch.set_num_threads(threads)
    step = Step(config, plain)
    calls = {"step": step, "targets": step.render}
    connection.send(step.size)
    while (asked := connection.recv()) is not None:
        calls[asked]()  # brings back what the other process has put out of the caches
        start, count = time.perf_counter(), 0
        while count == 0 or time.perf_counter() - start < TURN:
            calls[asked]()
            count += 1
        connection.send((time.perf_counter() - start) / count)


class Way:
    """The near end of such a process."""

    def __init__(self, config: DictConfig, plain: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, far = context.Pipe()
        self.process = context.Process(target=serve, args=(far, config, plain, torch.get_num_threads()), daemon=True)
        self.process.start()
        far.close()  # or the end of the process would not be noticed
        self.size: int = self.connection.recv()

    def seconds(self, what: str = "step") -> float:
        self.connection.send(what)
        return self.connection.recv()

    def close(self) -> None:
        self.connection.send(None)
        self.process.join()


def compare(name: str, config: DictConfig, repeats: int) -> None:
    ways = {"plain": Way(config, plain=True), "ours": Way(config, plain=False)}
    for way in ways.values():  # warms up
        way.seconds()
    times = {way: [] for way in ways}
    for _ in range(repeats):
        for way, process in ways.items():
            times[way].append(process.seconds())
    rendering = ways["ours"].seconds("targets")
    for process in ways.values():
        process.close()
    plain, ours = statistics.median(times["plain"]), statistics.median(times["ours"])
    fastest = min(times["plain"]) / min(times["ours"])
    spread = max(max(t) / min(t) for t in times.values())
    count, size = config.data.batch_size, ways["ours"].size
    print(
        f"{name:8} {config.encoder.encoder} {config.data.resolution} px batch {count}: plain {plain:.3f} s, "
        f"ours {ours:.3f} s, {plain / ours:.2f} times as fast (fastest against fastest {fastest:.2f}; slowest/fastest "
        f"{spread:.2f}); auxiliary targets {size}x{size} {1000 * rendering / count:.1f} ms a sample"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SCALES, help="one scale instead of both")
    parser.add_argument("--repeats", type=int, default=8, help="turns of each way, of two seconds or one step")
    parser.add_argument("overrides", nargs="*", help="settings of train.py, such as paths.data=FOLDER")
    arguments = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, precision {choose_precision('auto', 'cpu')}")
    for name in [arguments.only] if arguments.only else SCALES:
        # Frozen as with start weights, without reading any.
        config = composed(*SCALES[name], "encoder.weights=checkpoint", "paths.output=.", *arguments.overrides)
        compare(name, config, arguments.repeats)


if __name__ == "__main__":
    main()
