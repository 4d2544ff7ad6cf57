"""From the camera of a crop to the camera of the frame: where people stand, in metres.

Convention: camera frame x right, y down, z forward, metres; pixel (0, 0) is the centre of the frame's top-left one.
A crop's camera (geometry.cameras) tells where the body's points fall in the frame, but its long focal length puts
everybody tens of metres away. Here the same points are explained by a person in front of the frame's own camera.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from maflab.body.model import BodyModel
from maflab.geometry.cameras import project

_ROUNDS = 6
# A crop that shows twenty metres: no box about a person does, but an untrained network may say so, or that the scale is
# negative. It keeps people within sight.
_SMALLEST_SCALE = 0.1
_NEAREST = 0.2


class Lifted(NamedTuple):
    """People in the frame's camera."""

    rotations: Tensor  # (F, 24, 3, 3) local joint rotations; the root's takes the body into the frame's camera axes
    translation: Tensor  # (F, 3) metres: vertices in the camera frame are `body(rotations, betas).vertices + this`
    error: Tensor  # (F,) pixels of the frame: RMS distance of the 24 joints from where the crop's camera put them


def lift(
    body: BodyModel,
    rotations: Tensor,
    betas: Tensor,
    camera: Tensor,
    crops: Tensor,
    focal: Tensor,
    centre: Tensor,
    *,
    shape: Tensor | None = None,
    turn: bool = True,
) -> Lifted:
    """Place people so that their joints are seen where the crop's camera saw them.

    A closed-form first guess, depth from the crop's scale and the offset from its centre (as in Li et al., CLIFF,
    ECCV 2022, section 3.2), then least squares over the translation by Gauss-Newton.

    Args:
        body: its joints are what is compared.
        rotations: (F, 24, 3, 3) as estimated from the crops.
        betas: (F, 10) as estimated.
        camera: (F, 3) weak perspective s, tx, ty of the crops.
        crops: (F, 3) centre x, y and side, pixels of the frame.
        focal: (F,) pixels of the frame.
        centre: (F, 2) principal point, pixels of the frame.
        shape: (F, 10) betas of the body to place, where these are not the estimated ones: one shape for a track.
        turn: a crop looks as if its person stood straight ahead, and what is estimated from it says how they are turned
            towards the camera. Turning the root by the angle between the frame's axis and the ray to the person makes
            of that how they stand in the frame's axes; False keeps the root's rotation as it is, for an estimator
            whose orientation is already in the frame's axes.

    Returns:
        Lifted, on the inputs' device and in float32.
    """
    kind = torch.float64
    rotations, betas, camera, crops = (value.detach().to(kind) for value in (rotations, betas, camera, crops))
    focal, centre = focal.detach().to(kind), centre.detach().to(kind)
    side = crops[:, 2]
    camera = torch.cat((camera[:, :1].clamp(min=_SMALLEST_SCALE), camera[:, 1:]), 1)
    joints = posed_joints(body, rotations, betas)
    target = crops[:, None, :2] + project(joints, camera) * (side / 2)[:, None, None] - centre[:, None]
    if turn:
        rotations = rotations.clone()
        rotations[:, 0] = ray_rotation(target.mean(1) / focal[:, None]) @ rotations[:, 0]
    joints = posed_joints(body, rotations, betas if shape is None else shape.detach().to(kind))
    depth = 2 * focal / (camera[:, 0] * side)
    plane = camera[:, 1:] + (crops[:, :2] - centre) * (depth / focal)[:, None]
    translation = _refined(torch.cat((plane, depth[:, None]), 1), joints, target, focal)
    error = _residual(translation, joints, target, focal).square().sum(-1).mean(-1).sqrt()
    return Lifted(rotations.float(), translation.float(), error.float())


def posed_joints(body: BodyModel, rotations: Tensor, betas: Tensor) -> Tensor:
    """The joints (F, 24, 3) of a body before its translation, in metres and in the rotations' precision."""
    _, joints = body.transforms(rotations.to(body.rest_joints), betas.to(body.rest_joints))
    return joints.to(rotations)


def ray_rotation(slope: Tensor) -> Tensor:
    """The smallest rotation (F, 3, 3) that takes the axis z to the ray with the slopes x/z and y/z (F, 2).

    Source: Rodrigues' formula for the rotation between two unit vectors, R = 1 + [v] + [v]² / (1 + c), with v their
    cross product and c their scalar product.
    """
    ray = torch.nn.functional.normalize(torch.cat((slope, torch.ones_like(slope[:, :1])), 1), dim=1)
    x, y, cosine = ray.unbind(1)
    zero = torch.zeros_like(x)
    # z × ray = (-y, x, 0)
    cross = torch.stack((zero, zero, x, zero, zero, y, -x, -y, zero), 1).view(-1, 3, 3)
    return torch.eye(3).to(ray) + cross + cross @ cross / (1 + cosine)[:, None, None]


def _residual(translation: Tensor, joints: Tensor, target: Tensor, focal: Tensor) -> Tensor:
    """(F, J, 2) pixels between projected joints and their targets."""
    points = joints + translation[:, None]
    return focal[:, None, None] * points[..., :2] / points[..., 2:].clamp(min=_NEAREST) - target


def _refined(translation: Tensor, joints: Tensor, target: Tensor, focal: Tensor) -> Tensor:
    """The translations (F, 3) of least squared residuals near the given ones."""
    for _ in range(_ROUNDS):
        points = joints + translation[:, None]
        depth = points[..., 2].clamp(min=_NEAREST)
        inverse = focal[:, None] / depth
        zero = torch.zeros_like(inverse)
        slope_x, slope_y = points[..., 0] / depth, points[..., 1] / depth
        rows_x = torch.stack((inverse, zero, -inverse * slope_x), -1)
        rows_y = torch.stack((zero, inverse, -inverse * slope_y), -1)
        jacobian = torch.stack((rows_x, rows_y), 2).flatten(1, 2)  # (F, 2J, 3)
        residual = _residual(translation, joints, target, focal).flatten(1)
        normal = jacobian.mT @ jacobian
        # Where an estimate went wrong the joints may fall on one point, which says nothing of the depth: it stays.
        damping = 1e-9 * (normal.diagonal(dim1=1, dim2=2).amax(1) + 1)
        normal = normal + damping[:, None, None] * torch.eye(3).to(normal)
        step = torch.linalg.solve(normal, (jacobian.mT @ residual[..., None]))[..., 0]
        translation = translation - step
        translation[:, 2] = translation[:, 2].clamp(min=_NEAREST)
    return translation
