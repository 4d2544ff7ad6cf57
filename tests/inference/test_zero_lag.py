"""The zero-lag filter by closed forms: what stays, what shrinks, and that nothing comes late."""

import numpy as np
import pytest
import torch
from scipy.signal import savgol_filter
from scipy.spatial.transform import Rotation

from maflab.inference.zero_lag import Window, ZeroLag, local_window, smooth_rotations, smooth_vectors


def uneven_times(count: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(1).uniform(0.02, 0.06, count))


def about(axis: list[float], angles: np.ndarray) -> torch.Tensor:
    """Rotations (F, 1, 3, 3) about one axis."""
    unit = np.array(axis) / np.linalg.norm(axis)
    return torch.from_numpy(Rotation.from_rotvec(angles[:, None] * unit).as_matrix())[:, None]


def test_constant_velocity_and_acceleration_stay() -> None:
    times = uneven_times(60)
    positions = torch.from_numpy(np.stack((2 + 3 * times, 1 - times**2, 0 * times), 1))
    spin = about([1, 2, -1], 4 * times)
    rotations, moved = ZeroLag()(times, spin, positions)
    torch.testing.assert_close(moved, positions, atol=1e-10, rtol=0)
    torch.testing.assert_close(rotations, spin, atol=1e-10, rtol=0)


def test_noise_shrinks_as_the_weights_say() -> None:
    times = np.arange(4000) / 30
    noise = torch.randn(4000, 3, dtype=torch.float64)
    turns = torch.from_numpy(Rotation.from_rotvec(0.02 * noise.numpy()).as_matrix())[:, None]
    rotations, moved = ZeroLag()(times, turns, noise)
    weights = local_window(times, 0.1).weight[2000]
    expected = float(weights.square().sum())
    assert expected < 0.2
    assert float(moved.var()) == pytest.approx(expected, rel=0.1)
    angles = Rotation.from_matrix(rotations[:, 0].numpy()).as_rotvec() / 0.02
    assert angles.var() == pytest.approx(expected, rel=0.1)


def test_more_strength_is_smoother_and_none_is_nothing() -> None:
    times = np.arange(300) / 30
    noise = torch.randn(300, 3, dtype=torch.float64)
    still = torch.eye(3, dtype=torch.float64).expand(300, 1, 3, 3)
    spread = [float(ZeroLag(strength)(times, still, noise)[1].var()) for strength in (0.0, 0.5, 1.0, 2.0)]
    assert spread[0] == float(noise.var())
    assert spread == sorted(spread, reverse=True)
    with pytest.raises(ValueError, match="must not be negative"):
        ZeroLag(-1.0)(times, still, noise)


@pytest.mark.parametrize("hertz", [0.5, 1.0, 2.0])
def test_a_sine_comes_neither_late_nor_small(hertz: float) -> None:
    times = np.arange(600) / 60
    angles = 0.6 * np.sin(2 * np.pi * hertz * times)
    noisy = angles + np.random.default_rng(0).normal(scale=0.02, size=600)
    rotations, moved = ZeroLag()(times, about([0, 1, 0], noisy), torch.from_numpy(noisy)[:, None].expand(-1, 3))
    turned = Rotation.from_matrix(rotations[:, 0].numpy()).as_rotvec()[:, 1]
    for result in (turned, moved[:, 0].numpy()):
        lags = np.arange(-20, 21)
        inner = slice(60, 540)
        match = [np.dot(result[inner], np.roll(angles, lag)[inner]) for lag in lags]
        assert lags[int(np.argmax(match))] == 0
        assert np.ptp(result[inner]) > 0.78 * np.ptp(angles)


def test_equal_steps_are_a_soft_savitzky_golay() -> None:
    """With equal weights over the window instead, the result is SciPy's filter."""
    values = np.random.default_rng(0).normal(size=50)
    soft = local_window(np.arange(50) / 25, 0.1)
    offset = torch.arange(-7, 8, dtype=torch.float64)
    # The same regression written out, for a frame in the middle.
    gauss = torch.exp(-((offset / 25 / 0.1) ** 2) / 2)
    powers = torch.stack((torch.ones(15), offset, offset**2), 1).double()
    normal = torch.linalg.solve(powers.T @ (gauss[:, None] * powers), powers.T * gauss)
    torch.testing.assert_close(soft.weight[25, :15], normal[0], atol=1e-9, rtol=0)
    hard = torch.linalg.pinv(powers)[0]
    index = torch.arange(7, 43)[:, None] + offset.long()
    ours = smooth_vectors(torch.from_numpy(values)[:, None], Window(index, hard.expand(36, -1)))
    np.testing.assert_allclose(ours[:, 0], savgol_filter(values, 15, 2)[7:43], atol=1e-9)


def test_turning_the_world_turns_the_result() -> None:
    times = uneven_times(40)
    rotations = torch.from_numpy(Rotation.random(1, random_state=2).as_matrix())[:, None] @ about(
        [0, 0, 1], np.random.default_rng(0).normal(scale=0.4, size=40)
    )
    world = torch.from_numpy(Rotation.random(random_state=3).as_matrix())
    smoothed = smooth_rotations(rotations, local_window(times, 0.1))
    turned = smooth_rotations(world @ rotations, local_window(times, 0.1))
    torch.testing.assert_close(turned, world @ smoothed, atol=1e-10, rtol=0)
    torch.testing.assert_close(smoothed @ smoothed.mT, torch.eye(3).double().expand(40, 1, 3, 3), atol=1e-9, rtol=0)
    assert (torch.linalg.det(smoothed) > 0).all()


def test_more_than_a_turn_is_no_jump() -> None:
    """Axis-angle and quaternions change sign on the way; the rotations do not."""
    times = np.arange(200) / 30
    angles = 5 * times + 0.05 * np.random.default_rng(0).normal(size=200)
    rotations = smooth_rotations(about([1, 1, 0], angles), local_window(times, 0.1))
    error = Rotation.from_matrix((rotations.mT @ about([1, 1, 0], 5 * times))[:, 0].numpy()).magnitude()
    assert error.max() < 0.12
    assert error.mean() < 0.03


def test_time_stamps_count_not_frames() -> None:
    """Four times as many frames a second: the same curve, smoothed over the same time."""
    dense, sparse = np.arange(240) / 60, np.arange(60) / 15

    def smoothed(times: np.ndarray) -> torch.Tensor:
        wave = torch.from_numpy(np.sin(2 * np.pi * 2.5 * times))[:, None]
        return smooth_vectors(wave, local_window(times, 0.1))

    torch.testing.assert_close(smoothed(dense)[60:180:4], smoothed(sparse)[15:45], atol=0.01, rtol=0)
    assert smoothed(dense)[60:180].abs().max() < 0.8


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_short_tracks(count: int) -> None:
    times = np.arange(count) / 30
    rotations = torch.from_numpy(Rotation.random(count + 1, random_state=0).as_matrix())[:count, None]
    positions = torch.randn(count, 3, dtype=torch.float64)
    turned, moved = ZeroLag()(times, rotations, positions)
    torch.testing.assert_close(turned, rotations)
    torch.testing.assert_close(moved, positions)
