"""Every experiment runs for two steps and leaves what a run leaves."""

import json
from pathlib import Path

import cv2
import pytest
import torch
from safetensors import safe_open

from maflab.models.auxiliary import AuxiliaryHead
from maflab.models.pyramid import FeaturePyramid
from maflab.models.weights import load_head_weights
from maflab.training.checkpoint import read_checkpoint
from maflab.training.run import train

from .conftest import CONF, Compose, Trained

EXPERIMENTS = sorted(
    path.relative_to(CONF / "experiment").with_suffix("").as_posix() for path in (CONF / "experiment").rglob("*.yaml")
)


@pytest.mark.parametrize("experiment", [e for e in EXPERIMENTS if e not in ("maf_3iter", "pretrain")])
def test_every_experiment_trains(experiment: str, small: Compose, tmp_path: Path) -> None:
    config = small(tmp_path, f"+experiment={experiment}")
    result = train(config)
    assert list(result["metrics"]) == [f"iter{t}" for t in range(config.maf.iterations + 1)]
    assert result["step"] == 2
    assert json.loads((tmp_path / "metrics.json").read_text()) == result


def test_default_experiment_leaves_everything(trained: Trained) -> None:
    assert {path.name for path in trained.folder.iterdir()} >= {"metrics.json", "metrics.csv", "panel.png", "panels"}
    assert {path.name for path in (trained.folder / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    picture = cv2.imread(str(trained.folder / "panel.png"))
    assert picture.std() > 10
    header = (trained.folder / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"train/loss", "train/iter3/pose", "train/aux/part", "val/iter0/pa_mpjpe", "test/iter3/pve"} <= set(header)
    for values in trained.result["metrics"].values():
        assert all(value == value and value >= 0 for value in values.values())


def test_checkpoint_holds_the_resolved_config_as_plain_containers(trained: Trained) -> None:
    config = read_checkpoint(trained.folder / "checkpoints" / "last.ckpt")["maflab"]["config"]
    assert config["maf"]["iterations"] == 3
    assert config["data"]["train"].endswith("train.h5")
    assert json.loads(json.dumps(config)) == config


def test_pretraining_exports_weights_that_the_pyramid_loads(small: Compose, tmp_path: Path) -> None:
    config = small(tmp_path, "+experiment=pretrain", loop=False)
    result = train(config)
    assert list(result["metrics"]) == ["dense"]
    path = tmp_path / "pyramid.safetensors"
    with safe_open(path, "pt") as file:
        names, metadata = list(file.keys()), file.metadata()
        assert all(file.get_tensor(name).dtype in (torch.float16, torch.int64) for name in names)
    assert {name.split(".")[0] for name in names} == {"pyramid", "aux_head"}
    assert json.loads(metadata["metrics"]) == {key: value for key, value in result.items() if key != "checkpoint"}
    assert str(tmp_path) not in json.dumps(metadata), "the header tells of the machine"
    assert json.loads(metadata["seed"]) == 0
    pyramid = FeaturePyramid("test_resnet", 3, 8, weights=str(path))
    state = read_checkpoint(result["checkpoint"])["state_dict"]
    for name, tensor in pyramid.state_dict().items():
        torch.testing.assert_close(tensor, state[f"pyramid.{name}"], rtol=1e-3, atol=1e-5)
    load_head_weights(AuxiliaryHead(8), str(path))


def test_debugging_configs_run(small: Compose, tmp_path: Path) -> None:
    overfit = ["+debug=overfit", "trainer.max_steps=2", "callbacks=ema_early_stopping"]
    assert train(small(tmp_path / "overfit", *overfit))["step"] == 2
    train(small(tmp_path / "profile", "+debug=profile", "trainer.max_steps=2"))
    assert list((tmp_path / "profile").glob("fit-profile*"))
