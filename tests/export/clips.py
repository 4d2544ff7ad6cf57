"""Recordings of people in smooth motion, and where our body model puts them: what exports are held against."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from maflab.body.model import BodyModel
from maflab.inference.recording import Recording, Track

FRAMES = 12
TURN = np.diag([1.0, -1.0, -1.0])


class Truth(NamedTuple):
    """In the scene: y up, metres."""

    vertices: np.ndarray  # (F, V, 3)
    joints: np.ndarray  # (F, 24, 3)


def moving_track(identity: int, frames: np.ndarray, seed: int, shape_noise: float = 0.0) -> Track:
    """Large, smooth turns of every joint, some of them about poles of Euler angles; one shape unless told otherwise."""
    generator = np.random.default_rng(seed)
    count = len(frames)
    phase = frames[:, None, None] / 5 + generator.uniform(0, 6, (1, 24, 3))
    turns = np.sin(phase) * generator.uniform(0.2, 1.5, (1, 24, 3))
    turns[:, 18] = (np.pi / 2, 0, 0)
    rotations = Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(count, 24, 3, 3)
    rotations[:, 0] = TURN @ rotations[:, 0]
    betas = generator.normal(size=10) + shape_noise * generator.normal(size=(count, 10))
    translation = np.stack([np.sin(frames / 4), 0.1 * np.cos(frames), 4 + 0.05 * frames], -1)
    return Track(
        identity=identity,
        frames=frames.astype(np.int64),
        rotations=rotations.astype(np.float32),
        betas=np.broadcast_to(betas, (count, 10)).astype(np.float32),
        translation=translation.astype(np.float32) + np.float32(identity / 10),
        camera=np.ones((count, 3), np.float32),
        crops=np.ones((count, 3), np.float32),
        confidence=np.ones(count, np.float32),
        filled=np.zeros(count, bool),
    )


def clip(body: str = "tiny", variable: bool = False, path: bool = False, shape_noise: float = 0.0) -> Recording:
    """Person 3 is there all the time, person 8 comes late, is away for two frames and leaves early. Odd size."""
    generator = np.random.default_rng(7)
    times = np.arange(FRAMES) * 1001 / 30000
    if variable:
        times = np.cumsum(generator.choice([1, 2, 3], FRAMES, p=[0.6, 0.2, 0.2])) / 25.0
        times = times - times[0]
    poses = None
    if path:
        turns = np.stack([0 * times, np.pi - 0.5 * times, 0.2 * times], -1)
        poses = np.tile(np.eye(4), (FRAMES, 1, 1))
        # Cameras of a world that has y up see it upside down.
        poses[:, :3, :3] = Rotation.from_rotvec(turns).as_matrix() @ TURN
        poses[:, :3, 3] = np.stack([times, 1.4 + 0 * times, -times], -1)
    return Recording(
        source="my clip é.mp4",
        body=body,
        gender="neutral",
        size=(641, 361),
        times=times,
        focal=np.full(FRAMES, 735.6, np.float32),
        centre=np.tile(np.array([320.0, 180.0], np.float32), (FRAMES, 1)),
        focal_source="assumed",
        camera_to_world=poses,
        shots=np.array([0]),
        tracks=[
            moving_track(3, np.arange(FRAMES), 1, shape_noise),
            moving_track(8, np.array([4, 5, 6, 9, 10]), 2, shape_noise),
        ],
    )


def in_camera(track: Track, body: BodyModel) -> Truth:
    """In each frame's camera: x right, y down, z forward. Changing shapes become their mean about the root joint."""
    betas = torch.from_numpy(track.betas)
    mean = betas.mean(0, keepdim=True).expand_as(betas)
    with torch.no_grad():
        posed = body(torch.from_numpy(track.rotations), mean)
        own_root = body(torch.from_numpy(track.rotations), betas).joints[:, :1]
    shift = torch.from_numpy(track.translation)[:, None] + own_root - posed.joints[:, :1]
    return Truth((posed.vertices + shift).numpy().astype(float), (posed.joints + shift).numpy().astype(float))


def in_scene(recording: Recording, track: Track, body: BodyModel) -> Truth:
    """In the world of the camera path, or as the camera sees it with y upwards."""
    seen = in_camera(track, body)
    poses = recording.camera_to_world
    if poses is None:
        return Truth(seen.vertices @ TURN, seen.joints @ TURN)
    turn, place = poses[track.frames, :3, :3], poses[track.frames, None, :3, 3]
    return Truth(seen.vertices @ turn.transpose(0, 2, 1) + place, seen.joints @ turn.transpose(0, 2, 1) + place)


def pixels(recording: Recording, track: Track, body: BodyModel) -> np.ndarray:
    """(F, 24, 2) where the joints are in the frames."""
    joints = in_camera(track, body).joints
    focal = recording.focal[track.frames, None, None]
    return joints[..., :2] / joints[..., 2:] * focal + recording.centre[track.frames, None]
