"""A clip to try the demo on: `python -m maflab.inference.example_clip clip.mp4` films synthetic people who walk.

Beside it lies the truth, `clip.truth.npz`: a recording with everybody's body, motion and place.
"""

import argparse
import logging
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from maflab.body.arrays import BodyFileError
from maflab.body.load import load_body
from maflab.body.model import BodyModel
from maflab.data.synthetic.clip import Clip, Shot, film
from maflab.inference.overlay_file import VideoWriter
from maflab.inference.recording import Recording, Track
from maflab.inference.result_file import save_recording

log = logging.getLogger(__name__)


def write_clip(path: Path, body: BodyModel, clip: Clip) -> Recording:
    """Film a clip into a video; gives what is in it.

    Raises:
        ValueError: see `film`; or the path's suffix is no video's.
        OSError: it cannot be written.
    """
    people: dict[int, list[tuple[int, Shot, int]]] = defaultdict(list)
    with VideoWriter(path, clip.rate) as writer:
        for frame, shot in enumerate(film(body, clip)):
            writer.write(shot.image, frame / clip.rate)
            for place, identity in enumerate(shot.identities):
                people[identity].append((frame, shot._replace(image=np.zeros((0, 0, 3), np.uint8)), place))
    return Recording(
        source=path.name,
        body=body.name,
        gender=body.gender,
        size=clip.size,
        times=np.arange(clip.frames) / clip.rate,
        focal=np.full(clip.frames, clip.focal, np.float32),
        centre=np.tile(np.array(clip.centre, np.float32), (clip.frames, 1)),
        focal_source="given",
        camera_to_world=None,
        shots=np.array([0] if clip.cut is None else [0, clip.cut]),
        tracks=[_track(identity, seen) for identity, seen in sorted(people.items())],
    )


def _track(identity: int, seen: list[tuple[int, Shot, int]]) -> Track:
    """The truth has no crops: its boxes stand in their place, as centre and longer side."""

    def values(name: str) -> np.ndarray:
        return np.stack([np.asarray(getattr(shot, name)[place]) for _, shot, place in seen]).astype(np.float32)

    boxes = values("boxes")
    side = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True)
    return Track(
        identity=identity,
        frames=np.array([frame for frame, _, _ in seen], np.int64),
        rotations=values("rotations"),
        betas=values("betas"),
        translation=values("translation"),
        camera=np.zeros((len(seen), 3), np.float32),
        crops=np.concatenate(((boxes[:, :2] + boxes[:, 2:]) / 2, side), 1),
        confidence=np.ones(len(seen), np.float32),
        filled=np.zeros(len(seen), np.bool_),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit status, 1 with one message for what a person can mend."""
    parser = argparse.ArgumentParser("python -m maflab.inference.example_clip", description=__doc__)
    parser.add_argument("path", type=Path, help="the video to write: .mp4, .mov, .mkv or .avi")
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--people", type=int, default=1)
    parser.add_argument("--size", type=int, nargs=2, default=(640, 360), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--cut", type=int, help="first frame of a second shot")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--body", default="anny", help="anny or tiny")
    parser.add_argument("--body-folder", type=Path, default=Path("data/body"))
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    clip = Clip(given.frames, given.people, tuple(given.size), cut=given.cut, seed=given.seed)
    try:
        truth = write_clip(given.path, load_body(given.body, given.body_folder), clip)
        log.info("wrote %s and %s", given.path, save_recording(truth, given.path.with_suffix(".truth.npz")))
    except (BodyFileError, ValueError, OSError) as error:
        sys.stderr.write(f"maflab: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
