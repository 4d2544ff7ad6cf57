"""What the page has to know before it asks for bodies, as one JSON object."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maflab.body.joints import SMPL24
from maflab.inference.drawing import colour_of
from maflab.inference.recording import Track
from maflab.inference.time_stamps import frame_rate
from maflab.viewer.bodies import BLOCK, Bodies, display_axes, place_of
from maflab.viewer.result import Result


def manifest(result: Result, bodies: Bodies) -> dict[str, Any]:
    """The recording without its people's poses: plain values that JSON can hold."""
    recording, body = bodies.recording, bodies.body
    moving = recording.camera_to_world is not None
    axes = display_axes(recording, np.arange(len(recording.times) if moving else 1))
    return {
        "source": Path(recording.source).name,
        "body": body.name,
        "size": list(recording.size),
        "times": _rounded(recording.times, 6),
        "rate": frame_rate(recording.times),
        "focal": _rounded(recording.focal, 3),
        "focal_source": recording.focal_source,
        "centre": _rounded(recording.centre, 3),
        "axes": _rounded(axes[:, :3].reshape(len(axes), 12), 6),
        "world": moving,
        "place": place_of(bodies)._asdict(),
        "shots": recording.shots.tolist(),
        "tracks": [_track(track, number, bodies) for number, track in enumerate(recording.tracks)],
        "vertices": body.num_vertices,
        "parents": body.parents,
        "joints": list(SMPL24.names),
        "block": BLOCK,
        "media": {"kind": result.media.kind, "note": result.media.note},
        "downloads": [{"name": name, "bytes": path.stat().st_size} for name, path in result.downloads.items()],
    }


def _track(track: Track, number: int, bodies: Bodies) -> dict[str, Any]:
    colour = "#" + "".join(f"{round(255 * channel):02x}" for channel in colour_of(track.identity))
    return {
        "identity": track.identity,
        "colour": colour,
        "stages": bodies.stages(number),
        "runs": _runs(track.frames),
        "filled": _runs(track.frames[track.filled]),
    }


def _runs(frames: NDArray[np.int64]) -> list[list[int]]:
    """Ascending frames as [first, count] of each gapless stretch."""
    if not len(frames):
        return []
    stretches = np.split(frames, np.flatnonzero(np.diff(frames) != 1) + 1)
    return [[int(stretch[0]), len(stretch)] for stretch in stretches]


def _rounded(values: NDArray[Any], digits: int) -> list[Any]:
    return np.round(values.astype(np.float64), digits).tolist()
