"""EMDB's own files (Kaufmann et al., ICCV 2023): `P<subject>/<sequence>/*_data.pkl` beside the folder `images`.

Keys read: name, gender, emdb1, emdb2, n_frames, good_frames_mask (N), camera.intrinsics (3, 3), camera.extrinsics
(N, 4, 4) from the world into the camera, smpl.poses_root (N, 3) in the world, smpl.poses_body (N, 69), smpl.betas
(10), kp2d (N, 24, 2) SMPL's joints in pixels, bboxes.bboxes (N, 4) left, top, right, bottom, bboxes.invalid_idxs.
Pictures are `images/<frame, 5 digits>.jpg`. Frames that its authors excluded (mask or box) are left out.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maflab.array_pickle import PickleError, unpickle
from maflab.body.joints import SMPL24, SPIN49
from maflab.body.label_joints import placed
from maflab.data.sources.boxes import square_box
from maflab.data.sources.entries import gender_number, with_confidence
from maflab.data.sources.person import Person, SourceError
from maflab.data.sources.rotations import turned_pose

_PARTS = ("emdb1", "emdb2", "all")
_KEYS = ("name", "gender", "n_frames", "good_frames_mask", "camera", "smpl", "kp2d", "bboxes")


class EMDBSequences:
    """People of EMDB, sequence by sequence.

    Args:
        labels: the folder with P0 ... P9.
        images: the folder with P0 ... P9 and the pictures; the same one, unless they lie apart.
        part: `emdb1` (the protocol of methods that work frame by frame), `emdb2` (global trajectories), or `all`.

    Raises:
        SourceError: there are no sequences, or (when its turn comes) one is damaged or lacks something.
        ValueError: no such part.
    """

    def __init__(self, labels: str | Path, images: str | Path, part: str = "emdb1") -> None:
        if part not in _PARTS:
            raise ValueError(f"EMDB has the parts {', '.join(_PARTS)}, not {part!r}")
        self.labels, self.images, self.part = Path(labels), Path(images), part
        self.files = sorted(self.labels.glob("P*/*/*_data.pkl"))
        if not self.files:
            raise SourceError(f"{self.labels} has no P*/*/*_data.pkl; unpack EMDB's archives there")
        self._length: int | None = None

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(len(_usable_frames(sequence)) for _, sequence in self._sequences())
        return self._length

    def __iter__(self) -> Iterator[Person]:
        for path, sequence in self._sequences():
            for frame in _usable_frames(sequence):
                yield _person(sequence, int(frame), self.images / path.parent.relative_to(self.labels))

    def _sequences(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in self.files:
            sequence = _read(path)
            if self.part == "all" or bool(sequence.get(self.part)):
                yield path, sequence


def _read(path: Path) -> dict[str, Any]:
    """A sequence, its arrays checked. SourceError when it is damaged or incomplete."""
    try:
        sequence = unpickle(path)
    except PickleError as error:
        raise SourceError(f"{path} was not read: {error}; fetch it again") from error
    if not isinstance(sequence, dict) or (missing := [key for key in _KEYS if key not in sequence]):
        lacks = ", ".join(missing) if isinstance(sequence, dict) else "everything"
        raise SourceError(f"{path} lacks {lacks}; it is no sequence file of EMDB")
    frames = int(sequence["n_frames"])
    arrays = {
        "good_frames_mask": (sequence["good_frames_mask"], (frames,)),
        "kp2d": (sequence["kp2d"], (frames, 24, 2)),
        "camera.intrinsics": (sequence["camera"].get("intrinsics"), (3, 3)),
        "camera.extrinsics": (sequence["camera"].get("extrinsics"), (frames, 4, 4)),
        "smpl.poses_root": (sequence["smpl"].get("poses_root"), (frames, 3)),
        "smpl.poses_body": (sequence["smpl"].get("poses_body"), (frames, 69)),
        "bboxes.bboxes": (sequence["bboxes"].get("bboxes"), (frames, 4)),
    }
    for key, (values, shape) in arrays.items():
        if np.shape(values) != shape:
            raise SourceError(f"{path}: {key} has the shape {np.shape(values)}, not {shape}")
    return sequence


def _usable_frames(sequence: dict[str, Any]) -> NDArray[np.int64]:
    usable = np.asarray(sequence["good_frames_mask"]).astype(bool)
    invalid = np.asarray(sequence["bboxes"].get("invalid_idxs", ()), np.int64)
    usable[invalid] = False
    return np.flatnonzero(usable)


def _person(sequence: dict[str, Any], frame: int, folder: Path) -> Person:
    left, top, right, bottom = (float(edge) for edge in sequence["bboxes"]["bboxes"][frame])
    center, size = square_box(left, top, right - left, bottom - top)
    smpl, camera = sequence["smpl"], sequence["camera"]
    pose = np.concatenate([smpl["poses_root"][frame], smpl["poses_body"][frame]])
    return Person(
        image=folder / "images" / f"{frame:05d}.jpg",
        center=center,
        size=size,
        keypoints_2d=placed(with_confidence(np.asarray(sequence["kp2d"][frame], np.float64)), SMPL24, SPIN49),
        pose=turned_pose(pose, camera["extrinsics"][frame][:3, :3]),
        betas=np.asarray(smpl["betas"], np.float32).ravel()[:10],
        gender=gender_number(sequence["gender"]),
        focal=float(camera["intrinsics"][0, 0]),
        sequence=str(sequence["name"]),
        frame=frame,
    )
