"""A sweep as the training leaves it on disk, with figures drawn from known means."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

PROTOCOL = {"data set": "synthetic", "samples": 40, "body": "tiny", "joints": "LSP14", "resolution": 96}
COST = {"parameters": 1_200_000, "train_seconds": 600.0, "seconds_per_image": 0.012, "peak_memory_mb": 900.0}
SAMPLES = 40

WriteJob = Callable[..., Path]


def write_job(
    folder: Path,
    overrides: list[str],
    errors: list[float] | None,
    *,
    seed: int = 0,
    config: dict[str, Any] | None = None,
    drop: tuple[str, ...] = (),
    spread: float = 5.0,
    pictures: int = 0,
    **result: Any,
) -> Path:
    """Write a job's folder.

    Args:
        folder: of the job.
        overrides: the job's.
        errors: PA-MPJPE after each iteration, iteration 0 first, the mean of the samples; None: an unfinished job.
        seed, config: of the run.
        drop: parts of metrics.json that are left out, or "samples".
        spread: between samples, mm.
        pictures: of the worst and of the best samples.
        result: laid over metrics.json.
    """
    (folder / ".hydra").mkdir(parents=True)
    # JSON is YAML, so that the test's files owe nothing to the reader's library.
    (folder / ".hydra" / "config.yaml").write_text(json.dumps({"seed": seed, "name": "job"} | (config or {})))
    (folder / ".hydra" / "overrides.yaml").write_text(json.dumps([*overrides, f"seed={seed}"]))
    if errors is None:
        return folder
    # The pictures are the same in all runs, and a hard one is hard for all of them.
    hardness = np.random.default_rng(7).normal(0, spread, SAMPLES)
    noise = np.random.default_rng(seed + 1).normal(0, spread / 10, (len(errors), SAMPLES))
    samples = np.array(errors)[:, None] + (hardness - hardness.mean()) + noise - noise.mean(1, keepdims=True)
    rows = {
        f"iter{t}": {"mpjpe": 1.6 * error, "pa_mpjpe": error, "pve": 1.9 * error, "pck": 60.0}
        for t, error in enumerate(errors)
    }
    git = {"commit": "0123456789abcdef0123456789abcdef01234567", "modified": False}
    metrics = {"name": "job", "split": "test", "metrics": rows, "git": git, "protocol": PROTOCOL, "cost": COST} | result
    (folder / "metrics.json").write_text(json.dumps({key: value for key, value in metrics.items() if key not in drop}))
    if "samples" not in drop:
        arrays = {"mpjpe": 1.6 * samples, "pa_mpjpe": samples, "pve": 1.9 * samples}
        np.savez(folder / "samples.npz", index=np.arange(SAMPLES), **{k: v.astype("f4") for k, v in arrays.items()})
    for kind in ("worst", "best") if pictures else ():
        (folder / "samples").mkdir(exist_ok=True)
        for i in range(pictures):
            strip = np.full((96, 480, 3), 40 + 40 * i, np.uint8)
            cv2.putText(strip, f"{kind} {i}", (12, 56), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255), 2)
            cv2.imwrite(str(folder / "samples" / f"{kind}_{i}.png"), strip)
    return folder


def write_grid(folder: Path, levels: int = 2, iterations: int = 3, seeds: int = 3) -> Path:
    """A sweep over levels and iterations: each level takes 4 mm off, each iteration 3 mm, and seeds scatter by 1 mm."""
    job = 0
    for level in range(1, levels + 1):
        for count in range(1, iterations + 1):
            for seed in range(seeds):
                overrides = ["+experiment=maf_3iter", f"encoder.levels={level}", f"maf.iterations={count}"]
                scatter = float(np.random.default_rng([level, count, seed]).normal(0, 0.6)) + 1.0 * (seed - 1)
                errors = [159.0, *(124 - 4 * level - 3 * t + scatter for t in range(1, count + 1))]
                cost = COST | {"parameters": 10**6 * (level + 0.3 * count), "train_seconds": 500.0 + 90 * count}
                config = {"maf": {"iterations": count, "sources": ["grid", "mesh"]}, "encoder": {"levels": level}}
                write_job(folder / f"{job}_job", overrides, errors, seed=seed, config=config, pictures=2, cost=cost)
                job += 1
    task = ["+experiment=maf_3iter", "encoder.levels=range(1,3)", "maf.iterations=1,2,3", "seed=0,1,2"]
    (folder / "multirun.yaml").write_text(json.dumps({"hydra": {"overrides": {"task": task}}}))
    return folder


@pytest.fixture(scope="session")
def grid_sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`write_grid`: 2 levels, 3 iterations, 3 seeds. Shared: do not write into it."""
    return write_grid(tmp_path_factory.mktemp("sweep") / "levels_x_iterations")
