"""People of a synthetic scene, seen through weak-perspective crops, return to where they stood."""

import math

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from maflab.body.model import BodyModel
from maflab.geometry.cameras import fit_camera
from maflab.geometry.rotations import axis_angle_to_matrix
from maflab.inference.lifting import Lifted, lift, posed_joints, ray_rotation

SIZE = (1280, 720)


class Scene:
    """People anywhere in a pinhole picture, and the crops' cameras fitted to their joints in it."""

    def __init__(self, body: BodyModel, count: int, apparent: bool = True) -> None:
        self.body = body
        self.focal = torch.full((count,), math.hypot(*SIZE), dtype=torch.float64)
        self.centre = torch.tensor([[639.5, 359.5]], dtype=torch.float64).expand(count, 2)
        turns = axis_angle_to_matrix(0.3 * torch.randn(count, 24, 3))
        # Upright in a frame whose y points down, facing anywhere.
        facing = Rotation.from_euler("XY", np.stack([np.full(count, np.pi), np.random.rand(count) * 7], 1))
        turns[:, 0] = torch.from_numpy(facing.as_matrix()).float()
        self.rotations = (body.mean_rotations @ turns).double()
        self.betas = torch.randn(count, 10).double()
        depth = 3 + 5 * torch.rand(count, 1).double()
        slope = (torch.rand(count, 2).double() - 0.5) * torch.tensor([0.7, 0.25])
        self.translation = torch.cat((slope, torch.ones(count, 1)), 1) * depth
        self.pixels = self.project(self.rotations, self.translation)
        low, high = self.pixels.amin(1), self.pixels.amax(1)
        self.crops = torch.cat(((low + high) / 2, 1.2 * (high - low).amax(1, keepdim=True)), 1)
        self.estimated = self.rotations.clone()
        if apparent:
            away = ray_rotation((self.pixels.mean(1) - self.centre) / self.focal[:, None])
            self.estimated[:, 0] = away.mT @ self.rotations[:, 0]
        in_crop = (self.pixels - self.crops[:, None, :2]) * 2 / self.crops[:, None, 2:]
        seen = torch.cat((in_crop, torch.ones_like(in_crop[..., :1])), -1)
        self.camera, found = fit_camera(posed_joints(body, self.estimated, self.betas), seen)
        assert found.all()

    def project(self, rotations: Tensor, translation: Tensor) -> Tensor:
        """Pixels (F, 24, 2) of the joints, by OpenCV."""
        joints = posed_joints(self.body, rotations.double(), self.betas).numpy()
        pixels = []
        for item in range(len(joints)):
            f, (cx, cy) = float(self.focal[item]), self.centre[item].tolist()
            intrinsics = np.array([[f, 0, cx], [0, f, cy], [0, 0, 1]])
            moved = translation[item].double().numpy()
            pixels.append(cv2.projectPoints(joints[item], np.zeros(3), moved, intrinsics, None)[0][:, 0])
        return torch.from_numpy(np.stack(pixels))

    def lift(self, turn: bool = True) -> Lifted:
        return lift(self.body, self.estimated, self.betas, self.camera, self.crops, self.focal, self.centre, turn=turn)

    def pixel_error(self, lifted: Lifted) -> float:
        return float((self.project(lifted.rotations, lifted.translation) - self.pixels).norm(dim=-1).mean())


def test_people_stand_where_they_stood(tiny_body: BodyModel) -> None:
    scene = Scene(tiny_body, 60)
    lifted = scene.lift()
    relative = (lifted.translation - scene.translation).norm(dim=1) / scene.translation.norm(dim=1)
    assert relative.median() < 0.005
    assert relative.max() < 0.03
    assert scene.pixel_error(lifted) < 1
    # Distances between people are metric too.
    apart = torch.pdist(scene.translation.float())
    torch.testing.assert_close(torch.pdist(lifted.translation), apart, atol=0.15, rtol=0)
    angle = Rotation.from_matrix((lifted.rotations[:, 0].double().mT @ scene.rotations[:, 0]).numpy()).magnitude()
    assert np.degrees(angle).max() < 1


@pytest.mark.parametrize("apparent", [True, False])
def test_turning_pays_where_the_orientation_is_the_apparent_one(tiny_body: BodyModel, apparent: bool) -> None:
    scene = Scene(tiny_body, 40, apparent)
    right, wrong = scene.lift(turn=apparent), scene.lift(turn=not apparent)
    assert scene.pixel_error(right) < 0.4 * scene.pixel_error(wrong)
    assert scene.pixel_error(right) < 2.5
    if not apparent:
        torch.testing.assert_close(right.rotations, scene.rotations.float())


def test_error_is_the_distance_in_pixels(tiny_body: BodyModel) -> None:
    scene = Scene(tiny_body, 5)
    lifted = scene.lift()
    joints = posed_joints(tiny_body, scene.estimated, scene.betas).numpy()
    ours = scene.project(lifted.rotations, lifted.translation).numpy()
    for item in range(5):
        s, tx, ty = scene.camera[item].tolist()
        side = float(scene.crops[item, 2])
        intrinsics = np.diag([5000 / 224 * side, 5000 / 224 * side, 1])
        shift = np.array([tx, ty, 2 * 5000 / (224 * s + 1e-9)])
        crop = cv2.projectPoints(joints[item], np.zeros(3), shift, intrinsics, None)[0][:, 0]
        distance = crop + scene.crops[item, :2].numpy() - ours[item]
        assert float(lifted.error[item]) == pytest.approx(np.sqrt((distance**2).sum(-1).mean()), rel=1e-4)


def test_a_taller_shape_stands_farther_away(tiny_body: BodyModel) -> None:
    """Another shape than the estimated one must be seen as large as the estimated one was."""
    scene = Scene(tiny_body, 6)
    given = (scene.estimated, scene.betas, scene.camera, scene.crops, scene.focal, scene.centre)
    plain = lift(tiny_body, *given)
    torch.testing.assert_close(lift(tiny_body, *given, shape=scene.betas).translation, plain.translation)
    other = lift(tiny_body, *given, shape=torch.zeros_like(scene.betas))

    def extent(betas: Tensor) -> Tensor:
        joints = posed_joints(tiny_body, scene.estimated, betas)
        return (joints - joints.mean(1, keepdim=True)).norm(dim=(1, 2))

    expected = (extent(torch.zeros_like(scene.betas)) / extent(scene.betas)).float()
    assert (expected - 1).abs().max() > 0.02
    torch.testing.assert_close(other.translation[:, 2] / plain.translation[:, 2], expected, rtol=0.03, atol=0)


def test_hopeless_cameras_stay_finite(tiny_body: BodyModel) -> None:
    scene = Scene(tiny_body, 3)
    scene.camera[0, 0], scene.camera[1, 0] = -0.5, 0.0
    lifted = scene.lift()
    assert all(value.isfinite().all() for value in lifted)
    # 20 m across the crop, in this frame.
    expected = 20 * scene.focal / scene.crops[:, 2]
    torch.testing.assert_close(lifted.translation[:2, 2], expected[:2].float(), rtol=0.05, atol=0)


def test_ray_rotation_against_scipy() -> None:
    slope = torch.randn(20, 2).double()
    for turned, (x, y) in zip(ray_rotation(slope).numpy(), slope.tolist(), strict=True):
        ray = np.array([x, y, 1]) / math.sqrt(x * x + y * y + 1)
        axis = np.cross([0, 0, 1], ray)
        expected = Rotation.from_rotvec(axis / np.linalg.norm(axis) * math.acos(ray[2])).as_matrix()
        np.testing.assert_allclose(turned, expected, atol=1e-12)
    torch.testing.assert_close(ray_rotation(torch.zeros(1, 2))[0], torch.eye(3))
