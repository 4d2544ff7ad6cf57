"""MPI-INF-3DHP's .mat files of both kinds, compared with SPIN's tables of joints and with its own calibration."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io

from maflab.data.sources.mpi_inf_3dhp import MpiInf3dhpTest, MpiInf3dhpTrain
from maflab.data.sources.person import SourceError

# SPIN's datasets/preprocess/mpi_inf_3dhp.py: the 17 joints among the 28, among the test set's 17, and among the 24.
OF_28 = [4, 18, 19, 20, 23, 24, 25, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16]
OF_17 = [14, 11, 12, 13, 8, 9, 10, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4]
OF_24 = [14, 3, 4, 5, 2, 1, 0, 16, 12, 17, 18, 9, 10, 11, 8, 7, 6]
FOCAL, FRAMES = 1497.693, 25


def joints_of(camera: int, count: int = 28, frames: int = FRAMES) -> np.ndarray:
    """(frames, count, 3) millimetres before a camera."""
    generator = np.random.default_rng(camera)
    return generator.uniform(-700, 700, (frames, count, 3)) + (0, 0, 4000)


def projected(joints: np.ndarray) -> np.ndarray:
    return FOCAL * joints[..., :2] / joints[..., 2:] + 1024


@pytest.fixture
def train(tmp_path: Path) -> Path:
    """S1/Seq1, 14 cameras; in camera 0 a joint that counts is outside in frame 3, one that does not in frame 4."""
    joints = [joints_of(camera) for camera in range(14)]
    points = [projected(one) for one in joints]
    points[0][3, 25] = -1, 500
    points[0][4, 27] = -1, 500

    def cells(values: list[np.ndarray]) -> np.ndarray:
        found = np.empty((14, 1), object)
        for row, value in enumerate(values):
            found[row, 0] = value.reshape(FRAMES, -1)
        return found

    folder = tmp_path / "S1" / "Seq1"
    folder.mkdir(parents=True)
    content = {
        "annot2": cells(points),
        "annot3": cells(joints),
        "univ_annot3": cells([0.9 * one for one in joints]),
        "cameras": np.arange(14)[None],
        "frames": np.arange(FRAMES)[:, None],
    }
    scipy.io.savemat(folder / "annot.mat", content)
    lines = ["Skeletool Camera Calibration File V1.0"]
    for camera in range(14):
        focal = FOCAL + camera
        lines += [
            f"name          {camera}",
            "  sensor      10 10",
            "  size        2048 2048",
            "  animated    0",
            f"  intrinsic   {focal} 0 1024.7 0 0 1497.1 1051.4 0 0 0 1 0 0 0 0 1 ",
            "  extrinsic   1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1 ",
            "  radial      0",
        ]
    (folder / "camera.calibration").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_training_frames(train: Path) -> None:
    people: list[Any] = list(reader := MpiInf3dhpTrain(train, train, every=1))
    assert len(reader) == len(people) == 8 * FRAMES - 1
    assert {one.sequence for one in people} == {f"S1/Seq1/{camera}" for camera in (0, 1, 2, 4, 5, 6, 7, 8)}
    assert [one.frame for one in people[:4]] == [1, 2, 3, 5], "frame 4 is cut off; frames count from 1"
    person = people[FRAMES - 1]  # camera 1, its first frame
    assert person.image == train / "S1/Seq1/imageFrames/video_1/frame_000001.jpg"
    assert person.focal == FOCAL + 1
    joints = joints_of(1)[0]
    metres = np.zeros((24, 4))
    metres[OF_24, :3], metres[OF_24, 3] = joints[OF_28] / 1000, 1
    assert np.allclose(person.joints_3d, metres, atol=1e-5)
    points = np.zeros((24, 3))
    points[OF_24, :2], points[OF_24, 2] = projected(joints)[OF_28], 1
    assert np.allclose(person.keypoints_2d[25:], points, atol=1e-3)
    counted = projected(joints)[OF_28]
    assert np.isclose(person.size, 1.2 * np.ptp(counted, axis=0).max(), rtol=1e-5)
    # The picture's points are the projection of the joints, which holds only in one frame and with one joint order.
    labelled = person.joints_3d[:, 3] > 0
    ray = person.joints_3d[labelled, :2] / person.joints_3d[labelled, 2:3]
    assert np.allclose(FOCAL * ray + 1024, person.keypoints_2d[25:][labelled, :2], atol=1e-2)


def test_every_tenth_frame_and_chosen_cameras(train: Path) -> None:
    people: list[Any] = list(MpiInf3dhpTrain(train, train, cameras=(8,), subjects=(1, 2)))
    assert [one.frame for one in people] == [1, 11, 21]
    other = MpiInf3dhpTrain(train, train, cameras=(0,), pictures="{subject}_{sequence}_{camera}_{frame}.png")
    assert next(iter(other)).image == train / "1_1_0_1.png"


@pytest.fixture
def test_set(tmp_path: Path) -> Path:
    for sequence in (1, 5):
        folder = tmp_path / f"TS{sequence}"
        folder.mkdir()
        joints = joints_of(sequence, 17, 4)
        with h5py.File(folder / "annot_data.mat", "w", userblock_size=512) as file:
            file["annot2"] = projected(joints)[:, None]
            file["annot3"] = 1.1 * joints[:, None]
            file["univ_annot3"] = joints[:, None]
            file["valid_frame"] = np.array([[1.0], [0.0], [1.0], [1.0]])
    return tmp_path


def test_valid_test_frames(test_set: Path) -> None:
    people: list[Any] = list(reader := MpiInf3dhpTest(test_set, test_set))
    assert len(reader) == len(people) == 6
    assert [(one.sequence, one.frame) for one in people[1:4]] == [("TS1", 3), ("TS1", 4), ("TS5", 1)]
    assert people[1].image == test_set / "TS1/imageSequence/img_000003.jpg"
    metres = np.zeros((24, 4))
    metres[OF_24, :3], metres[OF_24, 3] = joints_of(1, 17, 4)[2][OF_17] / 1000, 1
    assert np.allclose(people[1].joints_3d, metres, atol=1e-5), "univ_annot3 is what the protocol compares with"


def test_damage_is_said(train: Path, test_set: Path) -> None:
    (test_set / "TS1" / "annot_data.mat").write_bytes(b"nonsense")
    with pytest.raises(SourceError, match=r"TS1.annot_data\.mat is damaged"):
        len(MpiInf3dhpTest(test_set, test_set))
    path = train / "S1" / "Seq1" / "annot.mat"
    scipy.io.savemat(path, {"annot2": np.zeros(3)})
    with pytest.raises(SourceError, match=r"annot\.mat lacks annot3, cameras"):
        list(MpiInf3dhpTrain(train, train))
    path.write_bytes(b"nonsense")
    with pytest.raises(SourceError, match=r"annot\.mat is damaged"):
        list(MpiInf3dhpTrain(train, train))
    with pytest.raises(SourceError, match="unpack MPI-INF-3DHP"):
        MpiInf3dhpTrain(train / "S1", train)
