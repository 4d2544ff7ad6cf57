"""EFT's fits (Joo et al., 3DV 2021) in their own form: one `.json` a set, as docs/README_dataformat.md there says.

`data` is a list of parm_pose (24, 3, 3) rotation matrices, parm_shape (10), parm_cam (s, tx, ty) of the crop,
bbox_scale (the box's side is 200 times it), bbox_center (pixels), imageName, and for COCO annotId. smpltype says whose
parameters they are: `smpl`, the only kind that is taken. The files hold no key points; joint_validity_openpose18 tells
which of them the fit was made from, and is not needed once a fit is accepted.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from maflab.data.sources.entries import frame_number
from maflab.data.sources.json_items import json_items
from maflab.data.sources.person import Person, SourceError, Unusable

_SHAPES = {"parm_pose": (24, 3, 3), "parm_shape": (10,), "parm_cam": (3,), "bbox_center": (2,), "bbox_scale": ()}


class Eft:
    """People of one of EFT's files.

    Args:
        labels: the `.json`; it is read as a stream, once at first for its length.
        images: the folder of the pictures. imageName is a bare name; one with folders in it, as some releases have,
            is looked for by its last part where it is not there as it stands.

    Raises:
        SourceError: the file is missing or damaged.
    """

    def __init__(self, labels: str | Path, images: str | Path) -> None:
        self.path, self.images = Path(labels), Path(images)
        if not self.path.is_file():
            raise SourceError(f"{self.path} is missing; put EFT's fits there, or name another file")
        self._count = sum(1 for _ in self._entries())

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Person | Unusable]:
        return map(self._person, self._entries())

    def _entries(self) -> Iterator[Any]:
        try:
            yield from json_items(self.path, "data")
        except (ValueError, OSError, RecursionError) as error:
            raise SourceError(f"{self.path} is damaged or none of EFT's files ({error}); fetch it again") from error

    def _person(self, entry: Any) -> Person | Unusable:
        image = str(entry.get("imageName", "")) if isinstance(entry, dict) else ""
        try:
            values = {key: np.array(entry[key], np.float64).reshape(shape) for key, shape in _SHAPES.items()}
            name = Path(entry["imageName"])
            annotation = int(entry.get("annotId", -1))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return Unusable(image, f"none of EFT's entries ({type(error).__name__}: {error})")
        if entry.get("smpltype", "smpl") != "smpl":
            return Unusable(image, f"parameters of {entry['smpltype']}; only SMPL's are read")
        return Person(
            image=self._resolved(name),
            center=values["bbox_center"].astype(np.float32),
            size=200 * float(values["bbox_scale"]),
            pose=_axis_angle(values["parm_pose"]),
            betas=values["parm_shape"].astype(np.float32),
            camera=values["parm_cam"].astype(np.float32),
            annotation=annotation,
            image_id=frame_number(name) if name.stem[-1:].isdigit() else -1,
        )

    def _resolved(self, name: Path) -> Path:
        if len(name.parts) > 1 and not (self.images / name).is_file():
            return self.images / name.name
        return self.images / name


def _axis_angle(matrices: np.ndarray) -> np.ndarray:
    """(72,) of (24, 3, 3); all NaN where a matrix is none of a rotation, which leaves the person out later."""
    if not np.isfinite(matrices).all() or (np.linalg.det(matrices) <= 0).any():
        return np.full(72, np.nan, np.float32)
    return Rotation.from_matrix(matrices).as_rotvec().reshape(72).astype(np.float32)
