"""What demo.py left: the recording, its pictures, and the files that can be had."""

from pathlib import Path
from typing import NamedTuple

from maflab.inference.recording import Recording
from maflab.inference.result_file import load_recording
from maflab.inference.result_keys import RecordingError
from maflab.inference.results import ESTIMATES
from maflab.viewer.errors import ViewerError
from maflab.viewer.media import Media, find_media

_FORMATS = "npz json csv bvh glb gltf obj ply usd usda usdc usdz mp4 webm mov mkv jpg png zip"
_OFFERED = frozenset(f".{name}" for name in _FORMATS.split())
_MANY = 16
_PRIVATE = (ESTIMATES, ".hydra")


class Result(NamedTuple):
    """A result, opened."""

    recording: Recording
    media: Media
    downloads: dict[str, Path]  # by the name that the page offers them under


def open_result(path: Path | str, media: Path | str | None = None) -> Result:
    """Read a result of demo.py.

    Args:
        path: its folder, or a recording as .npz or .json.
        media: the video or the folder of pictures, if it is not where it was.

    Raises:
        ViewerError: there is no recording, or none with frames.
    """
    path = Path(path)
    file, recording = _recording(path)
    if not len(recording.times):
        raise ViewerError(f"{file} has no frames, so there is nothing to show")
    if media is not None and not Path(media).exists():
        raise ViewerError(f"There is no video or folder of pictures {media}")
    found = find_media(str(media or recording.source), len(recording.times), file.parent)
    return Result(recording, found, _downloads(path if path.is_dir() else file))


def _recording(path: Path) -> tuple[Path, Recording]:
    """The file and what it holds; in a folder the first one that is a recording, .npz before .json."""
    if not path.exists():
        raise ViewerError(f"There is no result {path}; demo.py prints where it wrote its own")
    candidates = [path]
    if path.is_dir():
        candidates = [*sorted(path.glob("*.npz")), *sorted(path.glob("*.json"))]
    reasons = []
    for candidate in candidates:
        try:
            return candidate, load_recording(candidate)
        except RecordingError as error:
            reasons.append(str(error))
    if not candidates:
        raise ViewerError(f"{path} holds no recording (.npz or .json): give the folder that demo.py wrote")
    raise ViewerError(f"{path} holds no recording that can be read: {reasons[0]}")


def _downloads(path: Path) -> dict[str, Path]:
    """Plain files of a folder and of its folders, or one file, by their names within it.

    Left aside are links that lead out of the folder, folders of very many files, which hold a mesh a frame, and what
    demo.py keeps for itself to go on with.
    """
    if path.is_file():
        return {path.name: path}
    inside = path.resolve()
    found: dict[str, Path] = {}
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and entry.name not in _PRIVATE)
    for folder in (path, *folders):
        files = sorted(file for file in folder.iterdir() if _offered(file, inside))
        if folder == path or len(files) <= _MANY:
            found |= {file.relative_to(path).as_posix(): file for file in files}
    return found


def _offered(file: Path, inside: Path) -> bool:
    kind = file.suffix.lower() in _OFFERED and not file.name.startswith(".")
    return kind and file.is_file() and file.resolve().is_relative_to(inside)
