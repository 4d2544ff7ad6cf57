"""A recording's estimates become motions: one shape, metric places, no holes, no jitter, no blur across cuts."""

import numpy as np
import pytest
import torch
from recordings import random_recording
from scipy.spatial.transform import Rotation

from maflab.body.model import BodyModel
from maflab.geometry.cameras import fit_camera
from maflab.inference.lifting import posed_joints
from maflab.inference.motion import Motion, robust_shape, settle
from maflab.inference.one_euro import OneEuro
from maflab.inference.recording import Recording, Track
from maflab.inference.world import camera_placement, to_camera, world_placement, world_track
from maflab.inference.zero_lag import ZeroLag

FOCAL, CENTRE = 1000.0, np.array([320.0, 240.0])


def walk(
    body: BodyModel, frames: np.ndarray, times: np.ndarray, noise: float = 0.0, path: np.ndarray | None = None
) -> tuple[Track, np.ndarray]:
    """A person who walks along x of the world, seen through crops that shake.

    Gives the true positions (F, 3) of the root joint in the world too; without a path that is the camera's frame.
    """
    generator = np.random.default_rng(0)
    count, t = len(frames), times[frames]
    poses = np.tile(np.eye(4), (count, 1, 1)) if path is None else path[frames]
    away = np.swapaxes(poses[:, :3, :3], 1, 2)
    betas = np.tile(generator.normal(size=10), (count, 1)).astype(np.float32)
    root = np.stack((-0.4 + 0.6 * t, 0.1 + 0 * t, 4 + 0 * t), 1)
    rotations = np.tile(body.mean_rotations.numpy(), (count, 1, 1, 1)).astype(np.float64)
    rotations[:, 0] = away @ np.diag([1.0, -1.0, -1.0])
    joints = posed_joints(body, torch.from_numpy(rotations), torch.from_numpy(betas))
    in_camera = away @ (root - poses[:, :3, 3])[..., None]
    points = joints - joints[:, :1] + torch.from_numpy(in_camera).mT
    pixels = FOCAL * points[..., :2] / points[..., 2:] + torch.from_numpy(CENTRE)
    pixels = pixels + noise * torch.from_numpy(generator.normal(size=(count, 1, 2)))
    low, high = pixels.amin(1), pixels.amax(1)
    crops = torch.cat(((low + high) / 2, 1.2 * (high - low).amax(1, keepdim=True)), 1)
    seen = (pixels - crops[:, None, :2]) * 2 / crops[:, None, 2:]
    camera, found = fit_camera(joints, torch.cat((seen, torch.ones_like(seen[..., :1])), -1))
    assert found.all()
    track = Track(
        identity=1,
        frames=frames,
        rotations=rotations.astype(np.float32),
        betas=betas,
        translation=np.full((count, 3), np.nan, np.float32),
        camera=camera.float().numpy(),
        crops=crops.float().numpy(),
        confidence=np.ones(count, np.float32),
        filled=np.zeros(count, bool),
    )
    return track, root


def recorded(
    track: Track, times: np.ndarray, shots: tuple[int, ...] = (0,), path: np.ndarray | None = None
) -> Recording:
    count = len(times)
    return Recording(
        source="clip",
        body="tiny",
        gender="neutral",
        size=(640, 480),
        times=times,
        focal=np.full(count, FOCAL, np.float32),
        centre=np.tile(CENTRE.astype(np.float32), (count, 1)),
        focal_source="given",
        camera_to_world=path,
        shots=np.array(shots),
        tracks=[track],
    )


TIMES = np.cumsum(np.random.default_rng(1).uniform(0.02, 0.06, 50)) - 0.02


def test_a_walk_is_metric_and_whole(tiny_body: BodyModel) -> None:
    frames = np.concatenate((np.arange(10), np.arange(14, 50)))
    track, _ = walk(tiny_body, frames, TIMES)
    result = settle(recorded(track, TIMES), tiny_body, Motion(turn=False)).tracks[0]
    assert result.frames.tolist() == list(range(50))
    assert np.flatnonzero(result.filled).tolist() == [10, 11, 12, 13]
    position = camera_placement(result, tiny_body).position
    # A weak-perspective crop of somebody who passes by knows the depth to a few per cent.
    np.testing.assert_allclose(position[:, 2], 4, rtol=0.03)
    np.testing.assert_allclose(position[:, 0] / position[:, 2], (-0.4 + 0.6 * TIMES) / 4, atol=0.005)


@pytest.mark.parametrize("smoothing", [ZeroLag(), OneEuro()])
def test_smoothing_calms_shaking_crops(tiny_body: BodyModel, smoothing: ZeroLag | OneEuro) -> None:
    track, _ = walk(tiny_body, np.arange(50), TIMES, noise=3.0)

    def jitter(motion: Motion) -> float:
        result = settle(recorded(track, TIMES), tiny_body, motion).tracks[0]
        return float(np.diff(result.translation[5:-5, 1]).std())

    assert jitter(Motion(smoothing=smoothing)) < 0.5 * jitter(Motion())


def test_nothing_is_blurred_across_a_cut(tiny_body: BodyModel) -> None:
    track, _ = walk(tiny_body, np.arange(50), TIMES)
    # After the cut the person is 2 m farther away and stands on their head.
    track.camera[25:, 0] *= 0.66
    track.rotations[25:, 0] = np.eye(3)
    motion = Motion(smoothing=ZeroLag(2.0), turn=False)
    cut = settle(recorded(track, TIMES, (0, 25)), tiny_body, motion).tracks[0]
    plain = settle(recorded(track, TIMES, (0, 25)), tiny_body, Motion(turn=False)).tracks[0]
    np.testing.assert_allclose(cut.translation[:, 2], plain.translation[:, 2], atol=0.05)
    np.testing.assert_allclose(cut.rotations, plain.rotations, atol=1e-5)
    blurred = settle(recorded(track, TIMES), tiny_body, motion).tracks[0]
    assert np.abs(blurred.translation[20:30, 2] - plain.translation[20:30, 2]).max() > 0.5


def test_a_moving_camera_does_not_move_the_person(tiny_body: BodyModel) -> None:
    """A jump of the camera is no motion of the person, so smoothing must not spread it."""
    path = np.tile(np.eye(4), (50, 1, 1))
    path[20:, :3, :3] = Rotation.from_euler("xyz", [0.1, 0.1, -0.2]).as_matrix()
    path[20:, :3, 3] = [-0.5, 0.4, -0.5]
    track, root = walk(tiny_body, np.delete(np.arange(50), [18, 19, 20, 21]), TIMES, path=path)
    moving = recorded(track, TIMES, path=path)
    motion = Motion(smoothing=ZeroLag(), turn=False)

    def errors(result: Recording) -> tuple[float, float]:
        """The largest in metres and in degrees."""
        placed = world_placement(result.tracks[0], moving, tiny_body)
        whole = np.stack([np.interp(TIMES, TIMES[track.frames], axis) for axis in root.T], 1)
        turned = Rotation.from_matrix(np.diag([1.0, -1.0, -1.0]) @ placed.root).magnitude()
        return float(np.linalg.norm(placed.position - whole, axis=1).max()), float(np.degrees(turned).max())

    metres, degrees = errors(settle(moving, tiny_body, motion))
    assert metres < 0.1
    assert degrees < 0.1
    metres, degrees = errors(settle(moving._replace(camera_to_world=None), tiny_body, motion))
    assert metres > 0.2
    assert degrees > 3


def test_world_vertices_are_the_cameras_carried_over(tiny_body: BodyModel) -> None:
    recording = random_recording()
    for track in recording.tracks:
        world = world_track(track, recording, tiny_body)
        for row, frame in enumerate(track.frames):

            def vertices(one: Track, row: int = row) -> np.ndarray:
                rotations, betas = torch.from_numpy(one.rotations[row]), torch.from_numpy(one.betas[row])
                return tiny_body(rotations[None], betas[None]).vertices[0].numpy() + one.translation[row]

            pose = recording.camera_to_world[frame]
            np.testing.assert_allclose(vertices(world), vertices(track) @ pose[:3, :3].T + pose[:3, 3], atol=1e-4)
        placed = to_camera(world_placement(track, recording, tiny_body), track.frames, recording)
        np.testing.assert_allclose(placed.position, camera_placement(track, tiny_body).position, atol=1e-9)
    with pytest.raises(ValueError, match="has no camera path"):
        world_track(track, recording._replace(camera_to_world=None), tiny_body)


def test_one_shape_survives_bad_frames() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(size=10)
    betas = (truth + 0.1 * generator.normal(size=(60, 10))).astype(np.float32)
    betas[:24] += 5
    shape = robust_shape(betas, np.ones(60, np.float32))
    assert np.linalg.norm(shape - truth) < 0.35
    assert np.linalg.norm(betas.mean(0) - truth) > 5
    weight = np.ones(60, np.float32)
    weight[:24] = 0
    assert np.linalg.norm(robust_shape(betas, weight) - truth) < 0.1
    np.testing.assert_allclose(robust_shape(betas[:1], np.zeros(1, np.float32)), betas[0], rtol=1e-6)
    # It minimises the sum of distances.
    full = np.ones(60)

    def cost(at: np.ndarray) -> float:
        return float((full * np.linalg.norm(betas - at, axis=1)).sum())

    assert all(cost(shape) <= cost(shape + 0.02 * generator.normal(size=10)) for _ in range(50))


def test_off_is_off(tiny_body: BodyModel) -> None:
    track, _ = walk(tiny_body, np.array([0, 1, 5, 6]), TIMES, noise=2.0)
    track.betas[1] += 1
    result = settle(recorded(track, TIMES), tiny_body, Motion(False, 0.0, None, False)).tracks[0]
    for name in ("frames", "rotations", "betas", "camera", "crops", "filled", "confidence"):
        np.testing.assert_array_equal(getattr(result, name), getattr(track, name), err_msg=name)
    assert np.isfinite(result.translation).all()
    with pytest.raises(ValueError, match=r"motion\.max_gap"):
        settle(recorded(track, TIMES), tiny_body, Motion(max_gap=-1.0))
    nobody = recorded(track, TIMES)._replace(tracks=[])
    assert settle(nobody, tiny_body, Motion()).tracks == []
