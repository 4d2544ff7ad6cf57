"""How much faster a training step is than the same step run the plain way.

    python benchmarks/training_step.py                  # the default model, then experiment/paper/pymaf
    python benchmarks/training_step.py --only default --repeats 10

The model, its resolution and its batch are those of the composed config, with whatever overrides follow the options.
Both ways run in one process, turn about, on the same random batch; a step is forward, loss, backward and the
optimizer's update, without the data loader. The plain way is contiguous (NCHW) in float32, with all vertices of the
body skinned and a dense coarsening matrix at each iteration, as the published code does it. Ours is channels_last,
folded, and in bfloat16 where the processor multiplies it natively. Auxiliary targets are timed on their own.
"""

import argparse
import statistics
import time

import torch
from composed import composed
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from maflab.body.model import BodyModel
from maflab.geometry.cameras import project
from maflab.models.recovery import MeshRecovery
from maflab.structures import AuxiliaryTargets, Batch, Prediction
from maflab.training.build import build_body, build_model
from maflab.training.precision import choose_precision

# What train.py would run; only the paper's batch is smaller, so that the plain way fits a laptop's memory and patience.
SCALES = {
    "default": ["+experiment=maf_3iter"],
    "paper": ["+experiment=paper/pymaf", "data.batch_size=8"],
}


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


def build(config: DictConfig, body: BodyModel, plain: bool) -> MeshRecovery:
    torch.manual_seed(0)
    config = OmegaConf.merge(config, {"model": {"channels_last": not plain}})
    model = build_model(config, body)
    if plain:
        model.maf.folded = FullBody(body, model.maf.folded.indices)
    return model


class Step:
    """A training step of one way."""

    def __init__(self, config: DictConfig, body: BodyModel, plain: bool) -> None:
        self.plain = plain
        self.model = build(config, body, plain)
        self.optimizer = self.model.optimizer(self.model.parameters())
        self.half = not plain and choose_precision("auto", "cpu").startswith("bf16")

    def __call__(self, batch: Batch, targets: AuxiliaryTargets) -> None:
        image = batch.image if self.plain else batch.image.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            features = self.model.pyramid(image)
            auxiliary = self.model.aux_head(features.maps[-1])
            estimates = self.model.maf(features)
        loss = self.model.loss(Prediction(estimates, auxiliary), batch, targets)
        self.optimizer.zero_grad()
        loss.total.backward()
        self.optimizer.step()


def compare(name: str, config: DictConfig, repeats: int) -> None:
    body = build_body(config)
    count, resolution = config.data.batch_size, config.data.resolution
    batch = random_batch(body, count, resolution)
    ways = {"plain": Step(config, body, plain=True), "ours": Step(config, body, plain=False)}
    with torch.no_grad():
        size = ways["ours"].model.pyramid(batch.image).maps[-1].shape[-1]
    ways["ours"].model.labeller(batch, size)  # compiles its kernels
    start = time.perf_counter()
    targets = ways["ours"].model.labeller(batch, size)
    rendering = time.perf_counter() - start
    times: dict[str, list[float]] = {way: [] for way in ways}
    for repeat in range(repeats + 1):
        for way, step in ways.items():
            start = time.perf_counter()
            step(batch, targets)
            if repeat:  # the first of each warms up
                times[way].append(time.perf_counter() - start)
    plain, ours = statistics.median(times["plain"]), statistics.median(times["ours"])
    spread = max(max(t) / min(t) for t in times.values())
    print(
        f"{name:8} {config.encoder.encoder} {resolution} px batch {count}: plain {plain:.3f} s, "
        f"ours {ours:.3f} s, {plain / ours:.2f} times as fast (slowest/fastest {spread:.2f}); "
        f"auxiliary targets {size}x{size} {1000 * rendering / count:.1f} ms a sample"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SCALES, help="one scale instead of both")
    parser.add_argument("--repeats", type=int, default=5, help="timed steps a way")
    parser.add_argument("overrides", nargs="*", help="settings of train.py, such as paths.data=FOLDER")
    arguments = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, precision {choose_precision('auto', 'cpu')}")
    for name in [arguments.only] if arguments.only else SCALES:
        config = composed(*SCALES[name], "encoder.weights=none", "paths.output=.", *arguments.overrides)
        compare(name, config, arguments.repeats)


if __name__ == "__main__":
    main()
