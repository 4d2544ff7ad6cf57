"""3DPW's files, as Python 2 pickled them: poses out of the world into the camera, valid frames only."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from label_scenes import Scene, assert_projects, camera_joints, camera_pose, pixels

from maflab.body.joints import SMPL24, SPIN24, SPIN49
from maflab.body.model import BodyModel
from maflab.data.sources.person import SourceError, Unusable
from maflab.data.sources.threedpw import ThreeDPWSequences

# OpenPose's 18 joints and where smplx's 45 have them; MidHip is not among them.
OPENPOSE18_IN_MODEL = {0: 24, 1: 12, 2: 17, 3: 19, 4: 21, 5: 16, 6: 18, 7: 20, 8: 2, 9: 5, 10: 8, 11: 1, 12: 4, 13: 7}


def sequence_of(scenes: list[Scene], name: str = "downtown_walk_00") -> dict[str, Any]:
    """Two actors of three frames each; frame 1 of actor 0 is not aligned, frame 2 of actor 1 was not detected."""
    actors = [scenes[:3], scenes[3:6]]
    detections = np.zeros((2, 3, 3, 18))
    for actor, frames in enumerate(actors):
        for frame, scene in enumerate(frames):
            camera = scenes[frame].extrinsics  # one camera a frame, for both actors
            points = project(scene._replace(extrinsics=camera))
            for place, joint in OPENPOSE18_IN_MODEL.items():
                detections[actor, frame, :, place] = *points[joint], 0.8
    detections[1, 2] = 0
    valid = [np.array([1, 0, 1]), np.array([1, 1, 1])]
    return {
        "sequence": name,
        "poses": [np.stack([scene.pose for scene in frames]) for frames in actors],
        "betas": [np.concatenate([frames[0].betas, np.zeros(290)]) for frames in actors],
        "genders": ["m", "f"],
        "campose_valid": valid,
        "cam_poses": np.stack([scene.extrinsics for scene in scenes[:3]]),
        "cam_intrinsics": scenes[0].intrinsics,
        "poses2d": list(detections),
        "jointPositions": [np.stack([scene.world_joints[:24].ravel() for scene in frames]) for frames in actors],
        "img_frame_ids": np.arange(3),
    }


def project(scene: Scene) -> np.ndarray:
    return pixels(scene)


@pytest.fixture
def folder(scenes: list[Scene], tmp_path: Path) -> Path:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "downtown_walk_00.pkl").write_bytes(pickle.dumps(sequence_of(scenes), protocol=2))
    return tmp_path / "test"


def test_valid_frames_of_all_actors(folder: Path, scenes: list[Scene]) -> None:
    people: list[Any] = list(reader := ThreeDPWSequences(folder, "imageFiles"))
    assert len(reader) == len(people) == 5
    assert [(one.sequence, one.frame) for one in people] == [
        (f"downtown_walk_00/{actor}", frame) for actor, frame in [(0, 0), (0, 2), (1, 0), (1, 1), (1, 2)]
    ]
    assert people[1].image == Path("imageFiles/downtown_walk_00/image_00002.jpg")
    assert [one.gender for one in people] == [0, 0, 1, 1, 1]
    assert all(one.focal == 600 for one in people)
    assert np.allclose(people[2].betas, scenes[3].betas)


def test_the_body_lies_on_the_detections(folder: Path, scenes: list[Scene], tiny_body: BodyModel) -> None:
    people: list[Any] = list(ThreeDPWSequences(folder, "imageFiles"))
    first = people[0]
    assert np.allclose(first.pose, camera_pose(scenes[0]), atol=1e-5)
    intrinsics = scenes[0].intrinsics
    # Actor 0's betas are those of its first frame, so only that one's joints follow from the labels exactly.
    assert_projects(first, tiny_body, intrinsics, SMPL24, 0.05)
    seen = first.keypoints_2d[:, 2] > 0
    assert seen[SPIN49.index("OP LWrist")]
    assert np.isclose(first.keypoints_2d[SPIN49.index("OP LWrist"), 2], 0.8)
    assert not seen[SPIN49.index("LHip")], "SPIN's hips are other points than OpenPose's"


def test_joints_are_in_the_camera(folder: Path, scenes: list[Scene]) -> None:
    person: Any = next(iter(ThreeDPWSequences(folder, "imageFiles")))
    expected = camera_joints(scenes[0])
    for name, joint in {"LKnee": "left_knee", "RWrist": "right_wrist"}.items():
        row = person.joints_3d[SPIN24.index(name)]
        assert np.allclose(row[:3], expected[SMPL24.index(joint)], atol=1e-4)
        assert row[3] == 1


def test_the_box_is_spins(folder: Path, scenes: list[Scene]) -> None:
    *_, undetected = people = list(ThreeDPWSequences(folder, "imageFiles"))
    points = pixels(scenes[0])[list(OPENPOSE18_IN_MODEL.values())]
    assert np.allclose(people[0].center, (points.min(0) + points.max(0)) / 2, atol=1e-3)
    assert np.isclose(people[0].size, 1.2 * np.ptp(points, axis=0).max(), rtol=1e-5)
    assert undetected.keypoints_2d is None
    joints = pixels(scenes[5]._replace(extrinsics=scenes[2].extrinsics))[:24]
    assert np.isclose(undetected.size, 1.2 * np.ptp(joints, axis=0).max(), rtol=1e-4)


class Command:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("owned",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cam_poses": None}, "lacks cam_poses"),
        ({"poses": [np.zeros((3, 72)), np.zeros((2, 72))]}, r"poses of actor 1 has the shape \(2, 72\), not \(3, 72\)"),
        ({"genders": ["m"]}, "different numbers of actors"),
        ({"poses2d": [np.zeros((3, 18, 3))] * 2}, r"poses2d of actor 0 has the shape \(3, 18, 3\), not \(3, 3, 18\)"),
        ({"cam_intrinsics": np.eye(4)}, r"cam_intrinsics has the shape \(4, 4\)"),
        ({"betas": [np.zeros(10), np.zeros(8)]}, r"betas of actor 1 has the shape \(8,\), not \(10,\)"),
        ({"texture_maps": Command()}, "asks for more than arrays"),
    ],
)
def test_other_files_are_refused(
    change: dict[str, Any], said: str, scenes: list[Scene], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {key: value for key, value in (sequence_of(scenes) | change).items() if value is not None}
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(SourceError, match=rf"bad\.pkl.*{said}"):
        list(ThreeDPWSequences(tmp_path, "imageFiles"))
    assert capsys.readouterr().out == ""


def test_a_frame_whose_camera_is_none_is_unusable(scenes: list[Scene], tmp_path: Path) -> None:
    content = sequence_of(scenes)
    content["cam_poses"][0, :3, 0] *= -1
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content, protocol=2))
    found = list(ThreeDPWSequences(tmp_path, "imageFiles"))
    unusable = [one for one in found if isinstance(one, Unusable)]
    assert [one.why for one in unusable] == [f"actor {actor}: the camera's rotation is not one" for actor in (0, 1)]
    assert {one.image for one in unusable} == {"imageFiles/downtown_walk_00/image_00000.jpg"}
    assert len(found) == 5


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"holds no \.pkl.*sequenceFiles\.zip"):
        ThreeDPWSequences(tmp_path, "imageFiles")
