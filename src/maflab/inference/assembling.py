"""From the shards of a run to a recording of its people, as they were estimated."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maflab.body.model import BodyModel
from maflab.inference.camera import View
from maflab.inference.estimate_store import Arrays, read_shards
from maflab.inference.recording import Recording, Refinement, Track

_ROWS = ("row_frames", "identities", "crops", "confidence", "rotations", "betas", "camera")


class Timeline(NamedTuple):
    """The frames of a run so far."""

    times: NDArray[np.float64]  # (N,) seconds
    shots: NDArray[np.int64]  # (S,) first frame of every shot
    size: tuple[int, int]  # width and height of the frames, pixels


def timeline(folder: Path) -> Timeline:
    """Times, cuts and size of the frames that are done; of none, if none is."""
    times, begins, size = [np.zeros(0)], [np.zeros(0, np.bool_)], (0, 0)
    for shard in read_shards(folder):
        times.append(shard["times"])
        begins.append(shard["begins_shot"])
        size = (int(shard["size"][0]), int(shard["size"][1]))
    return Timeline(np.concatenate(times), np.flatnonzero(np.concatenate(begins)), size)


def tracks_of(folder: Path, line: Timeline, shortest: float) -> list[Track]:
    """A track an identity, as estimated: its translation is zero until it is lifted into the frame's camera.

    Args:
        folder: of the shards.
        line: their frames.
        shortest: seconds; tracks that last less, in a shot that is longer, are left out.
    """
    parts: dict[str, list[NDArray]] = {name: [] for name in _ROWS}
    for shard in read_shards(folder):
        for name in _ROWS:
            parts[name].append(shard[name])
    if not parts["identities"]:
        return []
    rows = {}
    for name in _ROWS:
        values = parts.pop(name)  # one field at a time is held twice
        rows[name] = np.concatenate([part for part in values if len(part)] or values[:1])
    order = np.argsort(rows["identities"], kind="stable")
    starts = np.flatnonzero(np.diff(rows["identities"][order], prepend=-1))
    own = [np.sort(group) for group in np.split(order, starts[1:])] if len(order) else []
    return [_track(rows, group) for group in own if _lasts(rows["row_frames"][group], line, shortest)]


def recording_of(tracks: list[Track], line: Timeline, view: View, source: str, body: BodyModel) -> Recording:
    """The recording of some tracks, seen by a camera."""
    return Recording(
        source=source,
        body=body.name,
        gender=body.gender,
        size=line.size,
        times=line.times,
        focal=view.focal,
        centre=view.centre,
        focal_source=view.focal_source,
        camera_to_world=view.camera_to_world,
        shots=line.shots,
        tracks=tracks,
    )


def _lasts(frames: NDArray[np.int64], line: Timeline, shortest: float) -> bool:
    """Whether a track is long enough to be somebody, or its shot so short that nobody could be longer."""
    first, last = frames[0], frames[-1]
    shot = np.searchsorted(line.shots, first, "right") - 1
    end = line.shots[shot + 1] if shot + 1 < len(line.shots) else len(line.times)
    whole = line.times[end - 1] - line.times[line.shots[shot]]
    return bool(line.times[last] - line.times[first] >= min(shortest, 0.5 * whole) - 1e-6)


def _track(rows: Arrays, own: NDArray[np.int64]) -> Track:
    rotations, betas, camera = rows["rotations"][own], rows["betas"][own], rows["camera"][own]
    refinement = Refinement(rotations, betas, camera) if rotations.shape[1] > 1 else None
    return Track(
        identity=int(rows["identities"][own[0]]),
        frames=rows["row_frames"][own],
        rotations=rotations[:, -1].copy(),
        betas=betas[:, -1].copy(),
        translation=np.zeros((len(own), 3), np.float32),
        camera=camera[:, -1].copy(),
        crops=rows["crops"][own],
        confidence=rows["confidence"][own],
        filled=np.zeros(len(own), np.bool_),
        refinement=refinement,
    )
