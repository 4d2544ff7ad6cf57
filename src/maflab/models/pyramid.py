"""The encoder and its pyramid of spatial features."""

from typing import Any, NamedTuple

import pytorch_lightning as pl
import timm
from torch import Tensor, nn

from maflab.models import encoders as encoders  # registers them with timm
from maflab.models.weights import NO_FILE, load_pyramid_weights


class PyramidFeatures(NamedTuple):
    """What the encoder sees in a picture."""

    maps: list[Tensor]  # a (B, C, h, w) map a level, coarse to fine
    pooled: Tensor  # (B, G) the backbone's last map, averaged over space


class _Stage(nn.Module):
    """One upsampling: a deconvolution and, where the backbone has a map of that resolution, its skip."""

    def __init__(self, coarser: int, channels: int, skip: int) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose2d(coarser, channels, kernel_size=4, stride=2, padding=1, bias=False)
        self.skip = nn.Conv2d(skip, channels, kernel_size=1, bias=False) if skip else None
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, coarse: Tensor, fine: Tensor | None) -> Tensor:
        features = self.upsample(coarse)
        if self.skip is not None and fine is not None:
            features = features + self.skip(fine)
        return nn.functional.relu(self.norm(features))


class FeaturePyramid(pl.LightningModule):
    """Any timm encoder with a stage of deconvolution for every level of the pyramid.

    Level 0 is the coarsest: the backbone's last map, upsampled once. With ResNet-50 at 224 pixels, three levels and 256
    channels the maps measure 14, 28 and 56: the published network.

    Args:
        encoder: the name of a timm model that can give its features.
        levels: how many deconvolution stages, at least 1.
        channels: channels of every map.
        skips: whether a stage also sees the backbone's own map of its resolution, where it has one, through a 1x1
            convolution, as in feature pyramid networks. Without (published), all detail must pass the coarsest map.
        frozen: how many of the backbone's stages, the stem first, keep their start weights and statistics. Early layers
            hardly move once they have seen people, and their backward pass over the largest maps is left out. Without
            start weights (`none`) all stages are trained.
        weights: `synthetic` (trained by this suite on synthetic people, shipped with it), `imagenet` (timm's, a
            download), `none`, `checkpoint` (nothing yet: those of a trained model that is about to be restored), or the
            path of a file (see `maflab.models.weights`).

    Raises:
        ValueError: no levels, an encoder timm does not know, or more frozen stages than it has.
        WeightsError: weights that cannot be had or do not fit.

    Source: Zhang et al., PyMAF, ICCV 2021, section 3.1; the deconvolutions after Xiao et al., "Simple Baselines for
    Human Pose Estimation and Tracking", ECCV 2018; the skips after Lin et al., "Feature Pyramid Networks", CVPR 2017.
    """

    def __init__(
        self,
        encoder: str = "resnet18_half",
        levels: int = 3,
        channels: int = 64,
        skips: bool = True,
        frozen: int = 0,
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
        self.backbone = timm.create_model(encoder, features_only=True, pretrained=weights == "imagenet")
        info: Any = self.backbone.feature_info
        self.global_channels: int = info.channels()[-1]
        self.reductions: list[int] = info.reduction()
        own = dict(zip(self.reductions, info.channels(), strict=True)) if skips else {}
        self.stages = nn.ModuleList()
        for level in range(levels):
            coarser = channels if level else self.global_channels
            self.stages.append(_Stage(coarser, channels, own.get(self._reduction(level), 0)))
        if weights not in NO_FILE:
            load_pyramid_weights(self, weights)
        self._frozen = self._freeze(0 if weights in (None, "none") else frozen)

    def train(self, mode: bool = True) -> "FeaturePyramid":
        """Switches between training and evaluation; what is frozen stays in evaluation."""
        super().train(mode)
        for name in self._frozen:
            self.backbone.get_submodule(name).eval()
        return self

    def forward(self, image: Tensor) -> PyramidFeatures:
        """Maps and pooled features of normalised crops (B, 3, H, W)."""
        own = dict(zip(self.reductions, self.backbone(image), strict=True))
        features = own[self.reductions[-1]]
        pooled = features.mean((2, 3))
        maps = []
        for level, stage in enumerate(self.stages):
            features = stage(features, own.get(self._reduction(level)))
            maps.append(features)
        return PyramidFeatures(maps, pooled)

    def _freeze(self, stages: int) -> list[str]:
        """Take the backbone's first stages out of training.

        Returns the names of their modules: the modules themselves may be exchanged, as for SyncBatchNorm.
        """
        info: Any = self.backbone.feature_info
        ends = info.module_name()
        if not 0 <= stages <= len(ends):
            raise ValueError(f"encoder.frozen is {stages}, but {self.encoder_name} has {len(ends)} stages")
        if stages == 0:
            return []
        # timm names a stage's last module; where it flattens its networks, with underscores.
        end = {ends[stages - 1], ends[stages - 1].replace(".", "_")}
        modules = list(self.backbone.named_modules())[1:]
        inside = [any(f"{name}.".startswith(f"{one}.") for one in end) for name, _ in modules]
        last = len(inside) - 1 - inside[::-1].index(True)
        # Not the containers, which may hold later stages too; norms that hold their activation do have parameters.
        parts = {n: m for n, m in modules[: last + 1] if not list(m.children()) or list(m.parameters(recurse=False))}
        for part in parts.values():
            part.requires_grad_(False).eval()
        return list(parts)

    def _reduction(self, level: int) -> int:
        """How many pixels of the picture one of a level's map covers."""
        return self.reductions[-1] // 2 ** (level + 1)
