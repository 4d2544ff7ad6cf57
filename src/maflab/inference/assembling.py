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
    frames, identities = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for shard in read_shards(folder):
        frames.append(shard["row_frames"])
        identities.append(shard["identities"])
    row_frames, names = np.concatenate(frames), np.concatenate(identities)
    groups = [np.flatnonzero(names == name) for name in np.unique(names)]
    groups = [group for group in groups if _lasts(row_frames[group], line, shortest)]
    return [_track(rows) for rows in _gathered(folder, groups)]


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


def _gathered(folder: Path, groups: list[NDArray[np.int64]]) -> list[Arrays]:
    """The values of some groups of rows, by field; the shards are read once more, so that no value is held twice."""
    gathered: list[Arrays] = [{} for _ in groups]
    start = 0
    for shard in read_shards(folder):
        end = start + len(shard["identities"])
        for group, values in zip(groups, gathered, strict=True):
            first, last = np.searchsorted(group, (start, end))
            if first == last:
                continue
            for name in _ROWS:
                if name not in values:
                    values[name] = np.empty((len(group), *shard[name].shape[1:]), shard[name].dtype)
                values[name][first:last] = shard[name][group[first:last] - start]
        start = end
    return gathered


def _track(rows: Arrays) -> Track:
    rotations, betas, camera = rows["rotations"], rows["betas"], rows["camera"]
    count = len(rotations)
    return Track(
        identity=int(rows["identities"][0]),
        frames=rows["row_frames"],
        rotations=np.ascontiguousarray(rotations[:, -1]),
        betas=np.ascontiguousarray(betas[:, -1]),
        translation=np.zeros((count, 3), np.float32),
        camera=np.ascontiguousarray(camera[:, -1]),
        crops=rows["crops"],
        confidence=rows["confidence"],
        filled=np.zeros(count, np.bool_),
        refinement=Refinement(rotations, betas, camera) if rotations.shape[1] > 1 else None,
    )
