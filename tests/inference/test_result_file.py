"""Result files: what went in comes out, other programs can read them, and wrong ones are named."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from recordings import random_recording
from scipy.spatial.transform import Rotation

from maflab.inference.recording import Recording
from maflab.inference.result_file import load_recording, save_recording
from maflab.inference.result_keys import RecordingError
from maflab.inference.time_stamps import frame_rate


@pytest.fixture
def recording() -> Recording:
    return random_recording()


def assert_same(first: Recording, second: Recording) -> None:
    """Every field equal, rotations within what axis-angle in float32 keeps."""
    for name, one, other in zip(first._fields[:-1], first[:-1], second[:-1], strict=True):
        assert type(one) is type(other), name
        np.testing.assert_array_equal(one, other, err_msg=name)
    assert len(first.tracks) == len(second.tracks)
    for one, other in zip(first.tracks, second.tracks, strict=True):
        for name in one._fields[:-1]:
            a, b = getattr(one, name), getattr(other, name)
            np.testing.assert_allclose(a, b, atol=3e-6 if name == "rotations" else 0, rtol=0, err_msg=name)
            assert np.asarray(a).dtype == np.asarray(b).dtype, name
        assert (one.refinement is None) == (other.refinement is None)
        if one.refinement is not None and other.refinement is not None:
            np.testing.assert_allclose(one.refinement.rotations, other.refinement.rotations, atol=3e-6)
            np.testing.assert_array_equal(one.refinement.betas, other.refinement.betas)
            np.testing.assert_array_equal(one.refinement.camera, other.refinement.camera)


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_round_trip(recording: Recording, tmp_path: Path, suffix: str) -> None:
    path = save_recording(recording, tmp_path / "deep" / f"result{suffix}")
    assert_same(recording, load_recording(path))
    assert os.listdir(path.parent) == [path.name]
    bare = recording._replace(camera_to_world=None, tracks=[], shots=np.array([0]))
    assert_same(bare, load_recording(save_recording(bare, path)))


def test_npz_has_the_keys_of_amass(recording: Recording, tmp_path: Path) -> None:
    path = save_recording(recording, tmp_path / "result.npz")
    track = recording.tracks[1]
    with np.load(path, allow_pickle=False) as data:
        poses = data["track_1/poses"]
        turned = Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix().reshape(3, 24, 3, 3)
        np.testing.assert_allclose(turned, track.rotations, atol=3e-6)
        np.testing.assert_array_equal(data["track_1/trans"], track.translation)
        np.testing.assert_allclose(data["track_1/betas"], track.betas.mean(0), rtol=1e-6)
        np.testing.assert_array_equal(data["track_1/times"], recording.times[[7, 8, 11]])
        assert data["track_1/gender"] == "neutral"
        assert data["track_1/mocap_framerate"] == data["track_1/mocap_frame_rate"] == frame_rate(recording.times)
        assert all(data[key].dtype != object for key in data.files)


def test_json_reads_as_written(recording: Recording, tmp_path: Path) -> None:
    path = save_recording(recording, tmp_path / "result.json")
    text = path.read_text(encoding="utf-8")
    values = json.loads(text)
    assert values["source"] == "clip é.mp4"
    assert values["focal"][0] == 735.6  # not 735.5999755859375
    assert values["tracks"][0]["identity"] == 3
    assert len(values["tracks"][0]["poses"]) == 7
    # A frame's pose is one line.
    assert f"  {json.dumps(values['tracks'][1]['poses'][1])},\n" in text


def test_frame_rate_is_the_usual_one() -> None:
    times = np.arange(20) / 25
    times[10:] += 3.0
    assert frame_rate(times) == pytest.approx(25)
    assert frame_rate(times[:1]) == 0


def test_a_failed_save_leaves_the_old_file(recording: Recording, tmp_path: Path) -> None:
    path = save_recording(recording, tmp_path / "result.npz")
    broken = recording.tracks[0]._replace(betas=np.zeros((6, 10), np.float32))
    with pytest.raises(RecordingError, match="betas_by_frame of the track 0"):
        save_recording(recording._replace(tracks=[broken]), path)
    with pytest.raises(RecordingError, match=r"saved as \.npz or \.json, not as \.pkl"):
        save_recording(recording, tmp_path / "result.pkl")
    strange = recording.tracks[0]._replace(translation=np.full((7, 3), np.nan, np.float32))
    with pytest.raises(RecordingError, match="trans of the track 0 holds a number that is not finite"):
        save_recording(recording._replace(tracks=[strange]), path)
    beyond = recording.tracks[0]._replace(frames=np.arange(7) + 6)
    with pytest.raises(RecordingError, match="track 0 has frames outside the recording's 12"):
        save_recording(recording._replace(tracks=[beyond]), path)
    assert os.listdir(tmp_path) == [path.name]
    assert_same(recording, load_recording(path))


def test_other_files_are_named(recording: Recording, tmp_path: Path) -> None:
    good = save_recording(recording, tmp_path / "good.npz").read_bytes()
    cases = {
        "cut.npz": (good[: len(good) // 2], "damaged or of another kind"),
        "empty.npz": (b"", "damaged or of another kind"),
        "list.json": (b"[1]", "damaged or of another kind"),
        "other.json": (b"{}", "is no recording of this suite"),
        "new.json": (b'{"format": "maflab-recording", "version": 99}', "is of version 99"),
        "less.json": (b'{"format": "maflab-recording", "version": 1, "tracks": []}', "lacks 'times'"),
        "clip.mp4": (b"", r"is a \.npz or a \.json file"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RecordingError, match=message):
            load_recording(tmp_path / name)
    np.savez(tmp_path / "pickled.npz", format=np.array([{}], object))
    with pytest.raises(RecordingError, match="damaged or of another kind"):
        load_recording(tmp_path / "pickled.npz")
    with pytest.raises(FileNotFoundError):
        load_recording(tmp_path / "absent.npz")
