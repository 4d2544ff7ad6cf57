"""Weights of other projects by file: torchvision's ImageNet ones, and key point detectors with deconvolutions."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

from maflab.models.pyramid import FeaturePyramid
from maflab.models.weights import WeightsError

CHANNELS = 8


class Detector(nn.Module):
    """A key point detector after Xiao et al., ECCV 2018: backbone, deconvolutions, a last convolution."""

    def __init__(self, channels: int = CHANNELS, stages: int = 3) -> None:
        super().__init__()
        net = torchvision.models.resnet18(weights=None)
        self.backbone = nn.Sequential()
        for name, child in net.named_children():
            if name not in ("avgpool", "fc"):
                self.backbone.add_module(name, child)
        layers: list[nn.Module] = []
        for inputs in (512, *[channels] * (stages - 1)):
            layers += [nn.ConvTranspose2d(inputs, channels, 4, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        self.deconv_layers = nn.Sequential(*layers)
        self.final_layer = nn.Conv2d(channels, 17, 1)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -0.1, 0.1)
                nn.init.uniform_(module.weight, 0.5, 1.5)

    def forward(self, image: Tensor) -> Tensor:
        return self.deconv_layers(self.backbone(image))


def renamed(detector: Detector, backbone: str, head: str, before: str = "") -> dict[str, Tensor]:
    """The detector's tensors as a project names them."""
    names = {}
    for name, tensor in detector.state_dict().items():
        inside = name.startswith("backbone.")
        names[before + (backbone + name.removeprefix("backbone.") if inside else head + name)] = tensor
    return names


def pyramid(path: Path, **settings: Any) -> FeaturePyramid:
    given = {"levels": 3, "channels": CHANNELS, "skips": False} | settings
    return FeaturePyramid("resnet18", weights=str(path), **given).eval()


@pytest.mark.parametrize(
    ("backbone", "head", "before", "key"),
    [
        ("", "", "", None),  # the authors' published files
        ("", "", "module.", "state_dict"),  # their training checkpoints
        ("backbone.", "keypoint_head.", "", "state_dict"),  # mmpose 0.x
        ("backbone.", "head.", "", "state_dict"),  # mmpose 1.x
    ],
)
def test_a_detector_brings_backbone_and_deconvolutions(
    backbone: str, head: str, before: str, key: str | None, tmp_path: Path
) -> None:
    detector = Detector().eval()
    tensors = renamed(detector, backbone, head, before)
    torch.save({key: tensors, "epoch": 140, "model": "pose_resnet"} if key else tensors, tmp_path / "pose.pth.tar")
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(pyramid(tmp_path / "pose.pth.tar")(image).maps[-1], detector(image))


def test_a_detector_of_other_channels_names_the_setting(tmp_path: Path) -> None:
    torch.save(Detector(channels=16).state_dict(), tmp_path / "pose.pth")
    with pytest.raises(WeightsError, match=r"stages\.0\.upsample\.weight of shape \(512, 16.*encoder\.channels"):
        pyramid(tmp_path / "pose.pth")


def test_stages_that_a_file_lacks_start_at_random(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    detector = Detector(stages=1)
    torch.save(detector.state_dict(), tmp_path / "pose.pth")
    filled = pyramid(tmp_path / "pose.pth", levels=2, skips=True)
    assert torch.equal(filled.stages[0].upsample.weight, detector.deconv_layers[0].weight)
    assert "start at random" in caplog.text


def test_imagenet_weights_by_file(tmp_path: Path) -> None:
    classifier = torchvision.models.resnet18(weights=None).eval()
    torch.save(classifier.state_dict(), tmp_path / "resnet18-f37072fd.pth")
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        pooled = pyramid(tmp_path / "resnet18-f37072fd.pth")(image).pooled
        torch.testing.assert_close(classifier.fc(pooled), classifier(image))


def test_tensors_without_a_place_are_named(tmp_path: Path) -> None:
    tensors = torchvision.models.resnet18(weights=None).state_dict()
    torch.save(tensors | {"layer5.weight": torch.zeros(3)}, tmp_path / "more.pth")
    with pytest.raises(WeightsError, match=r"backbone\.layer5\.weight"):
        pyramid(tmp_path / "more.pth")
    del tensors["layer1.0.conv1.weight"]
    torch.save(tensors, tmp_path / "less.pth")
    with pytest.raises(WeightsError, match=r"lacks \['backbone\.layer1\.0\.conv1\.weight'\]"):
        pyramid(tmp_path / "less.pth")


class Command:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("owned",)


def test_code_in_a_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Command()}, tmp_path / "bad.pth")
    with pytest.raises(WeightsError, match=r"asks for \w+\.mkdir, and only tensors"):
        pyramid(tmp_path / "bad.pth")
    assert not (tmp_path / "owned").exists()
    torch.save(["a", "b"], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="no dictionary of tensors"):
        pyramid(tmp_path / "list.pth")
