"""AGORA (Patel et al., CVPR 2021): pickled DataFrames, one row a picture, each cell a list with one entry a person.

Columns read: imgPath, isValid (false: hidden to more than 90%; left out), kid, Yaw, camYaw, gt_joints_2d (45, 2) pixels
of the 3840 x 2160 picture, gt_joints_3d (45, 3) metres in the camera, gt_path_smpl, the file of SMPL's parameters below
the folder of fits. The frames with joints are those named `..._withjv.pkl`. Where a frame holds SMPL-X's joints, those
that are SMPL's too are taken.

Fits: translation, root_pose (or global_orient), body_pose, betas, as arrays or tensors, in the scan's own frame. What
brings the root into the camera depends on the scene, as its authors' `projection.py` says. The fits are of the neutral
body, whatever the person's gender; children's have an eleventh beta for a template of their own and are given without
betas.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maflab.array_pickle import PickleError, unpickle
from maflab.body.joints import SMPL24, SPIN24, SPIN49
from maflab.body.label_joints import MODEL45, SMPLX22, placed
from maflab.data.sources.boxes import box_of_points, points_inside
from maflab.data.sources.entries import with_confidence
from maflab.data.sources.frame_pickle import Columns, read_frame
from maflab.data.sources.person import Person, SourceError, Unusable
from maflab.data.sources.rotations import turned_pose
from maflab.data.sources.tensor_pickle import TensorUnpickler

_FULL = (3840, 2160)  # what gt_joints_2d are pixels of
_SENSOR = 36.0  # width, mm
_NEEDED = ("imgPath", "isValid", "gt_joints_2d")


class _UnusableFit(Exception):
    """A person's fit that is missing or holds something else; the message names the file."""


class _Camera(NamedTuple):
    """How the cameras of a kind of picture look: focal length in mm, yaw and pitch in degrees."""

    focal: float
    yaw: float
    pitch: float


# By a part of the picture's name, first match; other pictures (3D scenes) have their yaw in the frame and no pitch.
_CAMERAS = {
    "hdri": _Camera(50, 0, 0),
    "cam00": _Camera(18, 135, 30),
    "cam01": _Camera(18, -135, 30),
    "cam02": _Camera(18, -45, 30),
    "cam03": _Camera(18, 45, 30),
    "ag2": _Camera(28, 0, 15),
}
_SCENE_FOCAL = 28.0


class AgoraFrames:
    """People of AGORA's frames, picture by picture; one frame's file is in memory at a time.

    Args:
        labels: the folder of the pickled DataFrames.
        images: the folder of the pictures, which may lie in folders below it.
        fits: the folder that `gt_path_smpl` is relative to; None: no pose, no betas.
        width: of the pictures at hand, pixels: 1280 (their names end in `_1280x720`) or 3840.

    Raises:
        SourceError: there are no frames, no such folder of fits, or (when its turn comes) a frame is damaged or lacks
            something. A person whose fit is missing or cannot be read is given as unusable.
        ValueError: another width.
    """

    def __init__(
        self, labels: str | Path, images: str | Path, fits: str | Path | None = None, width: int = 1280
    ) -> None:
        if width not in (1280, 3840):
            raise ValueError(f"AGORA's pictures are 1280 or 3840 pixels wide, not {width}")
        self.images, self.width = Path(images), width
        self.fits = None if fits is None else Path(fits)
        self.files = sorted(Path(labels).glob("*.pkl"))
        if not self.files:
            raise SourceError(f"{labels} has no .pkl; unpack AGORA's camera frames with joints (..._withjv.pkl) there")
        if self.fits is not None and not self.fits.is_dir():
            raise SourceError(f"{self.fits} is no folder; unpack AGORA's SMPL fits there, or take none (fits=null)")
        self._length: int | None = None
        self._pictures: dict[str, Path] | None = None

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(int(np.sum(valid)) for path in self.files for valid in _read(path)["isValid"])
        return self._length

    def __iter__(self) -> Iterator[Person | Unusable]:
        for path in self.files:
            frame = _read(path)
            for row, valid in enumerate(frame["isValid"]):
                for number in np.flatnonzero(valid).tolist():
                    yield self._person_or_why(frame, row, number)

    def _person_or_why(self, frame: Columns, row: int, number: int) -> Person | Unusable:
        try:
            return self._person(frame, row, number)
        except _UnusableFit as error:
            why = str(error)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            why = f"{type(error).__name__}: {error}"
        return Unusable(str(self._picture(str(frame["imgPath"][row]))), f"person {number}: {why}")

    def _person(self, frame: Columns, row: int, number: int) -> Person:
        def entry(column: str) -> Any:
            return frame[column][row][number]

        name = str(frame["imgPath"][row])
        scale = self.width / _FULL[0]
        points = scale * np.asarray(entry("gt_joints_2d"), np.float64).reshape(-1, 2)
        order = MODEL45 if len(points) == len(MODEL45) else SMPL24 if len(points) == len(SMPL24) else SMPLX22
        points = points[: len(order)]
        inside = points_inside(points, self.width, self.width * _FULL[1] / _FULL[0])
        center, size = box_of_points(points[inside])
        camera = _camera(name, frame, row)
        person = Person(
            image=self._picture(name),
            center=center,
            size=size,
            keypoints_2d=placed(with_confidence(points), order, SPIN49),
            focal=camera.focal / _SENSOR * self.width,
            sequence=PurePosixPath(name).stem,
            frame=number,
        )
        if "gt_joints_3d" in frame:
            joints = np.asarray(entry("gt_joints_3d"), np.float64).reshape(-1, 3)[: len(order)]
            person = person._replace(joints_3d=placed(with_confidence(joints), order, SPIN24))
        if self.fits is None or "gt_path_smpl" not in frame:
            return person
        kid = bool(entry("kid")) if "kid" in frame else False
        pose, betas = _read_fit(self.fits / PurePosixPath(str(entry("gt_path_smpl"))).with_suffix(".pkl"))
        turned = turned_pose(pose, _into_camera(float(entry("Yaw")), camera))
        return person._replace(pose=turned, betas=None if kid else betas[:10])

    def _picture(self, name: str) -> Path:
        """The picture of that name: at its place, or somewhere below the folder."""
        if self.width == 1280 and "_1280x720" not in name:
            name = name.replace(".png", "_1280x720.png")
        if self._pictures is None:
            self._pictures = {path.name: path for path in sorted(self.images.rglob("*.png"))}
        return self._pictures.get(PurePosixPath(name).name, self.images / name)


def _read(path: Path) -> Columns:
    try:
        frame = read_frame(path)
    except PickleError as error:
        raise SourceError(f"{path} was not read: {error}; fetch it again") from error
    if missing := [column for column in _NEEDED if column not in frame]:
        raise SourceError(
            f"{path} lacks {', '.join(missing)}; the frames with joints are needed, named ..._withjv.pkl (AGORA's "
            "project_joints makes them from the camera frames)"
        )
    for row, valid in enumerate(frame["isValid"]):
        if len(frame["gt_joints_2d"][row]) != len(valid):
            raise SourceError(f"{path}: row {row} has {len(valid)} people and other numbers of joints")
    return frame


def _camera(name: str, frame: Columns, row: int) -> _Camera:
    for part, camera in _CAMERAS.items():
        if part in name:
            return camera
    return _Camera(_SCENE_FOCAL, float(frame["camYaw"][row]) if "camYaw" in frame else np.nan, 0)


def _into_camera(yaw: float, camera: _Camera) -> NDArray[np.float64]:
    """(3, 3) from the frame of SMPL's fit (y up, facing z) into the camera (y down), by the scan's yaw, degrees.

    Source: AGORA's `projection.py`: axes flipped to y down, the scan turned by its yaw less 90 degrees about the
    vertical, the camera's yaw undone, then its pitch.
    """
    flipped = Rotation.from_euler("x", 180, degrees=True)
    body = Rotation.from_euler("y", yaw - 90, degrees=True)
    looking = Rotation.from_euler("x", camera.pitch, degrees=True) * Rotation.from_euler("y", -camera.yaw, degrees=True)
    return (looking * body * flipped).as_matrix()


@lru_cache(maxsize=4096)
def _read_fit(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Pose (72,) in the scan's frame and betas (10 or 11,). One scan stands in several pictures."""
    try:
        content = unpickle(path, TensorUnpickler)
        root = content["root_pose"] if "root_pose" in content else content["global_orient"]
        pose = np.concatenate([np.ravel(root), np.ravel(content["body_pose"])]).astype(np.float64)
        betas = np.ravel(content["betas"]).astype(np.float32)
    except OSError as error:
        raise _UnusableFit(f"{path} is missing") from error
    except (PickleError, KeyError, TypeError, ValueError) as error:
        raise _UnusableFit(f"{path} was not read: it holds no SMPL parameters ({error})") from error
    if pose.shape != (72,) or len(betas) < 10:
        raise _UnusableFit(f"{path} has {pose.size} numbers of pose and {betas.size} betas; SMPL has 72 and 10")
    return pose, betas
