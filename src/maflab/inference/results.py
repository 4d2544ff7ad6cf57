"""The result folder of a clip: whether it can be written, and what is made of the estimates in it."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from maflab.body.model import BodyModel
from maflab.inference.assembling import recording_of, timeline, tracks_of
from maflab.inference.camera import Camera, view_of
from maflab.inference.camera_path import CameraError
from maflab.inference.errors import DetectorError, InputError
from maflab.inference.exif import exif_focal
from maflab.inference.frames import Source
from maflab.inference.motion import Motion, settle
from maflab.inference.pictures import FolderSource
from maflab.inference.recording import Recording
from maflab.inference.result_file import save_recording

log = logging.getLogger(__name__)

RESULT = "result.npz"
ESTIMATES = "estimates"
_ORIENTATION, _ON_ITS_SIDE = 274, (5, 6, 7, 8)


def check_writable(folder: Path) -> None:
    """Stop before the work where a result could not be written.

    Raises:
        InputError: the folder cannot be made, or nothing can be written into it.
    """
    probe = folder / f".maflab.{os.getpid()}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"maflab")
        probe.unlink()
    except OSError as error:
        raise InputError(f"output={folder} cannot be written ({error.strerror}); name another folder") from error


def settled_result(
    folder: Path,
    source: Source,
    body: BodyModel,
    camera: Camera,
    motion: Motion,
    shortest: float,
    whole: bool,
) -> Recording:
    """Make a recording of the estimates in a folder and save it there as `result.npz`.

    Args:
        folder: of the result.
        source: where its frames came from.
        body, camera, motion, shortest: see `recording_of`, `view_of`, `settle` and `tracks_of`.
        whole: whether the clip was gone through to its end; of an unfinished one a camera path is left out.

    Raises:
        CameraError: the camera does not go with the clip.
        OSError: it cannot be written.
    """
    line = timeline(folder / ESTIMATES)
    if not whole:
        camera = camera._replace(path=None, first_number=None, up=None, scale=1.0)
    view = view_of(camera, line.size, len(line.times), _exif(source, line.size)[: len(line.times)])
    tracks = tracks_of(folder / ESTIMATES, line, shortest)
    # From the folder, so that both can be moved together.
    name = os.path.relpath(source.name, folder)
    recording = settle(recording_of(tracks, line, view, name, body), body, motion)
    save_recording(recording, folder / RESULT)
    return recording


def check_people(recording: Recording, advice: str) -> None:
    """Stop where nobody was found.

    Raises:
        DetectorError: no track; the message says what to try.
    """
    if not recording.tracks:
        raise DetectorError(f"Nobody was found in any of the {len(recording.times)} frames: {advice}")


def check_camera(camera: Camera) -> None:
    """Stop before the work where the camera's settings contradict each other or its path is not there.

    Raises:
        CameraError: they do.
    """
    if camera.path is None:
        view_of(camera, (2, 2), 1)
    elif not Path(camera.path).exists():
        raise CameraError(f"camera.path={camera.path} is not there")


def _exif(source: Source, size: tuple[int, int]) -> Sequence[float | None]:
    """The focal lengths that pictures tell, in pixels of frames of the recording's size."""
    if not source.stills:
        return ()
    files = source.files if isinstance(source, FolderSource) else [Path(source.name)]
    return [_focal(file, size) for file in files]


def _focal(file: Path, size: tuple[int, int]) -> float | None:
    try:
        focal = exif_focal(file)
        if focal is None:
            return None
        with Image.open(file) as image:
            own = image.size
            lying = image.getexif().get(_ORIENTATION) in _ON_ITS_SIDE
    except OSError:
        return None
    width, height = own[::-1] if lying else own
    return focal * min(size[0] / width, size[1] / height)
