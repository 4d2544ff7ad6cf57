"""AGORA's frames and fits: roots into the camera of each kind of scene, by the authors' own steps done with OpenCV."""

import pickle
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from label_scenes import assert_projects, model_joints

from maflab.array_pickle import PickleError, unpickle
from maflab.body.joints import SMPL24, SPIN24, SPIN49
from maflab.body.label_joints import MODEL45
from maflab.body.model import BodyModel
from maflab.data.sources.agora import AgoraFrames
from maflab.data.sources.frame_pickle import read_frame
from maflab.data.sources.person import Person, SourceError, Unusable
from maflab.data.sources.tensor_pickle import TensorUnpickler

# Name of the picture, focal length (mm), the camera's yaw and pitch (degrees), whether the frame says its yaw.
KINDS = [
    ("ag_trainset_renderpeople_bfh_hdri_50mm_5_10_00001.png", 50, 0, 0),
    ("ag_trainset_3dpeople_bfh_archviz_5_10_cam00_00002.png", 18, 135, 30),
    ("ag_trainset_3dpeople_bfh_archviz_5_10_cam02_00003.png", 18, -45, 30),
    ("ag_trainset_humanalloy_ag2_5_10_00004.png", 28, 0, 15),
    ("ag_trainset_renderpeople_construction_00005.png", 28, 77, 0),
]


def turn(axis: int, degrees: float) -> np.ndarray:
    vector = np.zeros(3)
    vector[axis] = np.radians(degrees)
    return cv2.Rodrigues(vector)[0]


def seen(points: np.ndarray, yaw: float, camera_yaw: float, pitch: float, depth: float) -> np.ndarray:
    """Points of a fit in the camera, metres: AGORA's projection.py step by step, with a distance of our own."""
    points = points * [1, -1, -1]
    points = points @ turn(1, yaw - 90).T
    points = points @ turn(1, -camera_yaw).T
    points = points @ turn(0, pitch).T
    return points + [0.2, 0.3, depth]


@pytest.fixture
def folders(tmp_path: Path, tiny_body: BodyModel) -> Path:
    """A picture of each kind with an adult, a hidden adult and a child; poses are tensors, arrays, and tensors."""
    pandas = pytest.importorskip("pandas")
    rows: dict[str, list[Any]] = {"imgPath": [name for name, *_ in KINDS], "camYaw": [yaw for _, _, yaw, _ in KINDS]}
    generator = np.random.default_rng(0)
    for row, (_, focal, camera_yaw, pitch) in enumerate(KINDS):
        people: dict[str, list[Any]] = {}
        for number, (valid, kid) in enumerate([(True, False), (False, False), (True, True)]):
            pose, betas = 0.3 * generator.normal(size=72), generator.normal(size=10)
            yaw, depth = float(generator.uniform(-180, 180)), 4.0 + number
            fit = f"GT/smpl_gt/trainset_{row}_{number}.obj"
            path = tmp_path / "fits" / fit.replace(".obj", ".pkl")
            path.parent.mkdir(parents=True, exist_ok=True)
            values = {
                "translation": np.zeros((1, 3), np.float32),
                "root_pose": pose[None, None, :3].astype(np.float32),
                "body_pose": pose[None, 3:].reshape(1, 23, 3).astype(np.float32),
                "betas": np.append(betas, [0.5] if kid else [])[None].astype(np.float32),
            }
            tensors = {key: torch.nn.Parameter(torch.tensor(value)) for key, value in values.items()}
            path.write_bytes(pickle.dumps(values if number == 1 else tensors))
            joints = seen(model_joints(tiny_body, pose, betas), yaw, camera_yaw, pitch, depth)
            pixels = joints[:, :2] / joints[:, 2:] * (focal / 36 * 3840) + (1920, 1080)
            entries = {"isValid": valid, "kid": kid, "Yaw": yaw, "gt_joints_2d": pixels, "gt_joints_3d": joints,
                       "gt_path_smpl": fit, "gender": "male", "occlusion": 0.0,
                       "gt_verts": np.zeros((9, 3))}  # fmt: skip
            for key, entry in entries.items():
                people.setdefault(key, []).append(entry)
        for key, column in people.items():
            rows.setdefault(key, []).append(column)
    (tmp_path / "frames").mkdir()
    pandas.DataFrame(rows).to_pickle(tmp_path / "frames" / "train_0_withjv.pkl")
    (tmp_path / "images" / "train_0").mkdir(parents=True)
    small = KINDS[0][0].replace(".png", "_1280x720.png")
    cv2.imwrite(str(tmp_path / "images" / "train_0" / small), np.zeros((720, 1280, 3), np.uint8))
    return tmp_path


def reader(folders: Path, **settings: Any) -> AgoraFrames:
    return AgoraFrames(folders / "frames", folders / "images", **{"fits": folders / "fits", **settings})


@pytest.mark.parametrize("width", [1280, 3840])
def test_the_body_lies_on_the_key_points(folders: Path, tiny_body: BodyModel, width: int) -> None:
    people: list[Any] = list(frames := reader(folders, width=width))
    assert len(frames) == len(people) == 10, "the hidden ones are left out"
    for person, (_, focal, *_) in zip(people[::2], KINDS, strict=True):
        assert np.isclose(person.focal, focal / 36 * width)
        intrinsics = np.array([[person.focal, 0, width / 2], [0, person.focal, width * 9 / 32], [0, 0, 1]])
        assert_projects(person, tiny_body, intrinsics, MODEL45, 0.2)
        assert person.gender == -1, "the fits are of the neutral body"
    assert [one.frame for one in people[:2]] == [0, 2]


def test_children_have_no_betas(folders: Path) -> None:
    people: list[Any] = list(reader(folders))
    assert all(one.betas is None and one.pose is not None for one in people[1::2])


def test_joints_and_pictures(folders: Path) -> None:
    people: list[Any] = list(reader(folders))
    person, _, third, *_ = people
    root = person.joints_3d[SPIN24.index("LKnee")]
    pixel = root[:2] / root[2] * person.focal + (640, 360)
    assert np.allclose(person.keypoints_2d[SPIN49.index("LKnee"), :2], pixel, atol=0.01)
    assert person.image.is_file(), "pictures are found in folders below"
    assert third.image == folders / "images" / KINDS[1][0].replace(".png", "_1280x720.png"), "or named as missing"
    points = read_frame(folders / "frames" / "train_0_withjv.pkl")["gt_joints_2d"][0][0] / 3
    inside = points[((points >= 0) & (points < (1280, 720))).all(1)]
    assert len(inside) < len(points)
    assert np.allclose(person.center, (inside.min(0) + inside.max(0)) / 2, atol=0.01)
    assert np.isclose(person.size, 1.2 * np.ptp(inside, axis=0).max(), rtol=1e-5)


def test_without_fits_there_is_no_pose(folders: Path) -> None:
    person: Any = next(iter(reader(folders, fits=None)))
    assert person.pose is None
    assert person.keypoints_2d is not None


class Command:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("owned",)


def test_a_bad_fit_leaves_its_person_out_and_runs_nothing(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = folders / "fits" / "GT" / "smpl_gt" / "trainset_0_0.pkl"

    def why() -> str:
        first, *others = reader(folders)
        assert isinstance(first, Unusable)
        assert first.image.endswith(KINDS[0][0].replace(".png", "_1280x720.png"))
        assert len(others) == 9
        assert all(isinstance(one, Person) for one in others)
        return first.why

    fit.write_bytes(pickle.dumps({"root_pose": Command()}))
    assert re.search(r"trainset_0_0\.pkl was not read: .*builtins\.print", why())
    # A storage of torch's inside the pickle that wants to run something.
    inner = pickle.dumps(Command(), protocol=2)
    attack = b"\x80\x03ctorch.storage\n_load_from_bytes\nB" + len(inner).to_bytes(4, "little") + inner + b"\x85R."
    fit.write_bytes(attack)
    assert re.search(r"trainset_0_0\.pkl was not read: .*a tensor's storage", why())
    fit.write_bytes(pickle.dumps({"root_pose": np.zeros(3), "body_pose": np.zeros(63), "betas": np.zeros(10)}))
    assert "66 numbers of pose" in why()  # SMPL-X's
    fit.unlink()
    assert re.search(r"person 0: .*trainset_0_0\.pkl is missing", why())
    assert capsys.readouterr().out == ""
    with pytest.raises(SourceError, match="nowhere is no folder; unpack AGORA's SMPL fits"):
        reader(folders, fits=folders / "nowhere")


def test_frames_without_joints_are_refused(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame({"imgPath": ["a.png"], "isValid": [[True]]}).to_pickle(tmp_path / "train_0.pkl")
    with pytest.raises(SourceError, match=r"train_0\.pkl lacks gt_joints_2d; .*withjv"):
        len(AgoraFrames(tmp_path, tmp_path))
    with pytest.raises(SourceError, match=r"has no \.pkl"):
        AgoraFrames(tmp_path / "nothing", tmp_path)
    with pytest.raises(ValueError, match="1280 or 3840"):
        AgoraFrames(tmp_path, tmp_path, width=640)


def test_a_tensor_larger_than_its_storage_is_refused() -> None:
    stream = bytearray(pickle.dumps(torch.zeros(6), protocol=2))
    place = stream.rindex(b"K\x06\x85")  # its size (6,)
    stream[place + 1] = 200
    with pytest.raises(PickleError, match="larger than its storage"):
        unpickle(bytes(stream), TensorUnpickler)
    for tensor in (torch.arange(12.0).reshape(3, 4).T[1:], torch.zeros(0, 3), torch.tensor(3.5), torch.arange(3)):
        found = unpickle(pickle.dumps({"a": tensor}), TensorUnpickler)["a"]
        assert np.array_equal(found, tensor.numpy())
        assert found.shape == tensor.shape


def test_smplx_joints_give_those_that_are_smpls(folders: Path) -> None:
    pandas = pytest.importorskip("pandas")
    row = {"imgPath": [KINDS[0][0]], "isValid": [[True]], "gt_joints_2d": [[np.full((127, 2), 900.0)]]}
    pandas.DataFrame(row).to_pickle(folders / "frames" / "train_0_withjv.pkl")
    people: list[Any] = list(reader(folders))
    (person,) = people
    assert person.keypoints_2d[SPIN49.index("LKnee"), 2] == 1
    assert person.keypoints_2d[SPIN49.index("Nose"), 2] == 0, "SMPL-X's joint 24 is an eye"
    assert person.pose is None
    assert len(SMPL24) == 24
