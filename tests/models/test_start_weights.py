"""The start weights in the repository: small, explained, and for the default encoder."""

import json
from pathlib import Path

import torch
import yaml
from safetensors import safe_open

from maflab.models.auxiliary import AuxiliaryHead
from maflab.models.pyramid import FeaturePyramid
from maflab.models.weights import load_head_weights, shipped_weights

CONF = Path(__file__).parents[2] / "conf"


def test_they_are_small_and_say_how_they_were_made() -> None:
    path = shipped_weights()
    assert path.stat().st_size <= 15e6
    with safe_open(path, "pt") as file:
        told = {key: json.loads(value) for key, value in file.metadata().items()}
        names = [name for name in file.keys() if name.endswith("weight")]  # noqa: SIM118 - not a dictionary
        assert all(file.get_tensor(name).dtype is torch.float16 for name in names)
    assert "+experiment=pretrain" in " ".join(told["command"])
    assert isinstance(told["seed"], int)
    assert told["recipe"]["data"]["prepare"]["counts"]["train"] > 1000
    assert told["metrics"]["split"] == "test"


def test_they_fit_the_default_encoder_and_change_it() -> None:
    settings = yaml.safe_load((CONF / "encoder" / "small.yaml").read_text())
    settings.pop("_target_")
    assert settings["weights"] == "synthetic"
    started = FeaturePyramid(**settings)
    random = FeaturePyramid(**settings | {"weights": "none"})
    assert not torch.allclose(started.backbone.conv1.weight, random.backbone.conv1.weight)
    assert not torch.allclose(started.stages[2].norm.running_mean, random.stages[2].norm.running_mean)


def test_they_bring_the_auxiliary_head() -> None:
    settings = yaml.safe_load((CONF / "aux_head" / "dense.yaml").read_text())
    head = AuxiliaryHead(64, kernel=settings["kernel"])
    before = head.predict.weight.clone()
    assert load_head_weights(head, "synthetic")
    assert not torch.equal(head.predict.weight, before)
