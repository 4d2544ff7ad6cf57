"""The weak-perspective camera of a crop, realised as a full-perspective one with a long focal length.

Convention: camera frame x right, y down, z forward, metres; crop coordinates [-1, 1], x right, y down. The camera is
(s, tx, ty) of a crop that counts as 224 pixels wide whatever its real resolution, with a focal length of 5000 pixels
(Kolotouros et al., SPIN, ICCV 2019, section 3; Zhang et al., PyMAF, ICCV 2021, section 3.2).
"""

import torch
from torch import Tensor

FOCAL_LENGTH = 5000.0
CROP_PIXELS = 224
FOCAL_IN_CROP = FOCAL_LENGTH / (CROP_PIXELS / 2)
"""Focal length in crop coordinates: half a crop is one unit."""


def camera_translation(camera: Tensor) -> Tensor:
    """Translation (B, 3) in metres that puts body-frame points in front of the camera.

    Args:
        camera: (B, 3) weak perspective s, tx, ty.

    Source: t = (tx, ty, 2 f / (224 s + 1e-9)).
    """
    scale, x, y = camera.unbind(-1)
    return torch.stack((x, y, 2 * FOCAL_LENGTH / (CROP_PIXELS * scale + 1e-9)), dim=-1)


def project(points: Tensor, camera: Tensor) -> Tensor:
    """Crop coordinates (B, N, 2) of body-frame points (B, N, 3) in metres under the crop's camera (B, 3)."""
    in_camera = points + camera_translation(camera)[:, None]
    return FOCAL_IN_CROP * in_camera[..., :2] / in_camera[..., 2:]


def fit_camera(points: Tensor, keypoints_2d: Tensor, iterations: int = 3) -> tuple[Tensor, Tensor]:
    """The camera under which body-frame points project onto 2D key points, by weighted least squares.

    With the ratios d = tz / (z + tz) fixed, a projection x = d (s X + s tx) is linear in (s, s tx, s ty); a few rounds
    that update d make the result exact for the full-perspective camera.

    Args:
        points: (B, N, 3) metres, body frame.
        keypoints_2d: (B, N, 3) crop coordinates and confidence; points of confidence 0 do not count.
        iterations: rounds; 1 is the weak-perspective solution.

    Returns:
        camera (B, 3) and ok (B,) bool: False where fewer than four points count, or they coincide, or the scale came
        out negative; the camera there is (1, 0, 0).
    """
    weight = keypoints_2d[..., 2]
    total = weight.sum(-1).clamp(min=1e-6)

    def mean(values: Tensor) -> Tensor:
        return (values * weight[..., None]).sum(1) / total[:, None]

    target, plane, depth = keypoints_2d[..., :2], points[..., :2], points[..., 2:]
    centred = plane - mean(plane)[:, None]
    spread = (centred.square().sum(-1) * weight).sum(-1)
    flat = target
    scale = torch.ones_like(total)
    for _ in range(iterations):
        covariance = ((flat - mean(flat)[:, None]) * centred).sum(-1)
        scale = (covariance * weight).sum(-1) / spread.clamp(min=1e-9)
        far = 2 * FOCAL_LENGTH / (CROP_PIXELS * scale.clamp(min=1e-3))
        shift = mean(flat) - scale[:, None] * mean(plane)
        flat = target * (1 + depth / far[:, None, None])
    ok = ((weight > 0).sum(-1) >= 4) & (spread > 1e-6) & (scale > 1e-3)
    camera = torch.cat((scale[:, None], shift / scale.clamp(min=1e-3)[:, None]), dim=-1)
    return torch.where(ok[:, None], camera, camera.new_tensor((1.0, 0.0, 0.0))), ok
