"""MPI-INF-3DHP's own files (Mehta et al., 3DV 2017).

Training: `S<1-8>/Seq<1,2>/annot.mat` with cells of one entry a camera: annot2 (N, 56) pixels, annot3 (N, 84)
millimetres in the camera, of 28 joints; `cameras` their numbers; and `camera.calibration` beside it. Test:
`TS<1-6>/annot_data.mat`, a MATLAB 7.3 file: annot2 (N, 1, 17, 2), univ_annot3 (N, 1, 17, 3) scaled to one
skeleton, which the protocol compares with, and valid_frame (N, 1). Joint orders: `MPI28`, `MPI17`.
Frames count from 1 in the pictures' names and here.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import scipy.io
from numpy.typing import NDArray
from scipy.io.matlab import MatReadError

from maflab.body.joints import J17, SPIN24, SPIN49, JointSet
from maflab.body.label_joints import MPI17, MPI28, placed
from maflab.data.sources.boxes import box_of_points, points_inside
from maflab.data.sources.entries import with_confidence
from maflab.data.sources.person import Person, SourceError

_SIDE = 2048.0  # of every training picture, pixels
_CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)  # "vnect" in the authors' mpii_get_camera_set.m, and SPIN's choice


class _Sequence(NamedTuple):
    """One camera's view of a sequence, or a test sequence."""

    name: str
    pictures: str  # with {frame}
    points: NDArray[Any]  # (N, J, 2) pixels
    joints: NDArray[Any]  # (N, J, 3) millimetres, camera frame
    frames: NDArray[np.int64]  # which of the N to give, from 0
    focal: float


class MpiInf3dhpTrain:
    """People of the training sequences, one camera after the other.

    Args:
        labels: the folder with S1 ... S8.
        images: the folder that `pictures` are in; the same one, unless they lie apart.
        subjects, cameras: which to take; the default is SPIN's.
        every: take each so many-th of the frames in which all 17 joints of the protocol are in the
            picture (SPIN: 10, counted over all sequences together, so its choice differs by a few frames).
        pictures: where the pictures are, with {subject}, {sequence}, {camera}, {frame} (from 1); SPIN's layout.

    Raises:
        SourceError: there are no annotations, or (when its turn comes) a file is damaged.
    """

    def __init__(
        self,
        labels: str | Path,
        images: str | Path,
        subjects: tuple[int, ...] = tuple(range(1, 9)),
        cameras: tuple[int, ...] = _CAMERAS,
        every: int = 10,
        pictures: str = "S{subject}/Seq{sequence}/imageFrames/video_{camera}/frame_{frame:06d}.jpg",
    ) -> None:
        self.images, self.cameras, self.every, self.pictures = Path(images), tuple(cameras), every, pictures
        places = [(subject, sequence) for subject in subjects for sequence in (1, 2)]
        self.files = [
            (subject, sequence, path)
            for subject, sequence in places
            if (path := Path(labels) / f"S{subject}" / f"Seq{sequence}" / "annot.mat").is_file()
        ]
        if not self.files:
            raise SourceError(f"{labels} has no S1/Seq1/annot.mat; unpack MPI-INF-3DHP there")
        self._length: int | None = None

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(len(sequence.frames) for sequence in self._sequences())
        return self._length

    def __iter__(self) -> Iterator[Person]:
        for sequence in self._sequences():
            yield from _people(sequence, MPI28, self.images)

    def _sequences(self) -> Iterator[_Sequence]:
        for subject, number, path in self.files:
            content = _read_mat(path)
            focal = _focal_lengths(path.with_name("camera.calibration"))
            present = content["cameras"].ravel().tolist()
            for camera in (camera for camera in self.cameras if camera in present):
                row = present.index(camera)
                points = _cell(content["annot2"], row, 2, path)
                joints = _cell(content["annot3"], row, 3, path)
                if len(points) != len(joints):
                    raise SourceError(f"{path}: camera {camera} has {len(points)} rows in 2D and {len(joints)} in 3D")
                yield _Sequence(
                    name=f"S{subject}/Seq{number}/{camera}",
                    pictures=_with_frame(self.pictures, subject=subject, sequence=number, camera=camera),
                    points=points,
                    joints=joints,
                    frames=_whole_bodies(points)[:: self.every],
                    focal=focal.get(camera, 0.0),
                )


class MpiInf3dhpTest:
    """People of the test sequences: their valid frames.

    Args:
        labels: the folder with TS1 ... TS6.
        images: the folder that `pictures` are in; the same one, unless they lie apart.
        pictures: where the pictures are, with {sequence} and {frame} (from 1).

    Raises:
        SourceError: there are no annotations, or (when its turn comes) a file is damaged.
    """

    def __init__(
        self,
        labels: str | Path,
        images: str | Path,
        pictures: str = "TS{sequence}/imageSequence/img_{frame:06d}.jpg",
    ) -> None:
        self.images, self.pictures = Path(images), pictures
        self.files = sorted(Path(labels).glob("TS[1-6]/annot_data.mat"))
        if not self.files:
            raise SourceError(f"{labels} has no TS1/annot_data.mat; unpack mpi_inf_3dhp_test_set there")
        self._length: int | None = None

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(len(sequence.frames) for sequence in map(self._sequence, self.files))
        return self._length

    def __iter__(self) -> Iterator[Person]:
        for path in self.files:
            yield from _people(self._sequence(path), MPI17, self.images)

    def _sequence(self, path: Path) -> _Sequence:
        try:
            with h5py.File(path) as file:
                valid = file["valid_frame"][()].ravel() != 0
                points = file["annot2"][()].reshape(-1, len(MPI17), 2)
                joints = file["univ_annot3"][()].reshape(-1, len(MPI17), 3)
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise SourceError(f"{path} is damaged or no test annotation ({error}); fetch it again") from error
        if not len(valid) == len(points) == len(joints):
            raise SourceError(f"{path} has {len(valid)} frames, {len(points)} rows in 2D and {len(joints)} in 3D")
        name = path.parent.name
        pictures = _with_frame(self.pictures, sequence=name.removeprefix("TS"))
        return _Sequence(name, pictures, points, joints, np.flatnonzero(valid), 0.0)


def _people(sequence: _Sequence, order: JointSet, images: Path) -> Iterator[Person]:
    for frame in sequence.frames.tolist():
        points = with_confidence(sequence.points[frame].astype(np.float64))
        keypoints = placed(points, order, SPIN49)
        center, size = box_of_points(_protocol_joints(sequence.points[frame], order))
        metres = with_confidence(sequence.joints[frame].astype(np.float64) / 1000)
        yield Person(
            image=images / sequence.pictures.format(frame=frame + 1),
            center=center,
            size=size,
            keypoints_2d=keypoints,
            joints_3d=placed(metres, order, SPIN24),
            focal=sequence.focal,
            sequence=sequence.name,
            frame=frame + 1,
        )


def _protocol_joints(points: NDArray[Any], order: JointSet) -> NDArray[Any]:
    """The 17 joints of the protocol, (..., 17, C): what SPIN takes the box and the visibility from."""
    return points[..., order.map_to(J17), :]


def _whole_bodies(points: NDArray[Any]) -> NDArray[np.int64]:
    """Frames in which the 17 joints are all in the picture."""
    inside = [points_inside(_protocol_joints(frame, MPI28), _SIDE, _SIDE).all() for frame in points]
    return np.flatnonzero(inside)


def _read_mat(path: Path) -> dict[str, Any]:
    try:
        content = scipy.io.loadmat(path)
    except (MatReadError, OSError, ValueError, TypeError, NotImplementedError) as error:
        raise SourceError(f"{path} is damaged or no MATLAB file ({error}); fetch it again") from error
    if missing := [key for key in ("annot2", "annot3", "cameras") if key not in content]:
        raise SourceError(f"{path} lacks {', '.join(missing)}; it is no training annotation of MPI-INF-3DHP")
    return content


def _cell(cells: NDArray[Any], row: int, dimensions: int, path: Path) -> NDArray[Any]:
    """One camera's rows, (N, 28, dimensions)."""
    try:
        return np.asarray(cells.ravel()[row], np.float32).reshape(-1, len(MPI28), dimensions)
    except (ValueError, TypeError, IndexError) as error:
        raise SourceError(f"{path}: row {row} of annot{dimensions} is not {len(MPI28)} joints a frame") from error


def _focal_lengths(path: Path) -> dict[int, float]:
    """Horizontal focal length in pixels by camera; empty where there is no calibration file."""
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    found = re.findall(r"^name\s+(\d+)\s*$.*?^\s*intrinsic\s+([-+.\deE]+)", text, re.MULTILINE | re.DOTALL)
    return {int(camera): float(focal) for camera, focal in found}


def _with_frame(pictures: str, **values: Any) -> str:
    """The pattern with all but {frame} filled in."""
    return re.sub(r"\{(?!frame\b)(\w+)\}", lambda match: str(values[match.group(1)]), pictures)
