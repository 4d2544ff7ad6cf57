"""Recordings with every field filled, of random numbers."""

import numpy as np
from scipy.spatial.transform import Rotation

from maflab.inference.recording import Recording, Refinement, Track


def random_rotations(generator: np.random.Generator, *shape: int) -> np.ndarray:
    """Uniform rotations (*shape, 3, 3) float32, by SciPy."""
    count = int(np.prod(shape))
    return Rotation.random(count, random_state=generator).as_matrix().reshape(*shape, 3, 3).astype(np.float32)


def random_track(generator: np.random.Generator, identity: int, frames: np.ndarray, refined: bool = False) -> Track:
    """A track of random numbers, three iterations and the mean in its refinement where asked for."""
    count = len(frames)

    def numbers(*shape: int) -> np.ndarray:
        return generator.normal(size=(count, *shape)).astype(np.float32)

    refinement = None
    if refined:
        refinement = Refinement(random_rotations(generator, count, 4, 24), numbers(4, 10), numbers(4, 3))
    return Track(
        identity=identity,
        frames=frames.astype(np.int64),
        rotations=random_rotations(generator, count, 24),
        betas=numbers(10),
        translation=numbers(3) + np.float32(4),
        camera=numbers(3),
        crops=np.abs(numbers(3)) * np.float32(100),
        confidence=generator.random(count).astype(np.float32),
        filled=generator.random(count) > 0.5,
        refinement=refinement,
    )


def random_recording() -> Recording:
    """Twelve frames at a variable rate, two tracks, a moving camera."""
    generator = np.random.default_rng(0)
    poses = np.tile(np.eye(4), (12, 1, 1))
    poses[:, :3, :3] = random_rotations(generator, 12)
    poses[:, :3, 3] = generator.normal(size=(12, 3))
    return Recording(
        source="clip \u00e9.mp4",
        body="tiny",
        gender="neutral",
        size=(641, 361),
        times=np.cumsum(generator.uniform(0.02, 0.06, 12)) - 0.02,
        focal=np.full(12, 735.6, np.float32),
        centre=np.tile(np.array([320.0, 180.0], np.float32), (12, 1)),
        focal_source="assumed",
        camera_to_world=poses,
        shots=np.array([0, 7]),
        tracks=[
            random_track(generator, 3, np.arange(7), refined=True),
            random_track(generator, 8, np.array([7, 8, 11])),
        ],
    )
