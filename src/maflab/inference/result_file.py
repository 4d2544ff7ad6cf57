"""A recording as a file: `.npz` with the keys of AMASS for every track, or the same as readable JSON.

The keys are documented in docs/motion.md. Nothing in the files is pickled, and none is half-written under its name.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from maflab.atomic import whole_file
from maflab.inference.json_text import write_json
from maflab.inference.recording import Recording, Refinement, Track
from maflab.inference.result_keys import FORMAT, VERSION, RecordingError, checked, poses_of, rotations_of
from maflab.inference.time_stamps import frame_rate

Values = dict[str, Any]


def save_recording(recording: Recording, path: Path | str) -> Path:
    """Write a recording; rotations become axis-angle vectors, which costs them some 1e-6.

    Args:
        recording: of any number of tracks, none included.
        path: ends in `.npz` (compressed) or `.json`; its folder is made.

    Returns:
        The path.

    Raises:
        RecordingError: another suffix, or fields whose shapes do not fit each other.
        OSError: it cannot be written.
    """
    path = Path(path)
    content = _content(recording)
    tracks = [_track_content(recording, track, number) for number, track in enumerate(recording.tracks)]
    with whole_file(path) as partial:
        if path.suffix == ".npz":
            flat = {f"track_{n}/{key}": value for n, track in enumerate(tracks) for key, value in track.items()}
            np.savez_compressed(partial, **content, **flat)
        elif path.suffix == ".json":
            write_json(partial, {**content, "tracks": tracks})
        else:
            raise RecordingError(f"{path}: a recording is saved as .npz or .json, not as {path.suffix or 'no suffix'}")
    return path


def load_recording(path: Path | str) -> Recording:
    """Read what `save_recording` wrote.

    Raises:
        FileNotFoundError: it is not there.
        RecordingError: it is no such file, is damaged, is newer than this program, or its fields do not fit.
    """
    path = Path(path)
    if path.suffix not in (".npz", ".json"):
        raise RecordingError(f"{path} is no recording: that is a .npz or a .json file of demo.py")
    try:
        values, tracks = _read_npz(path) if path.suffix == ".npz" else _read_json(path)
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(f"{path} cannot be read as a recording: it is damaged or of another kind") from error
    try:
        return _recording(values, tracks)
    except KeyError as error:
        raise RecordingError(f"{path} lacks {error}, which every recording has") from error
    except (TypeError, ValueError) as error:
        raise RecordingError(f"{path}: {error}") from error


def _content(recording: Recording) -> Values:
    values = {
        "format": np.array(FORMAT),
        "version": np.array(VERSION),
        "source": np.array(recording.source),
        "body": np.array(recording.body),
        "gender": np.array(recording.gender),
        "size": np.array(recording.size, np.int64),
        "times": recording.times,
        "focal": recording.focal,
        "centre": recording.centre,
        "focal_source": np.array(recording.focal_source),
        "shots": recording.shots,
        "track_count": np.array(len(recording.tracks)),
    }
    if recording.camera_to_world is not None:
        values["camera_to_world"] = recording.camera_to_world
    return checked(values, "recording", frames=len(recording.times))


def _track_content(recording: Recording, track: Track, number: int) -> Values:
    frames = np.asarray(track.frames)
    if len(frames) and not (frames.min() >= 0 and frames.max() < len(recording.times)):
        raise RecordingError(f"track {number} has frames outside the recording's {len(recording.times)}")
    values = {
        "identity": np.array(track.identity),
        "gender": np.array(recording.gender),
        "mocap_framerate": np.array(frame_rate(recording.times)),
        "mocap_frame_rate": np.array(frame_rate(recording.times)),
        "frames": frames,
        "times": recording.times[frames],
        "poses": poses_of(track.rotations),
        # The mean, so that readers of AMASS find the one shape that they expect.
        "betas": track.betas.mean(0) if len(frames) else np.zeros(10, np.float32),
        "betas_by_frame": track.betas,
        "trans": track.translation,
        "camera": track.camera,
        "crops": track.crops,
        "confidence": track.confidence,
        "filled": track.filled,
    }
    if track.refinement is not None:
        values["refinement_poses"] = poses_of(track.refinement.rotations)
        values["refinement_betas"] = track.refinement.betas
        values["refinement_camera"] = track.refinement.camera
    return checked(values, f"track {number}", frames=len(frames))


def _read_npz(path: Path) -> tuple[Values, list[Values]]:
    with np.load(path, allow_pickle=False) as archive:
        values = {key: archive[key] for key in archive.files}
    _check_format(values, path)
    count = int(values["track_count"])
    tracks: list[Values] = [{} for _ in range(count)]
    for key in [key for key in values if "/" in key]:
        owner, name = key.split("/", 1)
        number = int(owner.removeprefix("track_"))
        if number < count:
            tracks[number][name] = values.pop(key)
    return values, tracks


def _read_json(path: Path) -> tuple[Values, list[Values]]:
    values = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError("not an object")
    _check_format(values, path)
    return values, values.pop("tracks")


def _check_format(values: Values, path: Path) -> None:
    if str(values.get("format")) != FORMAT:
        raise RecordingError(f"{path} is no recording of this suite: its key 'format' is not {FORMAT!r}")
    if int(values["version"]) > VERSION:
        raise RecordingError(f"{path} is of version {int(values['version'])}, this program reads up to {VERSION}")


def _recording(values: Values, tracks: list[Values]) -> Recording:
    values = checked(values, "recording", frames=len(values["times"]))
    return Recording(
        source=str(values["source"]),
        body=str(values["body"]),
        gender=str(values["gender"]),
        size=(int(values["size"][0]), int(values["size"][1])),
        times=values["times"],
        focal=values["focal"],
        centre=values["centre"],
        focal_source=str(values["focal_source"]),
        camera_to_world=values.get("camera_to_world"),
        shots=values["shots"],
        tracks=[_track(track, number) for number, track in enumerate(tracks)],
    )


def _track(values: Values, number: int) -> Track:
    values = checked(values, f"track {number}", frames=len(values["frames"]))
    refinement = None
    if "refinement_poses" in values:
        refinement = Refinement(
            rotations_of(values["refinement_poses"]), values["refinement_betas"], values["refinement_camera"]
        )
    return Track(
        identity=int(values["identity"]),
        frames=values["frames"],
        rotations=rotations_of(values["poses"]),
        betas=values["betas_by_frame"],
        translation=values["trans"],
        camera=values["camera"],
        crops=values["crops"],
        confidence=values["confidence"],
        filled=values["filled"],
        refinement=refinement,
    )
