"""A resumed run has the loss curve of the uninterrupted one, from the end of an epoch and from its middle."""

import csv
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from maflab.models.pyramid import FeaturePyramid
from maflab.training.checkpoint import load_model
from maflab.training.errors import CheckpointError
from maflab.training.run import train

from .conftest import Compose

# 16 pictures in batches of 4: an epoch has 4 steps. Dropout and augmentation are on.
STEPS = 6


def losses(folder: Path) -> dict[int, str]:
    with (folder / "metrics.csv").open() as file:
        return {int(row["step"]): row["train/loss"] for row in csv.DictReader(file) if row["train/loss"]}


@pytest.mark.parametrize(("stop", "callbacks"), [(4, "default"), (3, "default"), (3, "ema")])
def test_resumed_run_repeats_the_losses(stop: int, callbacks: str, small: Compose, tmp_path: Path) -> None:
    given = ["+experiment=maf_2iter", f"callbacks={callbacks}", f"trainer.val_check_interval={stop}"]
    given.append("scheduler=constant")  # a schedule over fewer steps would be another one
    whole, first, second = (tmp_path / name for name in ("whole", "first", "second"))
    straight = train(small(whole, *given, f"trainer.max_steps={STEPS}"))
    train(small(first, *given, f"trainer.max_steps={stop}"))
    resumed = train(small(second, *given, f"trainer.max_steps={STEPS}", f"resume={first}/checkpoints/last.ckpt"))
    assert losses(first) | losses(second) == losses(whole)
    assert min(losses(second)) == stop
    for row, values in straight["metrics"].items():
        assert resumed["metrics"][row] == pytest.approx(values, rel=1e-5)


def test_a_run_goes_on_in_another_memory_layout(small: Compose, tmp_path: Path) -> None:
    given = ["+experiment=maf_1iter", "scheduler=constant", "trainer.val_check_interval=2"]
    train(small(tmp_path / "first", *given, "trainer.max_steps=2"))
    last = f"resume={tmp_path}/first/checkpoints/last.ckpt"
    for layout in ("true", "false"):
        train(small(tmp_path / layout, *given, "trainer.max_steps=6", last, f"model.channels_last={layout}"))
    known, other = (losses(tmp_path / layout) for layout in ("true", "false"))
    assert {step: float(loss) for step, loss in other.items()} == pytest.approx(
        {step: float(loss) for step, loss in known.items()}, rel=1e-4
    )


def test_frozen_stages_stay_frozen_when_a_run_goes_on(small: Compose, tmp_path: Path) -> None:
    # Start weights are not read again then, but what was frozen because of them must not begin to move.
    start = FeaturePyramid("test_resnet", channels=8, weights="none").state_dict()
    save_file({f"pyramid.{name}": value.contiguous() for name, value in start.items()}, tmp_path / "start.safetensors")
    given = ["+experiment=maf_1iter", f"encoder.weights={tmp_path}/start.safetensors", "encoder.frozen=2"]
    given += ["scheduler=constant", "trainer.val_check_interval=2"]
    train(small(tmp_path / "first", *given, "trainer.max_steps=2"))
    last = f"resume={tmp_path}/first/checkpoints/last.ckpt"
    train(small(tmp_path / "second", *given, "trainer.max_steps=4", last))
    pyramid = load_model(tmp_path / "second" / "checkpoints" / "last.ckpt").pyramid
    moved = {
        name
        for name, value in pyramid.backbone.state_dict().items()
        if not torch.equal(value, start[f"backbone.{name}"])
    }
    assert moved
    assert not [name for name in moved if name.startswith(("conv1", "bn1", "layer1"))]


def test_resume_true_finds_the_latest_run(small: Compose, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="resume=PATH"):
        train(small(tmp_path / "2", "resume=true"))
    train(small(tmp_path / "1", "+experiment=maf_1iter"))
    with pytest.raises(CheckpointError, match="already done 2 of 2 steps"):
        train(small(tmp_path / "2", "+experiment=maf_1iter", "resume=true"))


def test_resuming_another_model_names_what_differs(small: Compose, tmp_path: Path) -> None:
    train(small(tmp_path / "1", "+experiment=maf_1iter"))
    with pytest.raises(CheckpointError, match=r"maf\.iterations is 1 there and 2 here"):
        train(small(tmp_path / "2", "+experiment=maf_2iter", "resume=true"))
