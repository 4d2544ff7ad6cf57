"""Projection against OpenCV, and the camera fit as its inverse."""

import cv2
import numpy as np
import torch

from maflab.geometry.cameras import camera_translation, fit_camera, project


def test_projection_against_opencv() -> None:
    points = np.random.default_rng(0).normal(scale=0.5, size=(20, 3))
    camera = torch.tensor([[0.9, 0.1, -0.2]], dtype=torch.float64)
    intrinsics = np.array([[5000.0, 0, 0], [0, 5000.0, 0], [0, 0, 1]])
    translation = np.array([0.1, -0.2, 2 * 5000 / (224 * 0.9 + 1e-9)])
    pixels, _ = cv2.projectPoints(points, np.zeros(3), translation, intrinsics, None)
    ours = project(torch.from_numpy(points)[None], camera)[0].numpy()
    np.testing.assert_allclose(ours * 112, pixels[:, 0], atol=1e-9)


def test_scale_of_one_spans_two_metres() -> None:
    # At s = 1 the crop, two units wide, shows two metres at the depth of the body's origin.
    edge = project(torch.tensor([[[1.0, -1.0, 0.0]]]), torch.tensor([[1.0, 0.0, 0.0]]))
    torch.testing.assert_close(edge, torch.tensor([[[1.0, -1.0]]]))
    depth = camera_translation(torch.tensor([[1.0, 0.0, 0.0]]))[0, 2]
    torch.testing.assert_close(depth, torch.tensor(2 * 5000 / 224))


def test_fit_recovers_the_camera() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(30, 49, 3, generator=generator, dtype=torch.float64) * 0.4
    camera = torch.rand(30, 3, generator=generator, dtype=torch.float64) * 0.6 + 0.4
    weight = (torch.rand(30, 49, 1, generator=generator) > 0.3).double()
    keypoints = torch.cat((project(points, camera), weight), dim=-1)
    keypoints[..., :2] += 100 * (1 - weight)  # unlabelled points must not matter
    fitted, ok = fit_camera(points, keypoints)
    assert ok.all()
    torch.testing.assert_close(fitted, camera, atol=1e-4, rtol=0)


def test_fit_refuses_what_it_cannot_solve() -> None:
    points = torch.randn(3, 49, 3)
    keypoints = torch.randn(3, 49, 3)
    keypoints[..., 2] = 1
    keypoints[0, 3:, 2] = 0  # three points only
    points[1] = points[1, :1]  # all in one place
    keypoints[2, :, :2] = -points[2, :, :2]  # mirrored: negative scale
    camera, ok = fit_camera(points, keypoints)
    assert ok.tolist() == [False, False, False]
    assert torch.isfinite(camera).all()
    assert camera.tolist() == [[1, 0, 0]] * 3
