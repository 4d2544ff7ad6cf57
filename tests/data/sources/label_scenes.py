"""A posed body and a camera that label files are made of, and what a reader's record has to agree with."""

from typing import NamedTuple

import cv2
import numpy as np
import torch

from maflab.body.joints import MODEL54_TO_SPIN49, SPIN49, JointSet
from maflab.body.label_joints import HUMANS44
from maflab.body.model import BodyModel
from maflab.data.sources.person import Person
from maflab.geometry.rotations import axis_angle_to_matrix


class Scene(NamedTuple):
    """A body in the world, seen by a camera; metres and pixels."""

    pose: np.ndarray  # (72,) the root's into the world
    betas: np.ndarray  # (10,)
    translation: np.ndarray  # (3,) of the body in the world
    extrinsics: np.ndarray  # (4, 4) from the world into the camera
    intrinsics: np.ndarray  # (3, 3)
    world_joints: np.ndarray  # (45, 3) smplx's joints


def rodrigues(vector: np.ndarray) -> np.ndarray:
    """OpenCV's, which shares nothing with the readers."""
    return cv2.Rodrigues(np.asarray(vector, np.float64))[0]


def model_joints(body: BodyModel, pose: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """smplx's 45 joints of a body before its translation, (45, 3) metres."""
    rotations = axis_angle_to_matrix(torch.tensor(pose, dtype=torch.float32).reshape(1, 24, 3))
    output = body(rotations, torch.tensor(betas, dtype=torch.float32)[None])
    return torch.cat([output.joints, output.vertices[:, body.landmarks]], dim=1)[0].numpy().astype(np.float64)


def make_scene(body: BodyModel, seed: int, width: int = 640, height: int = 480, focal: float = 600) -> Scene:
    """A random body some four metres before a camera that looks at it from anywhere."""
    generator = np.random.default_rng(seed)
    pose = 0.3 * generator.normal(size=72)
    pose[:3] = generator.normal(size=3)
    betas = generator.normal(size=10)
    translation = generator.normal(size=3)
    extrinsics = np.eye(4)
    extrinsics[:3, :3] = rodrigues(generator.normal(size=3))
    away = np.array([*generator.uniform(-0.3, 0.3, 2), generator.uniform(4, 5)])
    extrinsics[:3, 3] = away - extrinsics[:3, :3] @ translation
    intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    joints = model_joints(body, pose, betas) + translation
    return Scene(pose, betas, translation, extrinsics, intrinsics, joints)


def camera_joints(scene: Scene) -> np.ndarray:
    """(45, 3) metres in the camera."""
    return scene.world_joints @ scene.extrinsics[:3, :3].T + scene.extrinsics[:3, 3]


def pixels(scene: Scene) -> np.ndarray:
    """(45, 2), by OpenCV."""
    rotation, translation = cv2.Rodrigues(scene.extrinsics[:3, :3])[0], scene.extrinsics[:3, 3]
    return cv2.projectPoints(scene.world_joints, rotation, translation, scene.intrinsics, None)[0][:, 0]


def camera_pose(scene: Scene) -> np.ndarray:
    """(72,) with the root into the camera, by OpenCV."""
    pose = scene.pose.copy()
    pose[:3] = cv2.Rodrigues(scene.extrinsics[:3, :3] @ rodrigues(pose[:3]))[0].ravel()
    return pose


def assert_projects(person: Person, body: BodyModel, intrinsics: np.ndarray, names: JointSet, tolerance: float) -> None:
    """The body that the record describes lies on the record's 2D key points, wherever it has to stand for it.

    A reader that leaves the root in the world, mixes up joints or mirrors an axis fails here.
    """
    assert person.pose is not None
    assert person.betas is not None
    assert person.keypoints_2d is not None
    model = model_joints(body, person.pose, person.betas)
    places = [place for place in range(len(SPIN49)) if person.keypoints_2d[place, 2] > 0]
    assert len(places) >= len(names) // 2
    points, source = person.keypoints_2d[places, :2], np.array(MODEL54_TO_SPIN49)[places]
    assert (source < len(model)).all()
    # Where it stands follows from the points, linearly: (X + t) / (Z + t_z) = x for each of them.
    rays = (points - intrinsics[:2, 2]) / intrinsics[[0, 1], [0, 1]]
    rows, values = [], []
    for (x, y), joint in zip(rays, model[source], strict=True):
        rows += [[1, 0, -x], [0, 1, -y]]
        values += [x * joint[2] - joint[0], y * joint[2] - joint[1]]
    translation = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    projected = (model[source] + translation) @ intrinsics.T
    assert translation[2] > 1
    assert np.abs(projected[:, :2] / projected[:, 2:] - points).max() < tolerance


def humans_points(scene: Scene) -> np.ndarray:
    """(44, 3): the 25 of OpenPose that smplx's joints give, and SPIN's that they give too."""
    points = pixels(scene)
    named = {"OP LKnee": 4, "OP RKnee": 5, "OP LAnkle": 7, "OP RAnkle": 8, "OP LHip": 1, "OP RHip": 2, "OP MidHip": 0,
             "OP Neck": 12, "OP LShoulder": 16, "OP RShoulder": 17, "OP LElbow": 18, "OP RElbow": 19, "OP LWrist": 20,
             "OP RWrist": 21, "OP Nose": 24, "LKnee": 4, "RKnee": 5, "LAnkle": 7, "RAnkle": 8, "LShoulder": 16,
             "RShoulder": 17, "LElbow": 18, "RElbow": 19, "LWrist": 20, "RWrist": 21}  # fmt: skip
    found = np.full((44, 3), np.nan)
    for name, joint in named.items():
        found[HUMANS44.index(name)] = *points[joint], 0.9
    found[HUMANS44.index("Spine")] = 5, 5, 0
    return found
