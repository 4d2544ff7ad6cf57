"""The mesh alignment feedback loop."""

from collections.abc import Sequence

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maflab.body.model import BodyModel
from maflab.body.subset import FoldedBody
from maflab.geometry.cameras import project
from maflab.geometry.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from maflab.models.pyramid import PyramidFeatures
from maflab.models.regressor import PointReduction, Regressor
from maflab.structures import Estimate

SOURCES = ("global", "grid", "mesh")
MEAN_CAMERA = (0.9, 0.0, 0.0)
"""The camera of the mean parameters, as in SPIN's: the crop shows 2.2 metres."""


class MAFLoop(pl.LightningModule):
    """Regresses the body's parameters, again and again, from features at the points where its mesh now lies.

    Iteration t reads one level of the pyramid through one feature source: `global` (the pooled vector, as HMR does),
    `grid` (a fixed grid of points over the crop) or `mesh` (the points of the coarsened mesh, projected). Levels and
    iterations are independent.

    Args:
        body: the body model; its mean parameters are estimate 0.
        channels: channels of the pyramid's maps.
        global_channels: channels of the pooled vector.
        levels: how many maps the pyramid has.
        iterations: how often to regress, at least 1.
        schedule: the level that each iteration reads; default t up to the finest. The last entry repeats.
        sources: the feature source of each iteration; the last entry repeats.
        points: points of the coarsened mesh.
        grid: points along a side of the grid.
        reduction: widths of the point MLP.
        hidden, dropout, activation: of the regressors.
        share_regressor: one regressor for all iterations, as in HMR, instead of one each.
        stored_points: for published weights, which bring points and mean parameters of their own: the vertices that a
            point is a weighted sum of, at most. Both are then part of the weights. None: vertices and mean of the body.

    Raises:
        ValueError: a level the pyramid lacks, an unknown source, sources of different widths with one regressor.

    Source: Zhang et al., PyMAF, ICCV 2021, section 3.2, with the published numbers as defaults.
    """

    grid: Tensor
    mean_pose: Tensor
    mean_betas: Tensor
    mean_camera: Tensor

    def __init__(
        self,
        body: BodyModel,
        channels: int,
        global_channels: int,
        *,
        levels: int,
        iterations: int = 3,
        schedule: Sequence[int] | None = None,
        sources: Sequence[str] = ("grid", "mesh"),
        points: int = 431,
        grid: int = 21,
        reduction: Sequence[int] = (128, 64, 5),
        hidden: int = 1024,
        dropout: float = 0.5,
        activation: str = "none",
        share_regressor: bool = False,
        stored_points: int | None = None,
    ) -> None:
        super().__init__()
        self.iterations = iterations
        self.sources = _for_each_iteration("sources", sources, iterations)
        self.schedule = _for_each_iteration("schedule", schedule or range(levels), iterations)
        _check(self.sources, self.schedule, levels)
        self.folded = FoldedBody(body, points, stored_points)
        line = torch.linspace(-1, 1, grid)
        outer_x = torch.stack(torch.meshgrid(line, line, indexing="ij"), dim=-1).flatten(0, 1)
        self.register_buffer("grid", outer_x, persistent=False)  # (grid^2, 2)
        own = stored_points is not None
        self.register_buffer("mean_pose", matrix_to_rotation_6d(body.mean_rotations).flatten(), persistent=own)
        self.register_buffer("mean_betas", body.mean_betas.clone(), persistent=own)
        self.register_buffer("mean_camera", torch.tensor(MEAN_CAMERA), persistent=own)

        local = {"grid": grid * grid * reduction[-1], "mesh": points * reduction[-1]}
        widths = [global_channels if source == "global" else local[source] for source in self.sources]
        if share_regressor and len(set(widths)) > 1:
            raise ValueError(
                f"maf.share_regressor needs feature sources of one width, but {self.sources} give {widths}: "
                "use one source for all iterations, such as maf.sources=[mesh]"
            )
        self.reductions = nn.ModuleList(
            nn.Identity() if source == "global" else PointReduction(channels, tuple(reduction))
            for source in self.sources
        )
        count = 1 if share_regressor else iterations
        self.regressors = nn.ModuleList(Regressor(width, hidden, dropout, activation) for width in widths[:count])

    def forward(self, features: PyramidFeatures) -> list[Estimate]:
        """Estimates of a batch, one an iteration after estimate 0, the mean parameters."""
        batch = features.pooled.shape[0]
        pose, betas, camera = (x.expand(batch, -1) for x in (self.mean_pose, self.mean_betas, self.mean_camera))
        estimates = [self._mean_estimate(batch)]
        for t in range(self.iterations):
            seen = self._look(t, features, estimates[-1])
            regressor = self.regressors[min(t, len(self.regressors) - 1)]
            # Each iteration answers for its own update alone: no gradient flows into the one before.
            pose, betas, camera = regressor(seen, pose.detach(), betas.detach(), camera.detach())
            estimates.append(self._estimate(pose, betas, camera))
        return estimates

    def sample_points(self, t: int, current: Estimate) -> Tensor | None:
        """Where iteration t looks: crop coordinates (B, P, 2), or None for the global vector."""
        if self.sources[t] == "global":
            return None
        if self.sources[t] == "grid":
            return self.grid.expand(current.camera.shape[0], -1, -1)
        return project(current.points, current.camera).detach()

    def _look(self, t: int, features: PyramidFeatures, current: Estimate) -> Tensor:
        """The feature vector (B, F) of iteration t; points are channel-major, as in the published weights."""
        points = self.sample_points(t, current)
        if points is None:
            return features.pooled
        level = _keeping_layout(features.maps[self.schedule[t]])
        raw = F.grid_sample(level, points.to(level.dtype)[:, :, None], align_corners=True)[..., 0]
        return self.reductions[t](raw).flatten(1)

    def _estimate(self, pose: Tensor, betas: Tensor, camera: Tensor) -> Estimate:
        # Geometry stays in single precision: millimetres and a focal length of 5000 do not fit half.
        with torch.autocast(pose.device.type, enabled=False):
            pose, betas, camera = pose.float(), betas.float(), camera.float()
            rotations = rotation_6d_to_matrix(pose.unflatten(1, (24, 6)))
            points, keypoints = self.folded(rotations, betas)
            return Estimate(rotations, betas, camera, points, keypoints, project(keypoints, camera))

    def _mean_estimate(self, batch: int) -> Estimate:
        # The same for every picture, so it is skinned once and shared.
        with torch.no_grad():
            one = self._estimate(self.mean_pose[None], self.mean_betas[None], self.mean_camera[None])
        return Estimate(*(x.expand(batch, *x.shape[1:]) for x in one))


def _keeping_layout(level: Tensor) -> Tensor:
    """The map itself, whose gradient comes in the map's own memory layout.

    grid_sample's is contiguous always; beside a channels_last map that slows every layer that it passes on its way.
    """
    if level.requires_grad and level.is_contiguous(memory_format=torch.channels_last):
        level = level.view_as(level)
        level.register_hook(lambda gradient: gradient.contiguous(memory_format=torch.channels_last))
    return level


def _for_each_iteration(name: str, values: Sequence, iterations: int) -> tuple:
    """The first values, the last of them repeated up to the number of iterations."""
    values = list(values)
    if iterations < 1 or not values:
        raise ValueError(f"The loop needs at least one iteration and one entry in maf.{name}")
    return tuple(values[min(t, len(values) - 1)] for t in range(iterations))


def _check(sources: tuple[str, ...], schedule: tuple[int, ...], levels: int) -> None:
    for source in sources:
        if source not in SOURCES:
            raise ValueError(f"Unknown feature source {source!r} in maf.sources: choose from {', '.join(SOURCES)}")
    for level in schedule:
        if not 0 <= level < levels:
            raise ValueError(
                f"maf.schedule reads level {level}, but the pyramid has levels 0 to {levels - 1}: "
                "change the schedule or encoder.levels"
            )
