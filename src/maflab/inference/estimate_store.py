"""Estimates on the disk while they are made: shards that are whole or not there, so that a run can be broken off.

A shard holds some frames, in order: their times and cuts, what the detector said, and a row for every person.
"""

import json
import logging
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maflab.atomic import whole_file
from maflab.inference.detections import Detections
from maflab.inference.errors import InputError

log = logging.getLogger(__name__)

_FRAMES = 256  # in a shard
_SECONDS = 5.0  # what a power failure may cost
_SETTINGS = "settings.json"

Arrays = dict[str, NDArray[Any]]


class Row(NamedTuple):
    """One person in one frame, estimated."""

    identity: int
    crop: NDArray[np.float32]  # (3,) centre x, y and side, pixels of the frame
    confidence: float
    rotations: NDArray[np.float32]  # (T, 24, 3, 3)
    betas: NDArray[np.float32]  # (T, 10)
    camera: NDArray[np.float32]  # (T, 3)


class Finished(NamedTuple):
    """A frame of which everything is known."""

    index: int  # type: ignore[assignment]  # of the frame
    time: float
    begins_shot: bool
    detections: Detections | None  # of the frames that were looked at
    rows: list[Row]


class EstimateStore:
    """A folder of shards. Frames are added in order, without holes.

    Attributes:
        done: how many frames are on the disk.
        size: width and height of the frames, to be set before the first is added.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], resume: bool) -> None:
        """
        Args:
            folder: made if it is not there.
            settings: what the estimates depend on, as JSON takes it.
            resume: go on with what is there; otherwise it is removed.

        Raises:
            InputError: what is there was made with other settings, or is no such folder.
            OSError: the folder cannot be written.
        """
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        if resume:
            _check_same(folder, settings)
        else:
            for old in _shards(folder):
                old.unlink()
        with whole_file(folder / _SETTINGS) as partial:
            partial.write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        self.done = sum(len(shard["frames"]) for shard in read_shards(folder))
        self.size = (0, 0)
        self._pending: list[Finished] = []
        self._written = time.monotonic()

    def add(self, frame: Finished) -> None:
        """Take a finished frame; now and then a shard is written."""
        self._pending.append(frame)
        if len(self._pending) >= _FRAMES or time.monotonic() - self._written > _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what has been added.

        Raises:
            OSError: it cannot be written.
        """
        if self._pending:
            with whole_file(self.folder / f"{self._pending[0].index:08d}.npz") as partial:
                np.savez(partial, **_packed(self._pending, self.size))  # type: ignore[arg-type]
            self.done += len(self._pending)
            self._pending = []
        self._written = time.monotonic()

    def known_detections(self) -> dict[int, Detections]:
        """What the detector said of the frames that are done, by frame."""
        known: dict[int, Detections] = {}
        for shard in read_shards(self.folder):
            for index in shard["looked_at"].tolist():
                own = shard["detection_frames"] == index
                identities = shard["detection_identities"][own]
                named = bool(len(identities)) and bool((identities >= 0).all())
                boxes, scores = shard["detection_boxes"][own], shard["detection_scores"][own]
                known[index] = Detections(boxes, scores, identities if named else None)
        return known


def read_shards(folder: Path) -> Iterator[Arrays]:
    """The shards of a folder in order, up to the first that is damaged or missing."""
    expected = 0
    for path in _shards(folder):
        try:
            with np.load(path, allow_pickle=False) as archive:
                shard = {key: archive[key] for key in archive.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            log.warning("%s is damaged (%s): what comes from it on is made anew", path, error)
            return
        if shard["frames"][0] != expected:
            return
        expected += len(shard["frames"])
        yield shard


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.npz"))


def _check_same(folder: Path, settings: dict[str, Any]) -> None:
    path = folder / _SETTINGS
    if not path.is_file():
        raise InputError(f"{folder} holds nothing to go on with; leave resume out")
    before = json.loads(path.read_text(encoding="utf-8"))
    now = json.loads(json.dumps(settings))
    differing = [key for key in sorted(before.keys() | now.keys()) if before.get(key) != now.get(key)]
    if differing:
        listed = ", ".join(f"{key} was {before.get(key)} and is {now.get(key)}" for key in differing[:3])
        raise InputError(f"{folder.parent} was made with other settings: {listed}; give those, or leave resume out")


def _packed(frames: list[Finished], size: tuple[int, int]) -> Arrays:
    rows = [row for frame in frames for row in frame.rows]
    looked = [(frame.index, frame.detections) for frame in frames if frame.detections is not None]
    unnamed = [np.full(len(d.boxes), -1, np.int64) if d.identities is None else d.identities for _, d in looked]

    def joined(parts: list[NDArray[Any]], *shape: int) -> NDArray[Any]:
        return np.concatenate(parts) if parts else np.zeros(shape)

    def stacked(name: str, *shape: int) -> NDArray[np.float32]:
        return np.stack([getattr(row, name) for row in rows]) if rows else np.zeros((0, *shape), np.float32)

    return {
        "size": np.array(size, np.int64),
        "frames": np.array([frame.index for frame in frames], np.int64),
        "times": np.array([frame.time for frame in frames], np.float64),
        "begins_shot": np.array([frame.begins_shot for frame in frames], np.bool_),
        "looked_at": np.array([index for index, _ in looked], np.int64),
        "detection_frames": np.repeat([index for index, _ in looked], [len(d.boxes) for _, d in looked]).astype(
            np.int64
        ),
        "detection_boxes": joined([d.boxes for _, d in looked], 0, 4).astype(np.float32),
        "detection_scores": joined([d.scores for _, d in looked], 0).astype(np.float32),
        "detection_identities": joined(unnamed, 0).astype(np.int64),
        "row_frames": np.repeat([frame.index for frame in frames], [len(f.rows) for f in frames]).astype(np.int64),
        "identities": np.array([row.identity for row in rows], np.int64),
        "crops": stacked("crop", 3),
        "confidence": np.array([row.confidence for row in rows], np.float32),
        "rotations": stacked("rotations", 1, 24, 3, 3),
        "betas": stacked("betas", 1, 10),
        "camera": stacked("camera", 1, 3),
    }
