"""Where a fit of its own starts: the camera and the orientation that the torso suggests, for several facings.

The torso's key points leave open whether a person is seen from the front or, mirrored, from behind, so a fit starts
from several turns about the body's own axis and the best end is kept.
"""

import math

import torch
from torch import Tensor

from maflab.body.joints import SPIN49
from maflab.body.subset import FoldedBody
from maflab.fitting.energy import Origin, Unknowns, unmoved
from maflab.geometry.cameras import fit_camera
from maflab.geometry.rotations import axis_angle_to_matrix

_TORSO = ("LHip", "RHip", "OP LHip", "OP RHip", "LShoulder", "RShoulder", "OP LShoulder", "OP RShoulder", "OP Neck")
_ENOUGH = 4


def torso_keypoints(keypoints: Tensor) -> Tensor:
    """Key points (B, 49, 3) with the confidence of all but hips, shoulders and neck set to 0.

    Where fewer than four of those are labelled, all points keep theirs.
    """
    torso = torch.zeros(len(SPIN49), dtype=keypoints.dtype, device=keypoints.device)
    torso[[SPIN49.index(name) for name in _TORSO]] = 1
    confidence = keypoints[..., 2] * torso
    enough = (confidence > 0).sum(-1, keepdim=True) >= _ENOUGH
    confidence = torch.where(enough, confidence, keypoints[..., 2])
    return torch.cat((keypoints[..., :2], confidence[..., None]), dim=-1)


def facings(folded: FoldedBody, origin: Origin, keypoints: Tensor, count: int) -> tuple[Origin, Unknowns]:
    """Starts in `count` facings, evenly spread over the circle.

    In each, the body is turned about its own vertical axis, then in the picture's plane until its key points lie best
    on the labelled ones; the camera follows in closed form.

    Args:
        folded: places the key points.
        origin: of a batch of B.
        keypoints: (B, 49, 3) crop coordinates and confidence, those of the torso.
        count: facings.

    Returns:
        Origin and start of count * B fits, facing by facing. The priors' centre stays the origin's.
    """
    batch = len(origin.betas)
    angle = torch.arange(count, device=keypoints.device).repeat_interleave(batch) * (2 * math.pi / count)
    zero = torch.zeros_like(angle)
    about = axis_angle_to_matrix(torch.stack((zero, angle, zero), dim=-1))
    root, pose, betas, camera = (x.repeat(count, *[1] * (x.dim() - 1)) for x in origin[:4])
    repeated = Origin(root, pose, betas, camera, origin.estimated)
    root, labelled = repeated.root @ about, keypoints.repeat(count, 1, 1)
    joints = axis_angle_to_matrix(repeated.pose.unflatten(1, (-1, 3)))

    def placed(root: Tensor) -> Tensor:
        return folded(torch.cat((root[:, None], joints), dim=1), repeated.betas)[1]

    tilt = _turn_in_plane(placed(root), labelled)
    root = axis_angle_to_matrix(torch.stack((zero, zero, tilt), dim=-1)) @ root
    camera, ok = fit_camera(placed(root), labelled)
    camera = torch.cat((camera[:, :1].log(), camera[:, 1:]), dim=1)
    repeated = repeated._replace(root=root)
    return repeated, unmoved(repeated)._replace(camera=torch.where(ok[:, None], camera, repeated.camera))


def _turn_in_plane(points: Tensor, keypoints: Tensor) -> Tensor:
    """The angle (B,) about +z that brings points (B, N, 3), seen along z, closest to key points (B, N, 3)."""
    weight = keypoints[..., 2:] / keypoints[..., 2:].sum(1, keepdim=True).clamp(min=1e-6)

    def centred(plane: Tensor) -> Tensor:
        return plane - (plane * weight).sum(1, keepdim=True)

    own, labelled = centred(points[..., :2]), centred(keypoints[..., :2]) * weight
    sine = (own[..., 0] * labelled[..., 1] - own[..., 1] * labelled[..., 0]).sum(-1)
    cosine = (own * labelled).sum((1, 2))
    return torch.atan2(sine, cosine)
