"""The pictures that a recording was made from, as far as they are still there."""

import mimetypes
from pathlib import Path
from typing import NamedTuple

from maflab.inference.errors import InputError
from maflab.inference.pictures import SUFFIXES, FolderSource


class Media(NamedTuple):
    """What the left side of the page shows."""

    kind: str  # video, pictures or none
    files: list[Path]  # the video, or a picture a frame
    note: str = ""  # why there is none


def find_media(source: str, frames: int, folder: Path) -> Media:
    """The source of a recording.

    Args:
        source: what the recording says it was made from: a video, a picture, a folder of pictures.
        frames: of the recording.
        folder: where its result lies; a relative source is looked for there too.
    """
    for path in (Path(source), folder / source, folder / Path(source).name):
        if path.is_file() and path.suffix.lower() not in SUFFIXES:
            return Media("video", [path])
        if path.is_file() or path.is_dir():
            return _pictures(path, frames)
    return Media("none", [], f"{source} is not there any more")


def content_type(path: Path) -> str:
    """The MIME type of a file by its suffix."""
    own = {".glb": "model/gltf-binary", ".npz": "application/octet-stream", ".js": "text/javascript"}
    return own.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _pictures(path: Path, frames: int) -> Media:
    """A picture or a folder of them, in the order in which they were read; a clip may have been left before its end."""
    try:
        files = FolderSource(path, 1.0).files if path.is_dir() else [path]
    except InputError as error:
        return Media("none", [], str(error))
    if len(files) < frames:
        return Media("none", [], f"{path} has {len(files)} pictures now, the result has {frames} frames")
    return Media("pictures", files[:frames])
