"""BEDLAM's and CameraHMR's `.npz`: bodies that lie on their key points, boxes, genders, pictures on their side."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from label_scenes import Scene, assert_projects, camera_joints, camera_pose, humans_points, pixels

from maflab.body.joints import SMPL24, SPIN49
from maflab.body.label_joints import HUMANS44, MODEL45
from maflab.body.model import BodyModel
from maflab.data.sources.bedlam import BedlamLabels
from maflab.data.sources.camerahmr import CameraHMRLabels
from maflab.data.sources.person import SourceError

SCENE = "20221010_3_1000_batch01hand_6fps"


def bedlam_arrays(scenes: list[Scene], **changes: Any) -> dict[str, Any]:
    """As BEDLAM's df_full_body_smpl.py saves a scene; bodies of the neutral model have eleven betas."""
    points = np.stack([pixels(scene) for scene in scenes])
    count = len(scenes)
    arrays = {
        "imgname": np.array([f"seq_{i:06d}/seq_{i:06d}_{5 * i:04d}.png" for i in range(count)]),
        "center": (points[:, :22].min(1) + points[:, :22].max(1)) / 2,
        "scale": 1.2 * np.ptp(points[:, :22], axis=1).max(1) / 200,
        "pose_cam": np.stack([camera_pose(scene) for scene in scenes]),
        "pose_world": np.stack([scene.pose for scene in scenes]),
        "shape": np.stack([np.append(scene.betas, 0.0) for scene in scenes]),
        "trans_cam": np.zeros((count, 3)),
        "trans_world": np.zeros((count, 3)),
        "gtkps": np.concatenate([points, np.ones((count, 45, 1))], axis=2).astype(np.float32),
        "cam_int": np.stack([scene.intrinsics for scene in scenes]),
        "cam_ext": np.stack([scene.extrinsics for scene in scenes]),
        "gender": np.array(["f", "m"] * (count // 2)),
        "motion_info": np.array(["moyo"] * count),
        "sub": np.array(["rp_aaron_posed_002"] * count),
    }
    return arrays | changes


def read_bedlam(folder: Path, scenes: list[Scene], **changes: Any) -> list[Any]:
    np.savez(folder / f"{SCENE}.npz", **bedlam_arrays(scenes, **changes))
    return list(BedlamLabels(folder, folder / "images"))


def test_the_body_lies_on_the_key_points(scenes: list[Scene], tiny_body: BodyModel, tmp_path: Path) -> None:
    people = read_bedlam(tmp_path, scenes)
    assert len(people) == len(BedlamLabels(tmp_path / f"{SCENE}.npz", tmp_path)) == 6
    for person, scene in zip(people, scenes, strict=True):
        assert_projects(person, tiny_body, scene.intrinsics, MODEL45, 0.05)
    second = people[1]
    assert second.image == tmp_path / "images" / SCENE / "png" / "seq_000001" / "seq_000001_0005.png"
    assert (second.sequence, second.frame, second.focal, second.turns) == (f"{SCENE}/seq_000001", 5, 600, 0)
    points = pixels(scenes[1])[:22]
    assert np.isclose(second.size, 1.2 * np.ptp(points, axis=0).max(), rtol=1e-5)
    assert people[0].gender == -1, "bodies of eleven betas are the neutral model's"


def test_bodies_of_ten_betas_are_gendered(scenes: list[Scene], tmp_path: Path) -> None:
    people = read_bedlam(tmp_path, scenes, shape=np.stack([scene.betas for scene in scenes]))
    assert [one.gender for one in people] == [1, 0] * 3


def test_smplx_gives_key_points_only(scenes: list[Scene], tmp_path: Path) -> None:
    points = np.zeros((6, 127, 3), np.float32)
    points[:, :22, :2] = np.stack([pixels(scene)[:22] for scene in scenes])
    points[:, 22:, :2] = -1e3
    person = read_bedlam(tmp_path, scenes, pose_cam=np.zeros((6, 165)), gtkps=points)[0]
    assert person.pose is None
    assert person.betas is None
    assert np.allclose(
        person.keypoints_2d[SPIN49.index("LKnee")], [*pixels(scenes[0])[SMPL24.index("left_knee")], 1], atol=1e-3
    )
    assert person.keypoints_2d[:, :2].min() > -500, "no joint of SMPL-X's own is taken"


@pytest.mark.parametrize(("stored", "turns"), [((1280, 720), 1), ((720, 1280), 0), (None, 0)])
def test_pictures_on_their_side(
    stored: tuple[int, int] | None, turns: int, scenes: list[Scene], tmp_path: Path
) -> None:
    """The labels of close-ups are of an upright picture of 720 x 1280; the files have it lying."""
    intrinsics = np.array([[900.0, 0, 360], [0, 900, 640], [0, 0, 1]])
    if stored:
        path = tmp_path / "images" / SCENE / "png" / "seq_000000" / "seq_000000_0000.png"
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), np.zeros((stored[1], stored[0], 3), np.uint8))
    assert read_bedlam(tmp_path, scenes, cam_int=np.stack([intrinsics] * 6))[0].turns == turns


@pytest.mark.parametrize("pose_key", ["pose_cam", "pose"])
def test_camerahmr(pose_key: str, scenes: list[Scene], tiny_body: BodyModel, tmp_path: Path) -> None:
    arrays = bedlam_arrays(scenes)
    points = np.stack([humans_points(scene) for scene in scenes])
    pose = arrays.pop("pose_cam")
    arrays[pose_key] = pose if pose_key == "pose_cam" else pose.reshape(6, 24, 3)
    np.savez(tmp_path / "coco.npz", **(arrays | {"gtkps": points, "scale": arrays["scale"][:, None]}))
    people: list[Any] = list(reader := CameraHMRLabels(tmp_path / "coco.npz", tmp_path / "train2014"))
    assert len(reader) == len(people) == 6
    for person, scene in zip(people, scenes, strict=True):
        assert_projects(person, tiny_body, scene.intrinsics, HUMANS44, 0.05)
    first = people[0]
    assert first.image == tmp_path / "train2014" / "seq_000000" / "seq_000000_0000.png"
    assert np.isclose(first.size, 200 * arrays["scale"][0])
    assert (first.keypoints_2d[SPIN49.index("Spine")] == 0).all()
    assert np.isfinite(first.keypoints_2d).all()


def test_other_files_are_refused(scenes: list[Scene], tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"'gtkps' has the shape \(6, 17, 3\); this reader expects"):
        read_bedlam(tmp_path, scenes, gtkps=np.zeros((6, 17, 3)))
    with pytest.raises(SourceError, match="'cam_int' is an array of Python objects"):
        read_bedlam(tmp_path, scenes, cam_int=np.full(6, None))
    with pytest.raises(SourceError, match="'pose_cam' has the shape"):
        read_bedlam(tmp_path, scenes, pose_cam=np.zeros((6, 24)))
    np.savez(tmp_path / "few.npz", **bedlam_arrays(scenes, gtkps=np.zeros((6, 24, 3))))
    with pytest.raises(SourceError, match=r"few\.npz: 'gtkps'.*44 joints"):
        CameraHMRLabels(tmp_path / "few.npz", tmp_path)
    with pytest.raises(SourceError, match=r"holds no \.npz"):
        BedlamLabels(tmp_path / "nothing", tmp_path)


def test_the_scenes_helpers_agree(scenes: list[Scene]) -> None:
    """OpenCV's projection is the one by hand, so that the tests compare with what they mean to."""
    projected = camera_joints(scenes[0]) @ scenes[0].intrinsics.T
    assert np.allclose(projected[:, :2] / projected[:, 2:], pixels(scenes[0]), atol=1e-6)
