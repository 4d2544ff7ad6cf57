"""What turns features of one iteration into an update of the body's parameters."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POSE, SHAPE, CAMERA = 144, 10, 3
"""Widths of the parameter vectors: 24 rotations in 6D, betas, weak-perspective camera."""

ACTIVATIONS: dict[str, type[nn.Module]] = {"none": nn.Identity, "relu": nn.ReLU, "gelu": nn.GELU}


class PointReduction(nn.Module):
    """The MLP that reduces the feature of each mesh point; every layer after the first sees the raw feature again.

    Args:
        channels: width of a raw feature.
        widths: widths of the layers; the last is what is left of a point.

    Source: PyMAF, section 3.2: 256-128-64-5, leaky ReLU between the layers and ReLU after the last, shared by all
    points; the design is PIFu's (Saito et al., ICCV 2019).
    """

    def __init__(self, channels: int, widths: tuple[int, ...] = (128, 64, 5)) -> None:
        super().__init__()
        inputs = [channels] + [width + channels for width in widths[:-1]]
        self.layers = nn.ModuleList(nn.Conv1d(i, o, 1) for i, o in zip(inputs, widths, strict=True))
        for layer in self.layers:
            _keep_variance(layer)

    def forward(self, raw: Tensor) -> Tensor:
        """Reduced features (B, widths[-1], P) of raw ones (B, channels, P)."""
        raw = raw.transpose(1, 2).contiguous()  # (B, P, channels): a product over all points is faster than Conv1d
        reduced = _at_points(self.layers[0], raw)
        for layer in self.layers[1:]:
            reduced = _at_points(layer, torch.cat((F.leaky_relu(reduced), raw), dim=2))
        return F.relu(reduced).transpose(1, 2)


def _at_points(layer: nn.Module, features: Tensor) -> Tensor:
    """A convolution of width 1 (in whose form weights are published) on features (B, P, channels)."""
    assert isinstance(layer, nn.Conv1d)
    return F.linear(features, layer.weight[..., 0], layer.bias)


class Regressor(nn.Module):
    """Updates of pose, shape and camera from features and the current parameters.

    Args:
        features: width of the feature vector.
        hidden: width of the two hidden layers.
        dropout: probability after each of them.
        activation: `none` (published: the layers are linear), `relu` or `gelu`.

    Source: Kanazawa et al., HMR, CVPR 2018, section 3.2; PyMAF, section 3.2. Heads start near zero (Xavier, gain 0.01),
    so that an untrained iteration changes next to nothing.
    """

    def __init__(self, features: int, hidden: int = 1024, dropout: float = 0.5, activation: str = "none") -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"Unknown activation {activation!r}: choose one of {', '.join(ACTIVATIONS)}")
        self.trunk = nn.Sequential(
            nn.Linear(features + POSE + SHAPE + CAMERA, hidden),
            ACTIVATIONS[activation](),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            ACTIVATIONS[activation](),
            nn.Dropout(dropout),
        )
        for layer in self.trunk:
            if isinstance(layer, nn.Linear):
                _keep_variance(layer)
        self.pose = nn.Linear(hidden, POSE)
        self.shape = nn.Linear(hidden, SHAPE)
        self.camera = nn.Linear(hidden, CAMERA)
        for head in (self.pose, self.shape, self.camera):
            nn.init.xavier_uniform_(head.weight, gain=0.01)
            nn.init.zeros_(head.bias)

    def forward(self, features: Tensor, pose: Tensor, betas: Tensor, camera: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The updated pose (B, 144), betas (B, 10) and camera (B, 3) from features (B, F) and the current ones."""
        hidden = self.trunk(torch.cat((features, pose, betas, camera), dim=1))
        return pose + self.pose(hidden), betas + self.shape(hidden), camera + self.camera(hidden)


def _keep_variance(layer: nn.Module) -> None:
    """Start a linear layer or a convolution so that what differs between pictures passes at full strength.

    PyTorch's own start shrinks the signal about threefold a layer.
    """
    assert isinstance(layer, nn.Linear | nn.Conv1d)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
