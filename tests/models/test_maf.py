"""The loop: what each iteration reads, sizes as published, gradients that stay where they belong."""

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from maflab.body.model import BodyModel
from maflab.geometry.cameras import project
from maflab.models.maf import MAFLoop
from maflab.models.pyramid import PyramidFeatures
from maflab.models.regressor import PointReduction, Regressor


def features(batch: int = 2, levels: int = 3, channels: int = 6, pooled: int = 12) -> PyramidFeatures:
    maps = [torch.randn(batch, channels, 4 * 2**i, 4 * 2**i, requires_grad=True) for i in range(levels)]
    return PyramidFeatures(maps, torch.randn(batch, pooled, requires_grad=True))


def loop(body: BodyModel, levels: int = 3, **options: object) -> MAFLoop:
    settings: dict = {"points": 30, "grid": 5, "hidden": 32, "reduction": (8, 5)} | options
    return MAFLoop(body, 6, 12, levels=levels, **settings)


@pytest.mark.parametrize(("levels", "iterations"), [(2, 5), (4, 1), (3, 3)])
def test_levels_and_iterations_are_independent(tiny_body: BodyModel, levels: int, iterations: int) -> None:
    maf = loop(tiny_body, levels=levels, iterations=iterations)
    estimates = maf(features(levels=levels))
    assert len(estimates) == iterations + 1
    assert maf.schedule == tuple(min(t, levels - 1) for t in range(iterations))
    assert estimates[-1].rotations.shape == (2, 24, 3, 3)
    assert estimates[-1].keypoints_2d.shape == (2, 49, 2)


def test_estimate_zero_is_the_mean_body(tiny_body: BodyModel) -> None:
    mean = loop(tiny_body)(features())[0]
    output = tiny_body(tiny_body.mean_rotations[None], tiny_body.mean_betas[None])
    torch.testing.assert_close(mean.keypoints_3d[1], tiny_body.keypoints(output)[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(mean.rotations[0], tiny_body.mean_rotations)


def test_an_untrained_iteration_stays_near_its_start(tiny_body: BodyModel) -> None:
    estimates = loop(tiny_body)(features())
    assert (estimates[1].keypoints_3d - estimates[0].keypoints_3d).abs().max() < 0.05


def test_each_iteration_reads_its_level_and_source_alone(tiny_body: BodyModel) -> None:
    maf = loop(tiny_body, iterations=3, sources=["global", "grid", "mesh"], schedule=[0, 2, 1]).eval()
    given = features()
    estimates = maf(given)
    reads = {1: [given.pooled], 2: [given.maps[2]], 3: [given.maps[1]]}
    inputs = [given.pooled, *given.maps]
    for t, expected in reads.items():
        gradients = torch.autograd.grad(estimates[t].camera.sum(), inputs, retain_graph=True, allow_unused=True)
        read = [x for x, g in zip(inputs, gradients, strict=True) if g is not None and g.abs().sum() > 0]
        assert [id(x) for x in read] == [id(x) for x in expected]


def test_no_gradient_reaches_an_earlier_iteration(tiny_body: BodyModel) -> None:
    maf = loop(tiny_body)
    maf(features())[3].keypoints_2d.sum().backward()
    assert all(p.grad is None or p.grad.abs().sum() == 0 for p in maf.regressors[0].parameters())
    assert maf.regressors[2].pose.weight.grad.abs().sum() > 0


def test_mesh_features_lie_at_the_projected_mesh(tiny_body: BodyModel) -> None:
    maf = loop(tiny_body)
    given = features()
    mean = maf(given)[0]
    where = maf.sample_points(1, mean)
    torch.testing.assert_close(where, project(mean.points, mean.camera))
    sampled = torch.nn.functional.grid_sample(given.maps[1], where[:, :, None], align_corners=True)[..., 0]
    # SciPy's interpolation as the independent reader of the map: crop coordinate x lies at pixel (x + 1) (S - 1) / 2.
    pixels = ((where[0].numpy() + 1) * (given.maps[1].shape[-1] - 1) / 2)[:, ::-1].T
    expected = map_coordinates(np.pad(given.maps[1][0, 0].detach().numpy(), 1), pixels + 1, order=1)
    inside = (where[0].abs() < 1).all(-1).numpy()
    np.testing.assert_allclose(sampled[0, 0].detach().numpy()[inside], expected[inside], atol=1e-5)


def test_grid_has_x_as_the_outer_index(tiny_body: BodyModel) -> None:
    # PyMAF's points_grid: point k = (lin[k // 21], lin[k % 21]).
    grid = MAFLoop(tiny_body, 6, 12, levels=1, points=30).grid
    line = torch.linspace(-1, 1, 21)
    assert grid.shape == (441, 2)
    torch.testing.assert_close(grid[22], torch.stack((line[1], line[1])))
    torch.testing.assert_close(grid[20], torch.stack((line[0], line[20])))


def test_published_sizes(tiny_body: BodyModel) -> None:
    # FORMATS of the released checkpoint: regressors 10.79 M, point MLPs 0.18 M, fc1 (1024, 2362) and (1024, 2312).
    maf = MAFLoop(tiny_body, 256, 2048, levels=3)
    assert sum(p.numel() for p in maf.regressors.parameters()) == pytest.approx(10.79e6, rel=1e-3)
    assert sum(p.numel() for p in maf.reductions.parameters()) == pytest.approx(0.18e6, rel=0.05)
    assert [r.trunk[0].weight.shape for r in maf.regressors] == [(1024, 2362), (1024, 2312), (1024, 2312)]
    assert [layer.weight.shape for layer in maf.reductions[0].layers] == [(128, 256, 1), (64, 384, 1), (5, 320, 1)]


def test_one_regressor_for_all(tiny_body: BodyModel) -> None:
    assert len(loop(tiny_body, sources=["global"], share_regressor=True).regressors) == 1
    with pytest.raises(ValueError, match=r"share_regressor.*one width"):
        loop(tiny_body, sources=["grid", "mesh"], share_regressor=True)


def test_impossible_settings_name_the_key(tiny_body: BodyModel) -> None:
    with pytest.raises(ValueError, match=r"level 3.*0 to 2"):
        loop(tiny_body, schedule=[0, 3])
    with pytest.raises(ValueError, match=r"'mehs'.*global, grid, mesh"):
        loop(tiny_body, sources=["mehs"])
    with pytest.raises(ValueError, match="at least one iteration"):
        loop(tiny_body, iterations=0)
    with pytest.raises(ValueError, match="Unknown activation"):
        Regressor(4, activation="tanhh")


def test_points_are_reduced_independently_of_each_other() -> None:
    reduction = PointReduction(6, (8, 4, 5))
    raw = torch.randn(2, 6, 11)
    order = torch.randperm(11)
    torch.testing.assert_close(reduction(raw[..., order]), reduction(raw)[..., order])
    assert (reduction(raw) >= 0).all()
