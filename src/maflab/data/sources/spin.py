"""SPIN's label files (Kolotouros et al., ICCV 2019), which PyMAF and the re-packed EFT fits share: one `.npz` a set.

imgname, center and scale (the box's side is 200 scale) are there in each. The labels, where they are: part (24, 3) and
openpose (25, 3), pixels and confidence; S (24, 4), metres, root-centred, and confidence; pose (72) axis-angle and
shape (10), valid where has_smpl is not 0 (absent: everywhere); gender. What LSP's files add is not read.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maflab.data.sources.entries import frame_number, gender_number
from maflab.data.sources.fits import Fit, Fits
from maflab.data.sources.npz_labels import NpzLabels, Row
from maflab.data.sources.person import Person, SourceError

_SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "imgname": ((),),
    "center": ((2,),),
    "scale": ((), (1,)),
    "part": ((24, 3),),
    "openpose": ((25, 3),),
    "S": ((24, 4),),
    "pose": ((72,), (24, 3)),
    "shape": ((10,),),
    "has_smpl": ((), (1,)),
    "gender": ((),),
}
_NEEDED = ("imgname", "center", "scale")


class SpinLabels:
    """People of one of SPIN's label files.

    Args:
        labels: the `.npz`.
        images: the folder that imgname is relative to.
        fits: SPIN's `final_fits` of that file, row by row; where a fit is valid it stands for the file's own pose and
            shape.
        video: whether pictures are frames of sequences, so that their names say which; otherwise the number that ends
            a picture's name is its `image_id`.

    Raises:
        SourceError: a file is missing, damaged, or has an array of Python objects or of another length or shape.
    """

    def __init__(
        self, labels: str | Path, images: str | Path, fits: str | Path | None = None, video: bool = False
    ) -> None:
        self.images, self.video = Path(images), video
        self.file = NpzLabels(Path(labels))
        self.keys = [key for key in _SHAPES if key in self.file or key in _NEEDED]
        for key in self.keys:
            self.file.check(key, *_SHAPES[key])
        if ("pose" in self.file) != ("shape" in self.file):
            raise SourceError(f"{labels} has one of 'pose' and 'shape' without the other; SPIN's files have both")
        self.fits = None if fits is None else Fits(Path(fits), len(self.file), str(labels))

    def __len__(self) -> int:
        return len(self.file)

    def __iter__(self) -> Iterator[Person]:
        fits = iter(self.fits) if self.fits is not None else None
        for row in self.file.rows(self.keys):
            yield self._person(row, None if fits is None else next(fits))

    def _person(self, row: Row, fit: Fit | None) -> Person:
        name = _text(row["imgname"])
        sequence, frame, image_id = _place(Path(name), self.video)
        fit = fit if fit is not None else _own_fit(row)
        return Person(
            image=self.images / name,
            center=row["center"].astype(np.float32),
            size=200 * float(row["scale"].item()),
            keypoints_2d=_keypoints(row),
            joints_3d=row["S"].astype(np.float32) if "S" in row else None,
            pose=None if fit is None else fit.pose,
            betas=None if fit is None else fit.betas,
            gender=gender_number(_text(row["gender"])) if "gender" in row else -1,
            sequence=sequence,
            frame=frame,
            image_id=image_id,
        )


def _own_fit(row: Row) -> Fit | None:
    if "pose" not in row or ("has_smpl" in row and not row["has_smpl"].item()):
        return None
    return Fit(row["pose"].reshape(72).astype(np.float32), row["shape"].astype(np.float32))


def _keypoints(row: Row) -> NDArray[np.float32] | None:
    """SPIN49 (49, 3): the 25 detected joints, then the 24 labelled ones; the half that the file lacks is zeros."""
    if "part" not in row and "openpose" not in row:
        return None
    halves = [row.get("openpose", np.zeros((25, 3))), row.get("part", np.zeros((24, 3)))]
    return np.concatenate(halves).astype(np.float32)


def _place(name: Path, video: bool) -> tuple[str, int, int]:
    """Sequence, frame and picture number by a picture's name."""
    if not video:
        return "", 0, frame_number(name) if name.stem[-1:].isdigit() else -1
    take = name.stem.rstrip("0123456789").rstrip("_-.")
    folder = name.parent.as_posix()
    plain = take in ("", "image", "frame", "img", name.parent.name)
    return folder if plain else f"{folder}/{take}", frame_number(name), -1


def _text(entry: NDArray[np.generic] | np.generic) -> str:
    text = entry.item()
    return text.decode() if isinstance(text, bytes) else str(text)
