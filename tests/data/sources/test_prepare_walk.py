"""Each preset from true-format files on disk, through `prepare`, to a pack whose pictures and labels belong together.

In every picture each person's left knee is a red disc, drawn at the place that the scene says and no reader knows of.
"""

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import h5py
import hydra
import numpy as np
import pytest
import scipy.io
from label_scenes import Scene, camera_pose, humans_points, make_scene, pixels
from omegaconf import open_dict
from test_agora import KINDS, seen
from test_bedlam import SCENE, bedlam_arrays
from test_coco import SPINS_ORDER, annotation
from test_emdb import sequence_of as emdb_sequence
from test_emdb import write as write_emdb
from test_fourdhumans import humans_arrays, shard
from test_own import example
from test_threedpw import sequence_of as threedpw_sequence

from maflab.body.joints import SPIN49
from maflab.body.label_joints import MPI17, MPI28
from maflab.body.model import BodyModel
from maflab.data.pack_reader import PackReader
from maflab.training.preparing import prepare_source

ROOT = Path(__file__).resolve().parents[3]
KNEE, SIDE = 4, (640, 480)  # smplx's left knee


class Written(NamedTuple):
    """A set on disk: what to override, how many people it has, and whether they have a pose."""

    overrides: list[str]
    people: int
    poses: int


def draw(path: Path, *knees: np.ndarray, size: tuple[int, int] = SIDE, lying: bool = False) -> bytes:
    picture = np.full((size[1], size[0], 3), 60, np.uint8)
    for knee in knees:
        cv2.circle(picture, tuple(int(v) for v in np.round(16 * knee)), 16 * 7, (40, 40, 255), -1, cv2.LINE_AA, 4)
    if lying:
        picture = np.ascontiguousarray(np.rot90(picture))
    encoded = cv2.imencode(path.suffix, picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded)
    return encoded


def threedpw(raw: Path, scenes: list[Scene], body: BodyModel) -> Written:
    folder = raw / "threedpw" / "sequenceFiles" / "test"
    folder.mkdir(parents=True)
    (folder / "walk.pkl").write_bytes(pickle.dumps(threedpw_sequence(scenes, "walk"), protocol=2))
    for frame in range(3):
        both = [scene._replace(extrinsics=scenes[frame].extrinsics) for scene in (scenes[frame], scenes[frame + 3])]
        picture = raw / "threedpw" / "imageFiles" / "walk" / f"image_{frame:05d}.jpg"
        draw(picture, *(pixels(scene)[KNEE] for scene in both))
    return Written(["source=threedpw_sequences"], 5, 5)


def emdb(raw: Path, scenes: list[Scene], body: BodyModel) -> Written:
    write_emdb(raw / "emdb", "P1_14_climb", emdb_sequence(scenes, "P1_14_climb"))
    for frame, scene in enumerate(scenes):
        draw(raw / "emdb" / "P1" / "14_climb" / "images" / f"{frame:05d}.jpg", pixels(scene)[KNEE])
    return Written(["source=emdb"], 4, 4)


def bedlam(raw: Path, scenes: list[Scene], body: BodyModel) -> Written:
    """A close-up scene: upright labels, pictures on their side."""
    upright = [make_scene(body, seed, width=480, height=640) for seed in range(6)]
    arrays = bedlam_arrays(upright)
    (raw / "bedlam" / "labels").mkdir(parents=True)
    np.savez(raw / "bedlam" / "labels" / f"{SCENE}.npz", **arrays)
    for name, scene in zip(arrays["imgname"], upright, strict=True):
        draw(raw / "bedlam" / "images" / SCENE / "png" / name, pixels(scene)[KNEE], size=(480, 640), lying=True)
    return Written(["source=bedlam"], 6, 6)


def camerahmr(raw: Path, scenes: list[Scene], body: BodyModel) -> Written:
    points = np.stack([humans_points(scene) for scene in scenes])
    arrays = bedlam_arrays(scenes, gtkps=points, imgname=np.array([f"{i}.jpg" for i in range(6)]))
    raw.mkdir(parents=True, exist_ok=True)
    np.savez(raw / "aic.npz", **arrays)
    for row, scene in enumerate(scenes):
        draw(raw / "aic" / f"{row}.jpg", pixels(scene)[KNEE])
    named = [f"source.labels={raw / 'aic.npz'}", f"source.images={raw / 'aic'}", "source.licence=x"]
    return Written(["source=camerahmr", "source.set=aic", *named], 6, 6)


def fourdhumans(raw: Path, scenes: list[Scene], body: BodyModel) -> Written:
    arrays = humans_arrays(scenes, body)
    raw.mkdir(parents=True, exist_ok=True)
    np.savez(raw / "val.npz", **arrays)
    for name, scene in zip(arrays["imgname"], scenes, strict=True):
        draw(raw / name, pixels(scene)[KNEE])
    named = [f"source.labels={raw / 'val.npz'}", f"source.images={raw}", "source.licence=x"]
    return Written(["source=fourdhumans", "source.set=humans", *named], 6, 5)


def fourdhumans_tars(raw: Path, scenes: list[Scene], body: BodyModel) -> Written:
    for row, scene in enumerate(scenes):
        points = np.nan_to_num(humans_points(scene))
        center, scale = pixels(scene).mean(0), np.ptp(pixels(scene), axis=0) / 200
        labels = {
            "keypoints_2d": points,
            "keypoints_3d": np.zeros((44, 4)),
            "center": center,
            "scale": scale,
            "body_pose": camera_pose(scene),
            "betas": scene.betas,
            "has_body_pose": 1.0,
            "has_betas": 1.0,
        }
        picture = draw(raw / "loose.jpg", pixels(scene)[KNEE])
        shard(raw / "shards" / f"{row:06d}.tar", {"k.jpg": picture, "k.data.pyd": pickle.dumps([labels])})
    named = [f"source.labels={raw / 'shards'}", "source.licence=x"]
    return Written(["source=fourdhumans_tars", "source.set=coco", *named], 6, 6)


def coco_json(raw: Path, scenes: list[Scene], body: BodyModel) -> Written:
    spin_in_model = {1: 5, 4: 4, 0: 8, 5: 7, 6: 21, 7: 19, 8: 17, 9: 16, 10: 18, 11: 20, 19: 24, 2: 2, 3: 1}
    annotations = []
    for row, scene in enumerate(scenes):
        points = np.zeros((17, 3))
        for place, spin in enumerate(SPINS_ORDER):
            if spin in spin_in_model:
                points[place] = *pixels(scene)[spin_in_model[spin]], 2
        low, high = pixels(scene).min(0), pixels(scene).max(0)
        entry = annotation(row, 100 + row, keypoints=points.ravel().tolist(), bbox=[*low, *(high - low)])
        annotations.append(entry)
        draw(raw / "coco" / "train2014" / f"{row}.jpg", pixels(scene)[KNEE])
    images = [{"id": 100 + row, "file_name": f"{row}.jpg"} for row in range(6)]
    path = raw / "coco" / "annotations" / "person_keypoints_train2014.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return Written(["source=coco_json"], 6, 0)


def in_millimetres(scene: Scene, joints: int, knee: int) -> tuple[np.ndarray, np.ndarray]:
    """Joints and their pixels, by which the left knee stands at its place among the set's."""
    generator = np.random.default_rng(joints)
    points = 1000 * np.concatenate([generator.uniform(-0.6, 0.6, (joints, 2)), np.full((joints, 1), 4.0)], axis=1)
    points[knee, :2] = 250, 300
    flat = points @ scene.intrinsics.T
    return points, flat[:, :2] / flat[:, 2:]


def mpi_train(raw: Path, scenes: list[Scene], body: BodyModel) -> Written:
    points, flat = in_millimetres(scenes[0], 28, MPI28.index("LKnee"))
    folder = raw / "mpi_inf_3dhp" / "S1" / "Seq1"
    folder.mkdir(parents=True)

    def cells(values: np.ndarray) -> np.ndarray:
        found = np.empty((2, 1), object)
        found[0, 0] = found[1, 0] = np.stack([values.ravel()] * 3)
        return found

    content = {"annot2": cells(flat), "annot3": cells(points), "cameras": np.array([[0, 8]])}
    scipy.io.savemat(folder / "annot.mat", content)
    for camera in (0, 8):
        for frame in (1, 2, 3):
            draw(folder / "imageFrames" / f"video_{camera}" / f"frame_{frame:06d}.jpg", flat[MPI28.index("LKnee")])
    return Written(["source=mpi_inf_3dhp_mat", "source.reader.every=1"], 6, 0)


def mpi_test(raw: Path, scenes: list[Scene], body: BodyModel) -> Written:
    points, flat = in_millimetres(scenes[0], 17, MPI17.index("LKnee"))
    folder = raw / "mpi_inf_3dhp" / "mpi_inf_3dhp_test_set" / "TS2"
    folder.mkdir(parents=True)
    with h5py.File(folder / "annot_data.mat", "w") as file:
        file["annot2"] = np.stack([flat] * 3)[:, None]
        file["univ_annot3"] = np.stack([points] * 3)[:, None]
        file["valid_frame"] = np.array([[1.0], [0.0], [1.0]])
    for frame in (1, 3):
        draw(folder / "imageSequence" / f"img_{frame:06d}.jpg", flat[MPI17.index("LKnee")])
    return Written(["source=mpi_inf_3dhp_mat_test"], 2, 0)


def agora(raw: Path, scenes: list[Scene], body: BodyModel) -> Written:
    pandas = pytest.importorskip("pandas")
    name, focal, camera_yaw, pitch = KINDS[1]
    cloud = np.random.default_rng(1).uniform(-0.7, 0.7, (45, 3))
    joints = seen(cloud, 30.0, camera_yaw, pitch, 4.0)
    flat = joints[:, :2] / joints[:, 2:] * (focal / 36 * 3840) + (1920, 1080)
    fit = {"root_pose": np.zeros((1, 1, 3)), "body_pose": np.zeros((1, 23, 3)), "betas": np.zeros((1, 10))}
    for folder in ("fits", "frames/train"):
        (raw / "agora" / folder).mkdir(parents=True)
    (raw / "agora" / "fits" / "a.pkl").write_bytes(pickle.dumps(fit))
    row = {"imgPath": [name], "isValid": [[True]], "kid": [[False]], "Yaw": [[30.0]], "camYaw": [0],
           "gt_joints_2d": [[flat]], "gt_joints_3d": [[joints]], "gt_path_smpl": [["a.obj"]]}  # fmt: skip
    pandas.DataFrame(row).to_pickle(raw / "agora" / "frames" / "train" / "train_0_withjv.pkl")
    picture = raw / "agora" / "train" / "train_0" / name.replace(".png", "_1280x720.png")
    draw(picture, flat[KNEE] / 3, size=(1280, 720))
    return Written(["source=agora"], 1, 1)


def own(raw: Path, scenes: list[Scene], body: BodyModel) -> Written:
    lines = ["image,LKnee_x,LKnee_y,box_left,box_top,box_width,box_height"]
    for row, scene in enumerate(scenes):
        low, high = pixels(scene).min(0), pixels(scene).max(0)
        lines.append(f"{row}.png," + ",".join(map(str, [*pixels(scene)[KNEE], *low, *(high - low)])))
        draw(raw / "mine" / f"{row}.png", pixels(scene)[KNEE])
    (raw / "mine.csv").write_text("\n".join(lines))
    return Written(["source=own", f"source.labels={raw / 'mine.csv'}", f"source.images={raw / 'mine'}"], 6, 0)


FAST = (bedlam, fourdhumans_tars, own)
SLOW = (threedpw, emdb, camerahmr, fourdhumans, coco_json, mpi_train, mpi_test, agora)
WRITERS = [*FAST, *(pytest.param(write, marks=pytest.mark.slow) for write in SLOW)]


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_from_files_to_a_pack(
    write: Callable[..., Written], scenes: list[Scene], tiny_body: BodyModel, tmp_path: Path
) -> None:
    written = write(tmp_path / "data" / "raw", scenes, tiny_body)
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        paths = [f"paths.data={tmp_path / 'data'}", "paths.output=here", "body=tiny", "workers=0"]
        config = hydra.compose("prepare", [*written.overrides, *paths])
    with open_dict(config):
        config.pop("hydra", None)
    summary = prepare_source(config)
    pack = PackReader(Path(config.paths.packs) / config.source.set / f"{config.source.split}.h5")
    assert len(pack) == written.people, summary
    assert pack.labels["has_pose"].sum() == written.poses
    knees = pack.labels["keypoints_2d"][:, SPIN49.index("LKnee")]
    if (knees[:, 2] == 0).all():  # 3DPW's detections are OpenPose's
        knees = pack.labels["keypoints_2d"][:, SPIN49.index("OP LKnee")]
    looked_at = 0
    for row, (x, y, confidence) in enumerate(knees):
        picture = pack.image(row)
        if confidence > 0 and 4 < x < picture.shape[1] - 4 and 4 < y < picture.shape[0] - 4:
            red, green, _ = picture[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].reshape(-1, 3).mean(0)
            assert red > 200 > 100 > green, f"person {row}'s left knee is not where the picture has it"
            looked_at += 1
    assert looked_at >= max(1, written.people - 1)


@pytest.mark.slow
def test_the_documented_command(tmp_path: Path) -> None:
    """docs/own_data.md, word for word, in a folder with the example's file and pictures."""
    (tmp_path / "people.csv").write_text(example("csv"))
    for name in ("0001", "0002"):
        draw(tmp_path / "pictures" / "beach" / f"{name}.jpg", np.array([210.0, 300.0]))
    (command,) = (line for line in example("bash").splitlines() if line)
    arguments = command.replace("python prepare.py", f"{sys.executable} {ROOT / 'prepare.py'}").split()
    done = subprocess.run([*arguments, "body=tiny"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(PackReader(tmp_path / "data" / "packs" / "own" / "train.h5")) == 2
