"""Motion at equal steps, against turns of constant speed; Euler angles that give the rotation and do not jump."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maflab.body.model import BodyModel
from maflab.export.actors import scene_actors
from maflab.export.euler import ORDER, euler_paths
from maflab.export.quaternions import quaternion_paths
from maflab.export.sampling import sample_evenly
from maflab.inference.time_stamps import frame_rate, steady_rate

from .clips import clip


def test_what_is_sampled_lies_on_a_motion_of_constant_speed(tiny_body: BodyModel) -> None:
    recording = clip(variable=True)
    times = np.array([0, 0.03, 0.07, 0.12, 0.15, 0.18, 0.22, 0.25, 0.28, 0.31, 0.39, 0.42])
    recording = recording._replace(times=times, tracks=recording.tracks[:1])
    speed = np.linspace(0.5, 3, 72).reshape(24, 3)

    def turned(at: np.ndarray) -> np.ndarray:
        vectors = (at[:, None, None] * speed).reshape(-1, 3)
        return Rotation.from_rotvec(vectors).as_matrix().reshape(len(at), 24, 3, 3)

    actor = scene_actors(recording, tiny_body)[0]
    turns = turned(times)
    actor = actor._replace(local=turns, root=turns[:, 0], positions=times[:, None] * [1.0, -2.0, 0.5])
    sampled = sample_evenly(actor, recording)
    assert sampled.resampled
    assert sampled.rate == pytest.approx(1 / 0.03)
    at = np.arange(15) * 0.03
    for block in (512, 4, 1):  # in one piece, and in several that must join
        rotations, positions = (np.concatenate(part) for part in zip(*sampled.blocks(block), strict=True))
        assert len(rotations) == sampled.steps
        np.testing.assert_allclose(rotations, turned(at), atol=1e-9)
        np.testing.assert_allclose(positions, at[:, None] * [1.0, -2.0, 0.5], atol=1e-9)


def test_time_stamps_in_whole_milliseconds_are_a_steady_rate() -> None:
    times = np.round(np.arange(300) * 1001 / 30000, 3)
    assert steady_rate(times) == pytest.approx(30000 / 1001, rel=1e-4)
    assert frame_rate(times) == pytest.approx(30000 / 1001, rel=1e-4), "the median step is 33 ms, 30.3 frames a second"
    times[150:] += 1
    assert steady_rate(times) is None
    assert frame_rate(times) == pytest.approx(1 / 0.033, rel=1e-6), "a pause does not count"
    assert steady_rate(times[:1]) is None


def test_euler_angles_give_the_rotations_back_and_do_not_jump() -> None:
    generator = np.random.default_rng(0)
    phase = np.linspace(0, 1, 400)[:, None, None]
    turns = 12 * np.pi * phase * [[0.0, 1.0, 0.0], [0.3, 0.4, 0.1], [0.7, 0.0, 0.2]]
    random = Rotation.random(1200, random_state=generator).as_matrix().reshape(400, 3, 3, 3)
    poles = Rotation.from_rotvec([[np.pi / 2, 0, 0]] * 1200).as_matrix().reshape(400, 3, 3, 3)
    smooth = Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(400, 3, 3, 3)
    for rotations in (smooth, random, poles):
        angles = euler_paths(rotations)
        np.testing.assert_array_equal(euler_paths(rotations[130:], angles[129]), angles[130:])
        back = Rotation.from_euler(ORDER, angles.reshape(-1, 3), degrees=True).as_matrix()
        np.testing.assert_allclose(back.reshape(rotations.shape), rotations, atol=1e-7)
    angles = euler_paths(smooth)
    # Six turns about y alone: the angle goes on instead of starting again.
    np.testing.assert_allclose(angles[:, 0, 2], np.linspace(0, 6 * 360, 400), atol=1e-6)
    assert np.abs(np.diff(angles[:, 0], axis=0)).max() < 6
    assert np.abs(np.diff(angles[:, 1], axis=0)).max() < 30


def test_quaternions_stay_on_one_side() -> None:
    turns = np.linspace(0, 4 * np.pi, 50)[:, None, None] * np.array([[[0.0, 0.0, 1.0], [0.6, 0.8, 0.0]]])
    rotations = Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(50, 2, 3, 3)
    quaternions = quaternion_paths(rotations)
    assert ((quaternions[1:] * quaternions[:-1]).sum(-1) > 0.9).all()
    back = Rotation.from_quat(quaternions.reshape(-1, 4)).as_matrix()
    np.testing.assert_allclose(back.reshape(rotations.shape), rotations, atol=1e-12)
