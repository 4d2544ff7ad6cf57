"""PyMAF's released network once more, in plain torch with torchvision and smplx, and with its key layout.

It is what the imported network is compared with, so nothing of maflab is used here. What it does follows from the paper
and from the layout of the released checkpoint.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from smplx import SMPL
from smplx.utils import Struct
from torch import Tensor, nn

# The 49 joints out of smplx's 45 and the 9 of J_regressor_extra: SPIN's table by index.
JOINTS = [
    *(24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34),
    *(8, 5, 45, 46, 4, 7, 21, 19, 17, 16, 18, 20, 47, 48, 49, 50, 51, 52, 53, 24, 26, 25, 28, 27),
]


class Seen(NamedTuple):
    """One iteration's estimate."""

    rotations: Tensor  # (B, 24, 3, 3)
    betas: Tensor  # (B, 10)
    camera: Tensor  # (B, 3)
    joints: Tensor  # (B, 49, 3)
    vertices: Tensor  # (B, 6890, 3)


class PointFeatures(nn.Module):
    """maf_extractor.k"""

    def __init__(self, dmap: Tensor) -> None:
        super().__init__()
        self.conv0, self.conv1, self.conv2 = nn.Conv1d(256, 128, 1), nn.Conv1d(384, 64, 1), nn.Conv1d(320, 5, 1)
        self.register_buffer("Dmap", dmap.clone())

    def forward(self, feature_map: Tensor, points: Tensor) -> Tensor:
        raw = F.grid_sample(feature_map, points.unsqueeze(2), align_corners=True).squeeze(-1)
        x = F.leaky_relu(self.conv0(raw))
        x = F.leaky_relu(self.conv1(torch.cat([x, raw], 1)))
        x = F.relu(self.conv2(torch.cat([x, raw], 1)))
        return x.reshape(len(x), -1)  # channel after channel

    def at_mesh(self, feature_map: Tensor, vertices: Tensor, camera: Tensor) -> Tensor:
        points = torch.einsum("pv,bvc->bpc", self.Dmap, vertices)
        depth = points[..., 2] + 2 * 5000.0 / (224.0 * camera[:, :1] + 1e-9)
        pixels = 5000.0 * torch.stack([points[..., 0] + camera[:, 1:2], points[..., 1] + camera[:, 2:3]], -1)
        return self(feature_map, pixels / depth[..., None] / 112.0)


class Regressor(nn.Module):
    """regressor.k"""

    def __init__(self, width: int, smpl: dict[str, Any], extra: np.ndarray) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width + 157, 1024), nn.Linear(1024, 1024)
        self.decpose, self.decshape, self.deccam = nn.Linear(1024, 144), nn.Linear(1024, 10), nn.Linear(1024, 3)
        self.smpl = SMPL("", data_struct=Struct(**smpl), create_transl=False, batch_size=64)
        self.smpl.register_buffer("J_regressor_extra", torch.tensor(extra, dtype=torch.float32))
        flat = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
        pose = flat.repeat(24, 1, 1)
        pose[0, 1, 1] = -1.0  # upright in a frame whose y points down
        noise = torch.Generator().manual_seed(5)
        pose = pose + 0.15 * torch.randn(pose.shape, generator=noise)  # not orthonormal, as the released ones
        self.register_buffer("init_pose", pose.reshape(1, 144))
        self.register_buffer("init_shape", 0.5 * torch.randn(1, 10, generator=noise))
        self.register_buffer("init_cam", torch.tensor([[0.85, 0.03, -0.05]]))

    def forward(self, x: Tensor, pose: Tensor, shape: Tensor, cam: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = self.fc2(self.fc1(torch.cat([x, pose, shape, cam], 1)))
        return pose + self.decpose(hidden), shape + self.decshape(hidden), cam + self.deccam(hidden)

    def body(self, pose: Tensor, shape: Tensor, cam: Tensor) -> Seen:
        columns = pose.reshape(-1, 3, 2)
        first = F.normalize(columns[:, :, 0])
        second = columns[:, :, 1] - torch.einsum("bi,bi->b", first, columns[:, :, 1])[:, None] * first
        second = F.normalize(second)
        matrices = torch.stack((first, second, torch.linalg.cross(first, second)), dim=-1).view(-1, 24, 3, 3)
        out = self.smpl(betas=shape, body_pose=matrices[:, 1:], global_orient=matrices[:, :1], pose2rot=False)
        extra = torch.einsum("kv,bvc->bkc", self.smpl.J_regressor_extra, out.vertices)
        return Seen(matrices, shape, cam, torch.cat([out.joints, extra], 1)[:, JOINTS], out.vertices)


class DenseHead(nn.Module):
    """dp_head"""

    def __init__(self) -> None:
        super().__init__()
        self.predict_u, self.predict_v, self.predict_uv_index = (nn.Conv2d(256, 25, 3, 1, 1) for _ in range(3))
        self.predict_ann_index = nn.Conv2d(256, 15, 3, 1, 1)


class ReleasedNetwork(nn.Module):
    """441 tensors under the released names.

    Args:
        smpl: the arrays of SMPL's pickle. extra: (9, 6890). dmap: (431, 6890).
    """

    def __init__(self, smpl: dict[str, Any], extra: np.ndarray, dmap: Tensor) -> None:
        super().__init__()
        line = torch.linspace(-1, 1, 21)
        outer, inner = torch.meshgrid(line, line, indexing="ij")
        self.register_buffer("points_grid", torch.stack([outer.reshape(-1), inner.reshape(-1)])[None])
        self.feature_extractor = torchvision.models.resnet50(weights=None)
        del self.feature_extractor.fc
        layers: list[nn.Module] = []
        for inputs in (2048, 256, 256):
            layers += [nn.ConvTranspose2d(inputs, 256, 4, 2, 1, bias=False), nn.BatchNorm2d(256), nn.ReLU()]
        self.deconv_layers = nn.Sequential(*layers)
        self.maf_extractor = nn.ModuleList(PointFeatures(dmap) for _ in range(3))
        self.regressor = nn.ModuleList(Regressor(width, smpl, extra) for width in (2205, 2155, 2155))
        self.dp_head = DenseHead()

    def maps(self, image: Tensor) -> list[Tensor]:
        net = self.feature_extractor
        x = net.maxpool(net.relu(net.bn1(net.conv1(image))))
        x = net.layer4(net.layer3(net.layer2(net.layer1(x))))
        maps = []
        for stage in range(3):
            x = self.deconv_layers[3 * stage : 3 * stage + 3](x)
            maps.append(x)
        return maps

    @torch.no_grad()
    def forward(self, image: Tensor) -> tuple[list[Seen], dict[str, Tensor]]:
        maps = self.maps(image)
        first = self.regressor[0]
        state = tuple(x.expand(len(image), -1) for x in (first.init_pose, first.init_shape, first.init_cam))
        seen = [first.body(*state)]
        for k, (extractor, regressor) in enumerate(zip(self.maf_extractor, self.regressor, strict=True)):
            if k == 0:
                points = self.points_grid.expand(len(image), -1, -1).transpose(1, 2)
                features = extractor(maps[0], points)
            else:
                features = extractor.at_mesh(maps[k], seen[-1].vertices, seen[-1].camera)
            state = regressor(features, *state)
            seen.append(regressor.body(*state))
        head = {name: getattr(self.dp_head, name)(maps[2]) for name in dict(self.dp_head.named_children())}
        return seen, head


def untrained_but_alive(network: ReleasedNetwork) -> ReleasedNetwork:
    """Random weights under which every part matters: features of unit variance, updates of some tenths."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            nn.init.uniform_(module.weight, 0.7, 1.3, generator=generator)
            nn.init.normal_(module.bias, 0.0, 0.1, generator=generator)
    with torch.no_grad():
        network.train().maps(torch.randn(4, 3, 224, 224, generator=generator))  # statistics of its own features
        for regressor in network.regressor:
            for head, gain in ((regressor.decpose, 0.7), (regressor.decshape, 1.5), (regressor.deccam, 0.3)):
                nn.init.normal_(head.weight, 0.0, gain / 32, generator=generator)
    return network.eval()


def save_released(network: ReleasedNetwork, path: Path) -> dict[str, Tensor]:
    """Writes it as the released file is, with what training left beside the weights; returns the tensors."""
    tensors = network.state_dict()
    step = torch.optim.Adam(network.dp_head.parameters()).state_dict()
    rest = {"optimizer": step, "epoch": 7, "batch_idx": 0, "batch_size": 64, "total_step_count": 123}
    torch.save({"model": tensors, **rest}, path)
    return tensors
