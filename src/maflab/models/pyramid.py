"""The encoder and its pyramid of spatial features."""

from itertools import pairwise
from typing import NamedTuple

import pytorch_lightning as pl
import timm
from torch import Tensor, nn

from maflab.models.weights import load_pyramid_weights


class PyramidFeatures(NamedTuple):
    """What the encoder sees in a picture."""

    maps: list[Tensor]  # a (B, C, h, w) map a level, coarse to fine
    pooled: Tensor  # (B, G) the backbone's last map, averaged over space


class FeaturePyramid(pl.LightningModule):
    """Any timm encoder with a stage of deconvolution for every level of the pyramid.

    Level 0 is the coarsest: the backbone's last map, upsampled once. With ResNet-50 at 224 pixels, three levels and 256
    channels the maps measure 14, 28 and 56: the published network.

    Args:
        encoder: the name of a timm model that can give its features.
        levels: how many deconvolution stages, at least 1.
        channels: channels of every map.
        weights: `synthetic` (trained by this suite on synthetic people, shipped with it), `imagenet` (timm's, a
            download), `none`, or the path of a file (see `maflab.models.weights`).

    Raises:
        ValueError: no levels, or an encoder timm does not know.
        WeightsError: weights that cannot be had or do not fit.

    Source: Zhang et al., PyMAF, ICCV 2021, section 3.1; the deconvolutions after Xiao et al., "Simple Baselines for
    Human Pose Estimation and Tracking", ECCV 2018.
    """

    def __init__(
        self,
        encoder: str = "mobilenetv4_conv_small",
        levels: int = 3,
        channels: int = 64,
        weights: str | None = "synthetic",
    ) -> None:
        super().__init__()
        if levels < 1:
            raise ValueError(f"A feature pyramid needs at least one level, not {levels}")
        if not timm.is_model(encoder):
            close = ", ".join(timm.list_models(f"{encoder[:6]}*")[:5]) or "timm.list_models() names them"
            raise ValueError(f"timm has no encoder called {encoder!r}; near it: {close}")
        self.encoder_name = encoder
        self.levels = levels
        self.channels = channels
        self.backbone = timm.create_model(
            encoder, features_only=True, out_indices=(-1,), pretrained=weights == "imagenet"
        )
        self.global_channels: int = self.backbone.feature_info.channels()[-1]
        widths = [self.global_channels] + [channels] * levels
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.ConvTranspose2d(narrow, wide, kernel_size=4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(wide),
                nn.ReLU(inplace=True),
            )
            for narrow, wide in pairwise(widths)
        )
        if weights not in (None, "none", "imagenet"):
            load_pyramid_weights(self, weights)

    def forward(self, image: Tensor) -> PyramidFeatures:
        """Maps and pooled features of normalised crops (B, 3, H, W)."""
        features = self.backbone(image)[-1]
        pooled = features.mean((2, 3))
        maps = []
        for stage in self.stages:
            features = stage(features)
            maps.append(features)
        return PyramidFeatures(maps, pooled)
