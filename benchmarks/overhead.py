"""What share of a training step is not the network: forward with loss, backward, optimizer.

    python benchmarks/overhead.py                                # the default model, as train.py runs it on the CPU
    python benchmarks/overhead.py --held trainer=gpu             # one batch held on the device: the suite without data
    python benchmarks/overhead.py maf.iterations=5 data.workers=0

Anything after the options is an override of `train.py`. The run is a real one (data module, callbacks, CSV logger) over
a pack of its own, only without validation and checkpoints. The clock runs from the start of one step to the start of a
later one, so nothing is left out; on a GPU each measured part waits for the device.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from composed import composed
from pytorch_lightning.profilers import Profiler
from rich.console import Console
from rich.table import Table

from maflab.structures import Batch
from maflab.training.build import (
    build_body,
    build_callbacks,
    build_datamodule,
    build_logger,
    build_model,
    build_trainer,
)
from maflab.training.logging import RunInfo
from maflab.training.memory import keep_freed_memory
from maflab.training.quiet import quieten
from maflab.training.seeding import StepSeed

TARGET = 0.10  # of a step
NETWORK = ("forward and loss", "backward", "optimizer")


class Shares(Profiler):
    """Sums the time of the parts of a step, once warmed up. Parts do not overlap."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[str, float] = defaultdict(float)
        self.counting = False
        self.cuda = torch.cuda.is_available()
        self._started: dict[str, float] = {}

    def start(self, action_name: str) -> None:
        if self._part(action_name):
            self._started[action_name] = self.now()

    def stop(self, action_name: str) -> None:
        part = self._part(action_name)
        if part and self.counting and action_name in self._started:
            self.seconds[part] += self.now() - self._started[action_name]

    def now(self) -> float:
        if self.cuda:
            torch.cuda.synchronize()
        return time.perf_counter()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        start = self.now()
        yield
        if self.counting:
            self.seconds[name] += self.now() - start

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **settings: Any) -> Any:
            with self.part(name):
                return call(*arguments, **settings)

        return wrapped

    def summary(self) -> str:
        return ""

    @staticmethod
    def _part(action: str) -> str | None:
        """What Lightning's own actions count as; those that contain others count for nothing."""
        if action.endswith("train_dataloader_next"):
            return "waiting for data"
        if action.endswith(".backward"):
            return "backward"
        if action.endswith(("batch_to_device", "transfer_batch_to_device")) and "[LightningModule]" not in action:
            return "transfer to the device"
        return "callbacks" if action.startswith("[Callback]") and ".on_train_batch_" in action else None


class Clock(pl.Callback):
    """Starts after the warm-up, stops at the start of the last step, and times the optimizer's own work."""

    def __init__(self, shares: Shares, warm: int, steps: int) -> None:
        self.shares, self.first, self.last = shares, warm, warm + steps
        self.total = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.optimizers[0].register_step_post_hook(self._stepped)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self.first:
            self.shares.counting, self.started = True, self.shares.now()
        elif trainer.global_step == self.last:
            self.shares.counting, self.total = False, self.shares.now() - self.started

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Any) -> None:
        self.before = self.shares.now()

    def _stepped(self, *_: Any) -> None:
        if self.shares.counting:
            self.shares.seconds["optimizer"] += self.shares.now() - self.before


class Held:
    """One batch again and again, where it is needed already."""

    def __init__(self, batch: Batch, count: int) -> None:
        self.batch, self.count = batch, count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Batch]:
        return iter([self.batch] * self.count)


def measure(
    overrides: list[str], warm: int, steps: int, held: bool, folder: Path
) -> tuple[dict[str, float], float, int]:
    """Seconds of each part, of everything, and samples a step."""
    count = warm + steps + 1
    config = composed(
        "+experiment=maf_3iter", "encoder.weights=checkpoint",
        "data.prepare.folder=${paths.packs}/benchmark_${body.name}", "data.prepare.counts={train:1024,val:8,test:8}",
        f"paths.output={folder}", "callbacks.best=null", "callbacks.last=null", "callbacks.panel=null",
        f"trainer.max_steps={count}", "trainer.limit_val_batches=0", f"trainer.val_check_interval={count}", *overrides,
    )  # fmt: skip
    quieten()
    keep_freed_memory()
    pl.seed_everything(config.seed, workers=True, verbose=False)
    body = build_body(config)
    model, datamodule = build_model(config, body), build_datamodule(config, body)
    logger = build_logger(config, RunInfo(folder, config.name, [], None))
    shares = Shares()
    clock = Clock(shares, warm, steps)
    trainer = build_trainer(config, [clock, StepSeed(0), *build_callbacks(config, logger)], logger, profiler=shares)
    model.forward = shares.timed("forward and loss", model.forward)
    model.loss.forward = shares.timed("forward and loss", model.loss.forward)
    model.auxiliary_targets = shares.timed("rendering of labels", model.auxiliary_targets)
    model.log_terms = shares.timed("logging of terms", model.log_terms)
    if held:
        datamodule.prepare_data()
        datamodule.setup("fit")
        batch = Batch(*(field.to(trainer.strategy.root_device) for field in next(iter(datamodule.train_dataloader()))))
        datamodule.train_dataloader = lambda: Held(batch, count)
    trainer.fit(model, datamodule)
    return dict(shares.seconds), clock.total, config.data.batch_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100, help="that are timed")
    parser.add_argument("--warm", type=int, default=10, help="before them")
    parser.add_argument("--held", action="store_true", help="one batch, held on the device, instead of the data module")
    parser.add_argument("overrides", nargs="*", help="settings of train.py")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        parts, total, batch = measure(given.overrides, given.warm, given.steps, given.held, Path(folder))
    parts["the loop between them"] = total - sum(parts.values())
    table = Table("part of a training step", "ms", "share", title=f"{batch} samples a step, {given.steps} steps")
    ordered = [*NETWORK, *sorted(set(parts) - set(NETWORK), key=lambda name: -parts[name])]
    for name in ordered:
        table.add_row(name, f"{1000 * parts[name] / given.steps:.2f}", f"{100 * parts[name] / total:.1f} %")
    overhead = 1 - sum(parts[name] for name in NETWORK) / total
    console = Console()
    console.print(table)
    console.print(
        f"{given.steps * batch / total:.1f} samples/s on {torch.get_num_threads()} threads; all but the network takes "
        f"{100 * overhead:.1f} % (at most {100 * TARGET:.0f} %: {'met' if overhead <= TARGET else 'missed'})"
    )


if __name__ == "__main__":
    main()
