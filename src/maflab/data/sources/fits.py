"""SMPL fits that come apart from a set's labels: SPIN's `final_fits`, one row for each row of the set's `.npz`."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maflab.data.sources.npz_labels import NpzLabels
from maflab.data.sources.person import SourceError

_POSE, _BETAS = 72, 10


class Fit(NamedTuple):
    """Pose and shape of one person."""

    pose: NDArray[np.float32]  # (72,) axis-angle, the root's into the camera frame
    betas: NDArray[np.float32]  # (10,)


class Fits:
    """The fits of a label file in its order; None where a fit is not valid.

    Args:
        path: `.npz` with pose (N, 72), betas (N, 10) and valid_fit (N,) (absent: all valid), or as for Human3.6M
            `.npy` (N, 82), pose and betas side by side, all valid.
        count: people of the label file.
        labels: its name, for messages.

    Raises:
        SourceError: the file is missing, damaged, of another form, or of another length than the labels.
    """

    def __init__(self, path: Path, count: int, labels: str) -> None:
        self.path = path
        if path.suffix == ".npy":
            rows = len(self._side_by_side())
        else:
            self._file = NpzLabels(path, counted="pose")
            self._file.check("pose", (_POSE,), (24, 3))
            self._file.check("betas", (_BETAS,))
            if "valid_fit" in self._file:
                self._file.check("valid_fit", (), (1,))
            rows = len(self._file)
        if rows != count:
            raise SourceError(
                f"{path} has {rows} fits but {labels} {count} people; they go together row by row, "
                "so one of the two is of another set or version"
            )

    def __iter__(self) -> Iterator[Fit | None]:
        if self.path.suffix == ".npy":
            for row in self._side_by_side():
                yield Fit(row[:_POSE].astype(np.float32), row[_POSE:].astype(np.float32))
            return
        for labels in self._file.rows([key for key in ("pose", "betas", "valid_fit") if key in self._file]):
            if "valid_fit" in labels and not labels["valid_fit"].item():
                yield None
            else:
                yield Fit(labels["pose"].reshape(_POSE).astype(np.float32), labels["betas"].astype(np.float32))

    def _side_by_side(self) -> NDArray[np.floating]:
        if not self.path.is_file():
            raise SourceError(f"{self.path} is missing; put the fits there, or name another file")
        try:
            array = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise SourceError(f"{self.path} is damaged or no .npy file of numbers ({error})") from error
        if array.ndim != 2 or array.shape[1] != _POSE + _BETAS or array.dtype.kind != "f":
            raise SourceError(f"{self.path} is {array.dtype} of {array.shape}; fits side by side are (N, 82)")
        return array
