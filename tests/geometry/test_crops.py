"""Crops against warpAffine and grid_sample, the two consumers of the convention."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from maflab.geometry.crops import crop_affine, crop_to_pixels, pixels_to_crop


def test_box_corners_land_on_border_pixels() -> None:
    affine = crop_affine(np.array([50.0, 40.0]), side=20, resolution=101)
    corners = np.array([[40.0, 30, 1], [60, 50, 1], [50, 40, 1]])
    np.testing.assert_allclose(corners @ affine.T, [[0, 0], [100, 100], [50, 50]], atol=1e-9)


def test_positive_rotation_turns_right_towards_down() -> None:
    affine = crop_affine(np.array([0.0, 0.0]), side=2, resolution=3, rotation_degrees=90)
    np.testing.assert_allclose(affine @ [1, 0, 1], [1, 2], atol=1e-12)


def test_agrees_with_warp_affine_and_grid_sample() -> None:
    image = cv2.GaussianBlur(np.random.default_rng(0).random((64, 64)).astype(np.float32), (0, 0), 3)
    affine = crop_affine(np.array([30.0, 33.0]), side=24, resolution=48, rotation_degrees=25)
    crop = cv2.warpAffine(image, affine, (48, 48), flags=cv2.INTER_LINEAR)
    point = np.array([31.7, 29.4])
    in_crop = pixels_to_crop(affine @ [*point, 1], 48)
    sampled = F.grid_sample(
        torch.from_numpy(crop)[None, None],
        torch.from_numpy(in_crop).float().view(1, 1, 1, 2),
        align_corners=True,
    )
    expected = cv2.getRectSubPix(image, (1, 1), tuple(point))
    assert abs(sampled.item() - expected.item()) < 2e-3


def test_pixels_round_trip() -> None:
    points = torch.rand(7, 2) * 100
    torch.testing.assert_close(crop_to_pixels(pixels_to_crop(points, 96), 96), points)


def test_a_box_without_extent_is_an_error() -> None:
    with pytest.raises(ValueError, match="positive side"):
        crop_affine(np.zeros(2), 0, 64)
