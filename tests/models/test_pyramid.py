"""The pyramid's shapes against arithmetic, and its weights against files."""

import itertools
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from maflab.models.auxiliary import AuxiliaryHead
from maflab.models.pyramid import FeaturePyramid
from maflab.models.weights import WeightsError, load_head_weights


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_each_level_doubles_the_resolution(levels: int) -> None:
    pyramid = FeaturePyramid("mobilenetv4_conv_small", levels=levels, channels=8, weights="none").eval()
    features = pyramid(torch.randn(2, 3, 64, 64))
    assert [tuple(m.shape) for m in features.maps] == [(2, 8, 4 * 2**i, 4 * 2**i) for i in range(levels)]
    assert features.pooled.shape == (2, pyramid.global_channels)


def test_published_resnet50_maps_and_size() -> None:
    # PyMAF: maps of 14, 28, 56 at 224 pixels; 23.51 M parameters in the backbone, 10.49 M in the deconvolutions.
    pyramid = FeaturePyramid("resnet50", levels=3, channels=256, skips=False, weights="none").eval()
    with torch.no_grad():
        maps = pyramid(torch.randn(1, 3, 224, 224)).maps
    assert [m.shape[-1] for m in maps] == [14, 28, 56]
    assert sum(p.numel() for p in pyramid.backbone.parameters()) == pytest.approx(23.51e6, rel=1e-3)
    assert sum(p.numel() for p in pyramid.stages.parameters()) == pytest.approx(10.49e6, rel=1e-3)


def test_pooled_is_timms_own_pooling() -> None:
    pyramid = FeaturePyramid("resnet18", levels=1, channels=8, weights="none").eval()
    reference = timm.create_model("resnet18", num_classes=0).eval()
    reference.load_state_dict(pyramid.backbone.state_dict())
    image = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(pyramid(image).pooled, reference(image))


def test_skips_bring_detail_to_the_finest_map() -> None:
    # With all coarse maps silenced, the finest map still follows the picture through its skip, and only through it.
    for skips in (True, False):
        pyramid = FeaturePyramid("mobilenetv4_conv_small", levels=3, channels=8, skips=skips, weights="none").eval()
        torch.nn.init.zeros_(pyramid.stages[2].upsample.weight)
        first, second = (pyramid(torch.randn(1, 3, 64, 64)).maps[2] for _ in range(2))
        assert torch.equal(first, second) != skips


def test_frozen_stages_keep_weights_and_statistics() -> None:
    # The first two stages of a ResNet are the stem and layer1: everything else, and nothing of them, moves in a step.
    pyramid = FeaturePyramid("resnet18_half", frozen=2, weights="synthetic").train()
    before = {name: value.clone() for name, value in pyramid.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in pyramid.parameters() if p.requires_grad], lr=0.1)
    features = pyramid(torch.randn(4, 3, 64, 64))
    (sum(m.square().mean() for m in features.maps) + features.pooled.square().mean()).backward()
    optimizer.step()
    kept = {name for name, value in pyramid.state_dict().items() if torch.equal(value, before[name])}
    assert kept == {name for name in before if name.startswith(("backbone.conv1", "backbone.bn1", "backbone.layer1"))}
    # Lightning exchanges the norms behind our back with trainer.sync_batchnorm.
    exchanged = torch.nn.SyncBatchNorm.convert_sync_batchnorm(pyramid).train()
    norms = {n: m for n, m in exchanged.named_modules() if isinstance(m, torch.nn.SyncBatchNorm)}
    assert not norms["backbone.layer1.1.bn2"].training
    assert norms["backbone.layer2.0.bn1"].training


def test_frozen_stages_follow_timms_names_of_any_encoder(tmp_path: Path) -> None:
    path = tmp_path / "start.safetensors"
    save_file({f"pyramid.{k}": v.contiguous() for k, v in small().state_dict().items()}, path)
    whole = {"encoder": "mobilenetv4_conv_small", "levels": 2, "channels": 8, "weights": str(path)}
    moving = [
        {name for name, p in FeaturePyramid(frozen=n, **whole).backbone.named_parameters() if p.requires_grad}
        for n in range(6)
    ]
    assert all(more < fewer for fewer, more in itertools.pairwise(moving))
    assert not moving[5]


def test_only_stages_that_are_there_and_trained_are_frozen() -> None:
    with pytest.raises(ValueError, match=r"encoder\.frozen is 6, but resnet18_half has 5 stages"):
        FeaturePyramid(frozen=6)
    assert all(p.requires_grad for p in FeaturePyramid(frozen=2, weights="none").parameters())


def test_no_levels_and_unknown_encoders_are_errors() -> None:
    with pytest.raises(ValueError, match="at least one level"):
        FeaturePyramid(levels=0, weights="none")
    with pytest.raises(ValueError, match=r"resnet_50.*near it.*resnet"):
        FeaturePyramid("resnet_50", weights="none")


def small(levels: int = 2, channels: int = 8, weights: str = "none") -> FeaturePyramid:
    return FeaturePyramid("mobilenetv4_conv_small", levels=levels, channels=channels, weights=weights)


def save_pyramid(pyramid: FeaturePyramid, path: Path) -> str:
    save_file({f"pyramid.{k}": v.half() if v.is_floating_point() else v for k, v in pyramid.state_dict().items()}, path)
    return str(path)


def test_weights_round_trip_in_half_precision(tmp_path: Path) -> None:
    made = small()
    loaded = small(weights=save_pyramid(made, tmp_path / "w.safetensors"))
    for name, tensor in made.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor, atol=1e-3, rtol=1e-3)


def test_other_numbers_of_levels_take_what_there_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = save_pyramid(made := small(levels=2), tmp_path / "w.safetensors")
    fewer = small(levels=1, weights=path)
    torch.testing.assert_close(fewer.stages[0].upsample.weight, made.stages[0].upsample.weight, atol=1e-3, rtol=1e-3)
    small(levels=3, weights=path)
    assert "start at random" in caplog.text


def test_weights_of_another_shape_name_both(tmp_path: Path) -> None:
    path = save_pyramid(small(channels=8), tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"stages\.0.*8.*16.*another encoder or width"):
        small(channels=16, weights=path)
    with pytest.raises(WeightsError, match=r"does not fit|another encoder"):
        FeaturePyramid("resnet18", levels=2, channels=8, weights=path)


def test_missing_and_damaged_weights_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no weights file.*encoder\.weights"):
        small(weights=str(tmp_path / "nowhere.pt"))
    damaged = tmp_path / "w.safetensors"
    damaged.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="cannot be read"):
        small(weights=str(damaged))


def test_torchvision_names_load_as_a_backbone(tmp_path: Path) -> None:
    reference = timm.create_model("resnet18")
    torch.save(reference.state_dict(), tmp_path / "resnet18.pth")
    pyramid = FeaturePyramid("resnet18", levels=1, channels=8, weights=str(tmp_path / "resnet18.pth"))
    torch.testing.assert_close(pyramid.backbone.conv1.weight, reference.conv1.weight)


def test_a_head_starts_from_the_same_file_where_it_fits(tmp_path: Path) -> None:
    made = AuxiliaryHead(8, kernel=1)
    save_file({f"aux_head.{k}": v for k, v in made.state_dict().items()}, tmp_path / "w.safetensors")
    head, wider = AuxiliaryHead(8, kernel=1), AuxiliaryHead(8, kernel=3)
    assert load_head_weights(head, str(tmp_path / "w.safetensors"))
    assert torch.equal(head.predict.weight, made.predict.weight)
    for other, source in (
        (wider, str(tmp_path / "w.safetensors")),
        (head, "none"),
        (head, save_pyramid(small(), tmp_path / "p.safetensors")),
    ):
        before = other.predict.weight.clone()
        assert not load_head_weights(other, source)
        assert torch.equal(other.predict.weight, before)
