"""A clip of two people made of numbers: every frame of its video has a brightness of its own."""

from pathlib import Path

import av
import numpy as np
from scipy.spatial.transform import Rotation

from maflab.body.arrays import standing_rotations
from maflab.body.joints import SMPL24
from maflab.inference.recording import Recording, Refinement, Track

FRAMES = 40
SIZE = (160, 120)
FOCAL = 150.0
RATE = 10


def brightness(frame: int) -> int:
    return 20 + 5 * frame


def make_recording(source: str, body: str = "tiny", iterations: int = 3) -> Recording:
    """One person over all frames, who walks to the right and raises an arm, and one in the middle of the clip."""
    centre = np.array([(SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2], np.float32)
    return Recording(
        source=source,
        body=body,
        gender="neutral",
        size=SIZE,
        times=np.arange(FRAMES) / RATE,
        focal=np.full(FRAMES, FOCAL, np.float32),
        centre=np.tile(centre, (FRAMES, 1)),
        focal_source="assumed",
        camera_to_world=None,
        shots=np.array([0, 25]),
        tracks=[
            make_track(1, np.arange(FRAMES), centre, iterations, start=-0.8),
            make_track(2, np.r_[10:20, 24:30], centre, 0, start=0.9),
        ],
    )


def make_track(identity: int, frames: np.ndarray, centre: np.ndarray, iterations: int, start: float) -> Track:
    count = len(frames)
    rotations = np.tile(standing_rotations(), (count, 1, 1, 1))
    turns = Rotation.from_rotvec(np.linspace(0, np.deg2rad(100), count)[:, None] * [0, 0, 1]).as_matrix()
    shoulder = SMPL24.index("left_shoulder")
    rotations[:, shoulder] = turns @ rotations[:, shoulder]
    place = np.stack((start + 0.03 * frames, np.full(count, 0.2), np.full(count, 4.0)), axis=1)
    crops = np.concatenate((centre + FOCAL * place[:, :2] / place[:, 2:], np.full((count, 1), 90.0)), axis=1)
    camera = np.zeros((count, 3))
    camera[:, 0] = 2 * FOCAL / (place[:, 2] * crops[:, 2])
    filled = frames % 8 == 7
    track = Track(
        identity=identity,
        frames=frames,
        rotations=rotations.astype(np.float32),
        betas=np.zeros((count, 10), np.float32),
        translation=place.astype(np.float32),
        camera=camera.astype(np.float32),
        crops=crops.astype(np.float32),
        confidence=np.where(filled, 0, 0.9).astype(np.float32),
        filled=filled,
    )
    if not iterations:
        return track
    # Each iteration has gone a part of the way from the standing person to where they are.
    parts = np.linspace(0, 1, iterations + 1)
    away = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_rotvec().reshape(count, 1, 24, 3)
    still = Rotation.from_matrix(standing_rotations()).as_rotvec()
    between = still + parts[:, None, None] * (away - still)
    return track._replace(
        refinement=Refinement(
            Rotation.from_rotvec(between.reshape(-1, 3)).as_matrix().reshape(count, -1, 24, 3, 3).astype(np.float32),
            np.zeros((count, iterations + 1, 10), np.float32),
            np.stack([camera * [1 - 0.3 * (1 - part), 1, 1] for part in parts], axis=1).astype(np.float32),
        )
    )


def write_video(path: Path) -> None:
    """A grey level a frame, in the format that every browser plays."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for frame in range(FRAMES):
            picture = np.full((SIZE[1], SIZE[0], 3), brightness(frame), np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
