"""Get a body by name from a folder, baking the licence-free one the first time."""

import logging
from pathlib import Path

from filelock import FileLock, Timeout

from maflab.body.arrays import BodyArrays, BodyFileError
from maflab.body.model import BodyModel
from maflab.body.tiny import tiny_body

logger = logging.getLogger(__name__)
_LOCK_SECONDS = 900


def load_body(name: str, folder: Path | str, gender: str = "neutral") -> BodyModel:
    """A body model.

    Args:
        name: `anny` (licence-free, baked to `folder/anny.npz` when absent), `smpl` (SMPL's own files in
            `folder/smpl`) or `tiny` (a procedural stand-in for tests).
        folder: where body files live.
        gender: `neutral`, `male` or `female`; only SMPL has more than the neutral one.

    Raises:
        ValueError: for another name or gender. BodyFileError: when a file is absent or damaged.
    """
    if gender not in ("neutral", "male", "female"):
        raise ValueError(f"there is no gender {gender!r}; choose neutral, male or female")
    if name == "tiny":
        return BodyModel(tiny_body())
    if name == "anny":
        return BodyModel(_anny(Path(folder)))
    if name == "smpl":
        from maflab.body.smpl_file import read_smpl_folder

        return BodyModel(read_smpl_folder(Path(folder) / "smpl", gender))
    raise ValueError(f"there is no body {name!r}; choose anny, smpl or tiny")


def _anny(folder: Path) -> BodyArrays:
    path = folder / "anny.npz"
    if not path.is_file():
        _bake_once(path)
    return BodyArrays.load(path)


def _bake_once(path: Path) -> None:
    """Bake under a lock, so that of several processes one works and the others wait for its file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{path}.lock", timeout=_LOCK_SECONDS):
            if path.is_file():
                return
            from maflab.body.anny_bake import bake  # imports anny, which is slow and only needed here

            logger.info("baking the licence-free body into %s (once; up to three minutes)", path)
            bake(logger.info).save(path)
    except Timeout as error:
        raise BodyFileError(
            f"another process has been baking {path} for {_LOCK_SECONDS} s; if none runs, delete {path}.lock"
        ) from error
