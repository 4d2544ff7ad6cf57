"""The One-Euro filter against the paper's algorithm restated, and what it keeps."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from maflab.inference.one_euro import OneEuro, OneEuroFilter

TIMES = np.cumsum(np.random.default_rng(1).uniform(0.02, 0.06, 80))


def paper(times: np.ndarray, values: np.ndarray, min_cutoff: float, beta: float, derivative_cutoff: float) -> list:
    """Algorithm 1 of Casiez et al. for one number, word by word."""

    def alpha(rate: float, cutoff: float) -> float:
        tau = 1.0 / (2 * math.pi * cutoff)
        return 1.0 / (1.0 + tau * rate)

    result = [values[0]]
    derivative = 0.0
    for k in range(1, len(values)):
        rate = 1 / (times[k] - times[k - 1])
        dx = (values[k] - result[-1]) * rate
        a = alpha(rate, derivative_cutoff)
        derivative = a * dx + (1 - a) * derivative
        a = alpha(rate, min_cutoff + beta * abs(derivative))
        result.append(a * values[k] + (1 - a) * result[-1])
    return result


def test_a_line_is_the_papers_number() -> None:
    values = np.sin(3 * TIMES) + np.random.default_rng(0).normal(scale=0.05, size=80)
    positions = torch.zeros(80, 3, dtype=torch.float64)
    positions[:, 1] = torch.from_numpy(values)
    still = torch.eye(3, dtype=torch.float64).expand(80, 2, 3, 3)
    settings = OneEuro(strength=2.0, min_cutoff=3.0, responsiveness=0.8, derivative_cutoff=0.7)
    turned, moved = settings(TIMES, still, positions)
    expected = paper(TIMES, values, 3.0 / 2, 0.8 / 2, 0.7)
    np.testing.assert_allclose(moved[:, 1], expected, atol=1e-6)
    assert torch.equal(moved[:, ::2], positions[:, ::2])
    torch.testing.assert_close(turned, still)


def test_a_turn_about_one_axis_is_the_papers_number() -> None:
    angles = 4 * TIMES + np.random.default_rng(0).normal(scale=0.1, size=80)
    axis = np.array([2, -1, 2]) / 3
    rotations = torch.from_numpy(Rotation.from_rotvec(angles[:, None] * axis).as_matrix())[:, None]
    turned, _ = OneEuro(1.0, 1.2, 0.6, 1.1)(TIMES, rotations, torch.zeros(80, 3).double())
    expected = np.array(paper(TIMES, angles, 1.2, 0.3, 1.1))
    difference = Rotation.from_matrix(turned[:, 0].numpy()) * Rotation.from_rotvec(-expected[:, None] * axis)
    assert difference.magnitude().max() < 1e-5
    assert expected[-1] > 2 * math.pi


def test_the_future_is_not_known() -> None:
    values = torch.randn(80, 3).double()
    still = torch.eye(3).double().expand(80, 1, 3, 3)
    _, moved = OneEuro()(TIMES, still, values)
    _, start = OneEuro()(TIMES[:30], still[:30], values[:30])
    assert torch.equal(moved[:30], start)


def test_turning_the_world_turns_the_result() -> None:
    rotations = torch.from_numpy(Rotation.random(80, random_state=0).as_matrix())[:, None]
    positions = torch.randn(80, 3).double()
    world = torch.from_numpy(Rotation.random(random_state=3).as_matrix())
    turned, moved = OneEuro()(TIMES, rotations, positions)
    turned_after, moved_after = OneEuro()(TIMES, world @ rotations, positions @ world.T)
    torch.testing.assert_close(turned_after, world @ turned, atol=1e-7, rtol=0)
    torch.testing.assert_close(moved_after, moved @ world.T, atol=1e-7, rtol=0)
    torch.testing.assert_close(turned @ turned.mT, torch.eye(3).double().expand(80, 1, 3, 3), atol=1e-9, rtol=0)


def test_rest_is_calmed_and_speed_is_followed() -> None:
    times = np.arange(600) / 30
    noise = 0.01 * torch.randn(600, 3).double()
    still = torch.eye(3).double().expand(600, 1, 3, 3)
    assert float(OneEuro()(times, still, noise)[1].var() / noise.var()) < 0.4

    def late(speed: float) -> float:
        run = torch.from_numpy(speed * times)[:, None].expand(-1, 3)
        return float((run[-1] - OneEuro()(times, still, run)[1][-1]).norm() / (run[-1] - run[-2]).norm())

    assert late(3.0) < late(0.3) < 3.5  # frames


def test_no_strength_passes_everything() -> None:
    values = torch.randn(80, 3).double()
    still = torch.eye(3).double().expand(80, 1, 3, 3)
    torch.testing.assert_close(OneEuro(strength=0.0)(TIMES, still, values)[1], values)


def test_a_frame_at_the_same_time_is_no_division_by_zero() -> None:
    filtered = OneEuroFilter(1.0, 0.0, 1.0, rotation=False)
    first = filtered.step(0.0, torch.ones(3))
    assert torch.equal(filtered.step(0.0, torch.zeros(3)), first)


@pytest.mark.parametrize(
    "settings", [OneEuro(-1.0), OneEuro(min_cutoff=0.0), OneEuro(derivative_cutoff=-1.0), OneEuro(responsiveness=-1.0)]
)
def test_settings_out_of_range(settings: OneEuro) -> None:
    with pytest.raises(ValueError, match=r"motion\.smoothing"):
        settings.start()
