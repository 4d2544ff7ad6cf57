"""EMDB's files: the root out of the world by the extrinsics, usable frames only, parts of the set."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from label_scenes import Scene, assert_projects, camera_pose, pixels

from maflab.body.joints import SMPL24
from maflab.body.model import BodyModel
from maflab.data.sources.emdb import EMDBSequences
from maflab.data.sources.person import Person, SourceError, Unusable


def sequence_of(scenes: list[Scene], name: str, **changes: Any) -> dict[str, Any]:
    """Six frames of one person, of which the mask excludes one and the boxes another."""
    betas = scenes[0].betas
    points = np.stack([pixels(scene)[:24] for scene in scenes])
    boxes = np.concatenate([points.min(1), points.max(1)], axis=1)
    boxes[4] = 0
    content = {
        "gender": "female",
        "name": name,
        "emdb1": True,
        "emdb2": False,
        "n_frames": len(scenes),
        "good_frames_mask": np.array([True, False, True, True, True, True]),
        "camera": {
            "intrinsics": scenes[0].intrinsics,
            "extrinsics": np.stack([scene.extrinsics for scene in scenes]),
            "width": 640,
            "height": 480,
        },
        "smpl": {
            "poses_root": np.stack([scene.pose[:3] for scene in scenes]),
            "poses_body": np.stack([scene.pose[3:] for scene in scenes]),
            "trans": np.stack([scene.translation for scene in scenes]),
            "betas": betas,
        },
        "kp2d": points,
        "bboxes": {"bboxes": boxes, "invalid_idxs": np.array([1, 4])},
    }
    return content | changes


def write(folder: Path, name: str, content: dict[str, Any]) -> None:
    subject, sequence = name.split("_", 1)
    (folder / subject / sequence).mkdir(parents=True)
    (folder / subject / sequence / f"{name}_data.pkl").write_bytes(pickle.dumps(content))


@pytest.fixture
def folder(scenes: list[Scene], tmp_path: Path) -> Path:
    write(tmp_path, "P1_14_outdoor_climb", sequence_of(scenes, "P1_14_outdoor_climb"))
    other = sequence_of(scenes, "P0_00_mvs_a", emdb1=False, emdb2=True, gender="neutral")
    write(tmp_path, "P0_00_mvs_a", other)
    return tmp_path


def test_usable_frames_of_the_part(folder: Path, scenes: list[Scene]) -> None:
    people: list[Any] = list(reader := EMDBSequences(folder, folder))
    assert len(reader) == len(people) == 4
    assert [one.frame for one in people] == [0, 2, 3, 5]
    assert people[1].image == folder / "P1" / "14_outdoor_climb" / "images" / "00002.jpg"
    assert {one.sequence for one in people} == {"P1_14_outdoor_climb"}
    assert [one.gender for one in people] == [1] * 4
    assert len(EMDBSequences(folder, folder, part="all")) == 8
    assert [one.gender for one in EMDBSequences(folder, folder, part="emdb2")] == [-1] * 4
    points = pixels(scenes[0])[:24]
    assert np.allclose(people[0].center, (points.min(0) + points.max(0)) / 2, atol=1e-3)
    assert np.isclose(people[0].size, 1.2 * np.ptp(points, axis=0).max(), rtol=1e-5)


def test_the_body_lies_on_the_key_points(folder: Path, scenes: list[Scene], tiny_body: BodyModel) -> None:
    people: list[Any] = list(EMDBSequences(folder, folder))
    first, third, *_ = people
    assert_projects(first, tiny_body, scenes[0].intrinsics, SMPL24, 0.05)
    assert np.allclose(third.pose, camera_pose(scenes[2]), atol=1e-5)
    assert first.focal == 600


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kp2d": np.zeros((6, 17, 2))}, r"kp2d has the shape \(6, 17, 2\), not \(6, 24, 2\)"),
        ({"smpl": {}}, "lacks smpl.poses_root, smpl.poses_body, smpl.betas"),
        ({"camera": 5}, "lacks camera.intrinsics"),
        ({"gender": np.zeros(1, [("a", "f4")])}, "asks for more than arrays"),
    ],
)
def test_other_files_are_refused(changes: dict[str, Any], said: str, scenes: list[Scene], tmp_path: Path) -> None:
    write(tmp_path, "P1_14_outdoor_climb", sequence_of(scenes, "P1_14_outdoor_climb", **changes))
    with pytest.raises(SourceError, match=rf"P1_14_outdoor_climb_data\.pkl.*{said}"):
        len(EMDBSequences(tmp_path, tmp_path))


def test_a_frame_whose_camera_is_none_is_unusable(scenes: list[Scene], tmp_path: Path) -> None:
    content = sequence_of(scenes, "P1_14_outdoor_climb")
    content["camera"]["extrinsics"][2] = np.nan
    write(tmp_path, "P1_14_outdoor_climb", content)
    first, second, *others = EMDBSequences(tmp_path, tmp_path)
    assert isinstance(second, Unusable)
    assert second.image.endswith("P1/14_outdoor_climb/images/00002.jpg")
    assert all(isinstance(one, Person) for one in (first, *others))


def test_an_unknown_part_and_an_empty_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="emdb1, emdb2, all"):
        EMDBSequences(tmp_path, tmp_path, part="emdb3")
    with pytest.raises(SourceError, match="unpack EMDB"):
        EMDBSequences(tmp_path, tmp_path)
