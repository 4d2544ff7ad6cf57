"""A recording in the formats that other programs open."""

import difflib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from maflab.body.model import BodyModel
from maflab.export.bvh import write_bvh
from maflab.export.errors import ExportError
from maflab.export.glb import write_glb
from maflab.export.meshes import write_obj, write_ply
from maflab.export.options import ExportOptions
from maflab.export.usd import require_usd, write_usd
from maflab.inference.recording import Recording
from maflab.inference.result_file import save_recording

logger = logging.getLogger(__name__)

_Export = Callable[[Recording, BodyModel, Path, ExportOptions], list[Path]]

_FORMATS: dict[str, _Export] = {
    "npz": lambda recording, body, folder, options: [save_recording(recording, folder / "result.npz")],
    "json": lambda recording, body, folder, options: [save_recording(recording, folder / "result.json")],
    "glb": lambda recording, body, folder, options: [write_glb(recording, body, folder / "result.glb")],
    "bvh": lambda recording, body, folder, options: write_bvh(recording, body, folder / "bvh", options.bvh_unit),
    "obj": lambda recording, body, folder, options: write_obj(recording, body, folder, options.stride),
    "ply": lambda recording, body, folder, options: write_ply(recording, body, folder, options.stride),
    "usd": lambda recording, body, folder, options: [write_usd(recording, body, folder / "result.usdc")],
}
FORMATS = tuple(_FORMATS)
# These say that there was nobody; the others have nothing to hold.
_WITHOUT_PEOPLE = ("npz", "json")
_SAME_SHAPE = 1e-4


def export_recording(
    recording: Recording,
    body: BodyModel,
    folder: Path | str,
    formats: Sequence[str],
    options: ExportOptions | None = None,
) -> list[Path]:
    """Write a recording into a folder, in every format asked for.

    No file is half-written under its name; what was there under the same names is replaced. Without anybody in the
    recording `npz` and `json` are written and the other formats left out, which the log says.

    Args:
        body: the one the recording was made with, on any device.
        folder: made if it is not there.
        formats: of `FORMATS`.
        options: settings of the formats that have some.

    Returns:
        What was written: files, and a folder a person for sequences of meshes.

    Raises:
        ExportError: an unknown format, one whose package is missing, another body, an option out of range, a folder
            that cannot be written, or a recording that a format cannot hold. The first four before anything is written.
        RecordingError: fields whose shapes do not fit each other.
    """
    options = (options or ExportOptions()).checked()
    check_formats(formats)
    if (recording.body, recording.gender) != (body.name, body.gender):
        raise ExportError(
            f"{recording.source} was made with the body {recording.body} ({recording.gender}), "
            f"not with {body.name} ({body.gender})"
        )
    if body.template.device.type != "cpu":
        body = BodyModel(body.arrays)
    folder = Path(folder)
    _check_folder(folder)
    if set(formats) - set(_WITHOUT_PEOPLE):
        _say_what_is_lost(recording)
    empty = not any(len(track.frames) for track in recording.tracks)
    written: list[Path] = []
    for name in dict.fromkeys(formats):
        if empty and name not in _WITHOUT_PEOPLE:
            logger.warning("there is nobody in %s, so there is no %s", recording.source, name)
            continue
        try:
            paths = _FORMATS[name](recording, body, folder, options)
        except OSError as error:
            raise ExportError(f"cannot write {name} into {folder}: {_reason(error)}") from error
        written += paths
        logger.info("wrote %s", ", ".join(str(path) for path in paths) or f"no {name}: no frame is in the stride")
    return written


def check_formats(formats: Sequence[str]) -> None:
    """Raise ExportError for a format that is not there, with the nearest that is, or whose package is missing."""
    for name in formats:
        if name not in _FORMATS:
            near = difflib.get_close_matches(name.lower(), FORMATS, 1, cutoff=0.3)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(FORMATS)}"
            raise ExportError(f"there is no export format {name!r}; {hint}")
    if "usd" in formats:
        require_usd()


def _say_what_is_lost(recording: Recording) -> None:
    for number, track in enumerate(recording.tracks):
        if not len(track.frames):
            logger.warning("track %d (person %d) has no frames and is left out", number, track.identity)
        elif (spread := float(np.ptp(track.betas, axis=0).max())) > _SAME_SHAPE:
            logger.info("person %d changes shape (betas by %.2f): the mean is exported", track.identity, spread)


def _check_folder(folder: Path) -> None:
    """Write and remove a small file, because permissions alone do not say whether one can (full or read-only disks)."""
    probe = folder / f".maflab.{os.getpid()}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"maflab")
        probe.unlink()
    except OSError as error:
        raise ExportError(f"cannot write into the folder {folder}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
