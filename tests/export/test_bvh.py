"""BVH: bvhio's own forward kinematics puts every joint where we have it, at every frame."""

from pathlib import Path

import bvhio
import numpy as np
import pytest

from maflab.body.joints import SMPL24
from maflab.body.model import BodyModel
from maflab.export.actors import scene_actors
from maflab.export.bvh import write_bvh
from maflab.export.sampling import sample_evenly
from maflab.inference.recording import Recording

from .clips import FRAMES, clip, in_scene

MILLIMETRE = 0.001


def played(path: Path) -> np.ndarray:
    """(F, 24, 3) of the joints in SMPL's order, by bvhio."""
    root = bvhio.readAsHierarchy(str(path))
    first, last = root.getKeyframeRange()
    frames = []
    for frame in range(first, last + 1):
        root.loadPose(frame)
        places = {joint.Name: list(joint.PositionWorld) for joint, _, _ in root.layout()}
        frames.append([places[name] for name in SMPL24.names])
    return np.array(frames)


@pytest.mark.parametrize("recording", [clip(), clip(path=True)], ids=["camera", "world"])
@pytest.mark.parametrize(("unit", "scale"), [("m", 1), ("cm", 100)])
def test_joints_are_ours_at_every_frame(
    recording: Recording, unit: str, scale: float, tiny_body: BodyModel, tmp_path: Path
) -> None:
    first, second = write_bvh(recording, tiny_body, tmp_path, unit)
    assert (first.name, second.name) == ("person_3.bvh", "person_8_from_frame_4.bvh")
    truth = in_scene(recording, recording.tracks[0], tiny_body).joints
    assert np.abs(played(first) / scale - truth).max() < 0.05 * MILLIMETRE
    # The one who is away for two frames is moved through them.
    late = in_scene(recording, recording.tracks[1], tiny_body).joints
    moved = played(second) / scale
    assert len(moved) == 7
    assert np.abs(moved[[0, 1, 2, 5, 6]] - late).max() < 0.05 * MILLIMETRE
    assert (moved[3:5, 0] > late[2:4, 0].min(0) - 1e-6).all()
    assert (moved[3:5, 0] < late[2:4, 0].max(0) + 1e-6).all()


def test_rate_names_and_offsets(tiny_body: BodyModel, tmp_path: Path) -> None:
    recording = clip()
    file = bvhio.readAsBvh(str(write_bvh(recording, tiny_body, tmp_path)[0]))
    assert file.FrameCount == FRAMES
    assert file.FrameTime == pytest.approx(1001 / 30000, rel=1e-8)
    joints = {joint.Name: joint for joint, _, _ in file.Root.layout()}
    # A joint's own tip is listed by bvhio as an end site, not as a joint.
    assert set(SMPL24.names) <= set(joints)
    assert joints["left_knee"].Channels == ["Zrotation", "Xrotation", "Yrotation"]
    betas = recording.tracks[0].betas[0]
    rest = tiny_body.rest_joints.numpy() + tiny_body.joint_shape_dirs.numpy() @ betas
    knee, ankle = SMPL24.index("left_knee"), SMPL24.index("left_ankle")
    np.testing.assert_allclose(list(joints["left_ankle"].Offset), rest[ankle] - rest[knee], atol=2e-6)
    assert joints["head"].EndSite.y > 0.05


def test_a_variable_rate_is_resampled_which_the_log_says(
    tiny_body: BodyModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recording = clip(variable=True)
    with caplog.at_level("INFO", logger="maflab"):
        path = write_bvh(recording, tiny_body, tmp_path)[0]
    assert "person_3: resampled to 25 frames a second, as BVH has no time stamps" in caplog.text
    joints = played(path)
    # 25 is the median rate, and all time stamps of this clip are whole steps of it.
    steps = np.rint(recording.times * 25).astype(int)
    assert len(joints) == steps[-1] + 1 > FRAMES
    truth = in_scene(recording, recording.tracks[0], tiny_body).joints
    assert np.abs(joints[steps] - truth).max() < 0.05 * MILLIMETRE
    # In between: what forward kinematics makes of the interpolated angles.
    sampled = sample_evenly(scene_actors(recording, tiny_body)[0], recording)
    positions = np.concatenate([places for _, places in sampled.blocks()])
    np.testing.assert_allclose(joints[:, 0], positions, atol=1e-5)
