"""Samples a second of two processes on two cores, against one process on one core.

    python benchmarks/two_processes.py                           # the default model
    python benchmarks/two_processes.py --steps 200 data.workers=0

Both are `train.py` itself, with one thread a process and bound to their cores; each process takes the same number of
samples a step. The rate is the run's own (`samples_per_second` of metrics.json): without start-up and validation.
Anything after the options is an override of `train.py`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from composed import ROOT, replaced

TARGET = 1.6  # times as fast


def samples_a_second(processes: int, cores: set[int], steps: int, overrides: list[str], folder: Path) -> float:
    """The rate of a training run that may use these cores only."""
    defaults = [
        "+experiment=maf_3iter", "encoder.weights=none", "data.prepare.folder=${paths.packs}/benchmark_${body.name}",
        "data.prepare.counts={train:1024,val:8,test:8}", f"trainer={'ddp' if processes > 1 else 'cpu'}",
        "trainer.accelerator=cpu", f"trainer.devices={processes}", f"trainer.max_steps={steps}",
        "trainer.limit_test_batches=1", "trainer.limit_val_batches=1", "callbacks.panel=null", "callbacks.best=null",
        f"hydra.run.dir={folder}",
    ]  # fmt: skip
    command = [sys.executable, str(ROOT / "train.py"), *replaced(defaults, overrides)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"train.py failed with {processes} process(es):\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return float(json.loads((folder / "metrics.json").read_text())["samples_per_second"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=2, help="turns of each; the best counts")
    parser.add_argument("overrides", nargs="*", help="settings of train.py")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("This needs two cores, and the process may use one only")
    best = {1: 0.0, 2: 0.0}
    with tempfile.TemporaryDirectory() as scratch:
        for repeat in range(given.repeats):
            for processes in best:
                folder = Path(scratch) / f"{repeat}_{processes}"
                rate = samples_a_second(processes, set(cores[:processes]), given.steps, given.overrides, folder)
                best[processes] = max(best[processes], rate)
    gain = best[2] / best[1]
    print(
        f"one process on one core: {best[1]:.1f} samples/s; two on two: {best[2]:.1f} samples/s, {gain:.2f} times as "
        f"fast (at least {TARGET}: {'met' if gain >= TARGET else 'missed'})"
    )


if __name__ == "__main__":
    main()
