"""4D-Humans' .npz and its shards: two meanings of scale, halves of key points, pictures inside archives."""

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from label_scenes import Scene, assert_projects, camera_joints, camera_pose, humans_points, pixels

from maflab.body.joints import SPIN24, SPIN49
from maflab.body.label_joints import HUMANS44
from maflab.body.model import BodyModel
from maflab.data.prepare.pictures import PictureFile
from maflab.data.sources.fourdhumans import FourDHumansLabels
from maflab.data.sources.fourdhumans_tars import FourDHumansTars
from maflab.data.sources.person import SourceError, Unusable


def points_of(scene: Scene, body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """(44, 3) and (44, 4)."""
    flat = np.nan_to_num(humans_points(scene))
    deep = np.zeros((44, 4))
    joints = camera_joints(scene)
    for place in np.flatnonzero(flat[:, 2] > 0.5):
        nearest = np.abs(pixels(scene) - flat[place, :2]).sum(1).argmin()
        deep[place] = *joints[nearest], 1
    return flat, deep


def humans_arrays(scenes: list[Scene], body: BodyModel) -> dict[str, Any]:
    flat, deep = map(np.stack, zip(*(points_of(scene, body) for scene in scenes), strict=True))
    return {
        "imgname": np.array([f"val/seq/image_{i:05d}.jpg" for i in range(len(scenes))]),
        "center": np.stack([pixels(scene).mean(0) for scene in scenes]),
        "scale": np.stack([np.ptp(pixels(scene), axis=0) for scene in scenes]),
        "body_keypoints_2d": flat[:, :25],
        "extra_keypoints_2d": flat[:, 25:],
        "body_keypoints_3d": deep[:, :25],
        "extra_keypoints_3d": deep[:, 25:],
        "body_pose": np.stack([camera_pose(scene) for scene in scenes]),
        "betas": np.stack([scene.betas for scene in scenes]),
        "has_body_pose": np.array([1, 1, 0, 1, 1, 1.0]),
        "has_betas": np.array([1, 0, 0, 1, 1, 1.0]),
    }


def test_the_body_lies_on_the_key_points(scenes: list[Scene], tiny_body: BodyModel, tmp_path: Path) -> None:
    np.savez(tmp_path / "val.npz", **humans_arrays(scenes, tiny_body))
    people: list[Any] = list(reader := FourDHumansLabels(tmp_path / "val.npz", "images"))
    assert len(reader) == len(people) == 6
    for row in (0, 3, 4, 5):
        assert_projects(people[row], tiny_body, scenes[row].intrinsics, HUMANS44, 0.05)
    assert people[1].pose is not None
    assert people[1].betas is None
    assert people[2].pose is None
    first = people[0]
    assert first.image == Path("images/val/seq/image_00000.jpg")
    assert np.isclose(first.size, np.ptp(pixels(scenes[0]), axis=0).max(), rtol=1e-6), "pixels, not over 200"
    assert np.allclose(first.joints_3d[SPIN24.index("LKnee")], [*camera_joints(scenes[0])[4], 1], atol=1e-5)


def test_labels_that_are_absent(scenes: list[Scene], tiny_body: BodyModel, tmp_path: Path) -> None:
    """SMPL's 24 joints, as in TokenHMR's file of EMDB; nothing but boxes and poses; no has_..."""
    arrays = humans_arrays(scenes, tiny_body)
    kept = {key: arrays[key] for key in ("imgname", "center", "scale", "body_pose", "betas")}
    gender = np.array(["male"] * 3 + ["female"] * 3)
    points = np.stack([pixels(scene)[:24] for scene in scenes])
    np.savez(tmp_path / "emdb.npz", **kept, gender=gender, keypoints_2d=points)
    last: Any = list(FourDHumansLabels(tmp_path / "emdb.npz", "images"))[-1]
    assert last.gender == 1
    assert np.allclose(last.keypoints_2d[SPIN49.index("RWrist"), :2], points[5, 21], atol=1e-3)
    assert last.pose is not None
    np.savez(tmp_path / "bare.npz", **kept | {"scale": np.full(6, 150.0)})
    first: Any = next(iter(FourDHumansLabels(tmp_path / "bare.npz", "images")))
    assert first.keypoints_2d is first.joints_3d is None
    assert first.size == 150
    np.savez(tmp_path / "bad.npz", **kept | {"body_pose": np.zeros((6, 69))})
    with pytest.raises(SourceError, match=r"bad\.npz: 'body_pose' has the shape \(6, 69\)"):
        FourDHumansLabels(tmp_path / "bad.npz", "images")


def shard(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


@pytest.fixture
def tars(scenes: list[Scene], tiny_body: BodyModel, tmp_path: Path) -> Path:
    """Two shards of a picture each, with two people and one."""
    arrays = humans_arrays(scenes, tiny_body)
    whole = {
        "keypoints_2d": np.concatenate([arrays["body_keypoints_2d"], arrays["extra_keypoints_2d"]], axis=1),
        "keypoints_3d": np.concatenate([arrays["body_keypoints_3d"], arrays["extra_keypoints_3d"]], axis=1),
        "scale": arrays["scale"] / 200,
    }
    kept = {key: arrays[key] for key in ("center", "body_pose", "betas", "has_body_pose", "has_betas")} | whole

    def person(row: int) -> dict[str, Any]:
        loss = np.array({"reprojection_loss": 3.0})
        extra = {"fitting_loss": loss, "detection_npz_idx": row}
        return {key: values[row] for key, values in kept.items()} | {"extra_info": extra, "image_file": "a/b.jpg"}

    for number, rows in enumerate([(0, 3), (4,)]):
        picture = np.full((48, 64, 3), 40 * number + 20, np.uint8)
        shard(
            tmp_path / "coco-train-2014-vitpose" / f"{number:06d}.tar",
            {
                f"dir/key{number}.jpg": cv2.imencode(".jpg", picture)[1].tobytes(),
                f"dir/key{number}.data.pyd": pickle.dumps([person(row) for row in rows]),
                f"dir/key{number}.detection.npz": b"masks",
            },
        )
    return tmp_path


def test_people_of_shards(tars: Path, scenes: list[Scene], tiny_body: BodyModel) -> None:
    people: list[Any] = list(reader := FourDHumansTars(tars))
    assert len(reader) == len(people) == 3
    for person, row in zip(people, (0, 3, 4), strict=True):
        assert_projects(person, tiny_body, scenes[row].intrinsics, HUMANS44, 0.05)
        assert np.isclose(person.size, np.ptp(pixels(scenes[row]), axis=0).max(), rtol=1e-6)
    pictures = PictureFile()
    assert [round(pictures.read(one.image).pixels.mean()) for one in people] == [20, 20, 60]
    assert people[2].image == tars / "coco-train-2014-vitpose" / "000001.tar" / "dir" / "key1.jpg"
    with pytest.raises(FileNotFoundError):
        pictures.read(people[2].image.with_name("key7.jpg"))


class Command:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("owned",)


def test_bad_shards_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match=r"holds no \.tar"):
        FourDHumansTars(tmp_path)
    shard(tmp_path / "a.tar", {"k.data.pyd": pickle.dumps([Command()])})
    with pytest.raises(SourceError, match=r"k\.data\.pyd was not read: .*builtins\.print"):
        len(FourDHumansTars(tmp_path))
    shard(tmp_path / "b.tar", {"k.data.pyd": pickle.dumps([{"scale": np.ones(2)}, {"scale": None}])})
    first, second = FourDHumansTars(tmp_path / "b.tar")
    assert isinstance(first, Unusable)
    assert isinstance(second, Unusable)
    assert first.why == "person 0 of it (KeyError: 'center')"
    (tmp_path / "c.tar").write_bytes(b"nonsense" * 200)
    with pytest.raises(SourceError, match=r"c\.tar cannot be read"):
        len(FourDHumansTars(tmp_path / "c.tar"))
    assert capsys.readouterr().out == ""
